# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""job as a playbook sees it, its action included."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _job_files, _jobs, _program

Module = t.Callable[..., dict[str, t.Any]]
Tasks = t.Callable[..., list[dict[str, t.Any]]]


def test_wait_list_cancel_clean(tasks: Tasks, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    _program.present(_program.path(state), state=state)
    for name, script in (("good", "sleep 2"), ("bad", "sleep 1; exit 3"), ("long", "sleep 600")):
        parameters = {"argv": ["sh", "-c", script]}
        _jobs.start(name, "command", parameters, program=_program.path(state), state=state)
    asked = {"names": ["good", "bad"], "state_dir": state}
    listed = {"state": "listed", "state_dir": state}
    ended = {"state": "cancelled", "names": ["long", "good"], "state_dir": state}
    gone = {"state": "cleaned", "names": ["long"], "state_dir": state}
    waited, none, there, foreseen, refused, cancelled, again, *cleaned = tasks(
        "job",
        [
            *((asked, False), ({"names": []}, False), (listed, False), (ended, True), (gone, False), (ended, False)),
            *((ended, False), (gone, True), (gone, False), (gone, False)),
        ],
    )
    assert waited["changed"]
    assert {name: job["phase"] for name, job in waited["jobs"].items()} == {"good": "finished", "bad": "failed"}
    assert (waited["jobs"]["good"]["result"]["status"], waited["jobs"]["bad"]["message"][-17:]) == (
        0,
        "status 0, found 3",
    )
    assert none["jobs"] == {}
    assert (there["changed"], sorted(there["jobs"])) == (False, ["bad", "good", "long"])
    assert foreseen["jobs"]["long"]["phase"] == "running"
    assert refused["msg"].startswith("job long: expected it to be over, found it at work since 20")
    assert (cancelled["changed"], cancelled["jobs"]["long"]["phase"]) == (True, "cancelled")
    assert not again["changed"]
    assert [each["changed"] for each in cleaned] == [True, True, False]


def test_a_result_is_told_once_somebody_has_it(tasks: Tasks, module: Module, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    _program.present(_program.path(state), state=state)
    _jobs.start("one", "command", {"argv": ["true"]}, program=_program.path(state), state=state)
    asked = {"names": ["one"], "state_dir": state}
    # A question whose controller is gone by the time of its answer:
    while module("job", {**asked, "collect": False})["jobs"]["one"]["phase"] == "running":
        pass
    assert not _job_files.find("one", state).collected
    tasks("job", [(asked, False)])
    assert _job_files.find("one", state).collected
