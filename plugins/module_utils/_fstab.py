# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be mounted: fstab(5), as libmount reads it (util-linux, libmount/src/tab_parse.c)."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _files, _mountinfo
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: The option that our lines have and mount(8) passes over, as all that begin with "x-".
MARK: t.Final = "x-larry-binhost"
_NUMBER = re.compile(r"[+-]?\d+\Z")


@dataclass(frozen=True)
class Entry:
    """One line."""

    source: str
    target: str
    fstype: str
    options: tuple[str, ...] = ()
    freq: int = 0
    passno: int = 0


@dataclass(frozen=True)
class Table:
    """A file that was read."""

    entries: list[Entry]
    problems: list[str]  # of the lines that mount(8) passes over, too


def parse(text: str) -> Table:
    """Return what a file says; a line that isn't one is no reason not to mount the others."""
    entries, problems = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        line = line[:-1] if line.endswith("\r") else line  # as libmount does
        if line.strip() and not line.lstrip().startswith("#"):
            entry = _entry(line)
            if entry:
                entries.append(entry)
            else:
                problems.append(f"line {number}: expected source, place, type, options and two numbers, found {line!r}")
    return Table(entries, problems)


def _entry(line: str) -> Entry | None:
    numbers = re.split(r"[ \t]+", line.strip(" \t"))[4:6]
    if not all(_NUMBER.match(number) for number in numbers):
        return None
    try:
        (one,) = _mountinfo.parse_mtab(line)
    except BinhostError:
        return None
    freq, passno = (int(number) for number in [*numbers, "0", "0"][:2])
    return Entry(one.source, one.target, one.fstype, one.options, freq, passno)


def ours(root: str = "/") -> list[str]:
    """Return where our lines of a machine's fstab mount, in their order."""
    try:
        text = _files.read(os.path.join(root, "etc/fstab"))
    except OSError:
        return []
    return [entry.target for entry in parse(text).entries if MARK in entry.options]
