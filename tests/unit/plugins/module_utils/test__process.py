# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _process
from ansible_collections.larry.binhost.plugins.module_utils._process import Process


def quiet(_words: t.Any) -> None:
    """Take the words and say nothing."""


def test_who_has_gone_hears_nothing(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    assert _process.is_heard(writing)
    os.close(reading)
    assert not _process.is_heard(writing)
    os.close(writing)
    assert not _process.is_heard(writing)
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            assert _process.is_heard(ours.fileno())
        assert not _process.is_heard(ours.fileno())
    with (tmp_path / "file").open("w") as file:
        assert _process.is_heard(file.fileno())


def test_a_process_is_known_again_and_no_other() -> None:
    me = _process.process(os.getpid())
    assert me is not None
    assert _process.runs(me)
    for other in (
        me._replace(start_time=me.start_time + 1),
        me._replace(boot="x"),
        Process(0, 0, ""),
        Process(-1, 1, ""),
    ):
        assert not _process.runs(other)
        assert not _process.send(other, signal.SIGKILL)


def test_a_dead_one_that_waits_for_its_parent_runs_no_more() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        known = _process.process(child.pid)
        assert known is not None
        assert _process.send(known, signal.SIGKILL)
        assert _process.until(lambda: not _process.runs(known), 10)
    assert not _process.send(known, signal.SIGKILL)


def test_a_family_is_told_parents_first() -> None:
    with subprocess.Popen(["sh", "-c", "sh -c 'sleep 60; true'; true"]) as child:
        try:
            assert _process.until(lambda: len(_process.family(child.pid)) == 2, 10)
            first, second = _process.family(child.pid)
            assert _process.family(first.pid) == [second]
        finally:
            for each in _process.family(child.pid):
                _process.send(each, signal.SIGKILL)
            child.kill()


def test_who_descends_from_whom() -> None:
    me, parent = os.getpid(), os.getppid()
    assert _process.descends(me, me)
    assert _process.descends(me, parent)
    assert not _process.descends(parent, me)
    assert not _process.descends(0, me)
    assert not _process.descends(-1, me)
    assert not _process.descends(2**22 + 1, me)
    with subprocess.Popen(["sleep", "60"]) as child:
        assert _process.descends(child.pid, me)
        child.kill()
    assert not _process.descends(child.pid, me)


def test_run_returns_what_it_writes() -> None:
    log, lines = bytearray(), []
    run = _process.runner(log.extend, lines.append)
    script = "echo one; printf 'two\\rthree\\n'; printf 'err\\n' >&2; printf '\\377 end'; exit 4"
    status, out, err = run(["sh", "-c", script])
    assert (status, out, err) == (4, "one\ntwo\rthree\n\udcff end", "err\n")
    assert lines == ["one", "two", "three"]
    assert sorted(bytes(log)) == sorted(b"one\ntwo\rthree\nerr\n\xff end")


def test_run_looks_while_nothing_is_said_and_once_more_when_it_has_ended() -> None:
    looked: list[bool] = []
    _process.runner(quiet, quiet, looked.append)(["sleep", "1.2"])
    assert looked[:-1] == [False] * len(looked[:-1])
    assert len(looked) >= 3
    assert looked[-1]


def test_run_of_a_program_that_is_not_there() -> None:
    run = _process.runner(quiet, quiet)
    assert run(["/no/such"]) == (127, "", "/no/such: No such file or directory\n")


def test_run_does_not_wait_for_what_the_program_leaves_behind() -> None:
    began = time.monotonic()
    status, out, _err = _process.runner(quiet, quiet)(["sh", "-c", "sleep 20 & echo $!"])
    assert time.monotonic() - began < 15
    assert status == 0
    os.kill(int(out), signal.SIGKILL)


def test_run_keeps_the_end_of_very_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_process, "KEPT", 10)
    assert _process.runner(quiet, quiet)(["seq", "1000"])[1] == "\n999\n1000\n"[-10:]


def test_an_exception_ends_the_program() -> None:
    def interrupt(_words: bytes) -> None:
        raise KeyboardInterrupt

    before = _process.family(os.getpid())
    with pytest.raises(KeyboardInterrupt):
        _process.runner(interrupt, quiet)(["sh", "-c", "echo begun; sleep 60; true"])
    assert _process.until(lambda: set(_process.family(os.getpid())) <= set(before), 10)


def test_the_program_ends_with_its_caller() -> None:
    script = (
        "from ansible_collections.larry.binhost.plugins.module_utils import _process\n"
        "run = _process.runner(lambda words: print(words.decode(), flush=True), print)\n"
        "run(['sh', '-c', 'echo $$; exec sleep 60'])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment) as caller:
        assert caller.stdout is not None
        child = _process.process(int(caller.stdout.readline()))
        caller.kill()
    assert child is not None
    assert _process.until(lambda: not _process.runs(child), 10)
