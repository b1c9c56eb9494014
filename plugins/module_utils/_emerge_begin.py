# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What emerge would do on a host, whether that is agreed to, and the job that does it, begun or joined."""

from __future__ import annotations

import os
import tempfile
import typing as t
from dataclasses import asdict

from ansible_collections.larry.binhost.plugins.module_utils import (
    _depclean,
    _emerge_ask,
    _emerge_run,
    _failure,
    _fingerprint,
    _job_files,
    _jobs,
    _later,
    _merge_list,
    _outcome,
    _patterns,
    _program,
    _resume,
    _run_mark,
)
from ansible_collections.larry.binhost.plugins.module_utils._emerge_asked import Asked, Host, Params, made_ready
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

Result = dict[str, t.Any]
#: What a result says of a run that did nothing.
NOTHING: t.Final[t.Mapping[str, t.Any]] = {
    **dict.fromkeys(("binary", "source", "failed", "removed", "waiting", "merge_list", "written", "words"), []),
    **dict.fromkeys(("done", "failures", "dropped"), []),
    **dict.fromkeys(("resumed", "steps", "afterwards", "acceptance"), {}),
    "job": "",
    "request": "",  # of the job that was begun
    "joined": False,
}
#: What of a result is about the job that is to be waited for.
JOB: t.Final = ("job", "request", "joined")
#: Portage takes such a package for installed, and to install it again by itself could mean to compile it.
UNFINISHED: t.Final = (
    "{0} is installed, but the run was killed before its pkg_postinst had ended, and before your world had it if you "
    "asked for it by name: run emerge --oneshot ={0}, without --oneshot where you did"
)
UNKNOWN: t.Final = "unknown until what is built and the index are in place"


def begin(host: Host, params: Params) -> Result:
    """Return what is to do and the job that does it, begun or joined; ``job`` is empty if there is nothing to do.

    ``foreseen`` is what a task that waits for no job tells: changed, and a diff. Raises ``_emerge_ask.StoppedError``
    if the merge list isn't agreed to, or there is none.
    """
    if not params["settled"]:
        diff = {"before": "", "after": f"merge list: {UNKNOWN}\n"}
        return {**NOTHING, "merge_list": None, "foreseen": {"changed": True, "diff": diff, "msg": UNKNOWN}}
    asked = made_ready(host, params)
    job = _job_files.find(asked.place.job, asked.place.state)
    if not host.check and (job.phase == "running" or (job.phase == "finished" and not job.collected)):
        return {**_nothing(), "job": job.name, "joined": True}
    before = asked.state()
    known = {"wanted": asked.wanted, "state": _fingerprint.digest(before)}
    if _fingerprint.recorded(asked.record) == known and not asked.to_come:
        return _nothing()
    answer = _emerge_ask.ask(asked.question(), params)
    written = [f"{each.file}: {each.line}" for each in answer.proposals]
    told = {"merge_list": [asdict(merge) for merge in answer.merges], "written": written, "words": answer.words}
    result = {**_nothing(), **told, "acceptance": asdict(answer.acceptance) if answer.merges else {}}
    if answer.merges and not params["online"]:
        waiting = [merge.cpv for merge in answer.merges]
        return {**result, "waiting": waiting, "foreseen": {"changed": bool(written)}}
    later = [] if answer.merges else _pending_steps(asked, result)
    if host.check or not (answer.merges or later):
        changed = bool(answer.merges or later or written)
        result["foreseen"] = {"changed": changed, "diff": _diff(later, answer.merges)}
        result = _with_earlier(asked, result, job)
        if not host.check:
            _fingerprint.record(asked.record, known)
            _forget(asked, job)
        return result
    return _started(asked, result, job, before)


def _forget(asked: Asked, job: _job_files.Job) -> None:
    """Throw away what a job left that is told by now, if it was to do the same: nothing of that is left to do."""
    if _earlier(asked, job).get("wanted", asked.wanted) != asked.wanted:
        return
    _resume.end(asked.place)
    if job.phase == "died":
        _jobs.clean(job.name, state=asked.place.state)


def _diff(before: t.Iterable[str], merges: t.Iterable[t.Any]) -> dict[str, str]:
    return {"before": "".join(f"{line}\n" for line in before), "after": _merge_list.shown(merges)}


def _nothing() -> Result:
    return {**NOTHING, "foreseen": {"changed": False}}


def _pending_steps(asked: Asked, result: Result) -> list[str]:
    """Return what is to be done although nothing is to be merged, a line for each."""
    steps = asked.steps
    found = _later.pending(steps, asked.place.root)
    if steps["depclean"]:
        try:
            found += _unneeded(asked)
        except BinhostError as exc:
            result["words"] = [*result["words"], f"Nothing was removed. {exc}"]
    return found


def _unneeded(asked: Asked) -> list[str]:
    bdeps = asked.params["with_bdeps"]
    if asked.to_come:
        with tempfile.TemporaryDirectory(dir=asked.host.scratch) as place:
            return _depclean.foreseen(asked.run, bdeps, asked.to_come, os.path.join(place, "configroot"))
    return _depclean.pending(asked.run, bdeps)


def _request(asked: Asked, merges: t.Sequence[t.Any], before: t.Mapping[str, t.Any], job: _job_files.Job) -> t.Any:
    """Return what the job is to do."""
    packing: t.Mapping[str, str] = {}
    kept: list[str] = []
    earlier = _earlier(asked, job)
    compiled = {_patterns.package(merge["cpv"]) for merge in merges if merge["kind"] == "ebuild"}
    quick = _resume.quick(asked.place, merges) if compiled and asked.place.is_host else []
    if compiled - set(quick):
        packing = _resume.packing(asked.run, asked.place)
    if compiled and earlier:
        kept = _resume.kept(asked.place, earlier, merges, _job_files.seconds(job.begun))
    ours = packing.get("PKGDIR") == _resume.folder(asked.place)
    pack = {"buildpkg": True, "buildpkg_exclude": " ".join(quick)} if ours else {}
    return _emerge_run.Request(
        wanted=asked.wanted,
        place=asdict(asked.place),
        atoms=asked.params["atoms"],
        options={**asked.options, **pack},
        extra=asked.params["extra_args"],
        merge_list=merges,
        steps=asked.steps,
        record=asked.record,
        index=asked.index,
        overlays=asked.overlays,
        state=_emerge_run.steady(before),
        environment=packing,
        kept=kept,
        kept_in=earlier.get("environment", {}).get("PKGDIR", "") if kept else "",
    )


def _earlier(asked: Asked, job: _job_files.Job) -> t.Mapping[str, t.Any]:
    """Return the request of the job before, if it did not finish; empty otherwise."""
    if job.phase not in ("died", "cancelled", "failed"):
        return {}
    place = _job_files.folder(job.name, asked.place.state)
    request = _job_files.load(place, _job_files.REQUEST) or {}
    return t.cast("t.Mapping[str, t.Any]", request.get("parameters", {}))


def _started(asked: Asked, result: Result, job: _job_files.Job, before: t.Mapping[str, t.Any]) -> Result:
    """Begin the job, or join the one that somebody else began meanwhile."""
    request = _request(asked, result["merge_list"], before, job)
    result = _with_earlier(asked, result, job, request.kept)
    name, state = asked.place.job, asked.place.state
    holds = [] if asked.place.is_host else [asked.place.root]
    try:
        begun = _program.start(name, "emerge", asdict(request), holds=holds, state=state)
    except BinhostError:
        if _job_files.find(name, state).phase != "running":
            raise
        return {**_nothing(), "job": name, "joined": True}
    return {**result, "job": begun.name, "request": begun.request}


def _with_earlier(asked: Asked, result: Result, job: _job_files.Job, kept: t.Sequence[str] = ()) -> Result:
    """Add what there is to tell of the job before, if it died."""
    if job.phase != "died":
        return {**result, "resumed": {"kept": list(kept)} if kept else {}}
    log = _run_mark.from_time(_job_files.seconds(job.begun), asked.place.root)
    where = _failure.Where(asked.place.root)
    before = _outcome.read(log, status=0, words="", wanted={}, begun=_run_mark.Mark(), where=where)
    told = {"message": job.message, "begun": job.begun, "binary": before.binary, "source": before.source}
    half = _outcome.unfinished(log, asked.place.root)
    words = [
        *result["words"],
        f"An earlier run is gone on with: {job.message}",
        *(UNFINISHED.format(cpv) for cpv in half),
    ]
    return {**result, "resumed": {**told, "kept": list(kept), "unfinished": half}, "words": words}
