# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Portage wrote down of each installed package, and whether the files on the disk still are what it installed.

The folder is /var/db/pkg/CATEGORY/PF (PMS calls it the VDB).  CONTENTS has a line per path: ``obj PATH MD5 MTIME``,
``sym PATH -> TARGET MTIME``, ``dir PATH``, ``fif PATH``, ``dev PATH`` (portage dbapi/vartree.py, ``_contents_re``).
"""

from __future__ import annotations

import hashlib
import os
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _host, _runnable

#: What decides which CPUs can run a package, as far as it is recorded.
FLAGS: t.Final = ("CFLAGS", "CXXFLAGS")
_CONTENTS = re.compile(
    r"(?:(?P<plain>dir|dev|fif) (?P<where>.+)"
    r"|obj (?P<file>.+) (?P<md5>\S+) \d+"
    r"|sym (?P<link>.+) -> (?P<target>.+) \d+)\Z"
)
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Package:
    """One installed package."""

    cpv: str
    build_time: int | None  # seconds since the epoch: with cpv it tells a binary package of the very same build
    flags: tuple[str, ...]  # the different values of FLAGS; none where nothing is recorded


def packages(root: str = "/") -> list[Package]:
    """Return what is installed below ``root``, sorted."""
    return [_package(root, cpv) for cpv in _host.installed(root)]


def _package(root: str, cpv: str) -> Package:
    flags = _runnable.different(read(root, cpv, name) for name in FLAGS)
    time = read(root, cpv, "BUILD_TIME").strip()
    return Package(cpv, int(time) if time.isdigit() else None, tuple(flags))


def read(root: str, cpv: str, name: str) -> str:
    """Return the text of one of a package's files, empty if there is none."""
    try:
        with open(os.path.join(root, _host.VDB, cpv, name), encoding="utf-8", errors="surrogateescape") as handle:
            return handle.read()
    except FileNotFoundError:
        return ""


def files(root: str, cpv: str, name: str) -> list[str]:
    """Return the paths of a package's files of this name, in whatever folder."""
    lines = (line for line in read(root, cpv, "CONTENTS").split("\n") if f"/{name} " in line)
    found = [match["file"] for match in map(_CONTENTS.match, lines) if match and match["file"]]
    return [path for path in found if path.rpartition("/")[2] == name]


def changed(root: str, cpv: str, *, spared: t.Callable[[str], bool] = lambda path: False) -> list[str]:
    """Return the paths that aren't what the package installed, sorted: other content, another kind, gone.

    The content decides: a file that was only touched is the same, one whose mtime was put back is not.  Paths for
    which ``spared`` is true aren't looked at.
    """
    found = []
    for number, line in enumerate(read(root, cpv, "CONTENTS").split("\n"), start=1):
        match = _CONTENTS.match(line)
        if match is None:
            found += [f"line {number} of its CONTENTS"] if line.strip() else []
            continue
        path = match["where"] or match["file"] or match["link"]
        if not spared(path) and not _same(os.path.join(root, path.lstrip("/")), match):
            found.append(path)
    return sorted(found)


def _same(place: str, entry: re.Match[str]) -> bool:
    """Return whether what stands there is what the line says."""
    try:
        if entry["md5"]:
            return not os.path.islink(place) and os.path.isfile(place) and _md5(place) == entry["md5"].lower()
        if entry["target"]:
            return os.readlink(place) == entry["target"]
        return os.path.isdir(place) if entry["plain"] == "dir" else os.path.lexists(place)
    except OSError:
        return False


def _md5(path: str) -> str:
    total = hashlib.new("md5", usedforsecurity=False)
    with open(path, "rb") as handle:
        while block := handle.read(_CHUNK):
            total.update(block)
    return total.hexdigest()


def protected(path: str, protect: t.Iterable[str], mask: t.Iterable[str]) -> bool:
    """Return whether Portage takes a path for a configuration file.

    ``protect`` and ``mask`` are the words of CONFIG_PROTECT and CONFIG_PROTECT_MASK; the longest that the path is, or
    is below, decides (portage util/__init__.py, ``ConfigProtect``).
    """
    return _longest(path, protect) > _longest(path, mask)


def _longest(path: str, places: t.Iterable[str]) -> int:
    """Return the length of the longest of these places that the path is at or below; 0 if there is none."""
    names = ["/" + place.strip("/") for place in places]
    return max((len(name) for name in names if path == name or path.startswith(name.rstrip("/") + "/")), default=0)
