# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes as people write them, and how much memory there is."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

MEMINFO: t.Final = "/proc/meminfo"
_UNITS: t.Final = " KMGT"
_SIZE = re.compile(r"(?P<number>\d{1,12})(?P<unit>[KMGT]?)(?:i?B)?\Z")
_TOTAL = re.compile(r"^MemTotal:\s+(\d+) kB$", re.MULTILINE)


def parse(text: str, where: str) -> int:
    """Return the bytes of ``8G``, ``512M``, ``1024`` and the like, in units of 1024.

    Raises ``BinhostError``, which names ``where``, for anything else and for nothing at all.
    """
    match = _SIZE.match(text.strip())
    size = int(match["number"]) * 1024 ** _UNITS.index(match["unit"] or " ") if match else 0
    if not size:
        raise BinhostError(f"{where}: expected a size such as 8G or 512M, found {text!r}")
    return size


def in_memory(text: str, where: str, meminfo: str = MEMINFO) -> int:
    """Return the bytes of a size that is to be taken from memory.  Raises ``BinhostError`` if there is less."""
    size = parse(text, where)
    with open(meminfo, encoding="ascii") as handle:
        found = _TOTAL.search(handle.read())
    total = int(found[1]) * 1024 if found else 0
    if size > total:
        raise BinhostError(f"{where}: expected at most this host's memory, {shown(total)}, found {text}")
    return size


def shown(size: int) -> str:
    """Return a size as a person reads it, rounded down: ``7.9 GiB``."""
    for power, unit in reversed(list(enumerate(_UNITS))):
        if power and size >= 1024**power:
            tenths = size * 10 // 1024**power
            return f"{tenths // 10}.{tenths % 10} {unit}iB"
    return f"{size} bytes"
