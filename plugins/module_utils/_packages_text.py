# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a ``Packages`` index: its pieces, and what the lines of a stanza say.

The grammar is that of portage ``lib/portage/getbinpkg.py``, class ``PackageIndex``, on a text with universal line ends,
as ``dbapi/bintree.py`` opens it: ``KEY: VALUE``, the character after the colon is dropped whatever it is, of a repeated
key the last counts.
"""

from __future__ import annotations

import typing as t

from ansible_collections.larry.binhost.plugins.module_utils._packages_keys import ALIASES, KEYS

#: Bytes read at once: pieces of this size stay in a CPU's cache.
PIECE: t.Final = 1 << 17


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


def is_number(text: str) -> bool:
    """Return whether the text is a decimal number (int() alone takes signs, blanks and underscores)."""
    return text.isdigit() and text.isascii() and len(text) < 20


def number(text: str) -> int | None:
    """Return a decimal number, ``None`` if the text is none."""
    return int(text) if is_number(text) else None
