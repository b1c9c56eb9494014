# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a ``Packages`` index of any size in one pass, holding one piece of it at a time.

The grammar is that of portage ``lib/portage/getbinpkg.py``, class ``PackageIndex``, on a text with universal line ends,
as ``dbapi/bintree.py`` opens it: ``KEY: VALUE``, the character after the colon is dropped whatever it is, of a repeated
key the last counts.  Where Portage silently stops (a stanza in which it finds nothing) or skips (a line without a
colon, a stanza without CPV), this reader goes on and reports a problem.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils._packages_keys import ALIASES, KEYS, NUMBERS

#: Bytes read at once: pieces of this size stay in a CPU's cache.
PIECE: t.Final = 1 << 17
_CPV = re.compile(rb"\nCPV:(.*)")

#: Whether a package of this CPV is asked for.
Wants = t.Callable[[str], bool]


@dataclass(frozen=True)
class Problem:
    """Something Portage would pass over in silence."""

    line: int
    text: str

    def __str__(self) -> str:
        """Return ``line 12: what is wrong``."""
        return f"line {self.line}: {self.text}"


class Source(t.Protocol):
    """Where bytes come from."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, none at the end."""


def pieces(source: Source) -> t.Iterator[bytes]:
    """Yield the text, its line ends made LF, in pieces that end where a stanza does, but for the last."""
    rest = held = b""
    # Reading as much again as there is keeps a file without any blank line from taking quadratic time.
    while data := source.read(max(PIECE, len(rest))):
        data = held + data
        held = data[-1:] if data.endswith(b"\r") else b""  # half of a line end, perhaps
        data = data[: len(data) - len(held)]
        rest += data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data
        cut = rest.rfind(b"\n\n") + 2
        if cut > 1:
            yield rest[:cut]
            rest = rest[cut:]
    if rest or held:
        yield rest + (b"\n" if held else b"")


def values(lines: t.Sequence[str]) -> dict[str, str]:
    """Return key to value of a stanza in the file's names for the keys, as Portage reads it."""
    try:
        # As Portage writes it: what is found here is right if the keys are known ones.
        found = dict([line.split(": ", 1) for line in lines])
        if KEYS.issuperset(found):
            return found
    except ValueError:  # a line without ": "
        pass
    pairs = (line.partition(":") for line in lines)
    return {ALIASES.get(key, key): value[1:] for key, colon, value in pairs if colon}


def number(text: str) -> int | None:
    """Return a decimal number, ``None`` if the text is none (int() alone takes signs, blanks and underscores)."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


class Reader:
    """One pass over an index: the header at once, then the stanzas; what is known at the end only, at the end."""

    def __init__(self, source: Source, *, errors: str = "replace", digests: bool = True) -> None:
        """Read the header.

        ``errors`` is what becomes of bytes that aren't UTF-8, as for ``bytes.decode``; Portage replaces them.
        ``digests``: whether a package without any is a problem.
        """
        self._errors = errors
        self._digests = digests
        self._parts = pieces(source)
        self._part = next(self._parts, b"")
        self._at = 0  # in that part
        self._line = 1  # at that place
        self._problems: list[Problem] = []
        self._first: dict[str, int] = {}  # PATH -> line of its stanza
        self._stop = 0  # the line at which Portage stops
        self.portage_reads = 0  # packages that Portage takes from what was read so far
        self.stanzas = 0  # read so far
        self.lines: list[str] = []  # of the header
        # A file that begins with a blank line has an empty header: Portage takes what follows for packages.
        if self._part and not self._part.startswith(b"\n"):
            self.lines = self._take()[1]
        else:
            self._skip()
        self.header = values(self.lines)
        self._colons(1, self.lines)

    def __iter__(self) -> t.Iterator[tuple[int, list[str], dict[str, str]]]:
        """Yield line number, lines and values of every stanza that is not empty; problems are noted as it goes."""
        empty = 0  # the line of a blank one, until it is known that something follows
        while self._more():
            if self._part.startswith(b"\n", self._at):
                empty = empty or self._line
                self._skip()
                continue
            if empty:
                self._stops(empty, "empty stanza: Portage reads nothing after this line")
            line, lines = self._take()
            found = values(lines)
            self._check(line, lines, found)
            empty = 0
            yield line, lines, found

    def find(self, wants: Wants) -> t.Iterator[tuple[int, dict[str, str]]]:
        """Yield line and values of the stanzas whose CPV is wanted; all others are passed over unread and unchecked."""
        while self._more():
            part = b"\n" + self._part[self._at :]
            if any(wants(one[1:]) for one in self._decoded(b"\n".join(_CPV.findall(part)))):
                yield from self._found(part, wants)
            self._line += part.count(b"\n") - 1
            self._at = len(self._part)

    def problems(self) -> list[Problem]:
        """Return what was noted, sorted by line; complete once every stanza was read."""
        told = [*self._problems, *self._of_header()]
        if self._stop:
            stop = next(one for one in told if one.line == self._stop and one.text.endswith("nothing after this line"))
            reads = f"{stop.text}, {self.portage_reads} of {self.stanzas} packages"
            told[told.index(stop)] = Problem(stop.line, reads)
        return sorted(told, key=lambda problem: problem.line)

    def _more(self) -> bool:
        """Return whether there is more to read, in this part or in the next."""
        while self._at >= len(self._part):
            self._part, self._at = next(self._parts, b""), 0
            if not self._part:
                return False
        return True

    def _skip(self) -> None:
        """Pass over a blank line."""
        self._at += 1
        self._line += 1

    def _take(self) -> tuple[int, list[str]]:
        """Return line number and lines of the stanza that begins here, and pass over it."""
        begin, line = self._at, self._line
        end = self._part.find(b"\n\n", begin)
        if end < 0:
            end = len(self._part) - self._part.endswith(b"\n")
            self._note(line, "the file ends within the stanza that begins here: expected a blank line after it")
        lines = self._decoded(self._part[begin:end])
        self._at = end + 2
        self._line += len(lines) + 1
        return line, lines

    def _found(self, part: bytes, wants: Wants) -> t.Iterator[tuple[int, dict[str, str]]]:
        """Yield the wanted stanzas of a part that begins with one line end too many."""
        done = 0
        for match in _CPV.finditer(part):
            if match.start() < done or not wants(self._decoded(match[1])[0][1:]):
                continue
            begin = part.rfind(b"\n\n", 0, match.start() + 1) + 2  # 1 if there is none: the part begins there
            done = part.find(b"\n\n", match.end())
            done = done if done >= 0 else len(part) - part.endswith(b"\n")
            found = values(self._decoded(part[begin:done]))
            if wants(found["CPV"]):
                yield self._line + part.count(b"\n", 1, begin), found

    def _decoded(self, data: bytes) -> list[str]:
        """Return the lines of a stanza, or of what is as independent of what stands around it."""
        return data.decode("utf-8", self._errors).split("\n")

    def _note(self, line: int, text: str) -> None:
        self._problems.append(Problem(line, text))

    def _stops(self, line: int, text: str) -> None:
        """Note where Portage finds nothing; after the first such place it reads nothing at all."""
        self._note(line, text if not self._stop else text.partition(":")[0])
        self._stop = self._stop or line

    def _colons(self, line: int, lines: t.Sequence[str]) -> None:
        """Note the lines without a colon; ``line`` is the number of the first one."""
        for at, one in enumerate(lines, start=line):
            if ":" not in one:
                self._note(at, f"expected 'KEY: value', found {one[:80]!r}")

    def _check(self, line: int, lines: t.Sequence[str], found: t.Mapping[str, str]) -> None:
        """Note what is wrong with one stanza."""
        self.stanzas += 1
        if len(found) < len(lines):
            self._colons(line, lines)
        if not found.get("CPV"):
            self._without_cpv(line, found)
            return
        self.portage_reads += not self._stop
        path = found.get("PATH") or f"{found['CPV']}.tbz2"
        first = self._first.setdefault(path, line)
        if first != line:
            self._note(line, f"PATH {path!r} stands at line {first} already")
        if self._digests and not found.get("MD5") and not found.get("SHA1"):
            self._note(line, f"{found['CPV']} has neither MD5 nor SHA1: no client can check the file")
        for key in NUMBERS:
            value = found.get(key)
            if value and number(value) is None:
                self._note(line, f"{key} is no number, found {value[:80]!r}")

    def _without_cpv(self, line: int, found: t.Mapping[str, str]) -> None:
        """Note a stanza that is no package to Portage, or at which it stops."""
        if KEYS.isdisjoint(found):
            self._stops(line, "no key that Portage knows: Portage reads nothing after this line")
        else:
            self._note(line, "the stanza has no CPV: Portage skips it")

    def _of_header(self) -> t.Iterator[Problem]:
        """Yield what a client would refuse or misread in the header."""
        count = self.header.get("PACKAGES", "")
        if count != str(self.stanzas):
            line = next((at for at, one in enumerate(self.lines, start=1) if one.startswith("PACKAGES:")), 1)
            said = f"the header says {count!r}" if count else "the header has no PACKAGES"
            yield Problem(line, f"{said}, the file holds {self.stanzas} packages")
        for key in ("TIMESTAMP", "VERSION"):
            if number(self.header.get(key, "")) is None:
                said = repr(self.header.get(key, ""))
                yield Problem(1, f"expected a number {key} in the header, found {said}: Portage refuses the index")
