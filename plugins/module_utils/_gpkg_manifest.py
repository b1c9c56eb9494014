# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Manifest of a binary package, and whether its parts are as it says: GLEP 78.

::

    PF-1/gpkg-1             empty
    PF-1/metadata.tar.zst   and .sig
    PF-1/image.tar.zst      and .sig
    PF-1/Manifest           clear-signed: ``DATA NAME SIZE ALGORITHM DIGEST …`` of each of the others

Portage asks for the inner signatures too; what they say the signed Manifest says already: they only have to be there.
"""

from __future__ import annotations

import hashlib
import tarfile
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

_MARKER: t.Final = "gpkg-1"
_MANIFEST: t.Final = "Manifest"
_SIGNATURE: t.Final = ".sig"
_SIGNED: t.Final = b"-----BEGIN PGP SIGNED MESSAGE-----"
_LARGEST_MANIFEST: t.Final = 1 << 20  # bytes
_ALGORITHMS: t.Final[t.Mapping[str, str]] = {"BLAKE2B": "blake2b", "SHA512": "sha512"}
_CHUNK: t.Final = 1 << 20


def manifest(path: str) -> bytes:
    """Return the Manifest of a package as it stands there.  Raises ``BinhostError`` for a file that is no gpkg."""
    try:
        with tarfile.open(path, "r:") as archive:
            _prefix(archive, path)
            return b"".join(_read(archive, member) for member in archive if _name(member) == _MANIFEST)
    except (tarfile.TarError, OSError, ValueError, EOFError) as exc:
        raise BinhostError(f"{path}: expected a package in the format gpkg, found: {exc}") from exc


def _prefix(archive: tarfile.TarFile, path: str) -> None:
    """Raise unless the members are regular files of one folder, each there once, a marker and a Manifest among them."""
    names = archive.getnames()
    folders = {name.rpartition("/")[0] for name in names}
    found = ""
    if len(folders) != 1 or "" in folders or "/" in folders.pop():
        found = "members that aren't all in one folder"
    elif len(names) != len(set(names)):
        found = "two members of one name"
    elif any(not member.isreg() for member in archive):
        found = "a member that is no file"
    elif not {_MARKER, _MANIFEST} <= {_name(member) for member in archive}:
        found = "no marker or no Manifest"
    if found:
        raise BinhostError(f"{path}: expected a package in the format gpkg, found {found}")


def _name(member: tarfile.TarInfo) -> str:
    return member.name.rpartition("/")[2]


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    if stream is None or member.size > _LARGEST_MANIFEST:
        raise ValueError(f"a Manifest of {member.size} bytes")
    return stream.read()


def signed(data: bytes) -> bool:
    """Return whether a Manifest claims to be signed."""
    return data.startswith(_SIGNED)


def fault(path: str, text: str) -> str:
    """Return what of a package isn't as the text of its Manifest says; empty if all of it is.

    The text has to be the one that was signed, without anything around it.
    """
    listed: dict[str, list[str]] = {}
    for line in text.splitlines():
        words = line.split()
        if words and (words[0] != "DATA" or len(words) < 5 or words[1] in listed):
            return f"a Manifest with the line {line[:60]!r}"
        if words:
            listed[words[1]] = words[2:]
    try:
        with tarfile.open(path, "r:") as archive:
            members = {_name(member): member for member in archive if _name(member) != _MANIFEST}
            if members.keys() != listed.keys():
                return f"other parts than its Manifest lists: {', '.join(sorted(members.keys() ^ listed.keys()))}"
            return next((wrong for name in members if (wrong := _wrong(archive, members[name], listed))), "")
    except (tarfile.TarError, OSError, EOFError) as exc:
        return f"a damaged file ({exc})"


def _wrong(archive: tarfile.TarFile, member: tarfile.TarInfo, listed: t.Mapping[str, t.Sequence[str]]) -> str:
    """Return what is wrong with one part; empty if nothing is."""
    name = _name(member)
    if name != _MARKER and not name.endswith(_SIGNATURE) and f"{name}{_SIGNATURE}" not in listed:
        return f"{name} without a signature of its own"
    size, *pairs = listed[name]
    wanted = {_ALGORITHMS[key]: value for key, value in zip(pairs[::2], pairs[1::2]) if key in _ALGORITHMS}
    if not wanted:
        return f"{name} without a digest that is known here"
    stream = archive.extractfile(member)
    sums = {key: hashlib.new(key) for key in wanted}
    for block in iter(lambda: stream.read(_CHUNK) if stream else b"", b""):
        for one in sums.values():
            one.update(block)
    same = size == str(member.size) and all(sums[key].hexdigest() == wanted[key].lower() for key in sums)
    return "" if same else f"another {name} than was signed"
