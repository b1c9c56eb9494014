# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages that need each other to be built: one of them is built first with other USE, without the rest.

What that is with, a fragment of package.use tells while it is built; it is gone before the others are built, and no
package is kept of that build. The build that follows makes all of them as they are wanted, and is asked for proof.

Facts about Portage:

- It finds a circle after everything else is resolved, so one that is told is all that stands against a merge list.
- A build-time dependency that something installed satisfies closes no circle, with --emptytree neither.
- It proposes one change of USE for each place where the circle can be opened (resolver/circular_dependency.py).
"""

from __future__ import annotations

import contextlib
import os
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ansible_collections.larry.binhost.plugins.module_utils import (
    _atom,
    _files,
    _fragments,
    _host,
    _merge_world,
    _patterns,
    _refusal,
    _tree_plan,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._merge_list import Merge
from ansible_collections.larry.binhost.plugins.module_utils._merge_world import (
    FailedError,
    Options,
    Place,
    UnresolvedError,
)

#: Below etc/portage; it sorts last, so its word counts.
FRAGMENT: t.Final = "package.use/zz-binhost-cycle"
#: How many circles one after another, and how many within each other, are opened before a person is asked.
_ROUNDS: t.Final = 20
_DEPTH: t.Final = 4


@dataclass(frozen=True)
class Way:
    """A package that is built first, and with which USE."""

    cpv: str
    flags: tuple[str, ...]  # "-doc", "minimal"

    @property
    def line(self) -> str:
        """The line of package.use."""
        return f"={self.cpv} {' '.join(self.flags)}"


@dataclass
class Opened:
    """The circles that were opened, to be proven closed again."""

    ways: list[Way] = field(default_factory=list)
    told: list[dict[str, t.Any]] = field(default_factory=list)  # as a build's result has them
    built: list[str] = field(default_factory=list)  # for that alone or for good
    wanted: dict[str, dict[str, bool]] = field(default_factory=dict)  # cpv -> USE flag -> what it is to be in the end
    said: str = ""  # what emerge says that it would do afterwards
    merges: list[Merge] = field(default_factory=list)  # the same as data

    def options(self, options: Options) -> Options:
        """Return the options of the build that follows: what was built for good on the way isn't built again."""
        return {**options, "usepkg": True} if self.ways else options


def clear(place: Place) -> None:
    """Remove what a killed build left."""
    _files.remove(os.path.join(_config(place), FRAGMENT))


def ways(said: str, recipes: Sequence[Mapping[str, str]]) -> list[Way]:
    """Return what could open the circle that Portage told of: what is declared first, then what it proposes.

    None if what it said is of something else, too.
    """
    problems = [each for each in _refusal.explain(said) if each.kind != "skipped"]
    if not problems or any(each.kind != "circular" for each in problems):
        return []
    found = []
    for problem in problems:
        for recipe in recipes:
            name = _atom.category_package(recipe["atom"])
            found += [
                Way(cpv, tuple(recipe["use"].split())) for cpv in problem.packages if _patterns.package(cpv) == name
            ]
        found += [Way(cpv, flags) for cpv, flags in _refusal.openings(problem)]
    return list(dict.fromkeys(found))


def openable(place: Place, refused: UnresolvedError) -> bool:
    """Return whether a refusal is of a circle that can be opened."""
    try:
        return _found(place, refused.said, ()) is not None
    finally:
        clear(place)


def opened(place: Place, options: Options, said: str | None = None) -> Opened:
    """Open all circles that keep the world from being built; what is to be built then remains to be built.

    ``said`` is what emerge says that it would do, where it was asked and nothing has changed since. Raises
    ``UnresolvedError`` where Portage refuses for anything else, or no way helps.
    """
    done = Opened()
    for _round in range(_ROUNDS):
        try:
            done.said = _merge_world.asked(place, done.options(options)) if said is None else said
        except UnresolvedError as exc:
            _open(place, exc, done)
        else:
            done.merges = _merge_world.listed(done.said)
            done.wanted = _wanted(done.merges, done.ways)
            return done
    raise BinhostError(f"{place.root}: expected a merge list after {_ROUNDS} circles of dependencies, found another")


def foreseen(place: Place, options: Options) -> list[Merge]:
    """Return what is to be built as far as it can be known before circles are opened: nothing where there is one.

    Raises ``UnresolvedError``.
    """
    try:
        return _merge_world.pending(place, options)
    except UnresolvedError as exc:
        if openable(place, exc):
            return []
        raise _with_advice(place, exc) from None


def _open(place: Place, refused: UnresolvedError, done: Opened) -> None:
    with _nothing_left(place):
        chosen = _found(place, refused.said, ())
        if chosen is None or chosen[0] in done.ways:
            raise _with_advice(place, refused)
        _write(place, chosen)
        done.built += _step(place, chosen)
    done.ways += chosen
    packages = sorted({cpv for each in _refusal.explain(refused.said) for cpv in each.packages})
    done.told += [{"packages": packages, "line": way.line} for way in chosen]


def _step(place: Place, chosen: Sequence[Way]) -> list[str]:
    try:
        return _merge_world.bring(place, _first(place, chosen), [f"={chosen[0].cpv}"])
    except FailedError as exc:
        # Of these nothing is kept, so the next build is to try again.
        raise FailedError(str(exc), replace(exc.outcome, failures=[])) from None


@contextlib.contextmanager
def _nothing_left(place: Place) -> Iterator[None]:
    try:
        yield
    finally:
        clear(place)


def _found(place: Place, said: str, chosen: tuple[Way, ...]) -> tuple[Way, ...] | None:
    """Return with what a package of the circle can be built, the first of which is that package; None if with nothing.

    It leaves the fragment there.
    """
    for way in ways(said, place.target.cycles):
        if way.cpv in [each.cpv for each in chosen]:
            continue
        tried = (*chosen, way)
        _write(place, tried)
        try:
            _merge_world.pending(place, _first(place, tried), [f"={tried[0].cpv}"])
        except UnresolvedError as exc:
            further = _found(place, exc.said, tried) if len(tried) < _DEPTH else None
            if further:
                return further
        else:
            return tried
    return None


def _first(place: Place, chosen: Sequence[Way]) -> dict[str, t.Any]:
    """Return the options of a first step, of which no package is kept."""
    left_out = [*place.on_slave, *(_patterns.package(way.cpv) for way in chosen)]
    return {"oneshot": True, "usepkg": True, "buildpkg_exclude": " ".join(left_out)}


def _write(place: Place, chosen: Sequence[Way]) -> None:
    header = _fragments.header("A circle of dependencies is being opened; gone afterwards.", "cycles of the target")
    text = _fragments.package_use({f"={way.cpv}": way.flags for way in chosen}, header=header)
    _files.write(os.path.join(_config(place), FRAGMENT), text)


def _config(place: Place) -> str:
    """Return what stands at /etc/portage there."""
    at = {mount.target: mount.source for mount in place.own}
    return at.get(f"/{_tree_plan.CONFIG}") or os.path.join(place.root, _tree_plan.CONFIG)


def _with_advice(place: Place, refused: UnresolvedError) -> UnresolvedError:
    """Return the refusal; where it is of a circle, with what a person can do."""
    if not any(each.kind == "circular" for each in _refusal.explain(refused.said)):
        return refused
    advice = (
        "No change of USE that Portage proposes opens these circular dependencies: "
        f"declare in binhost_targets, cycles of {place.target.name}, with which USE one of them is built first."
    )
    return UnresolvedError(f"{refused}\n{advice}", refused.said)


def _wanted(merges: Sequence[Merge], chosen: Sequence[Way]) -> dict[str, dict[str, bool]]:
    names = {way.cpv for way in chosen}
    return {
        merge.cpv: {flag.full: flag.enabled for flag in merge.use if flag.change != "removed"}
        for merge in merges
        if merge.cpv in names
    }


def prove(place: Place, done: Opened) -> None:
    """Raise ``BinhostError`` unless what was built first with other USE is installed as it is wanted now."""
    for cpv, wanted in done.wanted.items():
        path = os.path.join(place.root, _host.VDB, cpv, "USE")
        has = set(_files.read(path).split()) if os.path.exists(path) else None
        wrong = [flag for flag, enabled in wanted.items() if has is None or (flag in has) != enabled]
        if has is None or wrong:
            found = "nothing installed" if has is None else " ".join(sorted(has)) or "none"
            flags = " ".join(flag if enabled else f"-{flag}" for flag, enabled in sorted(wanted.items()))
            raise BinhostError(
                f"{cpv} was built with other USE first, to open a circle of dependencies: expected it with {flags} in "
                f"the end, found {found}"
            )
