# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target's published states, as they are found.  Nothing here writes; _publication does, as _intent says.

::

    STATE/pkgdir/T/               what Portage built, with its own index
    STATE/pool/T/                 every package of a kept generation, signed (see _pool)
    STATE/generations/T/
        41/                       one generation: packages at their PATH (hard links into the pool),
            Packages Packages.gz  the index of exactly these: neither URI nor TTL, so that every transport can use it
            repos/NAME.tar.xz     each ebuild repository, as the packages were built from it
            repos/NAME            the same, unpacked (see _trees)
            seal.json{,.asc}      see _seal
            record.json           of what it was made, if that is known
        current -> 41             what is served
        .new-42/                  a publication that is under way or was killed
"""

from __future__ import annotations

import gzip
import os
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _durable, _packages, _pool, _seal, _trees
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._signer import Signer

_OWN: t.Final = ("Packages", "Packages.gz", "repos", _seal.NAME, _seal.SIGNATURE, _seal.RECORD)


@dataclass(frozen=True)
class Generation:
    """A generation that was found complete: every file that it names is there, with the right size."""

    seal: _seal.Seal
    packages: t.Mapping[str, _packages.Package]  # by PATH

    def content(self) -> Content:
        """Return what it is made of."""
        return {path: (entry.cpv, self.seal.packages[path].source) for path, entry in self.packages.items()}


#: PATH -> CPV and what was built: two generations with the same of these differ in signatures alone.
Content = t.Mapping[str, tuple[str, _seal.Source]]


def content(entries: t.Mapping[str, _packages.Package]) -> Content:
    """Return what a generation of these packages of PKGDIR would be made of."""
    return {path: (entry.cpv, _pool.source(entry)) for path, entry in entries.items()}


def built(place: Place, *, withhold: t.Container[str] = ()) -> _packages.Index | None:
    """Return PKGDIR's index without what is withheld, ``None`` before the first build.

    Raises ``BinhostError`` if Portage would read less from it than it holds, or if it holds nothing: that is what
    ``emaint binhost --fix`` writes when it trusts none of the signatures, and no state to publish.
    """
    path = os.path.join(place.pkgdir, "Packages")
    if not os.path.exists(path):
        return None
    index = _packages.without(parsed(read(path), where=path), withhold)
    if not index.stanzas:
        raise BinhostError(f"{path}: expected packages, found none")
    return index


def parsed(data: bytes, *, where: str) -> _packages.Index:
    """Return an index.  Raises ``BinhostError`` if Portage would read less from it than it holds."""
    index = _packages.parse(data.decode("utf-8", "surrogateescape"))
    if index.problems:
        raise BinhostError(f"{where}: {'; '.join(map(str, index.problems[:5]))}")
    return index


def by_path(index: _packages.Index, *, where: str) -> dict[str, _packages.Package]:
    """Return PATH to package.  Raises ``BinhostError`` for a path that can't stand in a generation."""
    entries = {entry.path: entry for entry in _packages.packages(index)}
    for path, entry in entries.items():
        if not _seal.inside(path) or path.split("/")[0] in _OWN:
            raise BinhostError(f"{where}/Packages: line {entry.line}: expected a PATH inside PKGDIR, found {path!r}")
        if entry.size is None:
            raise BinhostError(f"{where}/Packages: line {entry.line}: expected a SIZE, found none")
    return entries


def seal_of(folder: str) -> _seal.Seal:
    """Return the seal of a generation; nothing else of it is looked at.  Raises ``BinhostError`` or ``OSError``."""
    path = os.path.join(folder, _seal.NAME)
    return _seal.parse(read(path), where=path)


def current(place: Place) -> tuple[Generation | None, str]:
    """Return what is served, or ``None`` and what is wrong with it ("" if nothing was ever published)."""
    link = place.generation("current")
    if not os.path.islink(link):
        return None, ""
    try:
        found = check(os.path.join(place.folder, os.readlink(link)))
        _trees.check(link, found.seal)
        return found, ""
    except (BinhostError, OSError, EOFError) as exc:
        return None, str(exc)


def check(folder: str) -> Generation:
    """Return the generation in ``folder``; raises ``BinhostError`` or ``OSError`` for the first thing that isn't right.

    The index is compared by content, packages by size and mtime, archives by size: their content is read where they are
    made, and by ``verify``.
    """
    seal = seal_of(folder)
    index, packed = (read(os.path.join(folder, name)) for name in ("Packages", "Packages.gz"))
    if file_of(index) != seal.index or gzip.decompress(packed) != index:
        raise BinhostError(f"{folder}: expected the index that the seal names, found another")
    entries = by_path(_packages.parse(index.decode("utf-8", "surrogateescape")), where=folder)
    if set(entries) != set(seal.packages):
        other = ", ".join(sorted(set(entries) ^ set(seal.packages)))
        raise BinhostError(f"{folder}: expected the same packages in index and seal, only one has {other}")
    for path, entry in entries.items():
        if not _pool.untouched(os.path.join(folder, path), entry) or entry.size != seal.packages[path].size:
            raise BinhostError(f"{folder}/{path}: expected the file that the index names, found it missing or changed")
    for repository in seal.repositories.values():
        size = os.path.getsize(os.path.join(folder, repository.archive))
        if size != repository.size:
            raise BinhostError(f"{folder}/{repository.archive}: expected {repository.size} bytes, found {size}")
    if seal.record and os.path.getsize(os.path.join(folder, _seal.RECORD)) != seal.record.size:
        raise BinhostError(f"{folder}/{_seal.RECORD}: expected the record that the seal names, found another")
    if seal.key and not os.path.isfile(os.path.join(folder, _seal.SIGNATURE)):
        raise BinhostError(f"{folder}/{_seal.SIGNATURE}: expected the seal's signature, found no such file")
    return Generation(seal, entries)


def verify(folder: str, signer: Signer | None) -> list[str]:
    """Return what is wrong with a generation, every byte of which is read; empty if nothing is."""
    try:
        generation = check(folder)
    except (BinhostError, OSError, EOFError) as exc:
        return [str(exc)]
    seal = generation.seal
    files: dict[str, _seal.File | _seal.Repository] = {**seal.packages}
    files.update((each.archive, each) for each in seal.repositories.values())
    if seal.record:
        files[_seal.RECORD] = seal.record
    wrong = [
        f"{folder}/{path}: expected the content that the seal names, found another"
        for path, file in files.items()
        if _durable.digests(os.path.join(folder, path), "sha512")["sha512"] != file.sha512
    ]
    return [*wrong, *unreadable(folder), *(_unsigned(folder, seal, signer) if signer else [])]


def _unsigned(folder: str, seal: _seal.Seal, signer: Signer) -> list[str]:
    """Return whose signatures don't hold."""
    try:
        check_seal(folder, signer)
        paths = [os.path.join(folder, path) for path in seal.packages]
        by = signer.verify_packages(paths)
    except BinhostError as exc:
        return [str(exc)]
    return [
        f"{path}: expected a signature by a key in use, found {by[path]}"
        for path in paths
        if by[path] not in signer.valid
    ]


def check_seal(folder: str, signer: Signer) -> None:
    """Raise ``BinhostError`` unless the seal is signed by the key that it names."""
    path, signature = (os.path.join(folder, name) for name in (_seal.NAME, _seal.SIGNATURE))
    by, key = signer.verify_file(path, signature), seal_of(folder).key
    if by != key:
        raise BinhostError(f"{path}: expected to be signed by {key or 'nobody'}, found {by}")


def unreadable(folder: str) -> list[str]:
    """Return what a server that isn't root can't read of a generation."""
    wrong = []
    for place, _folders, names in os.walk(folder):
        wrong += [place] if os.stat(place).st_mode & 0o005 != 0o005 else []
        paths = (os.path.join(place, name) for name in names)
        wrong += [path for path in paths if not os.stat(path).st_mode & 0o004]
    return [f"{path}: expected to be readable by all, for the server, found that it isn't" for path in wrong]


def read(path: str) -> bytes:
    """Return a file's bytes."""
    with open(path, "rb") as file:
        return file.read()


def file_of(data: bytes) -> _seal.File:
    """Return what these bytes are."""
    return _seal.File(_durable.digest_of(data), len(data))
