# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What two builds of one package differ in: names, kinds, owners, modes and content of their files.

The archives themselves always differ: they hold the time of the build. Times of files are not compared either, since
make writes new ones.
"""

from __future__ import annotations

import hashlib
import stat
import tarfile
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _gpkg

#: Path in the image -> kind and owner, mode, and content or link, each a text.
Files = t.Mapping[str, "tuple[str, str, str]"]
_CHUNK: t.Final = 1 << 20
_PREFIX: t.Final = "image/"


def of(path: str) -> dict[str, tuple[str, str, str]]:
    """Return the files of a package.  Raises ``BinhostError`` for what is no whole gpkg."""
    files: dict[str, tuple[str, str, str]] = _gpkg.image(path, _files)
    return files


def _files(archive: tarfile.TarFile) -> dict[str, tuple[str, str, str]]:
    found: dict[str, tuple[str, str, str]] = {}
    for member in archive:
        name = member.name[len(_PREFIX) :] if member.name.startswith(_PREFIX) else member.name
        if member.islnk():  # which of a file's names comes first in an archive means nothing
            other = member.linkname[len(_PREFIX) :] if member.linkname.startswith(_PREFIX) else member.linkname
            found[name] = found.get(other, ("link", "", other))
        else:
            found[name] = (f"{_kind(member)} of {member.uid}:{member.gid}", _mode(member), _content(archive, member))
        t.cast(t.Any, archive).members = []  # else the headers of a large package stay in memory
    return found


def _kind(member: tarfile.TarInfo) -> str:
    kinds = {tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.DIRTYPE: "folder", tarfile.SYMTYPE: "link"}
    return kinds.get(member.type, f"type {member.type!r}")


def _mode(member: tarfile.TarInfo) -> str:
    return "" if member.issym() else f"{stat.S_IMODE(member.mode):04o}"


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    if not member.isreg():
        return member.linkname if member.issym() else f"{member.devmajor}:{member.devminor}"
    total = hashlib.sha256()
    content = archive.extractfile(member)
    for block in iter(lambda: content.read(_CHUNK) if content else b"", b""):
        total.update(block)
    return total.hexdigest()


def differences(before: Files, after: Files) -> list[str]:
    """Return a line for each file that two builds have differently, sorted by path."""
    lines = []
    for path in sorted({*before, *after}):
        one, other = before.get(path), after.get(path)
        if one is None or other is None:
            lines.append(f"{path}: {'only before' if other is None else 'only now'}")
        elif one != other:
            lines.append(f"{path}: {'; '.join(_different(one, other))}")
    return lines


def _different(one: t.Sequence[str], other: t.Sequence[str]) -> t.Iterator[str]:
    if one[0] != other[0]:
        yield f"{one[0]} before, {other[0]} now"
        return
    if one[1] != other[1]:
        yield f"mode {one[1]} before, {other[1]} now"
    if one[2] != other[2]:
        if one[0].startswith("link"):
            yield f"leads to {one[2]} before, to {other[2]} now"
        else:
            yield "other content"
