# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delete a tree, but never above a mount point and never through a link: people have lost disks to that.

Three things keep a mount's files safe, each enough by itself: nothing begins while anything is mounted at or below the
tree; no folder is entered that is in another mount or file system than the tree, also if it was mounted meanwhile; and
every name is looked up in an open folder, so that no link, however late it is put there, leads elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import stat
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _mountinfo
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

_FOLDER: t.Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Extent:
    """How much a tree is."""

    files: int  # of any kind, folders included
    size: int  # bytes on the disk; what has several names counts once


def check(path: str) -> None:
    """Raise ``BinhostError`` if anything is mounted at or below ``path``, hidden or not."""
    mounted = [each.target for each in _mountinfo.below(_mountinfo.read(), os.path.realpath(path))]
    if mounted:
        raise BinhostError(f"{path}: expected nothing mounted below what is to be deleted, found {', '.join(mounted)}")


def tree(path: str) -> None:
    """Delete the folder ``path`` and all below it; nothing happens if it isn't there.

    Raises ``BinhostError`` and deletes nothing if anything is mounted at or below it, or if it is no folder.
    """
    if not os.path.lexists(path):
        return
    check(path)
    with _opened(path) as top, _told(path):
        for folder, name, status in _walk(top):
            with _told(name, folder), contextlib.suppress(FileNotFoundError):
                (os.rmdir if stat.S_ISDIR(status.st_mode) else os.unlink)(name, dir_fd=folder)
        os.rmdir(path)


def empty(path: str) -> None:
    """Delete all below ``path`` and leave it as an empty folder."""
    tree(path)
    os.makedirs(path)


def extent(path: str) -> Extent:
    """Return how much ``tree`` would delete.  Raises ``BinhostError`` where it would."""
    check(path)
    with _opened(path) as top, _told(path):
        found, size = 1, os.fstat(top).st_blocks * 512  # stat(2): blocks are of 512 bytes whatever the file system
        seen: set[tuple[int, int]] = set()
        for _folder, _name, status in _walk(top):
            found += 1
            same = (status.st_dev, status.st_ino)
            size += 0 if same in seen else status.st_blocks * 512
            if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
                seen.add(same)
    return Extent(found, size)


@contextlib.contextmanager
def _opened(path: str) -> t.Iterator[int]:
    try:
        handle = os.open(path.rstrip("/"), _FOLDER)
    except OSError as exc:
        raise BinhostError(f"{path}: expected a folder to delete, found: {exc.strerror}") from None
    try:
        yield handle
    finally:
        os.close(handle)


def _walk(top: int) -> t.Iterator[tuple[int, str, os.stat_result]]:
    """Yield folder, name and status of everything below ``top``; a folder comes after what is in it.

    Two folders are open at a time, however deep it goes: tests of libc's getcwd leave trees of thousands of levels.
    """
    mount, device = _mountinfo.mount_id(top), os.fstat(top).st_dev
    here = os.open(".", _FOLDER, dir_fd=top)
    names = os.listdir(here)
    above: list[tuple[str, os.stat_result, tuple[int, int], list[str]]] = []
    try:
        while names or above:
            if names:
                status = os.stat(names[-1], dir_fd=here, follow_symlinks=False)
                name = names.pop()
                if not stat.S_ISDIR(status.st_mode):
                    yield here, name, status
                    continue
                above.append((name, status, _same(here), names))
                here = _replace(here, name)
                _stays(here, mount, device)
                names = os.listdir(here)
            else:
                name, status, same, names = above.pop()
                here = _replace(here, "..")
                if _same(here) != same:
                    raise BinhostError(f"{_path(here)}: expected nobody else at work there, found {name} moved to it")
                yield here, name, status
    finally:
        os.close(here)


def _replace(handle: int, name: str) -> int:
    """Return ``name`` opened in the folder ``handle``, which is closed.  Raises ``OSError``; then it isn't."""
    new = os.open(name, _FOLDER, dir_fd=handle)
    os.close(handle)
    return new


def _stays(handle: int, mount: int, device: int) -> None:
    """Raise ``BinhostError`` if a folder is in another mount or on another file system than the tree."""
    if _mountinfo.mount_id(handle) != mount or os.fstat(handle).st_dev != device:
        raise BinhostError(f"{_path(handle)}: expected the tree's own file system, found another mounted there")


def _same(handle: int) -> tuple[int, int]:
    status = os.fstat(handle)
    return status.st_dev, status.st_ino


def _path(handle: int) -> str:
    return os.readlink(f"/proc/self/fd/{handle}")


@contextlib.contextmanager
def _told(name: str, folder: int | None = None) -> t.Iterator[None]:
    """Turn what the system refuses into an error that names the file."""
    try:
        yield
    except OSError as exc:
        path = name if folder is None else os.path.join(_path(folder), name)
        raise BinhostError(f"{path}: expected to delete it, found: {exc.strerror}") from exc
