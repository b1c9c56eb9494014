# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write Portage's ``Packages`` index: one header stanza, then one stanza per binary package.

The grammar is that of portage ``lib/portage/getbinpkg.py``, class ``PackageIndex``; defaults and inherited keys are
those of ``dbapi/bintree.py``, ``_pkgindex_default_pkg_data`` and ``_pkgindex_inherited_keys``.  Where Portage silently
stops (an empty stanza) or skips (a line without a colon), this reader goes on and reports a problem.

An index keeps the lines as they were read, so writing it again loses nothing, keys unknown here included.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: What a stanza that lacks the key means; everything else a stanza may omit means "".
DEFAULTS: t.Final[t.Mapping[str, str]] = {"EAPI": "0", "SLOT": "0"}
#: Keys a stanza omits when they equal the header's.
INHERITED: t.Final = ("CHOST", "REPO")
NUMBERS: t.Final = ("BUILD_ID", "BUILD_TIME", "MTIME", "SIZE")
#: Key in the file -> Portage's own name (dbapi/bintree.py, ``_pkgindex_translated_keys``), by which it sorts.
TRANSLATED: t.Final[t.Mapping[str, str]] = {"DESC": "DESCRIPTION", "MTIME": "_mtime_", "REPO": "repository"}


@dataclass(frozen=True)
class Stanza:
    """A run of lines as they stand in the file, without their line ends."""

    line: int  # number of its first line, from 1
    lines: tuple[str, ...]

    def values(self) -> dict[str, str]:
        """Return key to value; of a repeated key the last counts, a line without a colon does not (as for Portage)."""
        pairs = (line.split(":", 1) for line in self.lines if ":" in line)
        return {key: value[1:].rstrip("\r") for key, value in pairs}


@dataclass(frozen=True)
class Problem:
    """Something Portage would pass over in silence."""

    line: int
    text: str

    def __str__(self) -> str:
        """Return ``line 12: what is wrong``."""
        return f"line {self.line}: {self.text}"


@dataclass(frozen=True)
class Package:
    """What one stanza says, with defaults and inherited keys put back."""

    line: int  # where its stanza begins
    cpv: str  # "app-misc/foo-1.2-r3"; "" where the stanza lacks it (such a stanza is no package to Portage)
    path: str  # of the file, relative to PKGDIR; the one key that is unique
    repo: str
    chost: str
    slot: str
    eapi: str
    size: int | None  # bytes; this and the next three are None where absent or no number
    build_id: int | None
    build_time: int | None  # seconds since the epoch, UTC
    mtime: int | None  # seconds since the epoch, of the file
    md5: str  # "" where absent: both digests can be
    sha1: str
    values: t.Mapping[str, str]  # the stanza's own keys, as written


@dataclass(frozen=True)
class Index:
    """A whole ``Packages`` file."""

    header: Stanza
    stanzas: tuple[Stanza, ...]
    problems: tuple[Problem, ...]


def parse(text: str) -> Index:
    """Return the index; never raises, whatever the text is.

    Decode a file with ``errors="surrogateescape"`` to be able to write back every byte.
    """
    blocks, problems = _blocks(text.split("\n"))
    # A file that begins with a blank line has an empty header: Portage takes what follows for packages.
    header = blocks.pop(0) if blocks and blocks[0].line == 1 else Stanza(1, ())
    index = Index(header, tuple(blocks), ())
    found = [*problems, *_header_problems(index), *_package_problems(packages(index))]
    return Index(header, index.stanzas, tuple(sorted(found, key=lambda problem: problem.line)))


def dump(index: Index) -> str:
    """Return the text of an index, each stanza followed by one blank line as Portage writes it."""
    return "".join("\n".join(stanza.lines) + "\n\n" for stanza in (index.header, *index.stanzas))


def packages(index: Index) -> list[Package]:
    """Return the packages in the order of the file."""
    header = index.header.values()
    inherited = {key: header.get(key, "") for key in INHERITED}
    return [_package(stanza, inherited) for stanza in index.stanzas]


def without(index: Index, paths: t.Container[str]) -> Index:
    """Return the index without the packages at these paths; the header's count is as it was."""
    kept = [stanza for stanza, entry in zip(index.stanzas, packages(index)) if entry.path not in paths]
    return Index(index.header, tuple(kept), index.problems)


def selected(index: Index, paths: t.Container[str]) -> Index:
    """Return the index with the packages at these paths alone; the header's count is as it was."""
    kept = [stanza for stanza, entry in zip(index.stanzas, packages(index)) if entry.path in paths]
    return Index(index.header, tuple(kept), index.problems)


def with_header(index: Index, changes: t.Mapping[str, str | None]) -> Index:
    """Return the index with header keys set, or removed where the value is ``None``; all else stays as it is."""
    return Index(_changed(index.header, changes), index.stanzas, index.problems)


def amended(index: Index, changes: t.Mapping[str, t.Mapping[str, str | None]]) -> Index:
    """Return the index with keys of the packages at these paths set, or removed where the value is ``None``.

    ``changes`` maps PATH to key to value; all else stays as it is.  A key that is new stands where Portage writes it.
    Raises ``BinhostError`` for a path that no package has.
    """
    entries = packages(index)
    unknown = set(changes) - {entry.path for entry in entries}
    if unknown:
        raise BinhostError(
            f"index: expected packages at the paths to amend, found none at {', '.join(sorted(unknown))}"
        )
    stanzas = (
        _changed(stanza, changes[entry.path], order=_place) if entry.path in changes else stanza
        for stanza, entry in zip(index.stanzas, entries)
    )
    return Index(index.header, tuple(stanzas), index.problems)


def _changed(stanza: Stanza, changes: t.Mapping[str, str | None], order: t.Callable[[str], str] = str) -> Stanza:
    """Return the stanza with keys set or removed; a new one follows those that ``order`` puts before it."""
    kept = [line for line in stanza.lines if changes.get(_key(line), "") is not None]
    lines = [f"{_key(line)}: {changes[_key(line)]}" if _key(line) in changes else line for line in kept]
    new = [f"{key}: {value}" for key, value in changes.items() if value is not None and key not in map(_key, kept)]
    for line in new:
        after = sum(1 for other in lines if order(_key(other)) < order(_key(line)))
        lines.insert(after, line)
    return Stanza(stanza.line, tuple(lines))


def _place(key: str) -> str:
    """Return what Portage sorts a package's key by: its own name for it."""
    return TRANSLATED.get(key, key)


def _key(line: str) -> str:
    """Return what stands before the first colon."""
    return line.split(":", 1)[0]


def _package(stanza: Stanza, inherited: t.Mapping[str, str]) -> Package:
    """Return the typed view of one stanza."""
    values = stanza.values()
    full = {**inherited, **DEFAULTS, **values}
    numbers = {key.lower(): _number(values.get(key, "")) for key in NUMBERS}
    return Package(
        line=stanza.line,
        cpv=full.get("CPV", ""),
        path=full.get("PATH") or f"{full.get('CPV', '')}.tbz2",
        repo=full["REPO"],
        chost=full["CHOST"],
        slot=full["SLOT"],
        eapi=full["EAPI"],
        md5=full.get("MD5", ""),
        sha1=full.get("SHA1", ""),
        values=values,
        **numbers,
    )


def _number(text: str) -> int | None:
    """Return a decimal number, ``None`` if the text is none (int() alone takes signs, blanks and underscores)."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _blocks(lines: t.Sequence[str]) -> tuple[list[Stanza], list[Problem]]:
    """Return the runs of non-blank lines, and what Portage would stop at or skip."""
    blocks: list[Stanza] = []
    problems: list[Problem] = []
    run: list[str] = []
    empty = 0  # the line at which Portage stops, once it is known that something follows
    for number, line in enumerate([*lines, ""], start=1):
        if line.rstrip("\r"):
            if empty and not run:
                problems.append(Problem(empty, "empty stanza: Portage reads nothing after this line"))
            empty = 0
            if ":" not in line:
                problems.append(Problem(number, f"expected 'KEY: value', found {line[:80]!r}"))
            run.append(line)
        elif run:
            blocks.append(Stanza(number - len(run), tuple(run)))
            run = []
        elif blocks:
            empty = empty or number
    return blocks, problems


def _header_problems(index: Index) -> t.Iterator[Problem]:
    """Yield what a client would refuse or misread in the header."""
    header = index.header.values()
    count = header.get("PACKAGES", "")
    if count != str(len(index.stanzas)):
        line = next((n for n, x in enumerate(index.header.lines, start=1) if _key(x) == "PACKAGES"), 1)
        found = f"the header says {count!r}" if count else "the header has no PACKAGES"
        yield Problem(line, f"{found}, the file holds {len(index.stanzas)} packages")
    for key in ("TIMESTAMP", "VERSION"):
        if _number(header.get(key, "")) is None:
            found = repr(header.get(key, ""))
            yield Problem(1, f"expected a number {key} in the header, found {found}: Portage refuses the index")


def _package_problems(entries: t.Iterable[Package]) -> t.Iterator[Problem]:
    """Yield what is wrong with single stanzas."""
    first: dict[str, int] = {}
    for entry in entries:
        if not entry.cpv:
            yield Problem(entry.line, "the stanza has no CPV: Portage skips it")
        elif entry.path in first:
            yield Problem(entry.line, f"PATH {entry.path!r} stands at line {first[entry.path]} already")
        first.setdefault(entry.path, entry.line)
        for key in NUMBERS:
            text = entry.values.get(key, "")
            if text and _number(text) is None:
                yield Problem(entry.line, f"{key} is no number, found {text[:80]!r}")
