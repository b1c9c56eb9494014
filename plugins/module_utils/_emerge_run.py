# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job that emerge is: what an earlier one has compiled, what is to be merged, what is wanted afterwards."""

from __future__ import annotations

import os
import time
import typing as t
from dataclasses import asdict, dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import (
    _afterwards,
    _emerge,
    _failure,
    _failure_text,
    _fingerprint,
    _later,
    _live,
    _outcome,
    _process,
    _progress,
    _resume,
    _run_mark,
    _verdict,
    _world,
)
from ansible_collections.larry.binhost.plugins.module_utils._emerge_place import Place, Run
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: Of what emerge's answer depends on, what an emerge itself changes.
_CHANGED_BY_EMERGE: t.Final = ("installed", "world", "world_sets")


@dataclass(frozen=True)
class Request:
    """What a job is to do; JSON can carry it."""

    wanted: str  # digest of what was asked for, however much of it is there already
    place: t.Mapping[str, t.Any]
    atoms: t.Sequence[str]
    options: t.Mapping[str, t.Any]
    extra: t.Sequence[str]
    merge_list: t.Sequence[t.Mapping[str, t.Any]]  # as a person has seen it
    steps: t.Mapping[str, t.Any]  # see ``_later``
    record: str  # the file that says that nothing is left to do
    index: str
    overlays: t.Mapping[str, str]
    state: str  # digest of what the merge list depended on, but for what emerge itself changes
    environment: t.Mapping[str, str] = field(default_factory=dict)  # of emerge where it compiles
    kept: t.Sequence[str] = ()  # packages that an earlier job compiled
    kept_in: str = ""  # the PKGDIR of those


class FailedError(BinhostError):
    """emerge did not do all; ``result`` is what it did."""

    def __init__(self, message: str, result: t.Mapping[str, t.Any]) -> None:
        """Take the message and the result."""
        super().__init__(message)
        self.result = result


def steady(state: t.Mapping[str, t.Any]) -> str:
    """Return a digest of what a run of emerge leaves as it is."""
    return _fingerprint.digest({name: value for name, value in state.items() if name not in _CHANGED_BY_EMERGE})


def source(parameters: t.Mapping[str, t.Any]) -> _progress.Source:
    """Return where the job's emerge tells how far it is; a build root has a pid namespace of its own."""
    place = Place(**parameters["place"])
    return _progress.Source(place.live, place.log, os.getpid() if place.is_host else None)


def work(run: _process.Run, parameters: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Do what a ``Request``, given as a dictionary, says; return what was done.  Raises ``FailedError``."""
    request = Request(**parameters)
    place = Place(**request.place)
    inside = place.runner(run)
    begun = _run_mark.mark(place.root, now=time.time())

    def left() -> _afterwards.Afterwards:
        return _afterwards.look(place.root, begun, words, state=place.state)

    with place.alone():
        status, words = _merge(inside, request, place) if request.merge_list else (0, "")
        outcome = _outcome_of(inside, request, begun, status, words)
        if status != 0:
            raise FailedError(_told(request, outcome, status, words), _done(request, outcome, {}, left()))
        _resume.end(place)
        steps = _later.steps(inside, request.steps, request.options, place.root)
        outcome = _outcome_of(inside, request, begun, 0, "") if steps else outcome
        if "words" not in steps:  # or the next run would not know that anything is left
            _record(request, place)
    return {**_done(request, outcome, steps, left()), "changed": True}


def _done(
    request: Request, outcome: _outcome.Outcome, steps: t.Mapping[str, t.Any], left: _afterwards.Afterwards
) -> dict[str, t.Any]:
    return {**asdict(outcome), "kept": list(request.kept), "steps": dict(steps), "afterwards": asdict(left)}


def _merge(run: Run, request: Request, place: Place) -> tuple[int, str]:
    """Run emerge and return its status and what it said."""
    _resume.install(run, request.kept, {"PKGDIR": request.kept_in})
    _resume.begin(place, request.environment)
    if not place.is_host and any(merge["kind"] == "ebuild" for merge in request.merge_list):
        # The build has no network; what can't be fetched is said by the build.
        fetch = _emerge.argv(request.atoms, {**request.options, "fetchonly": True}, pretend=False, extra=request.extra)
        run(fetch, network="host")
    command = _emerge.argv(request.atoms, request.options, pretend=False, extra=request.extra)
    features = {"FEATURES": " ".join(filter(None, (request.environment.get("FEATURES"), _live.FEATURE)))}
    status, stdout, stderr = run(command, environ_update={**request.environment, **(features if place.is_host else {})})
    return status, stdout + stderr


def _outcome_of(run: Run, request: Request, begun: _run_mark.Mark, status: int, words: str) -> _outcome.Outcome:
    root = str(request.place["root"])
    where, phases = _failure.Where(root), {}
    if status != 0:
        phases = _outcome.seen(Place(**request.place).live)
        _status, stdout, _stderr = run(["portageq", "envvar", "PORTAGE_TMPDIR", "PORTAGE_LOGDIR"])
        tmpdir, _newline, logdir = stdout.rstrip("\n").partition("\n")
        where = _failure.Where(root, tmpdir or where.tmpdir, logdir, begun.time)
    wanted = {merge["cpv"]: merge["kind"] for merge in request.merge_list if merge["kind"] in ("ebuild", "binary")}
    log = _run_mark.since(begun, root)
    return _outcome.read(log, status=status, words=words, wanted=wanted, begun=begun, where=where, phases=phases)


def _told(request: Request, outcome: _outcome.Outcome, status: int, words: str) -> str:
    told = _failure_text.told(outcome, status, words, what=f"emerge {' '.join(request.atoms)}")
    if status >= 0:
        return "\n".join(filter(None, (_refused(request, outcome, words), told)))
    killed = f"emerge was killed by signal {-status}. If memory ran out (see the kernel's log), lower MAKEOPTS or jobs."
    return f"{killed} Run again, it goes on from there.\n{told}"


def _refused(request: Request, outcome: _outcome.Outcome, words: str) -> str:
    """Return what a refused signature or digest means, where it was a binary's: sources have digests too."""
    binaries = {merge["cpv"] for merge in request.merge_list if merge["kind"] == "binary"}
    failed = {failure.cpv for failure in outcome.failures}
    return _verdict.explain(words) if binaries & failed or not failed else ""


def _record(request: Request, place: Place) -> None:
    """Note that nothing is left to do, unless what decides that has changed since it was asked."""
    now = _world.state(request.index, request.overlays, place.root)
    if steady(now) == request.state:
        _fingerprint.record(request.record, {"wanted": request.wanted, "state": _fingerprint.digest(now)})
