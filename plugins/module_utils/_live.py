# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running emerge is at: how many packages are done, which are being merged, in which phase and since when.

With FEATURES=observability (Portage 3.0.82, off unless asked for) emerge writes it to /run/portage/emerge-PID.json,
once a second while something happens and every two seconds otherwise, and removes the file when it ends (portage
_emerge/_observability.py). What it writes is one object with ``type`` and ``schema``; those of another type or schema
are to be passed over.
"""

from __future__ import annotations

import glob
import json
import math
import os
import time
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _process

#: Where emerge tells it; in a build root that is the target's ``live`` folder.
FOLDER: t.Final = "/run/portage"
#: What makes emerge tell it.
FEATURE: t.Final = "observability"
#: Seconds after which nobody writes a file any more: its emerge was killed, or hangs as a whole.
STALE: t.Final = 60.0
_SCHEMA: t.Final = 1
#: A file is a few kB; one that isn't is not Portage's.
_LARGEST: t.Final = 1 << 20


@dataclass(frozen=True)
class Task:
    """A package that is being worked on."""

    cpv: str
    phase: str  # as Portage calls it (PMS, "Phase functions", without pkg_ or src_), or merge; "" if none is told
    binary: bool  # whether from a binary package
    begun: float  # seconds since the epoch


@dataclass(frozen=True)
class Snapshot:
    """How far one emerge is."""

    done: int  # packages
    total: int
    failed: int
    tasks: tuple[Task, ...]  # without those that are built and wait to be merged; the one that was begun first is first


def read(folder: str = FOLDER, *, ancestor: int | None = None, now: float | None = None) -> Snapshot | None:
    """Return how far the emerge is that told of itself last; None if none runs, or none that tells.

    With ``ancestor`` only what descends from that process counts; without, the numbers in the files' names are another
    pid namespace's and say nothing here.
    """
    at = time.time() if now is None else now
    found: list[tuple[float, Snapshot]] = []
    for path in glob.glob(os.path.join(glob.escape(folder), "emerge-*.json")):
        value = _object(path)
        if value is None or (ancestor is not None and not _ours(path, value, ancestor)):
            continue
        try:
            told = float(value["timestamp"])
            if abs(at - told) <= STALE:
                found.append((told, _snapshot(value, told)))
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
            continue  # of this schema it would not be so
    return max(found, key=lambda each: each[0])[1] if found else None


def _object(path: str) -> dict[str, t.Any] | None:
    try:
        with open(path, "rb") as handle:
            value = json.loads(handle.read(_LARGEST))
    except (OSError, ValueError, RecursionError):  # gone, or not whole
        return None
    known = isinstance(value, dict) and value.get("type") == "snapshot" and value.get("schema") == _SCHEMA
    return value if known else None


def _ours(path: str, value: t.Mapping[str, t.Any], ancestor: int) -> bool:
    """Return whether the file is of a process below ``ancestor``: a person may run an emerge of his own."""
    pid = value.get("emerge_pid")
    return os.path.basename(path) == f"emerge-{pid}.json" and _process.descends(int(pid or 0), ancestor)


def _snapshot(value: t.Mapping[str, t.Any], told: float) -> Snapshot:
    jobs = value["jobs"]
    tasks = [_task(task, told) for task in value["tasks"] if not task.get("merge_wait")]
    return Snapshot(
        done=int(jobs["completed"]),
        total=int(jobs["total"]),
        failed=int(jobs["failed"]),
        tasks=tuple(sorted(tasks, key=lambda task: task.begun)),
    )


def _task(value: t.Mapping[str, t.Any], told: float) -> Task:
    """Return one task; while a package is being merged, Portage still names the last phase of its build."""
    begun = value.get("start_time")
    return Task(
        cpv=str(value["cpv"]),
        phase="merge" if value.get("kind") == "merge" else str(value.get("phase") or ""),
        binary=bool(value.get("binary")),
        begun=float(told if begun is None else begun),
    )


def line(live: t.Mapping[str, t.Any], task: t.Mapping[str, t.Any]) -> str:
    """Return how far a job is with one of its tasks, as a person reads it."""
    left = f"(about {minutes(task['left'])} left)" if task["left"] else ""
    words = (task["cpv"], task["phase"], clock(task["elapsed"]), left)
    return f"[{live['done']:>3}/{live['total']}] " + "  ".join(word for word in words if word)


def clock(seconds: float) -> str:
    """Return ``06:12``, or ``1:06:12`` from an hour on."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def minutes(seconds: float) -> str:
    """Return ``7 min`` or ``1 h 05 min``, rounded up."""
    number = math.ceil(seconds / 60)
    return f"{number} min" if number < 60 else f"{number // 60} h {number % 60:02} min"
