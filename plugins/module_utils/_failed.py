# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of a target that failed to build: kept with their logs, and not tried again while all is as it was.

STATE/failed/T.json has them, STATE/failed/T/WHERE/ the logs; WHERE is ``.root``, or the slave for whom it was.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import typing as t
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import _failure_words, _files, _removal
from ansible_collections.larry.binhost.plugins.module_utils._failure import Failure
from ansible_collections.larry.binhost.plugins.module_utils._outcome import Outcome
from ansible_collections.larry.binhost.plugins.module_utils._target import PARTIAL, Result, Target

#: Where it is no slave's.
ROOT: t.Final = ".root"
#: What passes by itself, or is mended outside: the next build tries it in any case.
_PASSING: t.Final = (_failure_words.NO_SPACE.lower(), "killed by signal", "exited unexpectedly", "aborted")
#: What a compiler driver says of a compiler that the kernel killed (gcc.cc), while make only says that it failed.
_OUT_OF_MEMORY: t.Final = ("Killed signal terminated program", "LLVM ERROR: out of memory", "virtual memory exhausted")
_LOG_BYTES: t.Final = 4 << 20


@dataclass(frozen=True)
class Failed:
    """A package that failed."""

    cpv: str
    phase: str
    reason: str
    log: str  # our copy; empty if there was none
    lines: list[str]  # its end
    since: str  # when it failed, UTC
    inputs: dict[str, str]  # see ``_failed_inputs``; none: it is tried in any case

    def failure(self) -> Failure:
        """Return it as a run of emerge that fails has it."""
        when = f"not tried again since {self.since}, as all that decides it is as it was"
        return Failure(self.cpv, self.phase, f"{self.reason} ({when})".lstrip(), self.log, list(self.lines))


@dataclass
class Here:
    """What failed in one place."""

    failed: dict[str, Failed] = field(default_factory=dict)  # by its cpv
    dropped: dict[str, str] = field(default_factory=dict)  # not begun for that -> whose failure it goes back to
    words: str = ""  # the message
    spared: bool = False  # whether nothing that the inventory declares needs any of it


def load(target: Target) -> dict[str, Here]:
    """Return place to what failed there; a file that isn't whole counts as none."""
    try:
        known = json.loads(_files.read(target.failures))
        return {name: _here(one) for name, one in known.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _here(one: t.Mapping[str, t.Any]) -> Here:
    failed = {cpv: Failed(**each) for cpv, each in one["failed"].items()}
    return Here(failed, one["dropped"], one["words"], one.get("spared", False))


def spare(target: Target, words: str) -> None:
    """Keep with what failed in the root that nothing declared needs it; ``words`` is the message that says so."""
    here = load(target).get(ROOT)
    if here:
        keep(target, ROOT, dataclasses.replace(here, words=words, spared=True))


def keep(target: Target, where: str, here: Here | None) -> None:
    """Write what stands failed in a place, nothing if nothing does; logs of others go."""
    known = load(target)
    if known.pop(where, None) is None and here is None:
        return
    if here and (here.failed or here.dropped):
        known[where] = here
    folder = _logs(target, where)
    kept = {each.log for each in here.failed.values()} if here else set()
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        if os.path.join(folder, name) not in kept:
            _files.remove(os.path.join(folder, name))
    if known:
        text = json.dumps({name: dataclasses.asdict(one) for name, one in known.items()}, indent=1, sort_keys=True)
        _files.write(target.failures, text + "\n", 0o600)
    else:
        _files.remove(target.failures)


def forget(target: Target, places: t.Container[str] = ()) -> None:
    """Forget all that failed, but in these places: slaves that are no more have nothing that could fail."""
    for where in load(target):
        if where not in places:
            keep(target, where, None)
            _removal.tree(_logs(target, where))


def told(target: Target) -> tuple[dict[str, dict[str, t.Any]], dict[str, str]]:
    """Return all that stands failed, ``x/a-1`` or ``x/a-1 for SLAVE``, and what was dropped for that.

    What failed for a slave as it did in the root is told once.
    """
    known = load(target)
    root = known.get(ROOT, Here())
    failed: dict[str, dict[str, t.Any]] = {}
    dropped: dict[str, str] = {}
    for where, here in sorted(known.items()):
        of, common = ("", Here()) if where == ROOT else (f" for {where}", root)
        failed.update({cpv + of: dataclasses.asdict(each) for cpv, each in own(here, common).items()})
        dropped.update({cpv + of: why for cpv, why in here.dropped.items() if common.dropped.get(cpv) != why})
    return failed, dropped


def standing(target: Target, snapshots: t.Mapping[str, str]) -> Result:
    """Return the result of a build that isn't needed: nothing was done, and what failed before still stands."""
    failed, dropped = told(target)
    known = load(target)
    root = known.pop(ROOT, Here())
    problems = [f"{where}: {here.words}" for where, here in known.items() if own(here, root)]
    partial = target.publish == PARTIAL or root.spared
    problems[:0] = [root.words] if partial and root.words else []
    held = "" if partial else root.words
    return Result(snapshots=dict(snapshots), failures=failed, dropped=dropped, problems=problems, held=held)


def own(here: Here, root: Here) -> dict[str, Failed]:
    """Return what failed in a place and not in the root alike."""
    return {cpv: each for cpv, each in here.failed.items() if root.failed.get(cpv) != each}


def passes(failure: Failure) -> bool:
    """Return whether a failure is to be tried again in any case: a file that isn't there, a full disk, a kill."""
    if failure.phase == "fetch" or any(words in failure.reason for words in _PASSING):
        return True
    return any(words in line for line in failure.lines for words in _OUT_OF_MEMORY)


def record(
    target: Target, where: str, outcome: Outcome, inputs: t.Mapping[str, dict[str, str]], *, now: str
) -> dict[str, Failed]:
    """Return what failed in a run as it is to be kept, each with a copy of its log.  Raises ``BinhostError``."""
    return {
        each.cpv: Failed(
            each.cpv,
            each.phase,
            each.reason,
            _copy(target, where, each),
            list(each.lines),
            now,
            {} if passes(each) else dict(inputs.get(each.cpv, {})),
        )
        for each in outcome.failures
    }


def _logs(target: Target, where: str) -> str:
    return os.path.join(target.failures[: -len(".json")], where)


def _copy(target: Target, where: str, failure: Failure) -> str:
    """Copy a log, of a long one its end, and return the copy; what can't be copied is told by its lines."""
    ending = ".log.gz" if failure.log.endswith(".gz") else ".log"
    place = os.path.join(_logs(target, where), failure.cpv.replace("/", ":") + ending)
    with contextlib.suppress(OSError):
        _files.directory(os.path.dirname(place))
        with open(failure.log, "rb") as source, open(place, "wb") as copy:
            if ending == ".log":
                source.seek(max(0, os.path.getsize(failure.log) - _LOG_BYTES))
            shutil.copyfileobj(source, copy)
        return place
    return ""
