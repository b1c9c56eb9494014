# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pool: every package file that a kept generation of a target consists of, once.

Files stand at their PATH and are never written again, only replaced: generations hold them by hard links, so a
replaced one lives on in those that were published with it.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _durable, _files
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._packages import Package
from ansible_collections.larry.binhost.plugins.module_utils._seal import Package as Sealed
from ansible_collections.larry.binhost.plugins.module_utils._seal import Source


def admit(pool: str, pkgdir: str, entries: t.Iterable[Package], known: t.Mapping[str, Sealed]) -> dict[str, Sealed]:
    """Copy into the pool what it lacks; return PATH to what the file is.

    ``known`` are the files that an earlier check found right for these very entries: where size and mtime are still
    those, the content isn't read again.  Raises ``BinhostError`` for a file that isn't what the index says.
    """
    return {entry.path: _admit(pool, pkgdir, entry, known.get(entry.path)) for entry in entries}


def _admit(pool: str, pkgdir: str, entry: Package, known: Sealed | None) -> Sealed:
    """Return what the pool's file is, once it is there."""
    path = os.path.join(pool, entry.path)
    if known and untouched(path, entry):
        return known
    if not (os.path.isfile(path) and untouched(path, entry) and not _differences(path, entry)):
        _bring(os.path.join(pkgdir, entry.path), path, entry)
    source = Source(entry.size or 0, entry.md5, entry.sha1)
    return Sealed(_durable.digests(path, "sha512")["sha512"], os.path.getsize(path), "", "", "", source)


def _bring(source: str, path: str, entry: Package) -> None:
    """Copy a package from PKGDIR, checked after the copy so that what was checked is what is kept."""
    arrival = os.path.join(os.path.dirname(path), f"{_durable.DRAFT}arrival")
    _files.directory(os.path.dirname(path))
    try:
        _durable.copy(source, arrival)
    except FileNotFoundError:
        raise BinhostError(f"{source}: expected a package, as the index says, found no such file{_ADVICE}") from None
    differences = _differences(arrival, entry)
    if differences:
        _durable.remove(arrival)
        raise BinhostError(f"{source}: expected {', '.join(differences)}{_ADVICE}")
    os.replace(arrival, path)


_ADVICE = "; 'emaint binhost --fix' in the build root makes the index true again"


def untouched(path: str, entry: Package) -> bool:
    """Return whether the file has the size and the mtime that the index says: a cheap fact, no proof."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    return status.st_size == entry.size and entry.mtime in (None, status.st_mtime_ns // 10**9)


def _differences(path: str, entry: Package) -> list[str]:
    """Return in words what about the file differs from the index."""
    found = {"size": str(os.path.getsize(path)), **_durable.digests(path, "md5", "sha1")}
    wanted = {"size": str(entry.size), "md5": entry.md5, "sha1": entry.sha1}
    return [f"{key} {value}, found {found[key]}" for key, value in wanted.items() if value and value != found[key]]


def prune(pool: str, keep: t.Container[str]) -> None:
    """Remove the files whose PATH no kept generation has, what a crash left behind, and folders that are empty then."""
    for place, _folders, names in os.walk(pool, topdown=False):
        for name in names:
            if os.path.relpath(os.path.join(place, name), pool) not in keep:
                os.unlink(os.path.join(place, name))
        if place != pool and not os.listdir(place):
            os.rmdir(place)
