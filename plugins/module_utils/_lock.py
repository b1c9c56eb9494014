# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One writer at a time: a lock that the kernel drops with its owner, and that names the owner meanwhile."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import time
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _files
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

RUN: t.Final = "/run/larry-binhost"


def lock_path(name: str, state: str = STATE) -> str:
    """Return the lock's file; a state folder elsewhere (a test's) keeps its locks inside."""
    return os.path.join(RUN if state == STATE else os.path.join(state, "run"), f"{name}.lock")


@contextlib.contextmanager
def held(name: str, *, state: str = STATE, wait: float = 0, what: str = "") -> t.Iterator[None]:
    """Hold a lock while the block runs, waiting for it at most ``wait`` seconds; ``what`` says what the block does.

    Raises ``BinhostError`` that says which process of whom holds it, since when and what for, if another does.
    """
    path = lock_path(name, state)
    _files.directory(os.path.dirname(path))
    with open(path, "a+", encoding="utf-8", opener=_private) as file:
        _acquire(file, path, time.monotonic() + wait)
        file.seek(0)
        file.truncate()
        file.write(_owner(what))
        file.flush()
        yield


def _private(path: str, flags: int) -> int:
    """Open a file that others can't even read: who can open a file can lock it, and so keep us waiting."""
    return os.open(path, flags, 0o600)


def _owner(what: str) -> str:
    """Return who this is: ``1234 of larry since 2026-01-31 12:00:00 UTC, which publishes laptops``."""
    try:
        who = os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        who = str(os.getuid())
    doing = f", which {what}" if what else ""
    return f"{os.getpid()} of {who} since {time.strftime('%Y-%m-%d %H:%M:%S %Z')}{doing}"


def _acquire(file: t.IO[str], path: str, deadline: float) -> None:
    """Lock the file before the deadline or raise."""
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                file.seek(0)
                owner = file.read() or "unknown"
                raise BinhostError(f"{path}: expected to be free, found it held by process {owner}") from None
        time.sleep(0.1)
