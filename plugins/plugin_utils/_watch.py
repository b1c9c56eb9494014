# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a host again and again how its jobs are, and tell what happens; what asks and tells is somebody else's."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import _live

Answer = dict[str, t.Any]
#: Seconds from one lost question to the next.
PAUSES: t.Final = (1, 2, 5, 10)
#: Seconds after which a person is told that something still goes on.
REFRESH: t.Final = 60.0
#: Seconds from a line of a job to the next that tells of no other package.
CALM: t.Final = 10.0
#: What writes for a program on standard output has a program on standard error too.
MACHINES: t.Final = frozenset({"json", "jsonl", "junit", "null", "counter_enabled", "tree", "log_plays"})


class NoAnswerError(Exception):
    """The host did not answer; what it does, it goes on doing."""


@dataclass(frozen=True)
class Watch:
    """How to watch one host."""

    ask: Callable[[Mapping[str, str]], Answer]  # name -> stamp that is known; raises ``NoAnswerError``
    tell: Callable[[str], None]
    patience: float  # seconds for which a host need not answer
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def until_over(watch: Watch) -> Answer:
    """Return the last answer: all jobs are over, or the module failed, or the host hasn't answered for too long."""
    known: Answer = {}
    shown: dict[str, Shown] = {}
    while True:
        answer = _answer(watch, {name: job["stamp"] for name, job in known.items()})
        if answer.get("failed"):
            return answer
        for line in lines(known, answer["jobs"], shown, watch.clock()):
            watch.tell(line)
        known = answer["jobs"]
        if all(job["phase"] != "running" for job in known.values()):
            return answer


def _answer(watch: Watch, seen: Mapping[str, str]) -> Answer:
    """Return an answer, or after ``patience`` a failure that says so."""
    since, lost = watch.clock(), 0
    while True:
        try:
            return watch.ask(seen)
        except NoAnswerError as exc:
            if watch.clock() - since >= watch.patience:
                return {"failed": True, "changed": False, "msg": _gone(watch.patience, exc)}
            if not lost:
                watch.tell(f"does not answer; its jobs go on, and it is asked for another {watch.patience:.0f} s")
            watch.sleep(PAUSES[min(lost, len(PAUSES) - 1)])
            lost += 1


def _gone(patience: float, reason: Exception) -> str:
    return (
        f"expected an answer within {patience:.0f} s, found none ({reason}). "
        "What was begun goes on if the machine is up; run again to join it"
    )


@dataclass
class Shown:
    """What of a running job a person has seen, by the clock of the watch."""

    since: float  # when it was first heard of
    last: float  # when there was a line of it
    packages: set[str] = field(default_factory=set)  # that were worked on then


def lines(
    before: Mapping[str, Answer], after: Mapping[str, Answer], shown: dict[str, Shown], now: float
) -> Iterator[str]:
    """Yield what there is to tell; ``shown`` is what was told already, and is kept up.

    Of a running job each package is told when it is first seen, a phase if nothing was told for CALM seconds, and
    without any news how long it takes, every REFRESH seconds. Between two packages there is nothing to tell.
    """
    for name, job in after.items():
        news = job["stamp"] != before.get(name, {}).get("stamp")
        if job["phase"] != "running":
            if news:
                words = str(job["message"]).partition("\n")[0]
                yield ": ".join(part for part in (name, job["phase"], words) if part)
            continue
        state = shown.setdefault(name, Shown(now, now - REFRESH))
        told = list(_running(job, state, now, news=news))
        if told:
            state.last = now
        alone = len(after) == 1 and job.get("live")
        yield from (line if alone else f"{name}: {line}" for line in told)


def _running(job: Answer, state: Shown, now: float, *, news: bool) -> Iterator[str]:
    live, quiet_for = job.get("live") or {}, now - state.last
    if not live:
        if (news and not state.packages) or quiet_for >= REFRESH:
            words = job["doing"] or "running"
            yield words if now == state.since else f"{words}  {_live.clock(now - state.since)}"
        return
    fresh = [task for task in live["tasks"] if task["cpv"] not in state.packages]
    state.packages = {task["cpv"] for task in live["tasks"]}
    if fresh:
        yield from (_live.line(live, task) for task in fresh)
    elif quiet_for >= (CALM if news else REFRESH):
        others = len(live["tasks"]) - 1
        yield _live.line(live, live["tasks"][0]) + (f", and {others} more" if others else "")


def quiet(environment: Mapping[str, str], callback: str, variables: Mapping[str, t.Any]) -> bool:
    """Return whether nobody is there to read what happens."""
    return bool(environment.get("CI") or callback.rpartition(".")[2] in MACHINES or variables.get("binhost_quiet"))
