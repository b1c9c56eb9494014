# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new root proves itself before hours are spent: one small package is built, and has to be all that is then there."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _files,
    _host,
    _merge_list,
    _merge_world,
    _packages,
    _patterns,
    _removal,
    _repair,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._merge_world import Place

#: They install nothing that a compiler made.
_NO_PROGRAMS: t.Final = ("virtual/*", "acct-*/*", "sec-*/*", "app-eselect/*")


def prove(place: Place, merges: t.Sequence[_merge_list.Merge]) -> None:
    """Build one package and leave PKGDIR, which is empty before, as empty again.

    ``merges`` is what is to be built; where that is nothing, there is nothing to prove. Raises ``BinhostError`` with
    what was expected and found.
    """
    atom = place.target.proof or choose(place.root, place.snapshots.values(), merges)
    if not atom:
        return
    options = {"oneshot": True, "nodeps": True, "keep_going": False}
    try:
        unfetched = _merge_world.fetch(place, options, [atom])
        if unfetched:
            raise BinhostError(unfetched)
        _merge_world.merge(place, options, [atom])
        verify(place.target.pkgdir, atom)
    except BinhostError as exc:
        raise BinhostError(
            f"The build root {place.root} was to build {atom} first, to prove itself. Nothing else was begun.\n{exc}"
        ) from None
    _removal.empty(place.target.pkgdir)


def choose(root: str, repositories: t.Iterable[str], merges: t.Sequence[_merge_list.Merge]) -> str:
    """Return the smallest package with ELF files that the stage brought and an ebuild is there for.

    If there is none, it is the one with the smallest download of what is to be built; "" if nothing is.
    """
    places = list(repositories)
    found = [
        (size, package)
        for cpv in _host.installed(root)
        if (size := _elf_size(os.path.join(root, _host.VDB, cpv)))
        and any(_has_ebuild(os.path.join(place, package := _patterns.package(cpv))) for place in places)
    ]
    if found:
        return min(found)[1]
    built = [merge for merge in merges if merge.kind == "ebuild"]
    programs = [merge for merge in built if not _patterns.matches(_NO_PROGRAMS, merge.cpv)] or built
    return f"={min(programs, key=_download).cpv}" if programs else ""


def _elf_size(entry: str) -> int:
    """Return the bytes that an installed package with ELF files has; 0 for others, and where it doesn't say."""
    try:
        if not _files.read(os.path.join(entry, "NEEDED.ELF.2")).strip():
            return 0
        return int(_files.read(os.path.join(entry, "SIZE")))
    except (OSError, ValueError):
        return 0


def _has_ebuild(folder: str) -> bool:
    try:
        return any(name.endswith(".ebuild") for name in os.listdir(folder))
    except OSError:
        return False


def _download(merge: _merge_list.Merge) -> int:
    return merge.size or 0


def verify(pkgdir: str, atom: str) -> None:
    """Raise ``BinhostError`` unless PKGDIR holds one package and no other, which is of this atom, and its index too."""
    package = _patterns.package(atom.lstrip("="))
    there = _repair.packages(pkgdir)
    if len(there) != 1:
        raise BinhostError(
            f"{pkgdir}: expected a package of {package} and no other, found {', '.join(there) or 'none'}"
        )
    index = os.path.join(pkgdir, "Packages")
    if not os.path.exists(index):
        raise BinhostError(f"{index}: expected it to list {there[0]}, found no index")
    listed = _packages.packages(_packages.parse(_files.read(index)))
    if [(_patterns.package(entry.cpv), entry.path) for entry in listed] != [(package, there[0])]:
        found = ", ".join(f"{entry.cpv} in {entry.path}" for entry in listed) or "nothing"
        raise BinhostError(f"{index}: expected it to list {package} in {there[0]} and nothing else, found {found}")
