# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a target's packages in its build root, and once more for each slave whose configuration asks for others.

What a build leaves behind is its private PKGDIR; publishing is another matter (see ``_generation``). Facts about
Portage:

- The first build is ``--emptytree``: what a stage brought has no binary package, and ``-uDN`` would never make one.
- ``--usepkg`` turns build-time dependencies off unless told; a root is complete only with ``--with-bdeps=y``.
- ``--changed-deps=y`` and FEATURES=buildpkg-proactive (Portage 3.0.80) rebuild what slaves would refuse after an
  edited ebuild.
- Neither looks at CFLAGS, which no index names either: when they change, the old binaries have to go.
- An atom of the world file that nothing satisfies is told and passed over; one of a set of ours stops all of @world
  (depgraph.py, ``_resolve``). So what persons installed is world, what the inventory declares is the set.
"""

from __future__ import annotations

import contextlib
import os
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import (
    _build_disk,
    _compiler,
    _cycle,
    _failed,
    _files,
    _fingerprint,
    _host,
    _lock,
    _merge_world,
    _patterns,
    _proof,
    _record,
    _removal,
    _repair,
    _repository,
    _root_copy,
    _root_world,
    _stack,
    _target,
    _timings,
    _upgrade,
    _variant,
    _wished,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._failed import Here
from ansible_collections.larry.binhost.plugins.module_utils._merge_world import FailedError, Place
from ansible_collections.larry.binhost.plugins.module_utils._outcome import Outcome
from ansible_collections.larry.binhost.plugins.module_utils._portage_query import Run
from ansible_collections.larry.binhost.plugins.module_utils._target import Result, Target


class HeldError(BinhostError):
    """What was built is not to be published."""

    def __init__(self, done: Result) -> None:
        super().__init__(done.held)
        self.done = done
        self.result: dict[str, t.Any] = {}  # what the job has of it


@dataclass(frozen=True)
class _Begun:
    """How a build begins."""

    options: t.Mapping[str, t.Any]  # emerge's
    is_new: bool  # nothing was built here before, for these CPUs
    apart: t.Collection[str]  # slaves whose worlds were not in the root at the last build


def build(run: Run, target: Target) -> Result:
    """Build everything and return what was built.

    Raises ``HeldError`` if packages failed in the root and the target is to be complete; ``BinhostError`` if the root
    can't be built in, or if another build of this target still runs.
    """
    with _lock.held(f"build-{target.name}", state=target.state_dir, what=f"builds {target.name}"):
        for folder in (os.path.dirname(target.root), target.variants_dir):
            _private(folder)
        for folder in filter(None, (target.distdir, target.restricted)):
            os.makedirs(folder, exist_ok=True)
        _removal.empty(target.live)
        _root_copy.recover(target.root)
        _stack.settle(run, target)
        return _build(run, target)


def _private(folder: str) -> None:
    """Make a folder that only root enters: it has a stage's old setuid programs, and slaves' passwords."""
    _files.directory(folder)
    os.chmod(folder, 0o700)


def _build(run: Run, target: Target) -> Result:
    begun = _begin(target)
    copies = {name: _repository.snapshot(name, place, target.state_dir) for name, place in target.repositories.items()}
    missing = {atom: sorted(target.world[atom]) for atom in _root_world.nowhere(target.world, copies)}
    result = Result(snapshots=copies, unsatisfiable=missing)
    place = Place(run, target, target.root, copies, on_slave=tuple(target.build_on_slave))
    _build_disk.place(target)
    _cycle.clear(place)
    _repair.repair(place)
    _ask_compiler(place)
    _failed.forget(target, {_failed.ROOT, *(each.name for each in target.variants)})
    begun_as = _in_root(place, begun, result)
    explained = _for_slaves(place, result)
    _remove(place, result)
    result.failures, result.dropped = _failed.told(target)
    at = {name: _repository.revision_of(name, path) for name, path in copies.items()}
    _note(place, result, at)
    if begun_as and explained and all(each["inputs"] for each in result.failures.values()):
        # Another build would do the same again.
        _fingerprint.record(target.record, {**begun_as, "apart": sorted(result.apart), **_target.state(target, at)})
    if result.held:
        raise HeldError(result)
    return result


def _note(place: Place, result: Result, revisions: t.Mapping[str, str]) -> None:
    """Tell how long things took, and keep what the build was made from."""
    built = [*result.built, *(cpv for cpvs in result.variants.values() for cpv in cpvs)]
    result.seconds = _timings.of(place.target, built)
    _status, said, _words = _merge_world.inside(place, ["sh", "-c", _record.TOOLS], {})
    _record.note(place.target, result, revisions, said)


def _in_root(place: Place, begun: _Begun, result: Result) -> dict[str, t.Any]:
    """Build what goes together; return how the next build begins, empty where it isn't known of what this one failed.

    What the result is told of, it knows also where that fails.
    """
    target = place.target
    result.apart = _root_world.settle(place, begun.options, result.unsatisfiable, begun.apart)
    if begun.is_new:
        _proof.prove(place, _cycle.foreseen(place, begun.options))
        _fingerprint.record(target.record, {"begun": target.compile, "proven": True})
    failed: FailedError | None = None
    try:
        result.built = _upgrade.bring(place, begun.options, result, anew=begun.is_new, before=begun.apart)
    except FailedError as exc:
        failed, result.built = exc, list(exc.outcome.source)
        _tell(place, begun.options, exc, result)
    itself = _on_slave(place)
    if itself:
        # Slaves are to have binaries of what they need for that. Where it fails, the slave's own part tells why.
        with contextlib.suppress(BinhostError):
            result.built += _merge_world.bring(place, {"onlydeps": True}, itself)
    if failed is None:
        _fingerprint.record(target.record, {"whole": target.compile, "apart": sorted(result.apart)})
        return {"whole": target.compile}
    if not failed.outcome.failures:
        return {}
    if begun.options.get("emptytree") and _is_of_the_stage(target, failed.outcome):
        return {"begun": target.compile, "proven": True}
    return {"whole": target.compile, "updating": True}


def _is_of_the_stage(target: Target, outcome: Outcome) -> bool:
    """Return whether what isn't built is installed all the same: only a build of everything makes packages of that."""
    there = {_patterns.package(cpv) for cpv in _host.installed(target.root)}
    left = [*outcome.failed, *(each.cpv for each in outcome.dropped)]
    return not there.isdisjoint(map(_patterns.package, left))


def _tell(place: Place, options: t.Mapping[str, t.Any], failed: FailedError, result: Result) -> None:
    """Put into the result what failed in the root, as the target's ``publish`` has it; a wish holds nobody back."""
    wished = _wished.alone(place, options, failed.outcome)
    words = f"{failed}\n{wished}" if wished else str(failed)
    if wished:
        _failed.spare(place.target, words)
    if wished or place.target.publish == _target.PARTIAL:
        result.problems.append(words)
    else:
        result.held = words


def _for_slaves(place: Place, result: Result) -> bool:
    """Build once more what the slaves' own configurations ask for; return whether what failed of it is kept."""
    explained = True
    for variant in place.target.variants:
        try:
            result.variants[variant.name] = _variant.cover(place, variant, result.unsatisfiable)
            _failed.keep(place.target, variant.name, None)
        except FailedError as exc:
            result.variants[variant.name] = list(exc.outcome.source)
            explained &= bool(exc.outcome.failures)
            known = _failed.load(place.target)
            # What failed in the root alike is told of that.
            if not exc.outcome.failures or _failed.own(known[variant.name], known.get(_failed.ROOT, Here())):
                result.problems.append(f"{variant.name}: {exc}")
        except BinhostError as exc:
            result.problems.append(f"{variant.name}: {exc}")
            explained = False
    return explained


def _on_slave(place: Place) -> list[str]:
    target = place.target
    return _root_world.on_slave([*target.world, *target.wishes], target.build_on_slave, place.snapshots)


def _remove(place: Place, result: Result) -> None:
    """Remove from the root what no world asks for, once nothing is left undone that could ask for it.

    What slaves build themselves isn't in the root's world, and what it needs would be compiled anew by the next build.
    """
    undone = result.problems or result.held or result.unsatisfiable or result.apart or _on_slave(place)
    if not place.target.depclean or undone:
        return
    try:
        result.removed = _merge_world.depclean(place)
    except BinhostError as exc:
        result.problems.append(str(exc))


def _ask_compiler(place: Place) -> None:
    """Raise ``BinhostError`` if the root's compiler doesn't know the flags or would use what a slave lacks."""

    def inside(args: t.Sequence[str]) -> tuple[int, str, str]:
        return _merge_world.inside(place, args, {})

    target = place.target
    problems = _compiler.verify(inside, target.cflags, {each.name: each.features for each in target.variants})
    if problems:
        raise BinhostError("\n".join(problems))


def _begin(target: Target) -> _Begun:
    """Return how to begin, and record that it is begun.

    A build that was cut short goes on with the packages it has made, a first one if the root had proven itself; one
    for other CPUs starts without any.
    """
    recorded = _fingerprint.recorded(target.record)
    apart = recorded.get("apart", [])
    if recorded.get("whole") == target.compile:
        os.makedirs(target.pkgdir, exist_ok=True)
        _fingerprint.record(target.record, {**recorded, "updating": True})
        # Portage may have packed what it had no time to install (FEATURES=merge-wait).
        again = {"usepkg": True} if recorded.get("updating") else {}
        return _Begun({**_merge_world.UPDATE, **again}, False, apart)
    if recorded.get("begun") == target.compile and recorded.get("proven"):
        os.makedirs(target.pkgdir, exist_ok=True)
        return _Begun({"emptytree": True, "usepkg": True}, False, apart)
    _removal.empty(target.pkgdir)
    _fingerprint.record(target.record, {"begun": target.compile})
    return _Begun({"emptytree": True}, True, apart)
