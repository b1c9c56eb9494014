# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``binhost-sync``: what the role does for the index and the ebuild repositories, by a person, a timer or a hook."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import subprocess
import time
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _durable,
    _fetched,
    _files,
    _jobs,
    _lock,
    _orders,
    _program,
    _say,
    _sync,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: A person waits for his emerge: what takes longer than this is left to the timer or the next run.
_HURRY: t.Final = 2.0  # seconds per attempt
_PATIENCE: t.Final = 5.0  # seconds for another synchronisation to end
_REST: t.Final = 3600.0  # seconds in which nobody waits again for what was once killed because it took too long


def add_options(parser: argparse.ArgumentParser) -> None:
    """Tell a parser what may be on the command line."""
    parser.add_argument("--check", action="store_true", help="say what would change, and change nothing")
    parser.add_argument("--quiet", action="store_true", help="say nothing where nothing changes")
    parser.add_argument("--hook", action="store_true", help="before emerge: be quick, and fail for nothing")
    parser.set_defaults(act=act)


def act(asked: argparse.Namespace) -> int:
    """Do it and tell it; return 0 if what is here is the newest that can be had, 1 if what is offered is wrong."""
    running = [job.name for job in _jobs.listing(state=asked.state) if job.phase == "running"]
    if running and not asked.check:
        # What a job installs from is not to be replaced under it.
        _say.warn(f"binhost-sync: job {running[0]} runs here; what is here stays until it is over")
        return 0
    if asked.hook and _was_cut(asked.state):
        _say.warn(
            f"binhost-sync: it took too long a while ago; {_program.path(asked.state)} binhost-sync takes its time"
        )
        return 0
    try:
        with _noted(asked):
            done = _done(asked)
        _tell(done, asked)
    except (BinhostError, OSError) as exc:
        _say.warn(f"binhost-sync: {exc}")
        return 0 if asked.hook else 1
    return 0


def _mark(state: str) -> str:
    """Return the file that is there while it is done, and after it was killed."""
    return os.path.join(os.path.dirname(_lock.lock_path("sync", state)), "sync-begun")


def _was_cut(state: str) -> bool:
    try:
        return 0 <= time.time() - os.stat(_mark(state)).st_mtime < _REST
    except OSError:
        return False


@contextlib.contextmanager
def _noted(asked: argparse.Namespace) -> t.Iterator[None]:
    """Leave a mark where this process is killed before an emerge; whoever has the time does it to the end."""
    if asked.hook and not asked.check:
        _files.directory(os.path.dirname(_mark(asked.state)))
        _files.write(_mark(asked.state), "")
    try:
        yield
    finally:
        if not asked.check:
            _durable.remove(_mark(asked.state))


def _done(asked: argparse.Namespace) -> _sync.Result:
    request = _orders.load(_run, asked.state)
    if asked.hook:
        request = dataclasses.replace(request, timeout=min(request.timeout, _HURRY))
    if asked.check:
        return _sync.check(request)
    result = _sync.run(request, wait=_PATIENCE if asked.hook else _sync.PATIENCE)
    _fetched.clean(asked.state)
    return result


def _tell(result: _sync.Result, asked: argparse.Namespace) -> None:
    quiet = asked.quiet or asked.hook
    tell = _say.warn if asked.hook else _say.tell  # what emerge says may be read by a program
    for remark in result.answer.remarks:
        _say.warn(f"binhost-sync: {remark}")
    if result.changed:
        verb = "would be" if asked.check else "is"
        where = f" from {result.answer.offer.uri}" if result.answer.offer else ""
        tell(f"generation {result.number} {verb} here{where}")
    elif not quiet:
        _say.tell(f"generation {result.number} is here" if result.number else "no generation is here")
    if result.answer.message and not quiet:
        _say.warn(f"binhost-sync: {result.answer.message}")


def _run(args: t.Sequence[str]) -> tuple[int, str, str]:
    done = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    return done.returncode, done.stdout, done.stderr
