# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What emerge would do on a host, whether that is agreed to, and the job that does it: begun, joined, collected."""

from __future__ import annotations

import os
import tempfile
import typing as t
from dataclasses import asdict, dataclass

from ansible_collections.larry.binhost.plugins.module_utils import (
    _depclean,
    _emerge_ask,
    _emerge_run,
    _fingerprint,
    _job_files,
    _jobs,
    _later,
    _outcome,
    _paths,
    _patterns,
    _process,
    _program,
    _resume,
    _tree,
    _tree_plan,
    _world,
)
from ansible_collections.larry.binhost.plugins.module_utils._emerge_place import Place, Run
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

Params = t.Mapping[str, t.Any]
Result = dict[str, t.Any]
#: What a result says of a run that did nothing.
NOTHING: t.Final[t.Mapping[str, t.Any]] = {
    **dict.fromkeys(("binary", "source", "failed", "removed", "waiting", "merge_list", "written", "words"), []),
    **dict.fromkeys(("done", "failures", "dropped"), []),
    **dict.fromkeys(("resumed", "steps", "afterwards"), {}),
    "job": "",
    "joined": False,
}
_LISTS: t.Final = ("binary", "source", "failed", "removed", "waiting", "written", "words")
_RECORDS: t.Final = ("done", "failures", "dropped")
_OURS: t.Final = ("update", "deep", "newuse", "changed_use", "emptytree", "with_bdeps", "oneshot", "usepkg")
_THEIRS: t.Final = ("usepkgonly", "getbinpkg", "binpkg_respect_use", "keep_going", "jobs", "load_average")
UNKNOWN: t.Final = "unknown until what is built and the index are in place"


@dataclass(frozen=True)
class Host:
    """What a module has to work with."""

    run: _process.Run
    check: bool
    scratch: str  # a folder that goes away


@dataclass(frozen=True)
class _Asked:
    """What a module was asked, made ready."""

    host: Host
    params: Params
    place: Place
    run: Run
    options: t.Mapping[str, t.Any]
    to_come: t.Sequence[_tree_plan.Change]  # in the configuration; in check mode alone that can be something

    @property
    def steps(self) -> dict[str, t.Any]:
        return {name: self.params[name] for name in ("preserved_rebuild", "depclean", "config_files")}

    @property
    def wanted(self) -> str:
        told = {name: self.params[name] for name in ("atoms", "extra_args")}
        return _fingerprint.digest({**told, "options": self.options, "steps": self.steps, "root": self.place.root})

    @property
    def record(self) -> str:
        """The file that says that nothing was left to do; each question has its own."""
        usual = self.place.is_host and self.params["atoms"] == ["@world"]
        name = "world" if usual else f"emerge-{_fingerprint.digest([self.place.root, self.params['atoms']])[:12]}"
        return _paths.below("fingerprints", f"{name}.json", state=self.place.state)

    @property
    def index(self) -> str:
        """The folder of the index that counts."""
        return str(self.params["index"] if self.place.is_host else self.place.pkgdir or "")

    @property
    def overlays(self) -> dict[str, str]:
        """The repositories that count beside those that are found there: a build root sees those of this host."""
        return dict(self.params["overlays"] if self.place.is_host else self.place.repositories)

    def state(self) -> dict[str, t.Any]:
        return _world.state(self.index, self.overlays, self.place.root)

    def question(self) -> _emerge_ask.Question:
        what = (self.params["atoms"], self.options, self.params["extra_args"])
        return _emerge_ask.Question(self.run, self.place, *what, self.host.check, self.host.scratch, self.to_come)

    def diff(self, before: t.Iterable[str], merges: t.Iterable[t.Any]) -> dict[str, str]:
        return {"before": "".join(f"{line}\n" for line in before), "after": _world.shown(merges)}


def options(params: Params) -> dict[str, t.Any]:
    """Return emerge's options, as ``_emerge.argv`` has them.  Raises ``BinhostError``."""
    for pattern in params["build_on_slave"]:
        _patterns.check(pattern)
    found = {name: params[name] for name in (*_OURS, *_THEIRS, "rebuilt_binaries")}
    found["newuse"] = params["newuse"] and not params["changed_use"]
    found["usepkg_exclude"] = " ".join([*params["usepkg_exclude"], *params["build_on_slave"]])
    return found


def _asked(host: Host, params: Params) -> _Asked:
    named = ("root", "repositories", "distdir", "pkgdir", "network")
    place = Place(**{name: params[name] for name in named}, state=params["state_dir"])
    declared = params["configuration"] if host.check and place.is_host else None
    to_come = _tree.asked("/", declared).changes if declared else []
    return _Asked(host, params, place, place.runner(host.run), options(params), to_come)


def begin(host: Host, params: Params) -> Result:
    """Return what is to do and the job that does it, begun or joined; ``job`` is empty if there is nothing to do.

    ``foreseen`` is what a task that waits for no job tells: changed, and a diff. Raises ``_emerge_ask.StoppedError``
    if the merge list isn't agreed to, or there is none.
    """
    if not params["settled"]:
        diff = {"before": "", "after": f"merge list: {UNKNOWN}\n"}
        return {**NOTHING, "merge_list": None, "foreseen": {"changed": True, "diff": diff, "msg": UNKNOWN}}
    asked = _asked(host, params)
    job = _job_files.find(asked.place.job, asked.place.state)
    if not host.check and (job.phase == "running" or (job.phase == "finished" and not job.collected)):
        return {**_nothing(), "job": job.name, "joined": True}
    before = asked.state()
    known = {"wanted": asked.wanted, "state": _fingerprint.digest(before)}
    if _fingerprint.recorded(asked.record) == known and not asked.to_come:
        return _nothing()
    answer = _emerge_ask.ask(asked.question(), params)
    written = [f"{each.file}: {each.line}" for each in answer.proposals]
    result = {**_nothing(), "merge_list": [asdict(merge) for merge in answer.merges], "written": written}
    if answer.merges and not params["online"]:
        return {**result, "waiting": [merge.cpv for merge in answer.merges]}
    later = [] if answer.merges else _pending_steps(asked, result)
    if host.check or not (answer.merges or later):
        changed = bool(answer.merges or later or written)
        result["foreseen"] = {"changed": changed, "diff": asked.diff(later, answer.merges)}
        result = _with_earlier(asked, result, job)
        if not host.check:
            _fingerprint.record(asked.record, known)
            if job.phase == "died":  # it is told, and nothing of it is left to do
                _jobs.clean(job.name, state=asked.place.state)
        return result
    return _started(asked, result, job, before)


def _nothing() -> Result:
    return {**NOTHING, "foreseen": {"changed": False}}


def _pending_steps(asked: _Asked, result: Result) -> list[str]:
    """Return what is to be done although nothing is to be merged, a line for each."""
    steps = asked.steps
    found = _later.pending(steps, asked.place.root)
    if steps["depclean"]:
        try:
            found += _unneeded(asked)
        except BinhostError as exc:
            result["words"] = [*result["words"], f"Nothing was removed. {exc}"]
    return found


def _unneeded(asked: _Asked) -> list[str]:
    bdeps = asked.params["with_bdeps"]
    if asked.to_come:
        with tempfile.TemporaryDirectory(dir=asked.host.scratch) as place:
            return _depclean.foreseen(asked.run, bdeps, asked.to_come, os.path.join(place, "configroot"))
    return _depclean.pending(asked.run, bdeps)


def _request(asked: _Asked, merges: t.Sequence[t.Any], before: t.Mapping[str, t.Any], job: _job_files.Job) -> t.Any:
    """Return what the job is to do."""
    packing: t.Mapping[str, str] = {}
    kept: list[str] = []
    earlier = _earlier(asked, job)
    if any(merge["kind"] == "ebuild" for merge in merges):
        packing = _resume.packing(asked.run, asked.place)
        kept = _resume.kept(asked.place, earlier, merges, _job_files.seconds(job.begun)) if earlier else []
    ours = packing.get("PKGDIR") == _resume.folder(asked.place)
    return _emerge_run.Request(
        wanted=asked.wanted,
        place=asdict(asked.place),
        atoms=asked.params["atoms"],
        options={**asked.options, **({"buildpkg": True} if ours else {})},
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


def _earlier(asked: _Asked, job: _job_files.Job) -> t.Mapping[str, t.Any]:
    """Return the request of the job before, if it did not finish; empty otherwise."""
    if job.phase not in ("died", "cancelled", "failed"):
        return {}
    place = _job_files.folder(job.name, asked.place.state)
    request = _job_files.load(place, _job_files.REQUEST) or {}
    return t.cast("t.Mapping[str, t.Any]", request.get("parameters", {}))


def _started(asked: _Asked, result: Result, job: _job_files.Job, before: t.Mapping[str, t.Any]) -> Result:
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
    return {**result, "job": begun.name}


def _with_earlier(asked: _Asked, result: Result, job: _job_files.Job, kept: t.Sequence[str] = ()) -> Result:
    """Add what there is to tell of the job before, if it died."""
    if job.phase != "died":
        return {**result, "resumed": {"kept": list(kept)} if kept else {}}
    before = _outcome.outcome(_world.log_from(_job_files.seconds(job.begun), asked.place.log))
    told = {"message": job.message, "begun": job.begun, "binary": before.binary, "source": before.source}
    words = [*result["words"], f"An earlier run is gone on with: {job.message}"]
    return {**result, "resumed": {**told, "kept": list(kept)}, "words": words}


def collect(host: Host, params: Params, begun: Result) -> Result:
    """Return what was done by the job that is over, with what ``begin`` said.

    If that was another run's, ``job`` is the one that was begun then, if anything is left to do.
    Raises ``_emerge_ask.StoppedError`` if the job failed.
    """
    state = params["state_dir"]
    job = _job_files.find(begun["job"], state)
    request = (_job_files.load(_job_files.folder(job.name, state), _job_files.REQUEST) or {}).get("parameters", {})
    if job.phase == "finished":
        _jobs.collect(job, state=state)
    total = _combined(begun, {**job.result, "merge_list": request.get("merge_list", [])})
    total["words"] += [f"Left undone: {words}" for words in job.result.get("steps", {}).get("words", ())]
    mine = request.get("wanted") == _asked(host, params).wanted
    if job.phase != "finished" and (mine or not begun["joined"]):
        raise _emerge_ask.StoppedError(job.message, {**finished(total), "changed": True})
    if not begun["joined"]:
        return total
    again = begin(host, params)
    return {**_combined(total, again), "job": again["job"], "joined": again["joined"]}


def _combined(first: Result, then: t.Mapping[str, t.Any]) -> Result:
    """Return two results as one."""
    lists = {name: list(dict.fromkeys([*first.get(name, ()), *then.get(name, ())])) for name in _LISTS}
    records = {name: [*first.get(name, ()), *then.get(name, ())] for name in _RECORDS}
    merges = first.get("merge_list") or then.get("merge_list") or []
    steps = {**first.get("steps", {}), **then.get("steps", {})}
    rest = {"merge_list": merges, "steps": steps, "resumed": first.get("resumed") or then.get("resumed") or {}}
    rest["afterwards"] = then.get("afterwards") or first.get("afterwards") or {}
    return {**NOTHING, **lists, **records, **rest, "job": "", "foreseen": _told(lists, merges)}


def _told(lists: t.Mapping[str, t.Sequence[str]], merges: t.Sequence[t.Any]) -> dict[str, t.Any]:
    """Return whether anything was done, and what as a diff."""
    done = [*lists["binary"], *lists["source"]]
    gone = [cpv for cpv in lists["removed"] if cpv not in done]
    changed = bool(done or gone or lists["written"] or lists["failed"])
    after = [merge for merge in merges if merge["cpv"] in done]
    return {"changed": changed, "diff": {"before": "".join(f"{cpv}\n" for cpv in gone), "after": _world.told(after)}}


def finished(begun: Result) -> Result:
    """Return a result as a task tells it that waits for nothing any more."""
    return {**{name: value for name, value in begun.items() if name not in ("foreseen", "joined")}, **begun["foreseen"]}
