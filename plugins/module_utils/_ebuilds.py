# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ebuilds a root's Portage sees, told in a fraction of a second: only what decides what emerge would merge.

That is names, sizes and mtimes of ebuilds, eclasses and profiles, and what a sync leaves behind. Not read are patches
(``files``), Manifests, and the metadata cache: Portage takes from that only what fits the ebuild (PMS, "Metadata
cache"; portage cache/template.py, ``validate_entry``).
"""

from __future__ import annotations

import hashlib
import os
import re
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _paths, _repository, _revisions
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: Portage's own first, then what the person says, a file or a folder (portage repository/config.py).
CONFIGURATION: t.Final = ("usr/share/portage/config/repos.conf", "etc/portage/repos.conf")
# location = %(EPREFIX)s/var/db/repos/gentoo
_LOCATION = re.compile(r"^\s*location\s*[=:]\s*(?:%\(\w+\)s)?(/\S.*?)\s*$", re.MULTILINE)
#: What is not Portage's to read for an answer, at the top of a repository.
_PASSED_OVER: t.Final = _repository.BESIDE | {"licenses", "scripts", "header.txt"}
_EBUILD: t.Final = ".ebuild"
#: Folders that are read as a whole; all others at the top hold packages, if anything.
_WHOLE: t.Final = frozenset({"eclass", "profiles", "sets"})


def locations(root: str = "/") -> list[str]:
    """Return where repositories are by any line of the root's repos.conf, as paths in the root, sorted.

    There may be more than Portage takes: a line that a later one replaces is there too.
    """
    found: set[str] = set()
    for name in CONFIGURATION:
        for path in _files(os.path.join(root, name)):
            found.update(os.path.normpath(each) for each in _LOCATION.findall(_text(path)))
    return sorted(found)


def _files(path: str) -> list[str]:
    if not os.path.isdir(path):
        return [path] if os.path.isfile(path) else []
    return [os.path.join(folder, name) for folder, _folders, names in os.walk(path) for name in names]


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as handle:
        return handle.read()


def revisions(root: str = "/", mountinfo: str = "/proc/self/mountinfo") -> dict[str, str]:
    """Return the revision of each repository that is there, by its path in the root.

    One that lies on another machine is not looked at, and has another revision each time: whoever has to know has to
    ask Portage.
    """
    places = {path: os.path.join(root, path.lstrip("/")) for path in locations(root)}
    known = _revisions.all_of(places, _text(mountinfo))
    return {path: found for path, place in places.items() if (found := _revision(place, known[path]))}


def _revision(place: str, known: t.Mapping[str, str]) -> str:
    if known["kind"] == "network":
        return os.urandom(16).hex()
    return revision(place, known["revision"]) if os.path.isdir(place) else ""


def revision(location: str, synced: str = "") -> str:
    """Return a text that is another one when what the ebuilds say, or ``synced``, may be another.

    Of a snapshot that is its name: nobody writes to it.  Raises ``BinhostError`` if the folder can't be read.
    """
    real = os.path.realpath(location)
    if os.path.dirname(real) == os.path.realpath(_paths.below("repos")):
        return os.path.basename(real)
    try:
        facts = sorted(_facts(real))
    except OSError as exc:
        raise BinhostError(f"{exc.filename}: expected a readable ebuild repository, found: {exc.strerror}") from None
    return hashlib.sha256(repr((synced, facts)).encode()).hexdigest()


def _facts(top: str) -> t.Iterator[tuple[str, int, int]]:
    """Yield path, size and mtime, in no order."""
    for entry in _entries(top):
        if entry.name in _PASSED_OVER:
            continue
        if entry.is_dir():
            if entry.name in _WHOLE:
                yield from _below(entry.path)
            elif entry.name == "metadata":
                yield from (_fact(each) for each in _entries(entry.path) if each.is_file())
            else:
                yield from _packages(entry.path)
        else:
            yield _fact(entry)


def _packages(category: str) -> t.Iterator[tuple[str, int, int]]:
    for package in _entries(category):
        if package.is_dir():
            yield from (_fact(each) for each in _entries(package.path) if each.name.endswith(_EBUILD))


def _below(folder: str) -> t.Iterator[tuple[str, int, int]]:
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _below(entry.path)
        else:
            yield _fact(entry)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        return [entry for entry in found if entry.name not in _repository.VCS]


def _fact(entry: os.DirEntry[str]) -> tuple[str, int, int]:
    """Return what makes a file another one; of a link that leads nowhere, the link's own."""
    try:
        status = entry.stat()
    except FileNotFoundError:
        status = entry.stat(follow_symlinks=False)
    return entry.path, status.st_size, status.st_mtime_ns
