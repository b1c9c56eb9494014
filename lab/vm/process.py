# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that a guest is: qemu, in the guests' network, until it ends or is ended."""

from __future__ import annotations

import os
import select
import signal
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.hosts.names import LabError
from lab.hosts.podman import command
from lab.vm import names
from lab.vm.names import Guests

_TAIL: t.Final = 2000  # characters of a console that a message shows


def switch_on(guests: Guests, host: str, image: Path) -> None:
    """Start a guest that is off; it outlives this process.  Raises ``LabError`` with qemu's words."""
    guests.console(host).unlink(missing_ok=True)
    command(*names.inside(guests, *names.qemu(guests, host, image)))


def pid(guests: Guests, host: str) -> int:
    """Return the number of a guest's process, 0 if the guest is off."""
    try:
        number = int(guests.pid(host).read_text())
        words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return 0
    # The number may have become another's since; one that has ended and nobody asked for has no words.
    return number if f"{guests.name}-{host}".encode() in words else 0


def kill(guests: Guests, host: str) -> None:
    """End a guest at once, and return when it has ended."""
    with _handle(guests, host) as handle:
        if handle is not None:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            select.select([handle], [], [])
    guests.pid(host).unlink(missing_ok=True)


def ended(guests: Guests, host: str, patience: float) -> None:
    """Return once a guest has ended by itself.  Raises ``LabError`` if that takes more than ``patience`` seconds."""
    with _handle(guests, host) as handle:
        if handle is not None and not select.select([handle], [], [], patience)[0]:
            raise LabError(f"{host}: expected it to be off within {patience} s, found it on:\n{said(guests, host)}")


@contextmanager
def _handle(guests: Guests, host: str) -> Iterator[int | None]:
    """Yield what stands for a guest's process, whatever becomes of its number; None if it is off."""
    number = pid(guests, host)
    try:
        handle = os.pidfd_open(number) if number else None
    except ProcessLookupError:
        handle = None
    try:
        # Asked again: now that number can't become another's.
        yield handle if handle is not None and pid(guests, host) == number else None
    finally:
        if handle is not None:
            os.close(handle)


def said(guests: Guests, host: str) -> str:
    """Return the end of what a guest said on its console."""
    console = guests.console(host)
    return console.read_text(errors="replace")[-_TAIL:] if console.exists() else ""
