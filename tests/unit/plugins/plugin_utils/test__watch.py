# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t
from collections.abc import Mapping

import pytest
from ansible_collections.larry.binhost.plugins.plugin_utils import _watch

Answer = dict[str, t.Any]


def job(stamp: str, phase: str = "running", doing: str = "", message: str = "") -> Answer:
    return {"stamp": stamp, "phase": phase, "doing": doing, "message": message}


def watch(script: list[Answer | None], patience: float = 60) -> tuple[Answer, list[str], list[Mapping[str, str]]]:
    """Return the last answer, what was told and what was asked; None in the script is a lost connection."""
    told: list[str] = []
    asked: list[Mapping[str, str]] = []
    time = 0.0

    def ask(seen: Mapping[str, str]) -> Answer:
        asked.append(seen)
        answer = script.pop(0) if len(script) > 1 else script[0]
        if answer is None:
            raise _watch.NoAnswerError("gone")
        return answer

    def sleep(seconds: float) -> None:
        nonlocal time
        time += seconds

    done = _watch.until_over(_watch.Watch(ask, told.append, patience, sleep, lambda: time))
    return done, told, asked


def test_it_asks_until_all_are_over_and_tells_what_is_new() -> None:
    script: list[Answer | None] = [
        {"jobs": {"a": job("1"), "b": job("1", doing="1 of 2: compiling x")}},
        {"jobs": {"a": job("2", "finished"), "b": job("1", doing="1 of 2: compiling x")}},
        {"jobs": {"a": job("2", "finished"), "b": job("2", "failed", message="why\nand more")}},
    ]
    done, told, asked = watch(script)
    assert {name: each["phase"] for name, each in done["jobs"].items()} == {"a": "finished", "b": "failed"}
    assert told == ["a: running", "b: 1 of 2: compiling x", "a: finished", "b: failed: why"]
    assert asked == [{}, {"a": "1", "b": "1"}, {"a": "2", "b": "1"}]


def test_a_lost_connection_loses_nothing() -> None:
    script: list[Answer | None] = [{"jobs": {"a": job("1")}}, None, None, {"jobs": {"a": job("2", "finished")}}]
    done, told, asked = watch(script)
    assert done["jobs"]["a"]["phase"] == "finished"
    assert told == ["a: running", "does not answer; its jobs go on, and it is asked for another 60 s", "a: finished"]
    assert asked == [{}, *[{"a": "1"}] * 3]


def test_patience_ends_in_a_failure_that_says_so() -> None:
    done, told, asked = watch([None], patience=30)
    assert done["failed"]
    assert done["msg"] == (
        "expected an answer within 30 s, found none (gone). "
        "What was begun goes on if the machine is up; run again to join it"
    )
    assert len(asked) == 7
    assert len(told) == 1


def test_a_failure_of_the_module_is_the_answer() -> None:
    assert watch([{"failed": True, "msg": "no"}])[0] == {"failed": True, "msg": "no"}


@pytest.mark.parametrize(
    ("environment", "callback", "variables", "expected"),
    [
        ({}, "default", {}, False),
        ({"CI": "true"}, "default", {}, True),
        ({"CI": ""}, "ansible.builtin.default", {}, False),
        ({}, "ansible.posix.json", {}, True),
        ({}, "default", {"binhost_quiet": True}, True),
    ],
)
def test_quiet(environment: dict[str, str], callback: str, variables: Answer, expected: bool) -> None:
    assert _watch.quiet(environment, callback, variables) is expected
