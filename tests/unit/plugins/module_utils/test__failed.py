# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import gzip
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _failed, _last_plan, _status
from ansible_collections.larry.binhost.plugins.module_utils._course import Course, Outcome
from ansible_collections.larry.binhost.plugins.module_utils._failed import Failed, Here
from ansible_collections.larry.binhost.plugins.module_utils._failure import Failure
from ansible_collections.larry.binhost.plugins.module_utils._outcome import Outcome as Run
from ansible_collections.larry.binhost.plugins.module_utils._target import Target
from ansible_collections.larry.binhost.plugins.module_utils._waiting import Waiting

ONE = Failed("x/a-1", "compile", "it is broken", "", ["end"], "2026-01-31T12:00:00Z", {"ebuild": "0"})
OTHER = dataclasses.replace(ONE, since="2026-02-01T12:00:00Z")


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return dataclasses.replace(_status._bare(str(tmp_path), "laptops"))


def test_what_failed_is_told_once(target: Target) -> None:
    assert _failed.load(target) == {}
    _failed.keep(target, _failed.ROOT, Here({"x/a-1": ONE}, {"x/b-1": "x/a-1"}, "root words"))
    _failed.keep(target, "amd", Here({"x/a-1": ONE}, {"x/b-1": "x/a-1", "x/c-1": "x/a-1"}, "amd words"))
    _failed.keep(target, "intel", Here({"x/a-1": OTHER}, {}, "intel words"))
    failed, dropped = _failed.told(target)
    assert failed == {"x/a-1": dataclasses.asdict(ONE), "x/a-1 for intel": dataclasses.asdict(OTHER)}
    assert dropped == {"x/b-1": "x/a-1", "x/c-1 for amd": "x/a-1"}
    complete = _failed.standing(target, {})
    assert (complete.held, complete.problems) == ("root words", ["intel: intel words"])
    partial = _failed.standing(dataclasses.replace(target, publish="partial"), {})
    assert (partial.held, partial.problems) == ("", ["root words", "intel: intel words"])
    _failed.spare(target, "only a wish")
    spared = _failed.standing(target, {})
    assert (spared.held, spared.problems) == ("", ["only a wish", "intel: intel words"])
    _failed.forget(target, {_failed.ROOT})
    assert list(_failed.load(target)) == [_failed.ROOT]
    _failed.keep(target, _failed.ROOT, Here())
    assert not Path(target.failures).exists()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}x", '{"a": 1}', '{"a": {"failed": {"b": {}}, "dropped": {}, "words": ""}}']
)
def test_a_file_that_is_not_whole_is_none(target: Target, text: str) -> None:
    Path(target.failures).parent.mkdir()
    Path(target.failures).write_text(text)
    assert _failed.load(target) == {}


def test_logs_are_kept_as_long_as_what_failed(target: Target, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("the end")
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(b"the other end"))
    failures = [Failure("x/a-1", "compile", "r", f"{tmp_path}/a.log"), Failure("x/b-1", "", "", f"{tmp_path}/b.log.gz")]
    failures.append(Failure("x/c-1", "compile", "r", f"{tmp_path}/none"))
    run = Run([], [], ["x/a-1", "x/b-1", "x/c-1"], [], [], failures)
    made = _failed.record(target, _failed.ROOT, run, {"x/a-1": {"ebuild": "0"}}, now="now")
    assert Path(made["x/a-1"].log).read_text() == "the end"
    assert gzip.decompress(Path(made["x/b-1"].log).read_bytes()) == b"the other end"
    assert (made["x/c-1"].log, made["x/a-1"].inputs, made["x/b-1"].inputs) == ("", {"ebuild": "0"}, {})
    _failed.keep(target, _failed.ROOT, Here({"x/b-1": made["x/b-1"]}))
    assert not Path(made["x/a-1"].log).exists() and Path(made["x/b-1"].log).exists()


def test_a_compiler_that_was_killed_is_no_fault_of_the_package() -> None:
    lines = ["c++: fatal error: Killed signal terminated program cc1plus", "make: *** [a.o] Error 1"]
    assert _failed.passes(Failure("x/a-1", "compile", "emake failed", "", lines))
    assert not _failed.passes(Failure("x/a-1", "compile", "emake failed", "", lines[1:]))


@pytest.mark.parametrize(
    ("phase", "reason", "expected"),
    [
        ("compile", "it is broken", False),
        ("fetch", "could not download a", True),
        ("compile", "no space left on device (cc)", True),
        ("compile", "killed by signal 9", True),
        ("install", "exited unexpectedly", True),
    ],
)
def test_what_passes_by_itself_is_tried_in_any_case(phase: str, reason: str, expected: bool) -> None:
    assert _failed.passes(Failure("x/a-1", phase, reason, "")) is expected


def test_how_a_master_stands(target: Target, tmp_path: Path) -> None:
    state = str(tmp_path)
    _last_plan.settle(state, {"targets": ["laptops"], "plan_days": 0})
    _failed.keep(target, _failed.ROOT, Here({"x/a-1": ONE}, {"x/b-1": "x/a-1"}, "words"))
    course = Course("waiting", "", "no network", {"laptops": Outcome("laptops", "waiting", "full", None, 0, "room")})
    course.waiting["laptops"] = Waiting("laptops", "room", "full\nvery", "2026-01-31T12:00:00Z", "", {})
    _status.keep(state, course)
    told = _status.now(state)
    # Nobody builds: what a killed builder wrote of its doing is over, the rest holds.
    assert (told["doing"], told["waiting"]["laptops"]["what"], told["plan"]["old"]) == ("idle", "room", True)
    lines = _status.lines(_status.now(state, course))
    assert lines[:-3] == [
        "waiting",
        "    no network",
        "laptops waits since 2026-01-31T12:00:00Z for room:",
        "    full",
        "    very",
        "target laptops: nothing published",
        "  x/a-1 failed in phase compile at 2026-01-31T12:00:00Z: it is broken",
        "    no log of it is left",
        "      end",
        "  x/b-1 was not begun, since x/a-1 failed",
    ]
    assert lines[-3].endswith(", which is older than it should be: run site.yml")
    assert lines[-1] == "key: none"
    assert _status.wrong(state, course) == (
        "no network\n\nlaptops waits for room:\nfull\nvery\n\nthe last plan is 0 days old: run site.yml"
    )
