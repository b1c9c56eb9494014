# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job keeps of its progress, and what is made of that for who asks."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _emerge, _progress
from ansible_collections.larry.binhost.plugins.module_utils._progress import Progress, Source

NOW: t.Final = 1700000100.0
LOG: t.Final = "".join(
    f"{begun}:  >>> emerge (1 of 1) {cpv} to /\n{extra}{begun + taken}:  ::: completed emerge (1 of 1) {cpv} to /\n"
    for begun, cpv, taken, extra in (
        (100, "sys-devel/gcc-13.3.0", 1400, ""),
        (9000, "app-misc/hello-2.9", 8, "9001:  === (1 of 1) Merging Binary (app-misc/hello-2.9::/x.gpkg.tar)\n"),
    )
)


class Clock:
    """A clock that goes as it is told."""

    now = NOW

    def __call__(self) -> float:
        """Return the time."""
        return self.now


class Machine:
    """A job's progress, with what its emerge writes."""

    def __init__(self, folder: Path) -> None:
        """Write the log of what was merged before."""
        self.clock, self.folder = Clock(), folder
        (folder / "emerge.log").write_text(LOG)
        source = Source(str(folder), str(folder / "emerge.log"))
        self.progress = Progress(_emerge.doing, source, self.clock)

    def writes(self, *tasks: tuple[str, str], done: int = 0, binary: bool = False) -> None:
        """Write tasks that began 10 seconds ago."""
        rows = [
            {"cpv": cpv, "phase": phase, "kind": "build", "binary": binary, "start_time": NOW - 10}
            for cpv, phase in tasks
        ]
        jobs = {"completed": done, "total": 87, "failed": 0}
        value = {"type": "snapshot", "schema": 1, "timestamp": self.clock.now, "jobs": jobs, "tasks": rows}
        (self.folder / "emerge-7.json").write_text(json.dumps(value))

    def look(self, after: float = 1.0) -> bool:
        """Look again some seconds later."""
        self.clock.now += after
        return self.progress.look()

    @property
    def live(self) -> dict[str, t.Any]:
        """What is told to who asks now; what is kept has to survive a file."""
        return _progress.now(json.loads(json.dumps(self.progress.told)), self.clock.now)

    @property
    def mark(self) -> t.Any:
        """What a watcher is waiting for a change of."""
        return json.dumps(_progress.mark(json.loads(json.dumps(self.progress.told))))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return one that has merged gcc from source and hello from a binary."""
    return Machine(tmp_path)


def test_nothing_is_known_before_emerge_tells(machine: Machine) -> None:
    assert not machine.look()
    assert (machine.live, machine.progress.told) == ({}, {"doing": "", "live": {}})


def test_a_package_with_what_it_took_before(machine: Machine) -> None:
    machine.writes(("sys-devel/gcc-14.2.0", "compile"), done=12)
    assert machine.look()
    gcc = {"cpv": "sys-devel/gcc-14.2.0", "phase": "compile", "elapsed": 11, "left": 1389}
    assert machine.live == {"done": 12, "total": 87, **gcc, "tasks": [gcc]}
    assert not machine.look()  # time alone is no news
    machine.clock.now = NOW + 1389
    assert (machine.live["elapsed"], machine.live["left"]) == (1399, 1)
    machine.clock.now = NOW + 1390
    assert (machine.live["elapsed"], machine.live["left"]) == (1400, None)


def test_no_estimate_rather_than_a_wrong_one(machine: Machine) -> None:
    machine.writes(("app-misc/hello-2.10", "compile"), ("app-misc/new-1", "compile"))
    machine.look()
    assert [task["left"] for task in machine.live["tasks"]] == [None, None]
    machine.writes(("app-misc/hello-2.10", "unpack"), ("sys-devel/gcc-14.2.0", ""), binary=True)
    machine.look()
    assert [task["left"] for task in machine.live["tasks"]] == [None, None]  # hello has taken longer than ever
    machine.clock.now = NOW - 10
    assert [task["left"] for task in machine.live["tasks"]] == [8, None]


def test_what_is_news(machine: Machine) -> None:
    marks = [machine.mark]
    for tasks, done in (
        ([("a/b-1", "unpack")], 0),
        ([("a/b-1", "compile")], 0),
        ([("a/b-1", "compile"), ("a/c-1", "unpack")], 0),
        ([("a/c-1", "unpack")], 0),
        ([("a/c-1", "unpack")], 1),
    ):
        machine.writes(*tasks, done=done)
        assert machine.look()
        marks.append(machine.mark)
        machine.clock.now += 100
        assert machine.mark == marks[-1]
    assert len(set(marks)) == len(marks)


def test_it_looks_once_a_second(machine: Machine) -> None:
    machine.look()
    machine.writes(("a/b-1", "compile"))
    assert not machine.look(0.5)
    assert machine.look(0.5)
    machine.clock.now -= 3600  # put back
    machine.writes(("a/b-1", "install"))
    assert machine.look(0)


def test_when_emerge_has_ended_it_is_at_nothing(machine: Machine) -> None:
    machine.writes(("a/b-1", "compile"))
    assert machine.look()
    (machine.folder / "emerge-7.json").unlink()
    assert machine.progress.look(over=True)
    assert machine.live == {}


def test_lines_are_all_there_is_on_an_older_portage(machine: Machine) -> None:
    progress = machine.progress
    assert not progress.line("Calculating dependencies... done!")
    assert progress.line(">>> Emerging (3 of 7) sys-devel/gcc-14.2.0::lab")
    machine.clock.now += 30
    assert not machine.look()
    gcc = {"cpv": "sys-devel/gcc-14.2.0", "phase": "compiling", "elapsed": 31, "left": 1369}
    assert machine.live == {"done": 2, "total": 7, **gcc, "tasks": [gcc]}
    assert progress.told["doing"] == "3 of 7: compiling sys-devel/gcc-14.2.0"
    assert progress.line(">>> Installing (3 of 7) sys-devel/gcc-14.2.0::lab")
    assert (machine.live["phase"], machine.live["elapsed"], machine.live["left"]) == ("installing", 31, 1369)
    assert progress.line(">>> Completed (3 of 7) sys-devel/gcc-14.2.0::lab")
    assert (machine.live, progress.told["doing"]) == ({}, "")
    assert progress.line(">>> Emerging binary (4 of 7) app-misc/hello-2.10::lab")
    assert (machine.live["phase"], machine.live["left"]) == ("unpacking", 8)


def test_lines_do_not_beat_what_emerge_tells_beside(machine: Machine) -> None:
    machine.writes(("a/b-1", "compile"))
    machine.look()
    before = machine.live
    machine.progress.line(">>> Emerging (3 of 7) sys-devel/gcc-14.2.0::lab")
    assert machine.live == before
    assert machine.progress.told["doing"] == "3 of 7: compiling sys-devel/gcc-14.2.0"


def test_a_job_without_emerge_tells_nothing(tmp_path: Path) -> None:
    progress = Progress(lambda _line: None)
    assert not progress.line(">>> Emerging (3 of 7) sys-devel/gcc-14.2.0::lab")
    assert not progress.look()
    assert (_progress.now({}, NOW), _progress.mark({"doing": "x"})) == ({}, "x")
