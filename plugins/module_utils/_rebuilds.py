# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the next build of a target would compile of the repositories as they are now; nothing is built.

The target's own build root is asked, with what it has installed: so it is an update's answer, and a root that was never
built in has none.
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import (
    _closure,
    _files,
    _fingerprint,
    _history,
    _lock,
    _merge_world,
    _repository,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._process import Run


@dataclass(frozen=True)
class Target:
    """A target, as far as it matters here."""

    repositories: t.Mapping[str, str]  # name -> place
    distdir: str = "/var/cache/distfiles"
    build_on_slave: t.Sequence[str] = ()


@dataclass
class Foreseen:
    """What would be compiled."""

    packages: list[str] = field(default_factory=list)  # CPVs, sorted
    removed: list[str] = field(default_factory=list)  # what would leave the root for them
    seconds: int = 0  # that this took here before, of those that ever were compiled
    unknown: int = 0  # how many never were
    why: str = ""  # why that isn't known


def foreseen(run: Run, name: str, wanted: Target, state: str) -> Foreseen:
    """Return what the next build would compile; why not, where the root can't be asked."""
    place = Place(name, state)
    record = os.path.join(state, "fingerprints", f"target-{name}.json")
    if not os.path.isdir(os.path.join(place.root, "etc/portage")) or not _fingerprint.recorded(record).get("whole"):
        return Foreseen(why="it was never built: everything")
    try:
        with _lock.held(f"build-{name}", state=state, what=f"looks at {name}"):
            return _asked(run, place, wanted)
    except BinhostError as exc:
        return Foreseen(why=str(exc))


def _asked(run: Run, place: Place, wanted: Target) -> Foreseen:
    copies = {name: _repository.snapshot(name, path, place.state) for name, path in wanted.repositories.items()}
    asking = _closure.Asking(run, place, copies, wanted.distdir, wanted.build_on_slave)
    target = asking.target()
    for folder in (target.live, target.pkgdir, target.distdir):
        _files.directory(folder)
    root = _merge_world.Place(run, target, target.root, copies, on_slave=tuple(wanted.build_on_slave))
    merges = _merge_world.pending(root, _merge_world.UPDATE)
    compiled = sorted(merge.cpv for merge in merges if merge.kind == "ebuild")
    known = _history.seconds(place.root + _history.LOG)
    taken = [known.of(cpv, binary=False) for cpv in compiled]
    return Foreseen(
        packages=compiled,
        removed=sorted(merge.cpv for merge in merges if merge.kind == "uninstall"),
        seconds=round(sum(each for each in taken if each is not None)),
        unknown=sum(each is None for each in taken),
    )


def told(found: t.Mapping[str, Foreseen]) -> list[str]:
    """Return it in lines, as a person reads it."""
    lines = []
    for name, each in sorted(found.items()):
        if each.why:
            lines.append(f"target {name}: {each.why}")
            continue
        minutes = f", about {max(1, round(each.seconds / 60))} min" if each.seconds else ""
        new = f", {each.unknown} of them never built here" if each.unknown else ""
        lines.append(f"target {name}: {len(each.packages)} packages would be built{minutes}{new}")
        lines += [f"  {cpv}" for cpv in each.packages]
        lines += [f"  {cpv} would go" for cpv in each.removed]
    return lines
