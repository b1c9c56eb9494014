# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job that emerge is: what an earlier one has compiled, what is to be merged, what is wanted afterwards."""

from __future__ import annotations

import os
import typing as t
from dataclasses import asdict, dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import (
    _emerge,
    _fingerprint,
    _later,
    _outcome,
    _process,
    _progress,
    _resume,
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
    offset = _world.log_size(place.log)
    with place.alone():
        status, words = _merge(inside, request, place) if request.merge_list else (0, "")
        outcome = _outcome.outcome(_world.log_since(offset, place.log))
        done = {**asdict(outcome), "kept": list(request.kept), "steps": {}}
        if status != 0:
            raise FailedError(_told(request, status, _world.why_failed(outcome, words, place.root)), done)
        _resume.end(place)
        done["steps"] = _later.steps(inside, request.steps, request.options, place.root)
        done.update(asdict(_outcome.outcome(_world.log_since(offset, place.log))))
        _record(request, place)
    return {**done, "changed": True}


def _merge(run: Run, request: Request, place: Place) -> tuple[int, str]:
    """Run emerge and return its status and what it said last."""
    _resume.install(run, request.kept, {"PKGDIR": request.kept_in})
    _resume.begin(place, request.environment)
    if not place.is_host and any(merge["kind"] == "ebuild" for merge in request.merge_list):
        # The build has no network; what can't be fetched is said by the build.
        fetch = _emerge.argv(request.atoms, {**request.options, "fetchonly": True}, pretend=False, extra=request.extra)
        run(fetch, network="host")
    command = _emerge.argv(request.atoms, request.options, pretend=False, extra=request.extra)
    status, stdout, stderr = run(command, environ_update=request.environment)
    return status, _emerge.last_words(stdout + stderr)


def _told(request: Request, status: int, words: str) -> str:
    where = f"emerge {' '.join(request.atoms)}"
    if status < 0:
        killed = f"expected status 0, found that signal {-status} killed it. Run again, it goes on from there"
        return f"{where}: {killed}:\n{words}"
    return f"{where}: expected status 0, found {status}:\n{words}"


def _record(request: Request, place: Place) -> None:
    """Note that nothing is left to do, unless what decides that has changed since it was asked."""
    now = _world.state(request.index, request.overlays, place.root)
    if steady(now) == request.state:
        _fingerprint.record(request.record, {"wanted": request.wanted, "state": _fingerprint.digest(now)})
