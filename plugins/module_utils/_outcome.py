# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one run of emerge did, from what Portage wrote down of it.

- emerge.log says what was begun and completed and how long that took, but nothing of a package whose pkg_pretend
  refuses, and no end of one whose pkg_postinst fails although it is installed.
- /var/db/pkg says what is installed, and by a COUNTER that grows with every installation (dbapi/vartree.py), whether
  that was in this run: also where the log was lost or moved away meanwhile.
- What emerge prints at its end says which packages failed, and with --keep-going which others it dropped for that
  (_emerge/Scheduler.py, _failed_pkg_msg and _calc_resume_list).

emerge.log is one for all: what another emerge does at the same time is in the result too.
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import (
    _emerge_log,
    _failure,
    _failure_words,
    _host,
    _live,
    _vdb,
)
from ansible_collections.larry.binhost.plugins.module_utils._emerge_log import Attempt, Attempts
from ansible_collections.larry.binhost.plugins.module_utils._failure import Failure, Where
from ansible_collections.larry.binhost.plugins.module_utils._run_mark import Mark, number


@dataclass(frozen=True)
class Done:
    """A package that was installed."""

    cpv: str
    kind: str  # "binary" or "source"
    seconds: int | None  # from its beginning to its end, waiting included; None if the log doesn't have both
    build_id: int | None  # None if it has none, or isn't installed any more


@dataclass(frozen=True)
class Dropped:
    """A package of the merge list that was neither begun nor is done."""

    cpv: str
    requires: list[str] = field(default_factory=list)  # the atoms for which Portage dropped it; empty if it didn't
    cause: str = ""  # the package whose failure that goes back to; empty where it isn't known


@dataclass(frozen=True)
class Outcome:
    """What one run of emerge did."""

    binary: list[str]  # installed from a binary package, in order
    source: list[str]  # compiled and installed
    failed: list[str]  # a postinst that failed included, whose package is installed
    removed: list[str]  # those replaced by another version included
    done: list[Done] = field(default_factory=list)  # ``binary`` and ``source`` in one order
    failures: list[Failure] = field(default_factory=list)  # ``failed``
    dropped: list[Dropped] = field(default_factory=list)


def read(
    log: str,
    *,
    status: int,
    words: str,
    wanted: t.Mapping[str, str],
    begun: Mark,
    where: Where | None = None,
    phases: t.Mapping[str, str] | None = None,
) -> Outcome:
    """Return what a run did.

    ``log`` is what ``since`` returns, ``status`` emerge's (negative for a signal), ``words`` what it printed,
    ``wanted`` the merge list: package to "ebuild" or "binary", ``phases`` what ``seen`` returns.
    """
    where = where or Where()
    attempts = _emerge_log.attempts(_emerge_log.events(log.split("\n")))
    counters = {cpv: _installed(where.root, cpv) for cpv in [*wanted, *attempts.last]}
    fresh = {cpv for cpv, count in counters.items() if count and begun.counter is not None and count > begun.counter}
    failed = _failed(attempts, status, words, wanted, fresh)
    ended = [each for each in attempts.completed if each.cpv not in failed]
    # What this run installed although the log doesn't say so, because it was lost or the run ended just then.
    told = {each.cpv for each in ended}.union(failed)
    ended += [attempts.last.get(cpv) or Attempt(cpv) for cpv in counters if cpv in fresh - told]
    done = [_done(each, _build_id(where.root, each.cpv), wanted) for each in ended]
    failures = [_failure_of(cpv, attempts, words, where, phases or {}, cpv in fresh) for cpv in failed]
    removed = [cpv for cpv in attempts.removed if not _installed(where.root, cpv)]
    over = {each.cpv for each in done}.union(failed)
    left = [cpv for cpv in wanted if cpv not in over and not (status == 0 and counters[cpv])]
    return _outcome(done, failures, removed, _dropped(left, failed, words))


def unfinished(log: str, root: str = "/") -> list[str]:
    """Return the packages that a killed run had entered into /var/db/pkg and not yet set up: pkg_postinst comes after.

    ``log`` is emerge.log from the run's beginning until now: what was completed since isn't one of them.
    """
    last = _emerge_log.attempts(_emerge_log.events(log.split("\n"))).last
    open_ones = [cpv for cpv, each in last.items() if each.merging and each.completed is None]
    return [cpv for cpv in open_ones if _installed(root, cpv) is not None]


def seen(folder: str) -> dict[str, str]:
    """Return the phases in which packages were when a killed emerge last told of itself; one that ends forgets them."""
    snapshot = _live.read(folder)
    return {task.cpv: task.phase for task in snapshot.tasks} if snapshot else {}


def _failed(
    attempts: Attempts, status: int, words: str, wanted: t.Mapping[str, str], fresh: t.Collection[str]
) -> list[str]:
    """Return who failed: whom emerge names; where it had no more time to, who had begun and is not there.

    With a status of 0 nobody did: what is only fetched, or belongs to another emerge, begins and doesn't end.
    """
    named = _failure_words.failed(words)
    if named or status == 0:
        return named
    open_ones = [cpv for cpv, each in attempts.last.items() if each.begun is not None and each.completed is None]
    return [cpv for cpv in open_ones if cpv not in fresh and (not wanted or cpv in wanted)]


def _done(attempt: Attempt, build_id: int | None, wanted: t.Mapping[str, str]) -> Done:
    begun, completed = attempt.begun, attempt.completed
    kind = attempt.kind or ("binary" if wanted.get(attempt.cpv) == "binary" else "source")
    return Done(attempt.cpv, kind, None if begun is None or completed is None else completed - begun, build_id)


def _failure_of(
    cpv: str, attempts: Attempts, words: str, where: Where, phases: t.Mapping[str, str], installed: bool
) -> Failure:
    attempt = attempts.last.get(cpv) or Attempt(cpv, kind="source")
    stage = phases.get(cpv) or ("merge" if attempt.merging else "" if attempt.kind else "fetch")
    return _failure.look(cpv, words, where, stage=stage, installed=installed)


def _dropped(names: t.Iterable[str], failed: t.Sequence[str], words: str) -> list[Dropped]:
    """Return these packages, each with whose failure kept it from being begun."""
    requires = _failure_words.dropped(words)
    found = []
    for cpv in names:
        cause = _cause(cpv, requires, failed, set()) if cpv in requires else ""
        found.append(Dropped(cpv, requires.get(cpv, []), cause))
    return found


def _cause(cpv: str, requires: t.Mapping[str, t.Sequence[str]], failed: t.Sequence[str], passed: set[str]) -> str:
    """Return the package that failed, of all that ``cpv`` needs; empty if that isn't known."""
    passed.add(cpv)
    names = {_failure_words.name_of(atom) for atom in requires[cpv]}
    for each in failed:
        if _failure_words.name_of(f"={each}") in names:
            return each
    further = [each for each in requires if each not in passed and _failure_words.name_of(f"={each}") in names]
    return next(filter(None, (_cause(each, requires, failed, passed) for each in further)), "") or (
        failed[0] if len(failed) == 1 else ""
    )


def _outcome(done: list[Done], failures: list[Failure], removed: list[str], dropped: list[Dropped]) -> Outcome:
    by_kind = {kind: [each.cpv for each in done if each.kind == kind] for kind in ("binary", "source")}
    names = [each.cpv for each in failures]
    return Outcome(by_kind["binary"], by_kind["source"], names, removed, done, failures, dropped)


def _installed(root: str, cpv: str) -> int | None:
    """Return the counter of an installed package, 0 if that can't be read; None if it isn't installed."""
    if not os.path.isdir(os.path.join(root, _host.VDB, cpv)):
        return None
    return number(_vdb.read(root, cpv, "COUNTER")) or 0


def _build_id(root: str, cpv: str) -> int | None:
    return number(_vdb.read(root, cpv, "BUILD_ID"))
