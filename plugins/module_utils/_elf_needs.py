# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program or library asks of the C library and of an x86 CPU, by its own words.

Sources: elf(5); the LSB's "Symbol Versioning" for ``Elfxx_Verneed``; the x86-64 psABI for ``.note.gnu.property``.
An address is looked up among the segments that are loaded, as ld.so does: a stripped file may have no sections.
"""

from __future__ import annotations

import re
import struct
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _elf

_PT_LOAD: t.Final = 1
_PT_DYNAMIC: t.Final = 2
_DT_STRTAB: t.Final = 5
_DT_VERNEED: t.Final = 0x6FFFFFFE
_DT_VERNEEDNUM: t.Final = 0x6FFFFFFF
_PF_X: t.Final = 1
_PROPERTIES: t.Final = 5  # NT_GNU_PROPERTY_TYPE_0
_ISA_NEEDED: t.Final = 0xC0008002  # GNU_PROPERTY_X86_ISA_1_NEEDED
#: Its bits, the highest first, and the level.
LEVELS: t.Final = ((8, "x86-64-v4"), (4, "x86-64-v3"), (2, "x86-64-v2"), (1, "x86-64"))
_GLIBC = re.compile(rb"GLIBC_(\d+)\.(\d+)(?:\.(\d+))?\Z")
#: What has no number of its own -> the glibc that brought it.
_MARKS: t.Final[t.Mapping[bytes, tuple[int, ...]]] = {b"GLIBC_ABI_DT_RELR": (2, 36)}


@dataclass(frozen=True)
class Segment:
    """A part of a file, and where in memory it is put."""

    kind: int
    flags: int
    offset: int  # in the file, bytes
    address: int
    size: int  # in the file, bytes


def is_linked(header: bytes) -> bool:
    """Return whether a file that begins like this is a program or a shared library (``ET_EXEC``, ``ET_DYN``)."""
    if not _elf.machine(header):
        return False
    return int.from_bytes(header[16:18], "little" if header[5] == 1 else "big") in (2, 3)


def glibc(program: _elf.Bytes) -> tuple[int, ...] | None:
    """Return the oldest glibc that has all that a whole file asks for; None if it asks for none."""
    if not is_linked(program[: _elf.HEADER]):
        return None
    try:
        return max(_versions(program), default=None)
    except (struct.error, OverflowError):
        return None


def isa(program: _elf.Bytes) -> str:
    """Return the level of x86 that a file says it needs, such as ``x86-64-v3``; empty if it doesn't say."""
    needed = 0
    for kind, note in _elf.notes(program):
        if kind == _PROPERTIES:
            needed |= _needed(note, 8 if program[4] == 2 else 4, "<" if program[5] == 1 else ">")
    return next((level for bit, level in LEVELS if needed & bit), "")


def _needed(note: bytes, align: int, order: str) -> int:
    """Return the bits of the property, 0 if it isn't there."""
    place = 0
    while place + 12 <= len(note):
        kind, size, value = struct.unpack_from(f"{order}III", note, place)
        if kind == _ISA_NEEDED and size == 4:
            return int(value)
        place += 8 + (size + align - 1) // align * align
    return 0


def segments(program: _elf.Bytes) -> list[Segment]:
    """Return the segments of a file.  Raises ``struct.error`` where it is cut."""
    wide, order = program[4] == 2, "<" if program[5] == 1 else ">"
    found = []
    for start in _elf.headers(program, wide, order):
        if wide:
            kind, flags, offset, address, _physical, size = struct.unpack_from(f"{order}IIQQQQ", program, start)
        else:
            kind, offset, address, _physical, size, _memory, flags = struct.unpack_from(f"{order}7I", program, start)
        found.append(Segment(kind, flags, offset, address, size))
    return found


def code(program: _elf.Bytes) -> list[Segment]:
    """Return the segments that hold instructions; none of what is no whole program or library."""
    if not is_linked(program[: _elf.HEADER]):
        return []
    try:
        return [each for each in segments(program) if each.kind == _PT_LOAD and each.flags & _PF_X]
    except struct.error:
        return []


def _versions(program: _elf.Bytes) -> t.Iterator[tuple[int, ...]]:
    """Yield the versions of glibc among what is asked for."""
    order = "<" if program[5] == 1 else ">"
    parts = segments(program)
    said = _dynamic(program, parts, order)
    if not {_DT_STRTAB, _DT_VERNEED, _DT_VERNEEDNUM} <= set(said):
        return
    names, place = (_offset(parts, said[tag]) for tag in (_DT_STRTAB, _DT_VERNEED))
    for _number in range(said[_DT_VERNEEDNUM]):
        _version, count, _file, first, following = struct.unpack_from(f"{order}HHIII", program, place)
        asked = place + first
        for _each in range(count):
            _hash, _flags, _other, name, step = struct.unpack_from(f"{order}IHHII", program, asked)
            yield from _version_of(program[names + name : names + name + 64])
            asked += step
        if not following:
            return
        place += following


def _version_of(text: bytes) -> t.Iterator[tuple[int, ...]]:
    name = text.split(b"\0", 1)[0]
    found = _GLIBC.match(name)
    if found:
        yield tuple(int(part) for part in found.groups() if part)
    elif name in _MARKS:
        yield _MARKS[name]


def _dynamic(program: _elf.Bytes, parts: t.Sequence[Segment], order: str) -> dict[int, int]:
    """Return tag to value of the dynamic section."""
    form = f"{order}QQ" if program[4] == 2 else f"{order}II"
    step = struct.calcsize(form)
    for part in parts:
        if part.kind == _PT_DYNAMIC:
            places = range(part.offset, part.offset + part.size - step + 1, step)
            return dict(struct.unpack_from(form, program, place) for place in places)
    return {}


def _offset(parts: t.Sequence[Segment], address: int) -> int:
    """Return where in the file an address is.  Raises ``struct.error`` if it is nowhere."""
    for part in parts:
        if part.kind == _PT_LOAD and part.address <= address < part.address + part.size:
            return address - part.address + part.offset
    raise struct.error("an address outside the file")
