# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A root's etc/portage as it would be, assembled elsewhere for Portage to read (PORTAGE_CONFIGROOT).

Only what changes is written. All else are links to what stands in the root, so that nothing large is copied and what
is relative in it resolves from where it really is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from ansible_collections.larry.binhost.plugins.module_utils import _files, _tree_apply
from ansible_collections.larry.binhost.plugins.module_utils._tree_plan import (
    ADOPTED,
    CONFIG,
    WORLD_SET,
    WORLD_SETS,
    Change,
    parents,
)

#: What Portage reads of a PORTAGE_CONFIGROOT beside etc/portage (portage LocationsManager.py, config.py).
_LEGACY = ("etc/make.conf", "etc/make.profile", "etc/make.globals")


def assemble(root: str, place: str, changes: Iterable[Change], *, seen: str) -> None:
    """Lay out in the empty directory ``place`` what ``root`` will be to Portage after the changes.

    ``seen`` is what Portage calls the root: ``/`` if it runs inside.  Raises ``BinhostError`` or ``OSError``.
    """
    decided = {change.path: change for change in changes if change.path.startswith(f"{CONFIG}/")}
    adopted = {path for path, change in decided.items() if change.action == "adopt"}
    folders = {CONFIG, *(folder for path in decided for folder in parents(path)), *adopted}
    for folder in sorted(folders):
        _files.directory(os.path.join(place, folder))
        if folder in adopted:
            os.symlink(os.path.join(seen, _adopted(root, folder)), os.path.join(place, folder, ADOPTED))
        else:
            _refer(root, place, folder, seen, {*folders, *decided})
    for path in _LEGACY:
        if os.path.lexists(os.path.join(root, path)):
            os.symlink(os.path.join(seen, path), os.path.join(place, path))
    for path in sorted(set(decided) - adopted):
        _put(root, place, decided[path], seen)


def joins_world(changes: Iterable[Change]) -> bool:
    """Return whether the changes list ``@binhost`` in world_sets, which is no part of a PORTAGE_CONFIGROOT."""
    texts: Mapping[str, str] = {
        change.path: change.after.content for change in changes if change.path == WORLD_SETS and change.after
    }
    return "@binhost" in texts.get(WORLD_SETS, "").split()


def _adopted(root: str, path: str) -> str:
    """Return where the file to be adopted stands now, relative to the root."""
    moved = os.path.join(_tree_apply.adopting(path), ADOPTED)
    return moved if os.path.lexists(os.path.join(root, moved)) else path


def _refer(root: str, place: str, folder: str, seen: str, but: set[str]) -> None:
    """Make links to everything that a folder of the root has."""
    try:
        names = os.listdir(os.path.join(root, folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for path in (f"{folder}/{name}" for name in names):
        if path not in but:
            os.symlink(os.path.join(seen, path), os.path.join(place, path))


def _put(root: str, place: str, change: Change, seen: str) -> None:
    path = os.path.join(place, change.path)
    if change.after is None:
        if change.path == WORLD_SET:  # world_sets, which still lists it, is read where it is
            _files.write(path, "")
    elif change.action == "link":
        _files.link(path, rebased(root, change.path, change.after.content, seen=seen))
    else:
        _files.write(path, change.after.content, change.after.mode)


def rebased(root: str, path: str, target: str, *, seen: str) -> str:
    """Return what a link in the staging place has to say so that it leads where ``target`` would at ``path``."""
    if os.path.isabs(target):
        return target
    inside = os.path.relpath(os.path.realpath(os.path.join(root, os.path.dirname(path))), os.path.realpath(root))
    leads_to = os.path.normpath(os.path.join("/", inside, target)).lstrip("/")
    return target if f"{leads_to}/".startswith(f"{CONFIG}/") else os.path.join(seen, leads_to)
