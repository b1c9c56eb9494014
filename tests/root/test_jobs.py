# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs where only root can show it: a full disk of their own, and trees of processes that want to stay."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _job_files, _jobs, _process, _program
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

from tests.root import processes
from tests.root.repeat import repeats

PATIENCE_S = processes.PATIENCE_S


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Return a state folder on a disk of 12 MiB, the program included."""
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(place)], check=True)
    _program.present(_program.path(str(place)), state=str(place))
    yield place
    for job in _jobs.listing(state=str(place)):
        _jobs.cancel(job.name, 0, state=str(place))
    subprocess.run(["umount", str(place)], check=True)


def fill(place: Path) -> Path:
    """Leave no byte free there; return the file that takes them."""
    filler = place / "filler"
    with filler.open("ab", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError:
            return filler


def begin(state: Path, script: str) -> _job_files.Job:
    parameters = {"argv": ["sh", "-c", script]}
    return _jobs.start("one", "command", parameters, program=_program.path(str(state)), state=str(state))


def test_a_full_disk_is_told_and_nothing_begun(small: Path) -> None:
    filler = fill(small)
    with pytest.raises(BinhostError) as told:
        begin(small, "true")
    where = f"{small}/jobs/one: expected to write the job's state there, found: No space left on device"
    assert str(told.value) == where
    filler.unlink()
    program = Path(_program.path(str(small)))
    program.unlink()
    filler = fill(small)
    with pytest.raises(BinhostError, match=r"\.pyz: expected to write it, found: No space left on device$"):
        _program.present(str(program), state=str(small))
    assert sorted(path.name for path in small.iterdir()) == ["filler", "jobs", "run"]
    filler.unlink()
    _program.present(str(program), state=str(small))
    begin(small, "true")
    assert _jobs.finish("one", state=str(small)).phase == "finished"


def test_a_disk_that_gets_full_meanwhile_costs_words_and_no_result(small: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    begin(small, f"until test -e '{go}'; do sleep 0.05; done; seq 100000")
    fill(small)
    go.touch()
    done = _jobs.finish("one", state=str(small))
    assert (done.phase, done.result) == ("finished", {"changed": True, "status": 0})


def test_a_kill_at_any_moment_leaves_no_process(tmp_path: Path) -> None:
    state = tmp_path / "state"
    _program.present(_program.path(str(state)), state=str(state))
    mark = f"larry-job-{os.getpid()}"
    script = f": {mark}; trap '' TERM HUP; while :; do setsid sh -c ': {mark}; sleep 30' & sleep 0.01; done"
    for _attempt in range(repeats(3, 20)):
        job = begin(state, script)
        time.sleep(random.uniform(0, 0.5))
        os.kill(job.pid, signal.SIGKILL)
        assert _jobs.finish("one", state=str(state)).phase == "died"
        assert _process.until(lambda: subprocess.run(["pgrep", "-f", mark], check=False).returncode != 0, PATIENCE_S)
