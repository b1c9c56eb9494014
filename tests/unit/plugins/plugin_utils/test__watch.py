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


def live(done: int, *tasks: tuple[str, str, int, int | None]) -> Answer:
    """Return what a job tells: each task is package, phase, seconds so far, seconds left."""
    rows = [dict(zip(("cpv", "phase", "elapsed", "left"), task, strict=True)) for task in tasks]
    return {"done": done, "total": 87, **rows[0], "tasks": rows}


def watch(script: list[Answer | None], patience: float = 60) -> tuple[Answer, list[str], list[Mapping[str, str]]]:
    """Return the last answer, what was told and what was asked; None in the script is a lost connection.

    A question takes as many seconds as its answer's ``takes`` says.
    """
    told: list[str] = []
    asked: list[Mapping[str, str]] = []
    time = 0.0

    def ask(seen: Mapping[str, str]) -> Answer:
        nonlocal time
        asked.append(seen)
        answer = script.pop(0) if len(script) > 1 else script[0]
        if answer is None:
            raise _watch.NoAnswerError("gone")
        time += answer.get("takes", 0)
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


def running(stamp: str, takes: float, what: Answer) -> Answer:
    """Return the answer to a question that took that long."""
    return {"jobs": {"emerge": {**job(stamp), "live": what}}, "takes": takes}


def test_each_package_is_told_and_a_long_phase() -> None:
    gcc, zlib = "sys-devel/gcc-14.2.0", "sys-libs/zlib-1.3"
    script: list[Answer | None] = [
        running("1", 0, live(11, (zlib, "install", 9, None))),
        running("2", 1, live(12, (gcc, "setup", 0, 1440))),
        running("3", 9, live(12, (gcc, "configure", 9, 1431))),  # too soon to be worth a line
        running("4", 1, live(12, (gcc, "compile", 10, 1430))),
        running("5", 3, live(12, (gcc, "compile", 13, 1427), (zlib, "unpack", 0, None))),
        running("5", 30, live(12, (gcc, "compile", 43, 1397), (zlib, "unpack", 30, None))),
        running("5", 30, live(12, (gcc, "compile", 73, 1367), (zlib, "unpack", 60, None))),
        running("5", 30, live(12, (gcc, "compile", 103, 1337), (zlib, "unpack", 90, None))),
        {"jobs": {"emerge": job("6", "finished")}},
    ]
    assert watch(script)[1] == [
        "[ 11/87] sys-libs/zlib-1.3  install  00:09",
        "[ 12/87] sys-devel/gcc-14.2.0  setup  00:00  (about 24 min left)",
        "[ 12/87] sys-devel/gcc-14.2.0  compile  00:10  (about 24 min left)",
        "[ 12/87] sys-libs/zlib-1.3  unpack  00:00",
        "[ 12/87] sys-devel/gcc-14.2.0  compile  01:13  (about 23 min left), and 1 more",
        "emerge: finished",
    ]


def test_a_long_phase_is_never_silent_for_much_more_than_a_minute() -> None:
    hours = [running("1", 30, live(0, ("a/b-1", "compile", 30 * number, None))) for number in range(241)]
    script: list[Answer | None] = [*hours, {"jobs": {"emerge": job("2", "finished")}}]
    told = watch(script)[1]
    assert told[1:4] == [f"[  0/87] a/b-1  compile  0{minute}:00" for minute in (1, 2, 3)]
    assert told[-2] == "[  0/87] a/b-1  compile  2:00:00"
    assert len(told) == 122


def test_a_job_that_says_nothing_is_told_too() -> None:
    script: list[Answer | None] = [{"jobs": {"a": job("1")}, "takes": 30}] * 5
    script.append({"jobs": {"a": job("2", "finished")}})
    assert watch(script)[1] == ["a: running", "a: running  01:00", "a: running  02:00", "a: finished"]


def test_several_jobs_are_told_apart() -> None:
    what = live(0, ("a/b-1", "compile", 0, None))
    script: list[Answer | None] = [
        {"jobs": {"one": {**job("1"), "live": what}, "two": {**job("1"), "live": what}}},
        {"jobs": {"one": job("2", "finished"), "two": job("2", "finished")}},
    ]
    line = "[  0/87] a/b-1  compile  00:00"
    assert watch(script)[1] == [f"one: {line}", f"two: {line}", "one: finished", "two: finished"]


def test_a_package_that_comes_back_is_told_again() -> None:
    first, second = (live(0, (cpv, "compile", 0, None)) for cpv in ("a/b-1", "a/c-1"))
    script: list[Answer | None] = [running(str(number), 1, what) for number, what in enumerate((first, second, first))]
    script.append({"jobs": {"emerge": job("x", "finished")}})
    assert [line.split()[2] for line in watch(script)[1][:3]] == ["a/b-1", "a/c-1", "a/b-1"]


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
