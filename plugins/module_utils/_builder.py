# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build and publish what the last plan says, for ever and without a controller; wait for a person only when it must.

One at a time: whoever comes second says so and ends. While it waits it holds nothing that a run of the playbook needs.
"""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.larry.binhost.plugins.module_utils import (
    _builder_steps,
    _last_plan,
    _lock,
    _notify,
    _process,
    _say,
    _schedule,
    _signer,
    _status,
    _waiting,
)
from ansible_collections.larry.binhost.plugins.module_utils._course import Course, Outcome
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._job_files import Job
from ansible_collections.larry.binhost.plugins.module_utils._portage_query import Run

LOCK: t.Final = "builder"
#: Seconds between two looks at what is waited for.
POLL: t.Final = 30.0
#: Seconds for which somebody who only asks for the status may have the lock.
_PATIENCE: t.Final = 2
#: Seconds after which a target that nothing is scheduled for is looked at again.
_DAY: t.Final = 86400


@dataclass(frozen=True)
class How:
    """How the builder runs."""

    state: str
    targets: t.Sequence[str] = ()  # none: all of the last plan
    retry: bool = False  # what failed is tried again in any case
    wait: bool = True  # for a person, where one is needed; else that is the end
    poll: float = POLL


def run(run: Run, how: How) -> list[Outcome]:
    """Do it, and return what came of each target.  Raises ``BinhostError`` if another does it, or no plan is there."""
    with _lock.held(LOCK, state=how.state, wait=_PATIENCE, what="builds what the last plan says"):
        course = Course()
        try:
            _rounds(run, how, course)
        finally:
            course.doing, course.target = "idle", ""
            _status.keep(how.state, course)
        return list(course.outcomes.values())


def _rounds(run: Run, how: How, course: Course) -> None:
    """Go on until nothing is waited for."""
    solved: list[str] = []
    retry = how.retry
    while True:
        if not solved:
            _move(how, course)
        for target in solved or _targets(how):
            _one(run, target, replace(how, retry=retry), course)
        _tell(run, how, course)
        if not course.waiting or not how.wait:
            return
        course.doing, course.target, retry = "waiting", "", False
        _status.keep(how.state, course)
        solved = _idle(run, how, course)


def _idle(run: Run, how: How, course: Course) -> list[str]:
    """Wait until targets may go on and return them, or none when it is time to look at all."""
    solved: list[str] = []
    _process.until(lambda: bool(_solved(run, how, course, solved)), max(0, _next(how) - time.time()), how.poll)
    return solved


def _move(how: How, course: Course) -> None:
    """Move the pins, if that is wanted of each round."""
    if _last_plan.settings(how.state).get("move_pins"):
        course.doing = "building"
        course.remark = _builder_steps.move_pins(how.state, lambda _job: _status.keep(how.state, course))
        if course.remark:
            _say.warn(course.remark)


def _targets(how: How) -> list[str]:
    known: list[str] = _last_plan.settings(how.state)["targets"]
    strange = sorted(set(how.targets) - set(known))
    if strange:
        raise BinhostError(f"target: expected some of {', '.join(known)}, found {', '.join(strange)}")
    return [name for name in known if name in how.targets or not how.targets]


def _one(run: Run, target: str, how: How, course: Course) -> None:
    course.doing, course.target = "building", target

    def watch(_job: Job) -> None:
        _status.keep(how.state, course)

    _status.keep(how.state, course)
    before = _waiting.asked(how.state, target)
    done = _builder_steps.converge(run, target, how.state, watch, retry=how.retry)
    course.outcomes[target] = done
    course.waiting.pop(target, None)
    if done.waits:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        course.waiting[target] = _waiting.waiting(
            how.state, target, done.message, done.waits, before=before, now=now, signs=_signs(run, how)
        )


def _signs(run: Run, how: How) -> _waiting.Signs:
    return lambda: _signer.works(run, how.state)


def _solved(run: Run, how: How, course: Course, found: list[str]) -> list[str]:
    """Put the targets that may go on into ``found`` and return it."""
    signs = _signs(run, how)
    found[:] = [target for target, known in course.waiting.items() if _waiting.over(how.state, known, signs)]
    return found


def _next(how: How) -> float:
    """Return when all targets are looked at again, whatever is waited for."""
    text = _last_plan.settings(how.state).get("schedule", "")
    return _schedule.parse(text, "master_rebuild").after(time.time()) if text else time.time() + _DAY


def _tell(run: Run, how: How, course: Course) -> None:
    """Tell whom the plan names of what is wrong, and of its end; the same isn't told twice."""
    wrong = _status.wrong(how.state, course)
    _notify.tell(run, how.state, _last_plan.settings(how.state).get("notify") or {}, wrong)
