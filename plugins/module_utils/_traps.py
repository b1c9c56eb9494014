# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that the kernel stopped because of an instruction that the CPU doesn't know, by the kernel's log.

The line is Linux ``arch/x86/kernel/traps.c``, ``show_signal``, with what ``mm/memory.c``, ``print_vma_addr`` adds, the
place in the file only since 6.10; /dev/kmsg is ``Documentation/ABI/testing/dev-kmsg``.  Whoever may write to /dev/kmsg
can write such a line too, but not one that says it is the kernel's.
"""

from __future__ import annotations

import contextlib
import os
import re
import typing as t
from dataclasses import dataclass

KMSG: t.Final = "/dev/kmsg"
_RECORD: t.Final = 8192  # bytes; the longest that there is
_MOST: t.Final = 1 << 18  # records; no kernel keeps so many
# 4,12,5678901,-;traps: foo[4711] trap invalid opcode ip:56405a67312d sp:7ffde607d540 error:0 in foo[56405a673000+1000]
_LINE: t.Final = re.compile(
    r"(?P<priority>\d+),(?P<number>\d+),\d+,[^;]*;"
    r"traps: (?P<program>.{1,15})\[\d+\] trap invalid opcode ip:(?P<ip>[0-9a-f]+) sp:[0-9a-f]+ error:[0-9a-f]+"
    r" in (?P<file>[^/]+)\[(?:(?P<offset>[0-9a-f]+),)?(?P<start>[0-9a-f]+)\+(?P<size>[0-9a-f]+)\]\Z",
    re.DOTALL,
)
_FACILITY: t.Final = 8  # priorities from here on are not the kernel's own


@dataclass(frozen=True)
class Trap:
    """One program that was stopped."""

    number: int  # of the line since the kernel started
    program: str  # its first 15 characters
    file: str  # the name, without its folder, of the program or library that the instruction is in
    ip: int  # the address of the instruction
    start: int  # of the part of the file that was mapped there
    size: int  # of that part, bytes
    offset: int | None = None  # of the instruction in the file; None: an older kernel doesn't say


def read(log: str = KMSG) -> list[Trap]:
    """Return the traps in a log that has the form of /dev/kmsg; none where it can't be read, as in a container."""
    text = _text(log)
    return [trap for line in text.split("\n") if "trap invalid opcode" in line for trap in _trap(line)]


def _trap(line: str) -> t.Iterator[Trap]:
    found = _LINE.match(line)
    if found and int(found["priority"]) < _FACILITY:
        offset = int(found["offset"], 16) if found["offset"] else None
        ip, start, size = (int(found[name], 16) for name in ("ip", "start", "size"))
        yield Trap(int(found["number"]), found["program"], found["file"], ip, start, size, offset)


def _text(log: str) -> str:
    """Return what there is, without waiting for more."""
    parts: list[bytes] = []
    try:
        handle = os.open(log, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        while len(parts) < _MOST:
            with contextlib.suppress(BrokenPipeError):  # what was next is overwritten; what follows is read
                part = os.read(handle, _RECORD)
                if not part:
                    break
                parts.append(part)
    except OSError:  # EAGAIN: that was all
        pass
    finally:
        os.close(handle)
    return b"".join(parts).decode("utf-8", "replace")
