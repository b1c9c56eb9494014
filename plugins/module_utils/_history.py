# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long this machine has taken for a package before, from its emerge.log.

The log (portage _emerge/EbuildBuild.py, Binpkg.py, Scheduler.py) only grows, several packages and several emerges at a
time, and a crash leaves NUL bytes where its last lines were to be. So a beginning counts only with the end that has the
same place in the list, the same package and the same root, and what is no such line is passed over.
"""

from __future__ import annotations

import contextlib
import functools
import os
import statistics
import typing as t
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import _atom, _emerge_log
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

LOG: t.Final = "/var/log/emerge.log"
#: Bytes of a log that are read, the last ones: more is decades, and not worth the time.
LONGEST: t.Final = 64 << 20
#: Merges of a package that count, the last ones: compilers get slower and machines get faster.
RECENT: t.Final = 5
# 1700000000:  >>> emerge (1 of 2) app-misc/hello-2.10 to /
# 1700000000:  === (1 of 2) Merging Binary (app-misc/hello-2.10::/var/cache/binpkgs/...)
# 1700000000:  ::: completed emerge (1 of 2) app-misc/hello-2.10 to /
_Key = tuple[int, int, str]  # place in the list, how long that is, package


@dataclass(frozen=True)
class Durations:
    """Seconds from the beginning of a package to its end, the median of the last few times, by category/name."""

    source: t.Mapping[str, float] = field(default_factory=dict)
    binary: t.Mapping[str, float] = field(default_factory=dict)

    def of(self, cpv: str, *, binary: bool) -> float | None:
        """Return how long a package takes, whatever its version; None if it was never merged this way here."""
        with contextlib.suppress(BinhostError):
            return (self.binary if binary else self.source).get(name_of(cpv))
        return None


def name_of(cpv: str) -> str:
    """Return ``category/name`` of ``category/name-version``. Raises ``BinhostError``."""
    return _atom.category_package(f"={cpv}")


def seconds(path: str = LOG) -> Durations:
    """Return what the log at ``path`` tells; nothing if there is none, or none that may be read."""
    try:
        with open(path, "rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            if size > LONGEST:
                handle.seek(size - LONGEST)
                handle.readline()
            return durations(handle)
    except OSError:
        return Durations()


def durations(lines: t.Iterable[bytes]) -> Durations:
    """Return what the lines of a log tell."""
    begun: dict[_Key, tuple[int, str]] = {}
    binaries: set[_Key] = set()
    taken: dict[tuple[bool, str], list[int]] = {}
    about = (line for line in lines if b"emerge (" in line or b") Merging Binary (" in line)
    for event in _emerge_log.events(line.decode("utf-8", "replace") for line in about):
        key = (event.number, event.total, event.cpv)
        if event.kind == "binary":
            binaries.add(key)
        elif event.kind == "begun":
            begun[key] = event.time, event.root
            binaries.discard(key)
        elif event.kind == "completed" and key in begun:
            since, root = begun.pop(key)
            if root == event.root and event.time >= since:  # a clock may have been put back
                times = taken.setdefault((key in binaries, _named(event.cpv)), [])
                times[:] = [*times[1 - RECENT :], event.time - since]
    return Durations(_medians(taken, binary=False), _medians(taken, binary=True))


def _medians(taken: t.Mapping[tuple[bool, str], list[int]], *, binary: bool) -> dict[str, float]:
    return {name: statistics.median(times) for (kind, name), times in taken.items() if kind is binary and name}


@functools.lru_cache(maxsize=65536)
def _named(cpv: str) -> str:
    """Return the name; empty for what is no package."""
    try:
        return name_of(cpv)
    except BinhostError:
        return ""
