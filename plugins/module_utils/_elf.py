# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For which machine and which kernel a program was made, by the first bytes of its file (elf(5), ``Elf64_Ehdr``)."""

from __future__ import annotations

import mmap
import struct
import typing as t

#: A file's bytes; slices of both are ``bytes``.
Bytes = t.Union[bytes, mmap.mmap]

HEADER = 20  # bytes of a file that are needed
_MAGIC = b"\x7fELF"
#: e_machine -> the kernel's name of the architecture (include/uapi/linux/elf-em.h).
_NAMES: t.Final[t.Mapping[int, str]] = {
    2: "sparc",
    3: "i386",
    8: "mips",
    20: "ppc",
    21: "ppc64",
    22: "s390",
    40: "arm",
    43: "sparc64",
    62: "x86_64",
    183: "aarch64",
    243: "riscv",
    258: "loongarch",
}
#: What a 64-bit kernel of the first runs too.
_SIBLINGS: t.Final[t.Mapping[str, str]] = {"x86_64": "i386", "aarch64": "arm", "ppc64": "ppc", "sparc64": "sparc"}


def machine(header: bytes) -> str:
    """Return the architecture, such as ``x86_64`` or ``ppc64le`` or ``riscv32``; empty for what is no ELF file."""
    if len(header) < HEADER or header[:4] != _MAGIC:
        return ""
    little = header[5] == 1
    number = int.from_bytes(header[18:20], "little" if little else "big")
    name = _NAMES.get(number, f"machine-{number}")
    if name in ("ppc64", "mips") and little:
        return f"{name}le"
    if name in ("riscv", "loongarch"):
        return f"{name}{'64' if header[4] == 2 else '32'}"
    return name


def runs(host: str, program: str) -> bool:
    """Return whether a machine of one architecture runs programs of another."""
    return program in (host, _SIBLINGS.get(host))


#: PT_NOTE and NT_GNU_ABI_TAG (elf.h); its descriptor is four words: system (0 is Linux), major, minor, patch.
_PT_NOTE: t.Final = 4
_ABI_TAG: t.Final = 1


def kernel(program: Bytes) -> tuple[int, int, int] | None:
    """Return the oldest Linux that a program starts on, as its C library says in the ABI note (ld.so reads it too).

    ``program`` is the file from its first byte on; a note that lies beyond what was given isn't found. None: the file
    is no ELF file, or has no such note, as most shared libraries.
    """
    for kind, note in notes(program):
        if kind == _ABI_TAG and len(note) >= 16:
            system, *version = struct.unpack_from("<IIII" if program[5] == 1 else ">IIII", note)
            return (version[0], version[1], version[2]) if system == 0 else None
    return None


def notes(program: Bytes) -> t.Iterator[tuple[int, bytes]]:
    """Yield kind and content of each note that GNU's tools wrote, as far as they are in what was given."""
    if len(program) < 64 or program[:4] != _MAGIC:
        return
    wide, order = program[4] == 2, "<" if program[5] == 1 else ">"
    try:
        for offset, size in _segments(program, wide, order):
            yield from _gnu(program[offset : offset + size], order)
    except struct.error:
        return


def headers(program: Bytes, wide: bool, order: str) -> range:
    """Return where the headers of the segments begin.  Raises ``struct.error`` where the file is cut."""
    (table,) = struct.unpack_from(f"{order}Q", program, 32) if wide else struct.unpack_from(f"{order}I", program, 28)
    size, count = struct.unpack_from(f"{order}HH", program, 54 if wide else 42)
    return range(table, table + size * count, size or 1)


def _segments(program: Bytes, wide: bool, order: str) -> t.Iterator[tuple[int, int]]:
    """Yield offset and size of each segment of notes."""
    for start in headers(program, wide, order):
        if struct.unpack_from(f"{order}I", program, start)[0] == _PT_NOTE:
            if wide:
                yield _length(program, f"{order}Q", start + 8), _length(program, f"{order}Q", start + 32)
            else:
                yield _length(program, f"{order}I", start + 4), _length(program, f"{order}I", start + 16)


def _length(program: Bytes, form: str, place: int) -> int:
    return int(struct.unpack_from(form, program, place)[0])


def _gnu(part: bytes, order: str) -> t.Iterator[tuple[int, bytes]]:
    """Yield the notes of one segment; names and descriptors are padded to 4 bytes."""
    place = 0
    while place + 12 <= len(part):
        name, size, kind = struct.unpack_from(f"{order}III", part, place)
        start = place + 12 + (name + 3) // 4 * 4
        if part[place + 12 : place + 12 + name] == b"GNU\0" and start + size <= len(part):
            yield kind, part[start : start + size]
        place = start + (size + 3) // 4 * 4
