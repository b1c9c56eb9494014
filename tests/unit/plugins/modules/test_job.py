# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""job as a playbook sees it, its action included."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _job_files, _jobs, _program

Module = t.Callable[..., dict[str, t.Any]]


def test_wait_list_cancel_clean(task: Module, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    _program.present(_program.path(state), state=state)
    for name, script in (("good", "sleep 2"), ("bad", "sleep 1; exit 3"), ("long", "sleep 60")):
        parameters = {"argv": ["sh", "-c", script]}
        _jobs.start(name, "command", parameters, program=_program.path(state), state=state)
    asked = {"names": ["good", "bad"], "state_dir": state}
    result = task("job", asked)
    assert result["changed"]
    assert {name: job["phase"] for name, job in result["jobs"].items()} == {"good": "finished", "bad": "failed"}
    assert (result["jobs"]["good"]["result"]["status"], result["jobs"]["bad"]["message"][-17:]) == (
        0,
        "status 0, found 3",
    )
    assert task("job", {"names": []})["jobs"] == {}
    result = task("job", {"state": "listed", "state_dir": state})
    assert (result["changed"], sorted(result["jobs"])) == (False, ["bad", "good", "long"])
    ended = {"state": "cancelled", "names": ["long", "good"], "state_dir": state}
    assert task("job", ended, check=True)["jobs"]["long"]["phase"] == "running"
    gone = {"state": "cleaned", "names": ["long"], "state_dir": state}
    assert task("job", gone)["msg"].startswith("job long: expected it to be over, found it at work since 20")
    result = task("job", ended)
    assert (result["changed"], result["jobs"]["long"]["phase"]) == (True, "cancelled")
    assert not task("job", ended)["changed"]
    for check, changed in ((True, True), (False, True), (False, False)):
        assert task("job", gone, check=check)["changed"] is changed


def test_a_result_is_told_once_somebody_has_it(task: Module, module: Module, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    _program.present(_program.path(state), state=state)
    _jobs.start("one", "command", {"argv": ["true"]}, program=_program.path(state), state=state)
    asked = {"names": ["one"], "state_dir": state}
    # A question whose controller is gone by the time of its answer:
    while module("job", {**asked, "collect": False})["jobs"]["one"]["phase"] == "running":
        pass
    assert not _job_files.find("one", state).collected
    task("job", asked)
    assert _job_files.find("one", state).collected
