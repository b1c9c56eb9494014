# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What emerge wrote into its log, an event per line that is about a package.

Sources: portage lib/_emerge/MergeListItem.py, EbuildBuild.py, EbuildMerge.py, Binpkg.py, PackageUninstall.py, and
emergelog.py, which writes ``<seconds since the epoch>: <text>``.  Others write there too (sync, ``emaint``), and a
power cut leaves NUL bytes and half lines: what is no event of these is passed over, as Portage's own readers do.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

#: Text of a line -> the event that it is.
#
# 1700000000:  >>> emerge (1 of 2) app-misc/hello-2.10 to /
# 1700000000:  --- (1 of 2) Fetching Binary (app-misc/hello-2.10::/var/cache/binpkgs/...)
# 1700000000:  === (1 of 2) Merging Binary (app-misc/hello-2.10::/var/cache/binpkgs/...)
# 1700000000:  === (1 of 2) Compiling/Merging (app-misc/hello-2.10::/var/db/repos/...)
# 1700000000:  === (1 of 2) Merging (app-misc/hello-2.10::/var/db/repos/...)
# 1700000000:  ::: completed emerge (1 of 2) app-misc/hello-2.10 to /
# 1700000000:  >>> unmerge success: app-misc/hello-2.9
KINDS: t.Final[t.Mapping[str, str]] = {
    ">>> emerge": "begun",
    "--- Fetching Binary": "fetching",
    "=== Merging Binary": "binary",
    "=== Cleaning": "source",
    "=== Compiling/Merging": "source",
    "=== Compiling/Packaging": "source",
    "=== Merging": "merging",
    "::: completed emerge": "completed",
    ">>> unmerge success:": "removed",
    "!!! unmerge FAILURE:": "kept",
}
_CPV = r"[A-Za-z0-9_][\w+.-]*/[A-Za-z0-9_][\w+.-]*"
_EVENT = re.compile(
    r"(?P<time>\d{1,12}):\s+(?:"
    rf"(?P<run>>>> emerge|::: completed emerge) \((?P<first>\d+) of (?P<of>\d+)\) (?P<named>{_CPV}) to (?P<root>/.*)"
    rf"|(?P<mark>===|---) \((?P<second>\d+) of (?P<all>\d+)\) (?P<step>[A-Z][A-Za-z/ ]*) \((?P<stepped>{_CPV})::.*"
    rf"|(?P<gone>>>> unmerge success:|!!! unmerge FAILURE:) (?P<removed>{_CPV})"
    r")\s*\Z",
    re.ASCII,
)


@dataclass(frozen=True)
class Event:
    """One line about a package."""

    time: int  # seconds since the epoch
    kind: str  # a value of KINDS
    cpv: str
    number: int = 0  # the package's place in the merge list that was run, from 1; 0 of a removal
    total: int = 0  # packages of that list
    root: str = ""  # of "begun" and "completed"


def events(lines: Iterable[str]) -> Iterator[Event]:
    """Yield what these lines say, in their order; the first may be the end of a line, the last its beginning."""
    for line in lines:
        found = _EVENT.match(line.lstrip("\0").strip("\r\n"))
        if found is None:
            continue
        words = found["run"] or found["gone"] or f"{found['mark']} {found['step']}"
        kind = KINDS.get(words)
        if kind:
            cpv = found["named"] or found["stepped"] or found["removed"]
            number, total = found["first"] or found["second"], found["of"] or found["all"]
            yield Event(int(found["time"]), kind, cpv, int(number or 0), int(total or 0), found["root"] or "")


@dataclass
class Attempt:
    """One package's way through a run."""

    cpv: str
    begun: int | None = None  # seconds since the epoch
    kind: str = ""  # "binary" or "source"; empty before either
    merging: bool = False
    completed: int | None = None


@dataclass
class Attempts:
    """What a part of the log tells of a run."""

    last: dict[str, Attempt] = field(default_factory=dict)  # by package, in the order of their first beginnings
    completed: list[Attempt] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


def attempts(events: Iterable[Event]) -> Attempts:
    """Return who began and who ended; where the log begins in the middle of a package, its beginning isn't known."""
    last: dict[str, Attempt] = {}
    completed: dict[str, Attempt] = {}
    removed: dict[str, None] = {}
    for event in events:
        if event.kind == "removed":
            removed.pop(event.cpv, None)
            removed[event.cpv] = None
            continue
        if event.kind == "begun" or event.cpv not in last:
            last[event.cpv] = Attempt(event.cpv, event.time if event.kind == "begun" else None)
        attempt = last[event.cpv]
        if event.kind in ("binary", "source"):
            attempt.kind = event.kind
        attempt.merging = attempt.merging or event.kind in ("binary", "merging")
        if event.kind == "completed":
            attempt.completed = event.time
            completed.pop(event.cpv, None)
            completed[event.cpv] = attempt
            removed.pop(event.cpv, None)  # it replaced itself
    return Attempts(last, list(completed.values()), list(removed))
