# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long work on a host, detached from any connection: start it or join it, wait, cancel, list, clean.

What is on the disk is in ``_job_files``; what runs a job is in ``_supervisor``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import sys
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _durable, _files, _job_files, _process, _removal
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._job_files import Job
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

POLL: t.Final = 0.2  # seconds
_BEGIN: t.Final = 60.0  # seconds that a supervisor has to begin
_KILLED: t.Final = 10.0  # seconds that a killed one has to be gone
#: All that a job inherits of its starter's environment, beside what is fixed: how to get out to the Internet.
INHERITED: t.Final = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy", "SSL_CERT_FILE")
FIXED: t.Final = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "TERM": "dumb",
}


def name_of(what: str, path: str) -> str:
    """Return the name of the job that does something to a path: the same for the same path, a person's to recognise."""
    plain = re.sub(r"[^a-z0-9_-]+", "-", os.path.basename(path.rstrip("/")).lower())[:40]
    return f"{what}-{plain}-{hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:6]}"


def start(
    name: str,
    kind: str,
    parameters: t.Mapping[str, t.Any],
    *,
    program: str,
    holds: t.Sequence[str] = (),
    state: str = STATE,
) -> Job:
    """Start a job, or join the one that runs if it was asked for the same; return it.

    ``program`` is the zipapp that knows the kind; ``holds`` are paths that nobody is to touch meanwhile.
    Raises ``BinhostError`` if another request's job runs, which it names, or if it can't be started.
    """
    request = _job_files.digest(kind, parameters)
    while True:
        lock = _job_files.seize(name, state)
        if lock is not None:
            break
        joined = _begun(name, state)
        if joined.request == request:
            return joined
        if not joined.over:
            raise BinhostError(_busy(joined, state))
    try:
        place = _job_files.folder(name, state)
        _prepare(place, program, {"kind": kind, "parameters": parameters, "holds": list(holds), "request": request})
        _launch(name, place, lock, state)
    finally:
        os.close(lock)
    return _begun(name, state)


def _busy(job: Job, state: str) -> str:
    ends = f"{os.path.join(state, 'larry-binhost.pyz')} job cancel {job.name}"
    return (
        f"job {job.name}: expected to be free or to do what is asked for now, found it at work on an earlier request, "
        f"process {job.pid}, since {job.begun}. Wait for it, or end it there with: {ends}"
    )


def _begun(name: str, state: str) -> Job:
    """Return a job once its supervisor has told of itself, or has ended. Raises ``BinhostError`` if neither comes."""
    _process.until(lambda: _known(_job_files.find(name, state)), _BEGIN)
    job = _job_files.find(name, state)
    if not _known(job):
        raise BinhostError(f"job {name}: expected its supervisor to begin within {_BEGIN:.0f} s, found nothing of it")
    return job


def _known(job: Job) -> bool:
    return job.pid > 0 or job.phase != "running"


def _prepare(place: str, program: str, request: t.Mapping[str, t.Any]) -> None:
    """Make the folder ready, as the lock's owner. Raises ``BinhostError``, also where the disk is full."""
    try:
        for name in (_job_files.STATUS, _job_files.RESULT, _job_files.CANCELLED, _job_files.COLLECTED):
            _files.remove(os.path.join(place, name))
        with contextlib.suppress(FileNotFoundError):
            os.rename(os.path.join(place, _job_files.LOG), os.path.join(place, _job_files.LOG + ".1"))
        _reserve(os.path.join(place, _job_files.RESERVE))
        _files.remove(os.path.join(place, _job_files.PROGRAM))
        _durable.link(program, os.path.join(place, _job_files.PROGRAM))
        _job_files.save(place, _job_files.REQUEST, request)
    except OSError as exc:
        raise BinhostError(f"{place}: expected to write the job's state there, found: {exc.strerror}") from exc


def _reserve(path: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, _job_files.MODE)
    try:
        os.posix_fallocate(handle, 0, _job_files.RESERVED)
    finally:
        os.close(handle)


def _launch(name: str, place: str, lock: int, state: str) -> None:
    """Run the supervisor with the lock, and wait until it has left this process's session."""
    program = os.path.join(place, _job_files.PROGRAM)
    log = os.open(os.path.join(place, _job_files.LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND, _job_files.MODE)
    try:
        done = subprocess.run(
            [sys.executable or "/usr/bin/python3", "-I", program, "--state", state, "run", name, "--lock", str(lock)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(lock,),
            start_new_session=True,
            cwd="/",
            env=environment(os.environ),
            check=False,
        )
    finally:
        os.close(log)
    if done.returncode != 0:
        words = _job_files.last_words(place)
        raise BinhostError(
            f"job {name}: expected its supervisor to begin, found that it ended with {done.returncode}:\n{words}"
        )


def environment(own: t.Mapping[str, str]) -> dict[str, str]:
    """Return a job's environment."""
    names = [each for name in INHERITED for each in dict.fromkeys((name, name.upper()))]
    return {**FIXED, **{name: own[name] for name in names if name in own}}


def wait(name: str, seconds: float, seen: str = "", *, state: str = STATE) -> Job:
    """Return the job when it is over, or when its stamp is no longer ``seen``, or when the seconds are."""
    return wait_any([name], seconds, {name: seen}, state=state)[name]


def wait_any(
    names: t.Sequence[str], seconds: float, seen: t.Mapping[str, str], *, state: str = STATE
) -> dict[str, Job]:
    """Return the jobs when all are over, or when one's stamp isn't the one in ``seen``, or when the seconds are."""
    found: dict[str, Job] = {}

    def news() -> bool:
        found.update({name: _job_files.find(name, state) for name in names})
        if any(job.stamp != seen.get(name) for name, job in found.items()):
            return True
        return all(job.phase != "running" for job in found.values())

    _process.until(news, seconds, POLL)
    return found


def finish(name: str, *, state: str = STATE) -> Job:
    """Wait for the end of a job and return it."""
    job = _job_files.find(name, state)
    while job.phase == "running":
        job = wait(name, 3600, job.stamp, state=state)
    return job


def outcome(job: Job, *, state: str = STATE) -> dict[str, t.Any]:
    """Return the result of a job that is over, and note that somebody has it. Raises ``BinhostError`` if it failed."""
    collect(job, state=state)
    if job.phase != "finished":
        raise BinhostError(job.message or f"job {job.name}: expected it to finish, found it {job.phase}")
    return dict(job.result)


def collect(job: Job, *, state: str = STATE) -> None:
    """Note that somebody has been given the result, unless whoever asked is gone meanwhile."""
    if job.over and not job.collected and _process.is_heard():
        with contextlib.suppress(OSError, BinhostError):
            _files.write(os.path.join(_job_files.folder(job.name, state), _job_files.COLLECTED), "", _job_files.MODE)


def cancel(name: str, grace: float = 15, *, state: str = STATE) -> Job:
    """End a job with all its processes, after ``grace`` seconds by force; return it.

    Raises ``BinhostError`` if even then it is still there.
    """
    job = _job_files.find(name, state)
    if job.phase != "running":
        return job
    job, place = _begun(name, state), _job_files.folder(name, state)
    with contextlib.suppress(BinhostError):  # on a full disk it ends all the same
        _files.write(os.path.join(place, _job_files.CANCELLED), _job_files.now() + "\n", _job_files.MODE)
    head = _job_files.supervisor(_job_files.load(place, _job_files.STATUS) or {})
    tree = [head, *_process.family(head.pid)]
    _process.send(head, signal.SIGTERM)
    if not _process.until(lambda: not _process.runs(head), grace, POLL):
        tree += _process.family(head.pid)
    for each in tree:
        _process.send(each, signal.SIGKILL)
    if not _process.until(lambda: not any(map(_process.runs, tree)), _KILLED):
        left = ", ".join(str(each.pid) for each in tree if _process.runs(each))
        raise BinhostError(f"job {name}: expected its processes to be gone, found {left}")
    return _job_files.find(name, state)


def listing(*, state: str = STATE) -> list[Job]:
    """Return all jobs, sorted by name."""
    try:
        names = sorted(os.listdir(_job_files.top(state)))
    except FileNotFoundError:
        return []
    found = (_job_files.find(name, state) for name in names if _job_files.NAME.match(name))
    return [job for job in found if job.phase != "absent"]


def clean(name: str, *, state: str = STATE) -> bool:
    """Remove what a job left, and return whether there was anything. Raises ``BinhostError`` if it runs."""
    place = _job_files.folder(name, state)
    if not os.path.isdir(place):
        return False
    lock = _job_files.seize(name, state)
    if lock is None:
        raise BinhostError(f"job {name}: expected it to be over, found it at work")
    try:
        _removal.tree(place)
    finally:
        os.close(lock)
    return True
