# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job's folder: what is in it, and what can be told from it.

::

    STATE/jobs/NAME/    nobody's but root's: parameters hold slaves' configurations
        lock            locked by the one process that may run the job, first its starter, then its supervisor
        request.json    kind, parameters and what it holds
        program.pyz     the program that runs it, as it was when it began
        state.json      the supervisor, what it was started with, and what it is doing
        result.json     how it ended
        reserve         room for that on a disk that gets full meanwhile
        cancelled       somebody has asked for its end
        collected       somebody has been given the result
        log, log.1      what it and its programs said, and what the one before did

The kernel drops the lock with its owner, however that ends. So a job runs exactly as long as its lock is held, and one
that holds no lock and left no result has died; neither a process of the same number nor a reboot can pretend otherwise.
"""

from __future__ import annotations

import calendar
import contextlib
import fcntl
import hashlib
import json
import os
import re
import time
import typing as t
from collections.abc import Iterator
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import _files, _process, _progress
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

LOCK, REQUEST, PROGRAM, STATUS, RESULT = "lock", "request.json", "program.pyz", "state.json", "result.json"
RESERVE, CANCELLED, COLLECTED, LOG = "reserve", "cancelled", "collected", "log"
MODE: t.Final = 0o600
RESERVED: t.Final = 1 << 20  # bytes
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}\Z")
ENDED: t.Final = ("finished", "failed", "died", "cancelled")
_LAST: t.Final = 2000  # bytes of a log that a message quotes


@dataclass(frozen=True)
class Job:
    """A job as it was found."""

    name: str
    phase: str  # absent, running, finished, failed, died, cancelled
    kind: str = ""
    request: str = ""  # digest of kind and parameters
    doing: str = ""  # a few words while it runs
    live: t.Mapping[str, t.Any] = field(default_factory=dict)  # while it runs, what ``_progress.now`` returns
    mark: str = ""  # changes with what of that is news
    begun: str = ""  # UTC, ISO 8601
    ended: str = ""  # the same
    pid: int = 0  # its supervisor's; 0 until it is known
    holds: list[str] = field(default_factory=list)  # paths that are not to be touched while it runs
    log: str = ""
    message: str = ""  # why it did not finish
    result: t.Mapping[str, t.Any] = field(default_factory=dict)  # of its kind
    collected: bool = False

    @property
    def over(self) -> bool:
        """Whether it has ended, well or not."""
        return self.phase in ENDED

    @property
    def stamp(self) -> str:
        """A text that is another one whenever anything has changed that a watcher would tell."""
        return hashlib.sha256(f"{self.phase}\n{self.begun}\n{self.mark}".encode()).hexdigest()[:16]


def top(state: str = STATE) -> str:
    """Return the folder of all jobs."""
    return os.path.join(state, "jobs")


def folder(name: str, state: str = STATE) -> str:
    """Return a job's folder. Raises ``BinhostError`` for a name that would lead elsewhere."""
    if not NAME.match(name):
        raise BinhostError(f"job: expected a name of a-z, 0-9, -, _ and ., found {name!r}")
    return os.path.join(top(state), name)


def make(name: str, state: str = STATE) -> str:
    """Make a job's folder and return it."""
    place = folder(name, state)
    _files.directory(state)
    for each in (top(state), place):
        with contextlib.suppress(FileExistsError):
            os.mkdir(each, 0o700)
    return place


def now() -> str:
    """Return the time, UTC, ISO 8601 with milliseconds: two jobs in a second are not the same."""
    seconds = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds * 1000) % 1000:03d}Z"


def seconds(stamp: str) -> int:
    """Return a time that ``now`` gave as seconds since the epoch; 0 of an empty text."""
    return calendar.timegm(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S")) if stamp else 0


def digest(kind: str, parameters: t.Mapping[str, t.Any]) -> str:
    """Return what tells two requests apart."""
    return hashlib.sha256(json.dumps([kind, parameters], sort_keys=True).encode()).hexdigest()


def load(place: str, name: str) -> dict[str, t.Any] | None:
    """Return one of a job's JSON files; None if it isn't there or isn't whole."""
    try:
        value = json.loads(_files.read(os.path.join(place, name)))
    except (FileNotFoundError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def save(place: str, name: str, value: t.Mapping[str, t.Any]) -> None:
    """Write one of a job's JSON files. Raises ``BinhostError``; then the old one still stands."""
    _files.write(os.path.join(place, name), json.dumps(value, indent=1, sort_keys=True) + "\n", MODE)


def has(place: str, name: str) -> bool:
    """Return whether one of a job's files is there."""
    return os.path.exists(os.path.join(place, name))


def seize(name: str, state: str = STATE) -> int | None:
    """Return a descriptor that holds the job's lock, to be closed or handed on; None if somebody else holds it.

    Those who only look hold it for a moment, shared; they are waited for.
    """
    path = os.path.join(make(name, state), LOCK)
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, MODE)
        try:
            taken = _take(handle)
            if taken is None:
                time.sleep(0.001)
            elif not taken:
                return None
            elif _is(handle, path):  # else it was cleaned away meanwhile
                handle, kept = -1, handle
                return kept
            else:
                make(name, state)
        finally:
            if handle >= 0:
                os.close(handle)


def _take(handle: int) -> bool | None:
    """Return whether the lock is ours now; None if only somebody who looks was in the way."""
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return None


def _is(handle: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _watched(place: str) -> Iterator[bool]:
    """Tell whether the job's lock is held; if it isn't, nobody starts it while the block runs."""
    try:
        handle = os.open(os.path.join(place, LOCK), os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        held = False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            held = True
        yield held
    finally:
        os.close(handle)


def find(name: str, state: str = STATE) -> Job:
    """Return a job as it is now."""
    place = folder(name, state)
    with _watched(place) as held:
        told = load(place, STATUS)
        if held:
            return _running(name, place, told)
        if told is None and not has(place, REQUEST):
            return Job(name, "absent")
        return _ended(name, place, told or {})


def supervisor(told: t.Mapping[str, t.Any]) -> _process.Process:
    """Return the process that a state names; one that cannot be if it names none."""
    return _process.Process(told.get("pid", 0), told.get("start_time", 0), told.get("boot_id", ""))


def _job(name: str, place: str, phase: str, told: t.Mapping[str, t.Any], **more: t.Any) -> Job:
    known = {key: told[key] for key in ("kind", "request", "begun", "holds", "pid") if key in told}
    return Job(name, phase, log=os.path.join(place, LOG), **{**known, **more})


def _running(name: str, place: str, told: t.Mapping[str, t.Any] | None) -> Job:
    if told is None or not _process.runs(supervisor(told)):  # of the job before
        return _job(name, place, "running", {}, doing="beginning")
    known = {"doing": told.get("doing", ""), "live": _progress.now(told, time.time())}
    return _job(name, place, "running", told, mark=json.dumps(_progress.mark(told)), **known)


def _ended(name: str, place: str, told: t.Mapping[str, t.Any]) -> Job:
    end = load(place, RESULT)
    if end is None:
        phase = "cancelled" if has(place, CANCELLED) else "died"
        return _job(name, place, phase, told, message=_why_dead(name, place, phase, told))
    kept = {key: end[key] for key in ("ended", "message", "result") if key in end}
    return _job(name, place, end.get("phase", "failed"), told, collected=has(place, COLLECTED), **kept)


def _why_dead(name: str, place: str, phase: str, told: t.Mapping[str, t.Any]) -> str:
    who = f"job {name}, process {told.get('pid', 'unknown')}, begun {told.get('begun', 'at an unknown time')}"
    if phase == "cancelled":
        return f"{who}: cancelled, and killed since it did not end"
    if told and told.get("boot_id") != _process.boot_id():
        return f"{who}: expected its result, found none: the machine was restarted. Run again, it goes on from there"
    words = last_words(place)
    said = f"; it said last:\n{words}" if words else ""
    return f"{who}: expected its result, found none: it was killed. Run again, it goes on from there{said}"


def last_words(place: str) -> str:
    """Return the end of a job's log."""
    try:
        with open(os.path.join(place, LOG), "rb") as handle:
            handle.seek(max(0, os.fstat(handle.fileno()).st_size - _LAST))
            lines = handle.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join(lines[-10:])
