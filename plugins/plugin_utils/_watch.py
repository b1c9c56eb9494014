# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a host again and again how its jobs are, and tell what happens; what asks and tells is somebody else's."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

Answer = dict[str, t.Any]
#: Seconds from one lost question to the next.
PAUSES: t.Final = (1, 2, 5, 10)
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
    while True:
        answer = _answer(watch, {name: job["stamp"] for name, job in known.items()})
        if answer.get("failed"):
            return answer
        for line in lines(known, answer["jobs"]):
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


def lines(before: Mapping[str, Answer], after: Mapping[str, Answer]) -> Iterator[str]:
    """Yield a line for each job of which there is news."""
    for name, job in after.items():
        if job["stamp"] != before.get(name, {}).get("stamp"):
            words = job["doing"] if job["phase"] == "running" else str(job["message"]).partition("\n")[0]
            yield ": ".join(
                part for part in (name, "" if job["phase"] == "running" and words else job["phase"], words) if part
            )


def quiet(environment: Mapping[str, str], callback: str, variables: Mapping[str, t.Any]) -> bool:
    """Return whether nobody is there to read what happens."""
    return bool(environment.get("CI") or callback.rpartition(".")[2] in MACHINES or variables.get("binhost_quiet"))
