# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a master stands: what it does, what it waits for, what it published last, what failed, its disk and its key.

The builder keeps it in STATE/status.json while it works; who asks gets it as it is now.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _failed,
    _files,
    _generation,
    _gnupg,
    _job_files,
    _keys,
    _last_plan,
    _live,
    _lock,
    _place,
    _seal,
    _size,
    _target,
)
from ansible_collections.larry.binhost.plugins.module_utils._course import Course
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

NAME: t.Final = "status.json"
#: Days after which the last plan is old, unless said.
OLD: t.Final = 30
_DAY: t.Final = 86400
#: Lines of a log's end that are told.
_LINES: t.Final = 10
Told = dict[str, t.Any]


def keep(state: str, course: Course) -> None:
    """Write the file.  Raises nothing: a full disk is not the builder's end."""
    with contextlib.suppress(BinhostError):
        _files.write(os.path.join(state, NAME), json.dumps(now(state, course), indent=1, sort_keys=True) + "\n", 0o600)


def now(state: str, course: Course | None = None) -> Told:
    """Return how all stands; without ``course``, the builder's own part is what it last wrote."""
    known = _written(state)
    names = _names(state)
    jobs = {name: _job_files.find(f"build-{name}", state) for name in names}
    own = (
        _own(course)
        if course
        else {"remark": known.get("remark", ""), **{key: known.get(key, {}) for key in ("outcomes", "waiting")}}
    )
    doing = course.doing if course else _doing(state, known)
    building = next((name for name, job in jobs.items() if job.phase == "running"), "")
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "doing": "building" if building and doing == "idle" else doing,
        "target": building or (course.target if course else ""),
        "live": dict(jobs[building].live) if building else {},
        **own,
        "plan": _plan(state),
        "targets": {name: _of(state, name, whole=course is None) for name in names},
        "disk": _disk(state),
        "key": _key(state),
    }


def _own(course: Course) -> Told:
    waiting = {
        name: {"what": one.what, "since": one.since, "message": one.message} for name, one in course.waiting.items()
    }
    outcomes = {name: {"state": one.state, "message": one.message} for name, one in course.outcomes.items()}
    return {"remark": course.remark, "outcomes": outcomes, "waiting": waiting}


def _doing(state: str, known: Told) -> str:
    """Return what the builder is at; what a killed one wrote is over."""
    try:
        with _lock.held("builder", state=state, what="asks whether it builds"):
            return "idle"
    except BinhostError:
        return str(known.get("doing", "idle"))


def interrupted(state: str) -> bool:
    """Return whether the last builder was killed before its end, and no other is at work."""
    known = _written(state)
    return known.get("doing", "idle") != "idle" and _doing(state, known) == "idle"


def _written(state: str) -> Told:
    try:
        value = json.loads(_files.read(os.path.join(state, NAME)))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _names(state: str) -> list[str]:
    try:
        return list(_last_plan.settings(state)["targets"])
    except (BinhostError, KeyError):
        folder = os.path.join(state, "generations")
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def _plan(state: str) -> Told:
    """Return when the last plan was made, and whether it is older than it should be."""
    try:
        made = os.path.getmtime(_last_plan.settings_path(state))
        days = _last_plan.settings(state).get("plan_days", OLD)
    except (OSError, BinhostError):
        return {"time": "", "days": None, "old": False}
    age = int((time.time() - made) / _DAY)
    return {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(made)), "days": age, "old": age >= days}


def _published(place: _place.Place, *, whole: bool) -> tuple[_seal.Seal | None, str]:
    """Return the current generation's seal and what is wrong with it, where ``whole`` with any of its files."""
    if whole:
        current, damage = _generation.current(place)
        return (current.seal if current else None), damage
    try:
        return _generation.seal_of(place.generation("current")), ""
    except (BinhostError, OSError):
        return None, ""


def _of(state: str, name: str, *, whole: bool) -> Told:
    place = _place.Place(name, state)
    seal, damage = _published(place, whole=whole)
    failed, dropped = _failed.told(_bare(state, name))
    shown = {
        cpv: {**{key: one[key] for key in ("phase", "reason", "log", "since")}, "lines": one["lines"][-_LINES:]}
        for cpv, one in failed.items()
    }
    return {
        "generation": seal.number if seal else None,
        "published": seal.time if seal else "",
        "expires": seal.expires if seal else "",
        "damage": damage,
        "failed": shown,
        "dropped": dropped,
    }


def _bare(state: str, name: str) -> _target.Target:
    """Return a target of which only its name is known."""
    nothing: t.Any = {}
    parts = dict.fromkeys(("repositories", "world", "wishes", "links", "options"), nothing)
    texts: t.Any = dict.fromkeys(("root", "compile", "cflags", "distdir"), "")
    return _target.Target(name=name, variants=(), state_dir=state, **parts, **texts)


def _disk(state: str) -> Told:
    status = os.statvfs(state)
    return {"free": status.f_bavail * status.f_frsize, "size": status.f_blocks * status.f_frsize}


def _key(state: str) -> Told:
    try:
        ring = _keys.load(state)
    except BinhostError as exc:
        return {"fingerprint": "", "expires": "", "warning": str(exc)}
    if ring is None:
        return {"fingerprint": "", "expires": "", "warning": ""}
    expires = _gnupg.day(ring.expires) if ring.expires else ""
    return {"fingerprint": ring.fingerprint, "expires": expires, "warning": _keys.warning(ring, time.time())}


def wrong(state: str, course: Course) -> str:
    """Return what is to be told of as wrong, a paragraph each; empty if all is well."""
    told = [course.remark] if course.remark else []
    told += [f"{name} waits for {one.what}:\n{one.message}" for name, one in course.waiting.items()]
    told += [
        f"{name}: {one.message}"
        for name, one in course.outcomes.items()
        if one.state in ("failed", "partial") and name not in course.waiting
    ]
    plan, key = _plan(state), _key(state)
    if plan["old"]:
        told.append(f"the last plan is {plan['days']} days old: run site.yml")
    return "\n\n".join([*told, *([key["warning"]] if key["warning"] else [])])


def lines(told: Told) -> list[str]:
    """Return it as a person reads it."""
    live = f": {_live.line(told['live'], told['live'])}" if told["live"] else ""
    at = f" {told['target']}" if told["target"] else ""
    found = [f"{told['doing']}{at}{live}", *_indented(told["remark"])]
    for name, one in told["waiting"].items():
        found += [f"{name} waits since {one['since']} for {one['what']}:", *_indented(one["message"])]
    for name, one in told["targets"].items():
        found += _target_lines(name, one, told["outcomes"].get(name, {}) if name not in told["waiting"] else {})
    plan, disk, key = told["plan"], told["disk"], told["key"]
    old = ", which is older than it should be: run site.yml" if plan["old"] else ""
    found.append(f"last plan: {plan['time'] or 'none'}{old}")
    found.append(f"disk: {_size.shown(disk['free'])} of {_size.shown(disk['size'])} free")
    until = f", valid until {key['expires']}" if key["expires"] else ""
    found.append(key["warning"] or f"key: {key['fingerprint'] or 'none'}{until}")
    return found


def _target_lines(name: str, one: Told, outcome: Told) -> t.Iterator[str]:
    number = f"generation {one['generation']} of {one['published']}" if one["generation"] else "nothing published"
    yield f"target {name}: {number}"
    if outcome.get("message"):
        yield f"  {outcome['state']}:"
        yield from _indented(outcome["message"])
    if one["damage"]:
        yield f"  damaged: {one['damage']}"
    for cpv, failure in one["failed"].items():
        phase = f" in phase {failure['phase']}" if failure["phase"] else ""
        yield f"  {cpv} failed{phase} at {failure['since']}: {failure['reason']}"
        yield f"    its log is {failure['log']}" if failure["log"] else "    no log of it is left"
        yield from _indented("\n".join(failure["lines"]), "      ")
    for cpv, cause in one["dropped"].items():
        yield f"  {cpv} was not begun, since {cause or 'what it needs'} failed"


def _indented(text: str, by: str = "    ") -> list[str]:
    return [by + line for line in text.splitlines()]
