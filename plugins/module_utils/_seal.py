# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seal of a generation: the record that says what exactly it consists of.

::

    {"format": 1, "target": "x86-64-v3", "number": 41, "time": "2026-01-31T12:00:00Z", "timestamp": 1769860800,
     "index": {"sha512": "…", "size": 51234},
     "repositories": {"gentoo": {"revision": "…", "archive": "repos/gentoo.tar.xz", "sha512": "…", "size": 41234567}},
     "packages": {"app-misc/foo/foo-1.2-1.gpkg.tar": {"sha512": "…", "size": 20480}}}

``timestamp`` is the TIMESTAMP of Packages and the mtime of its files; sizes are bytes; paths are relative to the
generation's folder.  A key that this format does not have is an error: a later format gets another number.
"""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import asdict, dataclass

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import TARGET_NAME

FORMAT: t.Final = 1
REPOSITORY_NAME: t.Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*\Z")  # PMS 3.1.5
_REVISION = re.compile(r"[0-9a-f]{12,64}\Z")
_SHA512 = re.compile(r"[0-9a-f]{128}\Z")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")


@dataclass(frozen=True)
class File:
    """What a file's content has to be."""

    sha512: str
    size: int  # bytes


@dataclass(frozen=True)
class Repository:
    """An ebuild repository as the generation carries it."""

    revision: str  # hexadecimal; at least the 12 digits that its snapshot is named by
    archive: str  # relative to the generation's folder
    sha512: str  # of the archive
    size: int  # of the archive, bytes

    def folder(self, name: str) -> str:
        """Return the name of its snapshot below ``repos/``."""
        return f"{name}-{self.revision[:12]}"


@dataclass(frozen=True)
class Seal:
    """One generation."""

    target: str
    number: int
    time: str  # when it was made, UTC, "2026-01-31T12:00:00Z"
    timestamp: int  # of the index, seconds since the epoch
    index: File
    repositories: t.Mapping[str, Repository]
    packages: t.Mapping[str, File]  # PATH of the index to file

    def revisions(self) -> dict[str, str]:
        """Return repository to revision, sorted by name."""
        return {name: self.repositories[name].revision for name in sorted(self.repositories)}


def dump(seal: Seal) -> bytes:
    """Return the canonical text: sorted keys, UTF-8, one line end; equal seals give equal bytes."""
    record = {"format": FORMAT, **asdict(seal)}
    return (json.dumps(record, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "surrogateescape")


def parse(data: bytes, *, where: str) -> Seal:
    """Return the seal that ``data`` holds; ``where`` is the file or URL to name in errors.

    Raises ``BinhostError`` for anything but a complete seal of this format.
    """
    try:
        record = json.loads(data.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        start = data[:60].decode("utf-8", "replace")
        raise BinhostError(f"{where}: expected a seal (a JSON record), found {start!r}") from None
    if isinstance(record, dict) and record.get("format") != FORMAT:
        raise BinhostError(f"{where}: expected a seal of format {FORMAT}, found {record.get('format')!r}")
    return _seal(_Reader(record, where))


def _seal(read: _Reader) -> Seal:
    """Return the seal a record describes."""
    seal = Seal(
        target=read.text("target", TARGET_NAME),
        number=read.number("number", least=1),
        time=read.text("time", _TIME),
        timestamp=read.number("timestamp"),
        index=_file(read.record("index")),
        repositories={name: _repository(entry) for name, entry in read.records("repositories", repository_name)},
        packages={path: _file(entry) for path, entry in read.records("packages", inside)},
    )
    read.ends("format", *Seal.__dataclass_fields__)
    return seal


def _file(read: _Reader) -> File:
    read.ends("sha512", "size")
    return File(read.text("sha512", _SHA512), read.number("size"))


def _repository(read: _Reader) -> Repository:
    read.ends("revision", "archive", "sha512", "size")
    archive = read.text("archive", re.compile(r".+\Z", re.DOTALL))
    if not inside(archive):
        raise BinhostError(f"{read.where}: archive: expected a path inside the generation, found {archive!r}")
    sha512, size = read.text("sha512", _SHA512), read.number("size")
    return Repository(read.text("revision", _REVISION), archive, sha512, size)


def repository_name(name: str) -> bool:
    """Return whether this can be the name of an ebuild repository."""
    return bool(REPOSITORY_NAME.match(name))


def inside(path: str) -> bool:
    """Return whether a relative path stays below its folder and hides nothing (no ``..``, no leading dot, no NUL)."""
    return "\0" not in path and all(part and not part.startswith(".") for part in path.split("/"))


class _Reader:
    """A part of the record and the place it stands at, for errors that say where."""

    def __init__(self, value: t.Any, where: str) -> None:
        if not isinstance(value, dict):
            raise BinhostError(f"{where}: expected a record, found {str(value)[:60]!r}")
        self._value: dict[str, t.Any] = value
        self.where = where

    def text(self, key: str, pattern: re.Pattern[str]) -> str:
        """Return a text that matches the pattern."""
        value = self._value.get(key)
        if not isinstance(value, str) or not pattern.match(value):
            raise BinhostError(f"{self.where}: {key}: expected {pattern.pattern[:-2]}, found {value!r}")
        return value

    def number(self, key: str, *, least: int = 0) -> int:
        """Return a whole number."""
        value = self._value.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise BinhostError(f"{self.where}: {key}: expected a whole number from {least}, found {value!r}")
        return value

    def record(self, key: str) -> _Reader:
        """Return the record at ``key``."""
        return _Reader(self._value.get(key), f"{self.where}: {key}")

    def records(self, key: str, good: t.Callable[[str], bool]) -> t.Iterator[tuple[str, _Reader]]:
        """Yield name and record of a table whose names are ``good``."""
        table = self.record(key)
        for name in table._value:
            if not good(name):
                raise BinhostError(f"{table.where}: expected a safe name, found {name!r}")
            yield name, table.record(name)

    def ends(self, *keys: str) -> None:
        """Raise if there are keys besides these."""
        others = sorted(set(self._value) - set(keys))
        if others:
            raise BinhostError(f"{self.where}: expected the keys {', '.join(keys)}, found also {', '.join(others)}")
