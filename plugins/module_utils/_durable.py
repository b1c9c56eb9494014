# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change the file system so that a crash at any moment leaves the old state or the new one.

For trees, copies and bytes; _files does it for texts and links.  Everything is drafted under a name that begins with
``.new-`` and then renamed; what a crash leaves behind is recognised by that name.  Modes are set, not left to the
umask: a server or another user has to read what stands here.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _files, _removal

DRAFT: t.Final = ".new-"
FILE_MODE: t.Final = 0o644
_FICLONE: t.Final = 0x40049409  # linux/fs.h
_CHUNK: t.Final = 1 << 20


def draft(path: str) -> str:
    """Return the name under which ``path`` is made before it is renamed."""
    folder, name = os.path.split(path)
    return os.path.join(folder, DRAFT + name)


def remove(path: str) -> None:
    """Remove a file, link or folder with all it holds; nothing there is well."""
    if os.path.isdir(path) and not os.path.islink(path):
        _removal.tree(path)
        return
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _fresh(path: str) -> str:
    """Return a draft's name at which nothing is: a link that others may put there would lead elsewhere."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(draft(path))
    return draft(path)


def discard(path: str) -> None:
    """Remove a folder that others may be reading: a crash leaves a draft, never a part under the full name."""
    os.rename(path, gone(path))
    remove(gone(path))


def gone(path: str) -> str:
    """Return the name that a folder has while it is discarded."""
    return draft(path) + ".gone"


def drafts(folder: str) -> list[str]:
    """Return the paths in ``folder`` that a crash left unfinished, sorted."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [os.path.join(folder, name) for name in sorted(names) if name.startswith(DRAFT)]


def sync_folder(path: str) -> None:
    """Bring a folder's entries to the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write(path: str, data: bytes, *, mtime: int | None = None, mode: int = FILE_MODE, sync: bool = True) -> None:
    """Replace a file's content; ``mtime`` in seconds since the epoch, now if not given; ``sync`` as of ``copy``."""
    temporary = _fresh(path)
    with open(temporary, "xb") as file:
        file.write(data)
        os.fchmod(file.fileno(), mode)
        file.flush()
        if sync:
            os.fsync(file.fileno())
    if mtime is not None:
        os.utime(temporary, (mtime, mtime))
    os.replace(temporary, path)
    if sync:
        sync_folder(os.path.dirname(path))


def finish(folder: str, path: str) -> None:
    """Give a drafted folder its final name, all it holds being on the disk by then; ``path`` must not exist."""
    os.sync()  # once for all: a repository's 100,000 files, synchronised one by one, would take minutes
    os.rename(folder, path)
    sync_folder(os.path.dirname(path))


def copy(source: str, path: str, *, sync: bool = True) -> None:
    """Copy a file with its mtime, sharing its blocks where the file system can; ``path`` appears when complete.

    ``sync=False`` leaves it to ``finish`` to bring the data to the disk.
    """
    temporary = _fresh(path)
    with open(source, "rb") as old, open(temporary, "xb") as new:
        try:
            fcntl.ioctl(new.fileno(), _FICLONE, old.fileno())
        except OSError:
            shutil.copyfileobj(old, new, _CHUNK)
        status = os.fstat(old.fileno())
        os.fchmod(new.fileno(), FILE_MODE | (0o111 if status.st_mode & 0o100 else 0))
        new.flush()
        if sync:
            os.fsync(new.fileno())
    os.utime(temporary, ns=(status.st_mtime_ns, status.st_mtime_ns))
    os.replace(temporary, path)


def link(source: str, path: str) -> None:
    """Give a file a second name; where that cannot be (another file system, too many links) copy it."""
    _files.directory(os.path.dirname(path))
    try:
        os.link(source, path)
    except OSError as exc:
        if exc.errno not in (errno.EXDEV, errno.EMLINK, errno.EPERM):
            raise
        copy(source, path)


def digests(path: str, *names: str) -> dict[str, str]:
    """Return algorithm to hexadecimal digest of a file, read once."""
    sums = {name: hashlib.new(name) for name in names}
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(_CHUNK), b""):
            for one in sums.values():
                one.update(block)
    return {name: one.hexdigest() for name, one in sums.items()}


def digest_of(data: bytes) -> str:
    """Return the SHA-512 of bytes, hexadecimal."""
    return hashlib.sha512(data).hexdigest()
