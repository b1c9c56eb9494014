# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Portage's ``Packages`` index as a value: one header stanza, then one stanza per binary package.

An index keeps the lines as they were read, so writing it again loses nothing, keys unknown here included.  What
Portage would pass over in silence is a problem (``_packages_reader``).
"""

from __future__ import annotations

import io
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _packages_reader, _packages_text
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._packages_keys import DEFAULTS, INHERITED, TRANSLATED


@dataclass(frozen=True)
class Stanza:
    """A run of lines as they stand in the file."""

    line: int  # number of its first line, from 1
    data: bytes  # without the last line end

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines; bytes that aren't UTF-8 are kept as surrogates."""
        return tuple(self.data.decode("utf-8", "surrogateescape").split("\n")) if self.data else ()

    def values(self) -> dict[str, str]:
        """Return key to value; of a repeated key the last counts, a line without a colon does not (as for Portage)."""
        return _packages_text.values(self.lines)


@dataclass(frozen=True)
class Package:
    """What one stanza says, with defaults and inherited keys put back."""

    line: int  # where its stanza begins
    values: t.Mapping[str, str]  # key to text: what is written, inherited or the default; unknown keys too

    @property
    def cpv(self) -> str:
        """``app-misc/foo-1.2-r3``; "" where the stanza lacks it (such a stanza is no package to Portage)."""
        return self.values.get("CPV", "")

    @property
    def path(self) -> str:
        """The file, relative to PKGDIR; the one key that is unique."""
        return self.values["PATH"] or f"{self.cpv}.tbz2"

    @property
    def repo(self) -> str:
        """The ebuild repository, "" if neither stanza nor header names it."""
        return self.values.get("REPO", "")

    @property
    def chost(self) -> str:
        """The CHOST, "" if neither stanza nor header names it."""
        return self.values.get("CHOST", "")

    @property
    def slot(self) -> str:
        """Slot or slot/subslot."""
        return self.values["SLOT"]

    @property
    def eapi(self) -> str:
        """The EAPI."""
        return self.values["EAPI"]

    @property
    def md5(self) -> str:
        """The file's MD5, hexadecimal; "" where absent: both digests can be."""
        return self.values.get("MD5", "")

    @property
    def sha1(self) -> str:
        """The file's SHA-1, hexadecimal; "" where absent."""
        return self.values.get("SHA1", "")

    @property
    def size(self) -> int | None:
        """Bytes of the file; this and the next three are ``None`` where absent or no number."""
        return _packages_text.number(self.values.get("SIZE", ""))

    @property
    def build_id(self) -> int | None:
        """Which build of this version it is."""
        return _packages_text.number(self.values["BUILD_ID"])

    @property
    def build_time(self) -> int | None:
        """Seconds since the epoch, UTC."""
        return _packages_text.number(self.values["BUILD_TIME"])

    @property
    def mtime(self) -> int | None:
        """Seconds since the epoch, of the file."""
        return _packages_text.number(self.values.get("MTIME", ""))


@dataclass(frozen=True)
class Index:
    """A whole ``Packages`` file."""

    header: Stanza
    stanzas: tuple[Stanza, ...]
    problems: tuple[_packages_reader.Problem, ...]


def parse(text: str | bytes) -> Index:
    """Return the index; never raises, whatever the text is.

    A text is one decoded with ``errors="surrogateescape"``, which keeps every byte.  CR and CR LF end a line as LF
    does.  That a package has no digest is no problem here.
    """
    data = text if isinstance(text, bytes) else _encoded(text)
    reader = _packages_reader.Reader(io.BytesIO(data), errors="surrogateescape", digests=False)
    header = Stanza(1, reader.data)
    stanzas = tuple(Stanza(line, lines) for line, lines in reader.raw())
    return Index(header, stanzas, tuple(reader.problems()))


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # it has never been bytes
        return text.encode("utf-8", "replace")


def base(header: t.Mapping[str, str]) -> dict[str, str]:
    """Return what a package is where its stanza says nothing: the defaults, and what it inherits of this header."""
    return {**DEFAULTS, **{key: header[key] for key in INHERITED if header.get(key)}}


def dump(index: Index) -> str:
    """Return the text of an index, each stanza followed by one blank line as Portage writes it."""
    data = b"".join(stanza.data + b"\n\n" for stanza in (index.header, *index.stanzas))
    return data.decode("utf-8", "surrogateescape")


def packages(index: Index) -> list[Package]:
    """Return the packages in the order of the file."""
    common = base(index.header.values())
    return [Package(stanza.line, {**common, **stanza.values()}) for stanza in index.stanzas]


def without(index: Index, paths: t.Container[str]) -> Index:
    """Return the index without the packages at these paths; the header's count is as it was."""
    kept = [stanza for stanza, entry in zip(index.stanzas, packages(index)) if entry.path not in paths]
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
    return Stanza(stanza.line, _encoded("\n".join(lines)))


def _place(key: str) -> str:
    """Return what Portage sorts a package's key by: its own name for it."""
    return TRANSLATED.get(key, key)


def _key(line: str) -> str:
    """Return what stands before the first colon."""
    return line.split(":", 1)[0]
