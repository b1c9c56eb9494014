# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job keeps of its progress while it runs, and what is told of that to those who ask.

Kept is what changes seldom, so that a state is written seldom; what passes (how long, how long still) is computed from
it whenever somebody asks.
"""

from __future__ import annotations

import dataclasses
import time
import typing as t
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import _history, _live
from ansible_collections.larry.binhost.plugins.module_utils._emerge import Step

#: Seconds between two looks; emerge writes no more often.
PAUSE: t.Final = 1.0

Told = dict[str, t.Any]


@dataclass(frozen=True)
class Source:
    """Where a job's emerge tells how far it is."""

    folder: str = _live.FOLDER
    log: str = _history.LOG  # of what it took before
    ancestor: int | None = None  # process that it descends from; None where it runs in a pid namespace of its own


@dataclass
class Progress:
    """How far a job is, from what its programs print and from what its emerge tells beside that."""

    doing: t.Callable[[str], Step | str | None]  # a step of emerge's, or words of another program's
    source: Source | None = None
    clock: t.Callable[[], float] = time.time
    told: Told = field(default_factory=lambda: {"doing": "", "live": {}})
    _history: _history.Durations | None = None
    _looked: float = 0.0
    _steps: dict[str, _live.Task] = field(default_factory=dict)  # what a line told last

    def line(self, text: str) -> bool:
        """Take a line that a program printed; return whether it is news.

        Where emerge tells nothing beside that (Portage before 3.0.82), it is all there is.
        """
        step = self.doing(text)
        if step is None:
            return False
        if isinstance(step, str):
            return self._tell({"doing": step})
        over = step.what == "completed"
        earlier = self._steps.get(step.cpv, _live.Task("", "", step.what == "unpacking", self.clock()))
        task = dataclasses.replace(earlier, cpv=step.cpv, phase=step.what)
        self._steps = {} if over else {step.cpv: task}
        done = step.number if over else step.number - 1
        known = {} if self.told["live"].get("seen") else self._kept(done, step.total, () if over else (task,))
        return self._tell({"doing": "" if over else step.words, "live": known or self.told["live"]})

    def look(self, *, over: bool = False) -> bool:
        """Look at what emerge tells, at most once in PAUSE seconds unless it is ``over``; return whether it is news."""
        now = self.clock()
        if self.source is None or (abs(now - self._looked) < PAUSE and not over):
            return False
        self._looked = now
        found = _live.read(self.source.folder, ancestor=self.source.ancestor, now=now)
        if found is not None:
            return self._tell({"live": {**self._kept(found.done, found.total, found.tasks), "seen": True}})
        return self._tell({"live": {}}) if self.told["live"].get("seen") else False

    def _kept(self, done: int, total: int, tasks: t.Iterable[_live.Task]) -> Told:
        rows = [[task.cpv, task.phase, task.begun, self._usual(task)] for task in tasks]
        return {"done": done, "total": total, "tasks": rows}

    def _usual(self, task: _live.Task) -> float | None:
        if self._history is None:
            self._history = _history.seconds(self.source.log) if self.source else _history.Durations()
        return self._history.of(task.cpv, binary=task.binary)

    def _tell(self, news: Told) -> bool:
        before, self.told = self.told, {**self.told, **news}
        return self.told != before


def mark(told: t.Mapping[str, t.Any]) -> t.Any:
    """Return of what is kept what a watcher is to be told at once when it changes: packages and their phases."""
    live = told.get("live") or {}
    tasks = [row[:2] for row in live.get("tasks", ())]
    return [live.get("done"), live.get("total"), tasks] if live else told.get("doing", "")


def now(told: t.Mapping[str, t.Any], at: float) -> Told:
    """Return what is known of a job's packages at a time (seconds since the epoch); empty if nothing is.

    ``tasks`` are those that are worked on, and the first of them is told beside: the one that was begun first.
    """
    live = told.get("live") or {}
    if not live.get("tasks"):
        return {}
    tasks = [_task(row, at) for row in live["tasks"]]
    return {"done": live["done"], "total": live["total"], **tasks[0], "tasks": tasks}


def _task(row: t.Sequence[t.Any], at: float) -> Told:
    """Return seconds since it was begun, and seconds that it will take still: None if unknown or longer than ever."""
    cpv, phase, begun, usual = row
    elapsed = max(0, round(at - begun))
    left = None if usual is None or usual <= elapsed else round(usual - elapsed)
    return {"cpv": cpv, "phase": phase, "elapsed": elapsed, "left": left}
