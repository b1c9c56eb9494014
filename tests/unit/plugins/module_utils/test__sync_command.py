# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import os
import signal
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _local, _orders, _servers, _sync, _sync_command
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

NOTHING = _local.Here(None, None, None, 0, complete=False)


class Machine:
    """A slave on which nobody waits for a server; what it does is counted."""

    def __init__(self, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state, self.begun = state, 0
        self.happens: t.Callable[[], object] = int
        _orders.keep(_servers.Request(Place("laptops", str(state)), ()))
        monkeypatch.setattr(_sync, "run", self._run)

    def _run(self, _request: _servers.Request, *, wait: float) -> _sync.Result:
        assert wait > 0
        self.begun += 1
        self.happens()
        return _sync.Result(NOTHING, _sync.Answer(), None, 0)

    def sync(self, *, hook: bool = False) -> int:
        return _sync_command.act(argparse.Namespace(state=str(self.state), hook=hook, check=False, quiet=False))

    def killed(self) -> None:
        """Do what timeout(1) does after a minute."""
        self.happens = lambda: os.kill(os.getpid(), signal.SIGKILL)
        pid = os.fork()
        if pid == 0:
            self.sync(hook=True)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
        self.happens = int


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_what_took_too_long_keeps_no_second_emerge_waiting(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (machine.sync(hook=True), machine.sync(hook=True), machine.begun) == (0, 0, 2)
    machine.killed()
    assert (machine.sync(hook=True), machine.begun) == (0, 2)
    assert "it took too long a while ago" in capsys.readouterr().err
    (mark,) = machine.state.glob("run/sync-begun")
    os.utime(mark, (0, 0))
    assert (machine.sync(hook=True), machine.begun, mark.exists()) == (0, 3, False)
    machine.killed()
    assert (machine.sync(), machine.sync(hook=True), machine.begun) == (0, 0, 5)


def wrong() -> None:
    raise BinhostError("wrong")


def test_what_is_wrong_stops_no_emerge_and_is_asked_again(machine: Machine) -> None:
    machine.happens = wrong
    assert (machine.sync(hook=True), machine.sync(hook=True), machine.sync(), machine.begun) == (0, 0, 1, 3)
