# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change a root's files: all of what was decided, or nothing.

All texts are on disk before the first path changes, so a full disk is met while there is nothing to undo. Then each
path changes by one rename, and what stood there is kept beside it: putting it back takes no space. A killed run leaves
some paths changed and some not, each whole, and the next one goes on.
"""

from __future__ import annotations

import contextlib
import os
import typing as t
from collections.abc import Iterable, Sequence

from ansible_collections.larry.binhost.plugins.module_utils import _files
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._tree_plan import ADOPTED, BESIDE, MODE, Change

#: Names of drafts and of what is kept; Portage reads no name that begins with a dot.
NEW: t.Final = ".binhost-new"
OLD: t.Final = ".binhost-old"
Undo = t.Callable[[], None]


def apply(root: str, changes: Sequence[Change]) -> None:
    """Make the changes, in order.  Raises ``BinhostError`` if one fails; what was changed before is put back."""
    undo: list[Undo] = []
    drafts: dict[int, str] = {}
    current = root
    try:
        for number, change in enumerate(changes):
            current = os.path.join(root, change.path)
            drafts[number] = _new(current, number)
            _draft(drafts[number], change)
        for number, change in enumerate(changes):
            current = os.path.join(root, change.path)
            _put(current, drafts[number], change, undo)
            _files.sync(os.path.dirname(current))
    except (OSError, BinhostError) as exc:
        failed = _put_back(undo)
        outcome = f"it could not all be put back: {'; '.join(failed)}" if failed else "nothing was changed"
        found = (
            str(exc) if isinstance(exc, BinhostError) else f"{current}: expected to change it, found: {exc.strerror}"
        )
        if not failed:  # else what is kept is all that there is of some files
            sweep(folders(root, (change.path for change in changes)))
        raise BinhostError(f"{found}; {outcome}") from exc
    sweep(folders(root, (change.path for change in changes)))


def sweep(folders: Iterable[str]) -> None:
    """Remove the drafts and the kept files, this run's and a killed one's; one that can't be is left."""
    for folder in folders:
        with contextlib.suppress(OSError):
            for name in os.listdir(folder):
                if name.startswith(".") and name.endswith((NEW, OLD)):
                    path = os.path.join(folder, name)
                    (os.rmdir if os.path.isdir(path) and not os.path.islink(path) else os.unlink)(path)


def adopting(path: str) -> str:
    """Return the directory that a file is moved into before that takes the file's name."""
    return _files.beside(path, "adopting")


def _nearest(path: str) -> str:
    """Return the nearest directory above a path that is there."""
    folder = os.path.dirname(path)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder


def _new(path: str, number: int) -> str:
    """Return where a draft is: on the file system of the place it is for, also where its directory isn't yet."""
    folder = _nearest(path)
    return os.path.join(folder, f".{os.path.relpath(path, folder).replace('/', '%')}.{number}{NEW}")


def _old(path: str) -> str:
    return os.path.join(os.path.dirname(path), f".{os.path.basename(path)}{OLD}")


def _draft(draft: str, change: Change) -> None:
    if change.after and change.action == "write":
        _files.write_new(draft, change.after.content, change.after.mode)
    elif change.after and change.action == "link":
        os.symlink(change.after.content, draft)


def _put(path: str, draft: str, change: Change, undo: list[Undo]) -> None:
    """Make one change; what undoes it is known before anything happens."""
    if change.action == "adopt":
        _adopt(path, undo, change.after.content if change.after else "")
    elif change.after is None:
        _step(undo, lambda: os.rename(_old(path), path))
        os.rename(path, _old(path))
    else:
        _make_way(path, undo)
        os.rename(draft, path)


def _step(undo: list[Undo], action: Undo) -> None:
    """Remember what undoes the next step; that this didn't come about is no error then."""

    def undone() -> None:
        with contextlib.suppress(FileNotFoundError):
            action()

    undo.append(undone)


def _make_way(path: str, undo: list[Undo]) -> None:
    """Keep what stands at a path where a new file or link comes, and make the directories above it."""
    if os.path.isdir(path) and not os.path.islink(path):
        _step(undo, lambda: os.rename(_old(path), path))
        os.rename(path, _old(path))
        _step(undo, lambda: os.unlink(path))
    elif os.path.lexists(path):
        _keep(path, undo)
    else:
        for folder in _missing(os.path.dirname(path)):
            _step(undo, lambda folder=folder: os.rmdir(folder))  # type: ignore[misc]
            _files.directory(folder)
        _step(undo, lambda: os.unlink(path))


def _keep(path: str, undo: list[Undo]) -> None:
    """Give a file or a link a second name; it has one already where it changes twice."""
    if not os.path.lexists(_old(path)):
        _step(undo, lambda: os.rename(_old(path), path))
        os.link(path, _old(path), follow_symlinks=False)


def _missing(folder: str) -> list[str]:
    """Return the directories that aren't there, top first."""
    found = []
    while not os.path.isdir(folder):
        found.append(folder)
        folder = os.path.dirname(folder)
    return found[::-1]


def _adopt(path: str, undo: list[Undo], sources: str) -> None:
    """Make the file at ``path`` a directory that holds it as ``00-adopted``: the file itself, no copy.

    With ``sources``, that is what ``00-adopted`` says, and the file stays beside the directory.
    Goes on where a killed run stopped: the file may be in the draft of the directory already.
    """
    draft = adopting(path)
    moved = os.path.join(draft, ADOPTED)
    if not os.path.isdir(draft):
        _step(undo, lambda: os.rmdir(draft))
        _files.directory(draft)
    if sources and os.path.lexists(path):
        _move_aside(path, moved, sources, undo)
    elif os.path.islink(path):
        _move_link(path, moved, undo)
    elif os.path.lexists(path):
        if os.path.lexists(moved):
            raise BinhostError(f"{path}: expected one file to adopt, found another in {moved}")
        _step(undo, lambda: os.rename(moved, path))
        os.rename(path, moved)
    _step(undo, lambda: os.rename(path, draft))
    os.rename(draft, path)


def _move_aside(path: str, moved: str, sources: str, undo: list[Undo]) -> None:
    """Move a file out of the way of the directory that takes its name, where ``sources`` finds it."""
    aside = f"{path}{BESIDE}"
    if os.path.lexists(aside):
        raise BinhostError(f"{path}: expected to move it to {aside}, found another file there")
    _step(undo, lambda: os.unlink(moved))
    _files.write_new(moved, sources, MODE)
    _step(undo, lambda: os.rename(aside, path))
    os.rename(path, aside)


def _move_link(path: str, moved: str, undo: list[Undo]) -> None:
    """Move a link one directory down; a relative one then needs one more step up."""
    target = os.readlink(path)
    if os.path.lexists(moved):
        os.unlink(moved)
    _keep(path, undo)
    _step(undo, lambda: os.unlink(moved))
    os.symlink(target if os.path.isabs(target) else os.path.join("..", target), moved)
    os.unlink(path)


def _put_back(undo: list[Undo]) -> list[str]:
    """Undo the steps, the last first, and return what failed of it."""
    return [failure for failure in map(_failure, reversed(undo)) if failure]


def _failure(action: Undo) -> str:
    try:
        action()
    except OSError as exc:
        return f"{exc.filename2 or exc.filename}: {exc.strerror}"
    return ""


def folders(root: str, paths: Iterable[str]) -> set[str]:
    """Return the directories in which a run may have left something: those above the paths, the root included."""
    found = {root}
    for path in paths:
        parts = path.strip("/").split("/")
        found.update(os.path.join(root, *parts[:count]) for count in range(1, len(parts)))
    return found
