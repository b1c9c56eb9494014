# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For which machine a program was made, by the first bytes of its file (elf(5), ``Elf64_Ehdr``)."""

from __future__ import annotations

import typing as t

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
