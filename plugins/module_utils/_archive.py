# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One archive per ebuild repository: written so that equal trees give equal bytes, unpacked without trust.

Names are sorted, owners are 0, modes are 0755 or 0644, folders have no mtime; files keep theirs to the nanosecond, so
that a repository has the same revision on every machine whose file system stores that much.
"""

from __future__ import annotations

import io
import lzma
import os
import stat
import tarfile
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _durable, _files, _repository
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

SUFFIX: t.Final = ".tar.xz"
_PRESET: t.Final = 1  # of xz; 6 takes seven times as long for a sixth less
_CHUNK: t.Final = 1 << 16


def pack(folder: str, archive: str) -> None:
    """Write the archive of a repository's snapshot; it appears under its name when it is complete."""
    draft = _durable.draft(archive)
    with tarfile.open(draft, "w:xz", preset=_PRESET, format=tarfile.PAX_FORMAT) as tar:
        for entry in _repository.entries(folder):
            _add(tar, entry, os.path.join(folder, entry.path))
    os.chmod(draft, _durable.FILE_MODE)
    os.replace(draft, archive)


def _add(tar: tarfile.TarFile, entry: _repository.Entry, source: str) -> None:
    """Add one entry with nothing in it that depends on this machine."""
    info = tarfile.TarInfo(entry.path)
    info.mode = 0o755 if stat.S_ISDIR(entry.mode) or entry.mode & 0o100 else _durable.FILE_MODE
    if entry.target is not None:
        info.type, info.linkname = tarfile.SYMTYPE, entry.target
    elif stat.S_ISDIR(entry.mode):
        info.type = tarfile.DIRTYPE
    else:
        info.size = entry.size
        info.mtime = entry.mtime_ns // 10**9
        info.pax_headers = {"mtime": f"{info.mtime}.{entry.mtime_ns % 10**9:09d}"}
        with open(source, "rb") as file:
            tar.addfile(info, file)
        return
    tar.addfile(info)


def unpack(archive: str, folder: str) -> None:
    """Unpack into a new folder; raises ``BinhostError`` for an archive that is damaged or reaches out of it."""
    _files.directory(folder)
    seen: set[str] = set()  # folders made here: nothing is ever written through a link
    try:
        with tarfile.open(archive, "r:xz") as tar:
            for member in tar:
                _extract(tar, member, folder, seen)
    except (tarfile.TarError, lzma.LZMAError, EOFError, FileExistsError, ValueError) as exc:
        raise BinhostError(f"{archive}: expected an intact .tar.xz archive, found: {exc}") from None


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: str, seen: set[str]) -> None:
    """Unpack one member whose folder was unpacked before it."""
    name = member.name
    parent = os.path.dirname(name)
    if os.path.isabs(name) or ".." in name.split("/") or (parent and parent not in seen):
        raise BinhostError(f"{tar.name!r}: expected names inside the archive's own folders, found {name!r}")
    path = os.path.join(folder, name)
    if member.isdir():
        os.mkdir(path)  # an error where a link of that name stands
        os.chmod(path, 0o755)
        seen.add(name)
    elif member.issym() and not _repository.leads_out(name, member.linkname):
        os.symlink(member.linkname, path)
    elif member.isreg():
        _write(tar, member, path)
    else:
        kind = f"a link to {member.linkname!r}" if member.linkname else f"type {member.type!r}"
        raise BinhostError(f"{tar.name!r}: {name}: expected a file, a folder or a link that stays inside, found {kind}")


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: str) -> None:
    """Unpack one file; an existing one is an error, so that no member can replace another."""
    content = tar.extractfile(member) or io.BytesIO()
    with open(path, "xb") as file:
        for block in iter(lambda: content.read(_CHUNK), b""):
            file.write(block)
    os.chmod(path, 0o755 if member.mode & 0o100 else _durable.FILE_MODE)
    mtime = _nanoseconds(member)
    os.utime(path, ns=(mtime, mtime))


def _nanoseconds(member: tarfile.TarInfo) -> int:
    """Return the mtime exactly; tarfile itself goes through a float and loses the last digits."""
    seconds, _dot, fraction = member.pax_headers.get("mtime", str(int(member.mtime))).partition(".")
    return int(seconds) * 10**9 + int(f"{fraction:0<9}"[:9])
