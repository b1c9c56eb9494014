# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What emerge's job did, joined with what was said when it was begun; and again, if the job was another run's."""

from __future__ import annotations

import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _emerge_ask,
    _emerge_begin,
    _job_files,
    _jobs,
    _merge_list,
)
from ansible_collections.larry.binhost.plugins.module_utils._emerge_asked import Host, Params, made_ready
from ansible_collections.larry.binhost.plugins.module_utils._emerge_begin import Result

_LISTS: t.Final = ("binary", "source", "failed", "removed", "waiting", "written", "words")
_RECORDS: t.Final = ("done", "failures", "dropped")


def collect(host: Host, params: Params, begun: Result) -> Result:
    """Return what was done by the job that is over, with what ``begin`` said.

    If that was another run's, also one that began after this run's had ended, ``job`` is the one that was begun then,
    if anything is left to do.
    Raises ``_emerge_ask.StoppedError`` if the job failed.
    """
    state = params["state_dir"]
    job = _job_files.find(begun["job"], state)
    request = (_job_files.load(_job_files.folder(job.name, state), _job_files.REQUEST) or {}).get("parameters", {})
    if job.phase == "finished":
        _jobs.collect(job, state=state)
    total = done(begun, {**job.result, "merge_list": request.get("merge_list", [])})
    mine = request.get("wanted") == made_ready(host, params).wanted
    joined = not is_own(begun, job.request)
    if job.phase != "finished" and (mine or not joined):
        raise _emerge_ask.StoppedError(job.message, {**finished(total), "changed": True})
    if not joined:
        return total
    again = _emerge_begin.begin(host, params)
    return {**_combined(total, again), **{name: again[name] for name in _emerge_begin.JOB}}


def is_own(begun: Result, request: str) -> bool:
    """Return whether the job that was asked for by the request, a digest, is the one that was begun."""
    return not begun["joined"] and bool(begun["request"] == request)


def done(begun: Result, result: t.Mapping[str, t.Any]) -> Result:
    """Return what a job did whose result this is, with what ``begin`` said."""
    total = _combined(begun, result)
    total["words"] += [f"Left undone: {words}" for words in result.get("steps", {}).get("words", ())]
    return total


def _combined(first: Result, then: t.Mapping[str, t.Any]) -> Result:
    """Return two results as one."""
    lists = {name: list(dict.fromkeys([*first.get(name, ()), *then.get(name, ())])) for name in _LISTS}
    records = {name: [*first.get(name, ()), *then.get(name, ())] for name in _RECORDS}
    merges = first.get("merge_list") or then.get("merge_list") or []
    steps = {**first.get("steps", {}), **then.get("steps", {})}
    rest = {"merge_list": merges, "steps": steps, "resumed": first.get("resumed") or then.get("resumed") or {}}
    rest["afterwards"] = then.get("afterwards") or first.get("afterwards") or {}
    rest["acceptance"] = first.get("acceptance") or then.get("acceptance") or {}
    return {**_emerge_begin.NOTHING, **lists, **records, **rest, "job": "", "foreseen": _told(lists, merges, steps)}


def _told(
    lists: t.Mapping[str, t.Sequence[str]], merges: t.Sequence[t.Any], steps: t.Mapping[str, t.Any]
) -> dict[str, t.Any]:
    """Return whether anything was done, and what as a diff."""
    done = [*lists["binary"], *lists["source"]]
    gone = [cpv for cpv in lists["removed"] if cpv not in done]
    changed = bool(done or gone or lists["written"] or lists["failed"] or set(steps) - {"words"})
    after = [_merge_list.restored(merge) for merge in merges if merge["cpv"] in done]
    before = "".join(f"{cpv}\n" for cpv in gone)
    return {"changed": changed, "diff": {"before": before, "after": _merge_list.shown(after)}}


def finished(begun: Result) -> Result:
    """Return a result as a task tells it that waits for nothing any more."""
    untold = ("foreseen", "joined", "request", "timed")
    return {**{name: value for name, value in begun.items() if name not in untold}, **begun["foreseen"]}
