# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove what a master keeps for a target: how much that is, and that nobody needs it just now.

Each part is renamed out of the way before it is deleted (``.new-NAME.gone``): killed half-way, no half of a root stands
under its name, and the next run goes on with what is left.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _durable, _held, _lock, _removal, _unpack
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._removal import Extent


@dataclass(frozen=True)
class Part:
    """A file or folder that is to go."""

    path: str
    extent: Extent

    def __str__(self) -> str:
        """Say it in a line."""
        return f"{self.path}: {self.extent.files} files, {self.extent.size >> 20} MiB"


def root_of(name: str, state: str = STATE) -> str:
    """Return a target's build root.  Raises ``BinhostError`` for a name that would lead elsewhere."""
    return os.path.join(Place(name, state).state, "roots", name)


def _paths(name: str, state: str, everything: bool) -> list[str]:
    """Return all that there may be of a target, in the order in which it goes.

    The record of what was built is first: without it whatever is left counts as not built.
    """
    place = Place(name, state)
    folders = [root_of(name, state), os.path.join(state, "variants", name), place.pkgdir]
    folders += [place.folder, place.pool] if everything else []
    record = os.path.join(state, "fingerprints", f"target-{name}.json")
    return [record, *(_durable.gone(folder) for folder in folders), _unpack.partial(folders[0]), *folders]


def plan(name: str, *, state: str = STATE, everything: bool = False) -> list[Part]:
    """Return what is there of a target, in the order in which it goes.

    ``everything``: its published packages and generations too.  Raises ``BinhostError`` if a running job holds the
    root, or if anything is mounted at or below a part.
    """
    _held.free(root_of(name, state), _held.roots(state))
    there = [path for path in _paths(name, state, everything) if os.path.lexists(path)]
    return [Part(path, _extent(path)) for path in there]


def _extent(path: str) -> Extent:
    status = os.lstat(path)
    return Extent(1, status.st_blocks * 512) if path.endswith(".json") else _removal.extent(path)


def remove(name: str, *, state: str = STATE, everything: bool = False) -> Sequence[Part]:
    """Delete it and return what that was.

    Raises ``BinhostError``, before anything is deleted, as ``plan`` does, and if a build or an unpacking goes on.
    """
    root = root_of(name, state)
    with _lock.held(f"build-{name}", state=state), _unpack.alone(root):
        parts = plan(name, state=state, everything=everything)
        for part in parts:
            if part.path == _unpack.partial(root):
                _unpack.clear(root)
            elif part.path.endswith((".json", ".gone")):
                _durable.remove(part.path)
            else:
                _durable.discard(part.path)
    return parts
