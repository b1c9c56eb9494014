# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seal of a generation: the record that says what exactly it consists of.

::

    {"format": 3, "target": "x86-64-v3", "number": 41, "time": "2026-01-31T12:00:00Z", "timestamp": 1769860800,
     "expires": "2026-05-01T12:00:00Z", "key": "<fingerprint>", "restores": 0,
     "index": {"sha512": "…", "size": 51234},
     "repositories": {"gentoo": {"revision": "…", "archive": "repos/gentoo.tar.xz", "sha512": "…", "size": 41234567}},
     "packages": {"app-misc/foo/foo-1.2-1.gpkg.tar": {"sha512": "…", "size": 20480, "key": "<fingerprint>",
       "cflags": "-O2 -march=x86-64-v3", "kernel": "3.2.0", "glibc": "2.38", "isa": "x86-64-v3",
       "source": {"size": 18432, "md5": "…", "sha1": "…"}}},
     "record": {"sha512": "…", "size": 4096}}

``timestamp`` is the TIMESTAMP of Packages and the mtime of its files; sizes are bytes; paths are relative to the
generation's folder.  A key that this format does not have is an error: a later format gets another number.
``record`` is what ``record.json`` beside it has to be: what the generation was made from; null without one.
Beside it stands ``seal.json.asc``, the detached signature of its bytes by ``key``; format 1 had none, and format 2
neither ``glibc`` nor ``isa`` nor ``record``.
"""

from __future__ import annotations

import calendar
import json
import re
import time
import typing as t
from dataclasses import asdict, dataclass

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import TARGET_NAME

FORMAT: t.Final = 3
NAME: t.Final = "seal.json"
SIGNATURE: t.Final = "seal.json.asc"
RECORD: t.Final = "record.json"
REPOSITORY_NAME: t.Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*\Z")  # PMS 3.1.5
_REVISION = re.compile(r"[0-9a-f]{12,64}\Z")
_SHA512 = re.compile(r"[0-9a-f]{128}\Z")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
_TIME_FORMAT: t.Final = "%Y-%m-%dT%H:%M:%SZ"
_KEY = re.compile(r"([0-9A-F]{40}|[0-9A-F]{64})?\Z")
_MD5 = re.compile(r"([0-9a-f]{32})?\Z")
_SHA1 = re.compile(r"([0-9a-f]{40})?\Z")
_KERNEL = re.compile(r"(\d+\.\d+\.\d+)?\Z")
_GLIBC = re.compile(r"(\d+\.\d+(\.\d+)?)?\Z")
_ISA = re.compile(r"(x86-64(-v[234])?)?\Z")
_LINE = re.compile(r"[^\n\r\0]*\Z")


@dataclass(frozen=True)
class File:
    """What a file's content has to be."""

    sha512: str
    size: int  # bytes


@dataclass(frozen=True)
class Source:
    """A package as Portage built it, before it was signed, in the words of PKGDIR's index."""

    size: int  # bytes
    md5: str  # "" where the index has none
    sha1: str  # the same


@dataclass(frozen=True)
class Package(File):
    """A package file, and what of it no index tells."""

    key: str  # fingerprint of the primary key that signed it, "" if none did
    cflags: str  # that it was compiled with
    kernel: str  # the oldest that its programs start on, such as "3.2.0"; "" if they don't say
    glibc: str  # the oldest that has all that its programs ask for, such as "2.38"; "" if they ask for none
    isa: str  # the level of x86 that its programs say they need, such as "x86-64-v3"; "" if they don't say
    source: Source


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
    expires: str  # from when on it is no longer to be taken for the newest, likewise
    timestamp: int  # of the index, seconds since the epoch
    key: str  # fingerprint of the primary key that signs this seal, "" if none does
    restores: int  # the generation that it went back to, 0 if it is what was built last
    index: File
    repositories: t.Mapping[str, Repository]
    packages: t.Mapping[str, Package]  # PATH of the index to file
    record: File | None = None  # of what it was made

    def revisions(self) -> dict[str, str]:
        """Return repository to revision, sorted by name."""
        return {name: self.repositories[name].revision for name in sorted(self.repositories)}

    def left(self, now: float) -> int:
        """Return the seconds until it expires; not above 0 once it has."""
        return seconds(self.expires) - int(now)


def seconds(text: str) -> int:
    """Return seconds since the epoch of a time as seals write it."""
    return calendar.timegm(time.strptime(text, _TIME_FORMAT))


def utc(moment: float) -> str:
    """Return seconds since the epoch as seals write it."""
    return time.strftime(_TIME_FORMAT, time.gmtime(moment))


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
        time=read.time("time"),
        expires=read.time("expires"),
        timestamp=read.number("timestamp"),
        key=read.text("key", _KEY),
        restores=read.number("restores"),
        index=_file(read.record("index")),
        repositories={name: _repository(entry) for name, entry in read.records("repositories", repository_name)},
        packages={path: _package(entry) for path, entry in read.records("packages", inside)},
        record=_file(read.record("record")) if read.has("record") else None,
    )
    read.ends("format", *Seal.__dataclass_fields__)
    return seal


def _file(read: _Reader) -> File:
    read.ends("sha512", "size")
    return File(read.text("sha512", _SHA512), read.number("size"))


def _package(read: _Reader) -> Package:
    read.ends("sha512", "size", "key", "cflags", "kernel", "glibc", "isa", "source")
    source = read.record("source")
    source.ends("size", "md5", "sha1")
    return Package(
        sha512=read.text("sha512", _SHA512),
        size=read.number("size"),
        key=read.text("key", _KEY),
        cflags=read.text("cflags", _LINE),
        kernel=read.text("kernel", _KERNEL),
        glibc=read.text("glibc", _GLIBC),
        isa=read.text("isa", _ISA),
        source=Source(source.number("size"), source.text("md5", _MD5), source.text("sha1", _SHA1)),
    )


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

    def time(self, key: str) -> str:
        """Return a text that is a time there is."""
        value = self.text(key, _TIME)
        try:
            seconds(value)
        except ValueError:
            raise BinhostError(f"{self.where}: {key}: expected a time, found {value!r}") from None
        return value

    def number(self, key: str, *, least: int = 0) -> int:
        """Return a whole number."""
        value = self._value.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise BinhostError(f"{self.where}: {key}: expected a whole number from {least}, found {value!r}")
        return value

    def has(self, key: str) -> bool:
        """Return whether there is anything but null at ``key``."""
        return self._value.get(key) is not None

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
