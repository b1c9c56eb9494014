# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that is a job: it leaves its starter's session, tells what it does, and writes down how it ended.

Where systemd runs the machine it moves to a scope of its own: with ``become`` the starter's session is a person's, and
logind may be told to kill all of that when the connection ends (logind.conf(5), KillUserProcesses; the default is no,
and root's sessions are spared). A unit would not do: the lock is handed on as an open file. Elsewhere, and where the
scope is refused, a session of its own is all there is to have.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import traceback
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _job_files, _process
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._progress import Progress

#: sd_booted(3)
_SYSTEMD: t.Final = "/run/systemd/system"
_SCOPE: t.Final = 30.0  # seconds that the service manager has to make the scope
#: systemd's words for everybody when a machine is shut down are SIGTERM.
_ENDED_BY_SIGNAL: t.Final = (
    "expected to finish, found SIGTERM, as when the machine is shut down. Run again, it goes on from there"
)
_LONGEST_MESSAGE: t.Final = 20000  # characters

Work = t.Callable[[str, _process.Run, t.Mapping[str, t.Any]], dict[str, t.Any]]
#: Kind and parameters of a job -> how its progress is known.
Watch = t.Callable[[str, t.Mapping[str, t.Any]], Progress]


class Cancelled(BaseException):
    """Somebody wants the job to end; no error, so that nobody handles it as one."""


def detach(name: str, argv: t.Sequence[str], lock: int) -> None:
    """Return in a process that belongs to nobody; the one that called ends.

    ``argv`` is how to come back here, for the scope's process.
    """
    scope = _scope(name)
    if scope and _moved([*scope, *argv], lock):
        os._exit(0)
    if os.fork():
        os._exit(0)


def _scope(name: str) -> list[str]:
    """Return the words before a command that run it in a scope of its own; none where there are no scopes."""
    program = shutil.which("systemd-run")
    if program is None or not os.path.isdir(_SYSTEMD) or os.geteuid() != 0:
        return []
    unit = f"larry-binhost-{name}.scope"
    return [program, "--scope", "--quiet", "--collect", f"--unit={unit}", f"--description=larry.binhost job {name}"]


def _moved(argv: t.Sequence[str], lock: int) -> bool:
    """Return whether the command runs in its scope: ``systemd-run --scope`` becomes it."""
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, pass_fds=(lock,))
    began = _process.until(lambda: child.poll() is not None or not _is_still(child.pid, argv[0]), _SCOPE)
    if not began:
        child.kill()
        child.wait()
    return child.returncode in (None, 0)


def _is_still(pid: int, program: str) -> bool:
    """Return whether a process runs this program and not yet the one that it becomes."""
    with contextlib.suppress(OSError):
        return os.path.realpath(f"/proc/{pid}/exe") == os.path.realpath(program)
    return False


def supervise(name: str, lock: int, work: Work, watch: Watch, *, state: str) -> None:
    """Do the job whose lock is open at ``lock``, and write down how it ended."""
    os.set_inheritable(lock, False)
    os.umask(0o022)
    _process.adopt_orphans()
    place = _job_files.folder(name, state)
    request = _job_files.load(place, _job_files.REQUEST)
    if request is None:
        raise BinhostError(f"{place}: expected what is to be done, found nothing")
    told = _tell_begin(place, request)

    def labour() -> dict[str, t.Any]:
        what = request["kind"], request["parameters"]
        return work(what[0], _runner(place, told, watch(*what)), what[1])

    _process_signals()
    end = _do(labour, place)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    _process.end_children()
    _tell_end(place, {**end, "ended": _job_files.now()})


def _runner(place: str, told: t.Mapping[str, t.Any], progress: Progress) -> _process.Run:
    """Return how to run a program, such that the state says how far it is."""

    def keep(news: bool) -> None:
        if news:
            with contextlib.suppress(BinhostError):  # a full disk is not the build's affair
                _job_files.save(place, _job_files.STATUS, {**told, **progress.told})

    return _process.runner(_log, lambda line: keep(progress.line(line)), lambda over: keep(progress.look(over=over)))


def _tell_begin(place: str, request: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    me = _process.process(os.getpid())
    if me is None:
        raise BinhostError("/proc: expected to find this process there, found nothing")
    told = {
        "argv": list(sys.orig_argv) if hasattr(sys, "orig_argv") else [sys.executable, *sys.argv],
        "environment": dict(os.environ),
        "pid": me.pid,
        "start_time": me.start_time,
        "boot_id": me.boot,
        "begun": _job_files.now(),
        "log": os.path.join(place, _job_files.LOG),
        **{key: request[key] for key in ("kind", "holds", "request")},
    }
    _job_files.save(place, _job_files.STATUS, told)
    return told


def _process_signals() -> None:
    """Let SIGTERM and SIGINT end the job in an orderly way, once."""

    def cancel(_number: int, _frame: t.Any) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        raise Cancelled

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, cancel)


def _log(words: bytes) -> None:
    """Write to the log, which is standard error; what a full disk refuses is not worth ending a build."""
    with contextlib.suppress(OSError):
        os.write(2, words)


def _do(work: t.Callable[[], dict[str, t.Any]], place: str) -> dict[str, t.Any]:
    """Return how the work ended; an error that nobody foresaw is in the log with where it came from.

    What was done before an error is its ``result``, if it has one.
    """
    result: t.Mapping[str, t.Any] = {}
    try:
        return {"phase": "finished", "result": work()}
    except Cancelled:
        if _job_files.has(place, _job_files.CANCELLED):
            return {"phase": "cancelled", "message": "cancelled"}
        return {"phase": "died", "message": _ENDED_BY_SIGNAL}
    except BinhostError as exc:
        message, result = str(exc), getattr(exc, "result", {})
    except OSError as exc:
        _log(traceback.format_exc().encode())
        message = str(exc)
    except Exception as exc:
        _log(traceback.format_exc().encode())
        where = os.path.join(place, _job_files.LOG)
        message = (
            f"expected no such error, found {type(exc).__name__}: {exc}; where it happened is at the end of {where}"
        )
    _log(f"{message}\n".encode("utf-8", "replace"))
    return {"phase": "failed", "message": message[-_LONGEST_MESSAGE:], "result": dict(result)}


def _tell_end(place: str, end: t.Mapping[str, t.Any]) -> None:
    """Write the result, into room that was kept for it."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(place, _job_files.RESERVE))
    try:
        _job_files.save(place, _job_files.RESULT, end)
    except BinhostError as exc:
        _log(f"{exc}\n".encode("utf-8", "replace"))
        raise
