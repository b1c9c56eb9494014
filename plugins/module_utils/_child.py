# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program whose output is a file, ended whatever it waits for: a server that is gone, a mount that never answers."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from ansible_collections.larry.binhost.plugins.module_utils import _answer

_BLOCK: t.Final = 1 << 16
_WORDS: t.Final = 4096  # bytes of what it says that are kept
_END: t.Final = 1.0  # seconds that a killed child is waited for: one that waits for a disk doesn't end at once
T = t.TypeVar("T")


def output(
    url: str,
    argv: Sequence[str],
    sink: t.BinaryIO,
    *,
    quiet: float,
    total: float,
    most: int,
    environment: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Copy what a program writes into ``sink``; return its status and the last words on its standard error.

    Raises ``Unanswered`` after ``quiet`` seconds without a byte or ``total`` seconds in all, ``BinhostError`` for more
    than ``most`` bytes.  The program is killed then; it also is, by ``timeout(1)``, if this process is.
    """
    limited = ["timeout", "--foreground", "--signal=KILL", str(total + 1), *argv]
    env = {**os.environ, "LC_ALL": "C", **(environment or {})}
    with _ended(
        subprocess.Popen(
            limited,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=env,
        )
    ) as child:
        words = _copy(url, child, sink, quiet, time.monotonic() + total, total, most)
        try:
            return child.wait(_END), words
        except subprocess.TimeoutExpired:
            raise _answer.unfinished(url, total) from None


def _copy(
    url: str, child: subprocess.Popen[bytes], sink: t.BinaryIO, quiet: float, end: float, total: float, most: int
) -> str:
    """Read until both outputs are closed; return what the second said."""
    out, err = t.cast("t.IO[bytes]", child.stdout), t.cast("t.IO[bytes]", child.stderr)
    words, done, open_ = b"", 0, [out, err]
    while open_:
        left = min(quiet, end - time.monotonic())
        ready = select.select(open_, [], [], max(left, 0))[0]
        if not ready:
            raise _answer.unfinished(url, quiet if left == quiet else total)
        for stream in ready:
            block = os.read(stream.fileno(), _BLOCK)
            if not block:
                open_.remove(stream)
            elif stream is err:
                words = (words + block)[-_WORDS:]
            else:
                done += len(block)
                if done > most:
                    raise _answer.too_large(url, most)
                sink.write(block)
    return words.decode("utf-8", "replace").strip()


@contextlib.contextmanager
def _ended(child: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Leave no child behind, unless the kernel keeps it."""
    try:
        yield child
    finally:
        if child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_END)
        for stream in (child.stdout, child.stderr):
            if stream:
                stream.close()


def each(things: Iterable[T], ask: Callable[[T], str], seconds: float) -> dict[T, str]:
    """Return what ``ask`` says of each thing, all asked at once, each in a process of its own.

    One that says nothing within ``seconds`` is killed, and is said to be silent.
    """
    children = {thing: _forked(ask, thing) for thing in things}
    end = time.monotonic() + seconds
    found: dict[T, str] = {}
    try:
        for thing, (_pid, descriptor) in children.items():
            ready = select.select([descriptor], [], [], max(end - time.monotonic(), 0))[0]
            said = os.read(descriptor, _WORDS).decode("utf-8", "replace") if ready else ""
            # A full stop says that all was said.
            found[thing] = said[:-1] if said.endswith(".") else f"no answer within {seconds:g} s"
    finally:
        for pid, descriptor in children.values():
            os.close(descriptor)
            os.kill(pid, signal.SIGKILL)
            _reap(pid)
    return found


def _forked(ask: Callable[[T], str], thing: T) -> tuple[int, int]:
    """Return the number of a process that asks, and where it will say what it found."""
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return pid, read
    try:
        signal.alarm(60)  # should nobody be left to end it
        os.write(write, (ask(thing)[: _WORDS - 1] + ".").encode("utf-8", "replace")[-_WORDS:])
    finally:
        os._exit(0)


def _reap(pid: int) -> None:
    """Take notice of the end of a killed child, if it comes soon."""
    end = time.monotonic() + _END
    while os.waitpid(pid, os.WNOHANG) == (0, 0) and time.monotonic() < end:
        time.sleep(0.001)
