# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes: known again although their numbers come again, and run so that none outlives the one that started it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import selectors
import signal
import subprocess
import time
import typing as t
from collections.abc import Callable, Iterator

#: linux/prctl.h
_PDEATHSIG: t.Final = 1
_CHILD_SUBREAPER: t.Final = 36
#: Bytes of a program's output that are returned, the last ones; all of it is in the log.
KEPT: t.Final = 16 << 20
_PATIENCE: t.Final = 5.0  # seconds from SIGTERM to SIGKILL
_STEP: t.Final = 0.02  # seconds
_IDLE: t.Final = 0.5  # the same

Run = t.Callable[[t.Sequence[str]], tuple[int, str, str]]


class Process(t.NamedTuple):
    """A process, as it can be known again: numbers are reused, in one boot and more so in the next."""

    pid: int
    start_time: int  # clock ticks since boot: proc(5), /proc/PID/stat, field 22
    boot: str


def is_heard(descriptor: int = 1) -> bool:
    """Return whether somebody still reads what is written there: the other end of a lost connection is closed.

    Source: poll(2), POLLERR of the write end of a pipe and POLLHUP of a socket.
    """
    watch = select.poll()
    watch.register(descriptor, 0)
    gone = select.POLLERR | select.POLLHUP | select.POLLNVAL
    return not any(event & gone for _descriptor, event in watch.poll(0))


def boot_id() -> str:
    """Return what the kernel calls this boot."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as handle:
        return handle.read().strip()


def process(pid: int) -> Process | None:
    """Return a process that runs; None if there is none of this number, or it is dead and waits for its parent."""
    fields = _stat(pid)
    return Process(pid, int(fields[19]), boot_id()) if fields and fields[0] not in ("Z", "X") else None


def runs(known: Process) -> bool:
    """Return whether this very process still runs."""
    return known.pid > 0 and process(known.pid) == known


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on; the second, a name, may hold anything."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as handle:
            return handle.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def family(pid: int) -> list[Process]:
    """Return all that descend from a process, parents first."""
    parents: dict[int, list[int]] = {}
    for each in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        fields = _stat(each)
        if fields:
            parents.setdefault(int(fields[1]), []).append(each)
    found, ahead = [], [pid]
    while ahead:
        children = parents.get(ahead.pop(0), [])
        ahead += children
        found += [known for known in map(process, children) if known]
    return found


def descends(pid: int, ancestor: int) -> bool:
    """Return whether a process runs that is ``ancestor`` or descends from it."""
    while pid > 1 and pid != ancestor:
        fields = _stat(pid)
        pid = int(fields[1]) if fields else 0
    return pid == ancestor and bool(_stat(pid))


def send(known: Process, number: int) -> bool:
    """Send a signal to this very process and to none that has its number now; return whether it was there."""
    if not runs(known):
        return False
    try:
        handle = os.pidfd_open(known.pid)
    except ProcessLookupError:
        return False
    try:
        if not runs(known):  # the number may have been reused before it was opened
            return False
        signal.pidfd_send_signal(handle, number)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)


def until(condition: Callable[[], bool], seconds: float, step: float = _STEP) -> bool:
    """Return whether a condition comes true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(step)
    return True


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _prctl(_CHILD_SUBREAPER, 1)


def end_children() -> None:
    """Kill every descendant, orphans included once ``adopt_orphans`` was called."""
    while True:
        for each in family(os.getpid()):
            send(each, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def runner(
    write: Callable[[bytes], None], tell: Callable[[str], None], look: Callable[[bool], None] = lambda over: None
) -> Run:
    """Return how to run a program whose words are written while it runs.

    ``write`` gets all of it, ``tell`` each line of standard output; ``look`` is called at least twice a second with
    false, and with true when it has ended. The program gets SIGKILL when the caller is gone;
    if an exception is raised meanwhile, by a signal for instance, it and its process group get SIGTERM, then SIGKILL.
    """

    def run(args: t.Sequence[str]) -> tuple[int, str, str]:
        me = os.getpid()

        def bind() -> None:
            _prctl(_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != me:  # gone before that was asked for
                os._exit(1)

        try:
            child = subprocess.Popen(
                args,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                preexec_fn=bind,
            )
        except OSError as exc:
            return 127, "", f"{args[0]}: {exc.strerror}\n"
        with _ended(child):
            streams = _read(child, write, tell, look)
            status = child.wait()
            look(True)
            return status, *streams

    return run


@contextlib.contextmanager
def _ended(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let no child and nothing of its process group outlive an exception."""
    try:
        with child:
            try:
                yield
            except BaseException:
                _signal_group(child.pid, signal.SIGTERM)
                until(lambda: child.poll() is not None, _PATIENCE)
                _signal_group(child.pid, signal.SIGKILL)
                child.kill()
                raise
    finally:
        child.wait()


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _read(
    child: subprocess.Popen[bytes],
    write: Callable[[bytes], None],
    tell: Callable[[str], None],
    look: Callable[[bool], None],
) -> tuple[str, str]:
    """Return the ends of standard output and standard error."""
    said: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
    line = b""
    with selectors.DefaultSelector() as selector:
        for name in said:
            selector.register(getattr(child, name), selectors.EVENT_READ, name)
        while selector.get_map():
            ready = selector.select(_IDLE)
            look(False)
            if not ready and child.poll() is not None:  # somebody it has left behind holds its output open
                break
            for key, _events in ready:
                block = os.read(key.fd, 1 << 16)
                if not block:
                    selector.unregister(key.fileobj)
                write(block)
                said[key.data] += block
                del said[key.data][:-KEPT]
                if key.data == "stdout":
                    *lines, line = (line + block).replace(b"\r", b"\n").split(b"\n")
                    for each in lines:
                        tell(each.decode("utf-8", "replace"))
    out, err = (bytes(text).decode("utf-8", "surrogateescape") for text in said.values())
    return out, err
