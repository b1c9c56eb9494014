# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpack a stage tarball beside its root and move it there when it is complete.

::

    ROOT.partial/           a run is at work here, or was killed
        larry-binhost-stage   says that this folder is ours to delete
        root/                 becomes ROOT by one rename
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import tarfile
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _durable, _files, _removal
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._openpgp import Run

MARKER = "larry-binhost-stage"
#: The program that unpacks what a tarball's name ends in; Python itself knows no zstd before 3.14.
DECOMPRESSORS: t.Final = {".xz": "xz", ".zst": "zstd", ".bz2": "bzip2", ".gz": "gzip"}
_TAR = (
    "tar",
    "--extract",
    "--numeric-owner",
    "--xattrs",
    "--xattrs-include=*.*",
    "--preserve-permissions",
    "--force-local",
)


def survey(tarball: str) -> int:
    """Return the bytes that a tarball's files take.  Raises ``BinhostError`` if a member would land outside."""
    suffix = os.path.splitext(tarball)[1]
    if suffix not in DECOMPRESSORS:
        raise BinhostError(
            f"{tarball}: expected a name that ends in .tar{', .tar'.join(DECOMPRESSORS)}, found {suffix!r}"
        )
    command = [DECOMPRESSORS[suffix], "--decompress", "--stdout", "--", tarball]
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            if process.stdout is None:
                raise BinhostError(f"{tarball}: expected output of {command[0]}, found none")
            total = members_size(process.stdout, where=tarball)
            process.stdout.read()
    except FileNotFoundError:
        raise BinhostError(f"{tarball}: expected the program {command[0]} to read it, found none") from None
    if process.returncode != 0:
        raise BinhostError(f"{tarball}: expected a whole file, found that {command[0]} can't read it to its end")
    return total


def members_size(stream: t.IO[bytes], *, where: str) -> int:
    """Return the bytes of all files of a tar stream.  Raises ``BinhostError`` for names that lead out of the root."""
    total = 0
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                _inside(member.name, where)
                if member.islnk():
                    _inside(member.linkname, where)
                total += member.size
                t.cast(t.Any, archive).members = []  # else the headers of a whole system stay in memory
    except tarfile.TarError as exc:
        raise BinhostError(f"{where}: expected a tar archive, found: {exc}") from None
    return total


def _inside(name: str, where: str) -> None:
    if name.startswith("/") or ".." in name.split("/"):
        raise BinhostError(f"{where}: expected members below the root, found {name!r}")


def partial(root: str) -> str:
    """Return where the unpacking of a root goes on."""
    return root.rstrip("/") + ".partial"


def unpack(run: Run, tarball: str, root: str, *, record: str, text: str) -> None:
    """Unpack a tarball and put ``text`` into the file ``record`` of it before it becomes ``root``.

    ``root`` must be missing or an empty directory.  Raises ``BinhostError``; then there is no root.
    """
    with alone(root):
        clear(root)
        draft = _begin(root)
        code, _out, words = run([*_TAR, "--file", tarball, "--directory", draft])
        if code != 0:
            raise BinhostError(f"{tarball}: expected to unpack it into {draft}, found: {words.strip()}")
        _files.write(os.path.join(draft, record), text)
        try:
            _durable.finish(draft, root.rstrip("/"))
        except OSError as exc:
            raise BinhostError(f"{root}: expected a place for the unpacked stage, found: {exc.strerror}") from None
        clear(root)


def clear(root: str) -> None:
    """Delete what a killed run left.  Raises ``BinhostError`` for a folder that isn't ours."""
    folder = partial(root)
    names = os.listdir(folder) if os.path.lexists(folder) else []
    if names and MARKER not in names:
        raise BinhostError(f"{folder}: expected to unpack here, found a folder that isn't ours; move it away")
    # The marker goes last: killed here, the rest is still known to be ours.
    for name in names:
        if name != MARKER:
            _removal.tree(os.path.join(folder, name))
    _removal.tree(folder)


def _begin(root: str) -> str:
    folder = partial(root)
    _files.directory(folder)
    _files.write(os.path.join(folder, MARKER), "larry.binhost unpacks a stage here.\n")
    draft = os.path.join(folder, "root")
    _files.directory(draft)
    return draft


@contextlib.contextmanager
def alone(root: str) -> t.Iterator[None]:
    """Let one process at a time unpack into a folder's roots; the kernel drops the lock with its owner."""
    folder = os.path.dirname(root.rstrip("/"))
    _files.directory(folder)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BinhostError(f"{folder}: expected to unpack alone, found another run that unpacks there") from None
        yield
    finally:
        os.close(handle)
