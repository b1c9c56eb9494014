# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a run of emerge begins in the files that Portage only adds to, and what they got since."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _host, _vdb

LOG: t.Final = "/var/log/emerge.log"
COUNTER: t.Final = "var/cache/edb/counter"
#: Of PORTAGE_ELOG_SYSTEM=save_summary, Portage's own default, in its own PORTAGE_LOGDIR.
ELOG: t.Final = "/var/log/portage/elog/summary.log"


@dataclass(frozen=True)
class Mark:
    """Where a run begins; a job that goes on after a reboot is one run and keeps its mark."""

    offset: int = 0  # bytes of emerge.log
    inode: int = 0  # of emerge.log; 0 if there was none
    counter: int | None = None  # the last that an installation got; None if it isn't known
    elog: int = 0  # bytes of what packages have said before
    time: float = 0  # seconds since the epoch


def mark(root: str = "/", *, now: float = 0) -> Mark:
    """Return where a run that begins now will begin in what Portage writes below ``root``."""
    with contextlib.suppress(OSError):
        log = os.stat(_below(root, LOG))
        return Mark(log.st_size, log.st_ino, _counter(root), _size(_below(root, ELOG)), now)
    return Mark(0, 0, _counter(root), _size(_below(root, ELOG)), now)


def since(begun: Mark, root: str = "/") -> str:
    """Return what emerge.log got since then, from the file it has been moved to, too, if it has been.

    Where it was shortened instead, or moved and packed, the beginning is lost: the counter makes up for it.
    """
    path = _below(root, LOG)
    parts = []
    for old in sorted(glob.glob(f"{glob.escape(path)}[-.]*")):
        with contextlib.suppress(OSError):
            if begun.inode and os.stat(old).st_ino == begun.inode:
                parts.append(_part(old, begun.offset))
    with contextlib.suppress(OSError):
        same = os.stat(path).st_ino == begun.inode and os.path.getsize(path) >= begun.offset
        parts.append(_part(path, begun.offset if same else 0))
    return "".join(parts)


def from_time(seconds: int, root: str = "/") -> str:
    """Return what was added to emerge.log since a time, in seconds since the epoch."""
    try:
        with open(_below(root, LOG), encoding="utf-8", errors="replace") as handle:
            times = ((line.partition(":")[0], line) for line in handle)
            return "".join(line for time, line in times if time.isdecimal() and int(time) >= seconds)
    except OSError:
        return ""


def _counter(root: str) -> int | None:
    """Return the last counter that an installation got; as Portage, by all that is installed where it isn't kept."""
    try:
        with open(os.path.join(root, COUNTER), encoding="utf-8", errors="replace") as handle:
            return number(handle.read())
    except OSError:
        return max((number(_vdb.read(root, cpv, "COUNTER")) or 0 for cpv in _host.installed(root)), default=0)


def number(text: str) -> int | None:
    """Return the number that is all of a text; None if there is none."""
    return int(text) if re.fullmatch(r"\s*\d{1,18}\s*", text, re.ASCII) else None


def _below(root: str, path: str) -> str:
    return os.path.join(root, path.lstrip("/"))


def _size(path: str) -> int:
    return os.path.getsize(path) if os.path.exists(path) else 0


def _part(path: str, offset: int) -> str:
    with open(path, "rb") as handle:
        handle.seek(offset)
        return handle.read().decode("utf-8", "replace")
