# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove what a master keeps for a target: how much that is, and that nobody needs it just now.

Each part is renamed out of the way before it is deleted (``.new-NAME.gone``): killed half-way, no half of a root stands
under its name, and the next run goes on with what is left.
"""

from __future__ import annotations

import contextlib
import glob
import os
import typing as t
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _durable, _held, _lock, _removal, _root_copy, _unpack
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._removal import Extent

_JOBS: t.Final = ("build", "publish", "pack", "verify", "prune", "rebuild", "image")


@dataclass(frozen=True)
class Part:
    """A file or folder that is to go."""

    path: str
    extent: Extent

    def __str__(self) -> str:
        """Say it in a line."""
        return f"{self.path}: {self.extent.files} files, {self.extent.size >> 20} MiB"


def _paths(name: str, state: str, everything: bool) -> list[str]:
    """Return all that there may be of a target, in the order in which it goes.

    What is half unpacked is first: if it isn't ours, nothing goes. Then the record of what was built: without it
    whatever is left counts as not built.
    """
    place = Place(name, state)
    builds = [os.path.join(state, part, name) for part in ("variants", "live", "divergence")]
    folders = [place.root, _root_copy.folder(place.root), *builds, place.pkgdir]
    folders += [place.folder, place.pool, os.path.join(state, "records", name)] if everything else []
    folders += glob.glob(os.path.join(glob.escape(os.path.join(state, "rebuilds", name)), "*"))
    jobs = [os.path.join(state, "jobs", f"{kind}-{name}") for kind in _JOBS]
    folders += [*jobs, *(os.path.join(state, part, name) for part in ("config", "builder", "failed"))]
    records = [os.path.join(state, "failed", f"{name}.json")]
    record = os.path.join(state, "fingerprints", f"target-{name}.json")
    return [_unpack.partial(place.root), record, *records, *(_durable.gone(folder) for folder in folders), *folders]


def plan(name: str, *, state: str = STATE, everything: bool = False) -> list[Part]:
    """Return what is there of a target, in the order in which it goes.

    ``everything``: its published packages and generations too.  Raises ``BinhostError`` if a running job holds any of
    it, or if anything is mounted at or below a part.
    """
    held = _held.roots(state)
    for path in _paths(name, state, everything):
        _held.free(path, held)
    there = [path for path in _paths(name, state, everything) if os.path.lexists(path)]
    return [Part(path, _extent(path)) for path in there]


def _extent(path: str) -> Extent:
    status = os.lstat(path)
    return Extent(1, status.st_blocks * 512) if path.endswith(".json") else _removal.extent(path)


def remove(name: str, *, state: str = STATE, everything: bool = False) -> Sequence[Part]:
    """Delete it and return what that was.

    Raises ``BinhostError``, before anything is deleted, as ``plan`` does, and if a build, an unpacking or a publication
    goes on.
    """
    root = Place(name, state).root
    locks = (_lock.held(f"{what}-{name}", state=state) for what in ("build", "generation"))
    with contextlib.ExitStack() as stack:
        for lock in (*locks, _unpack.alone(root)):
            stack.enter_context(lock)
        parts = plan(name, state=state, everything=everything)
        for part in parts:
            if part.path == _unpack.partial(root):
                _unpack.clear(root)
            elif part.path.endswith((".json", ".gone")):
                _durable.remove(part.path)
            else:
                _durable.discard(part.path)
    return parts
