# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of a running emerge's own words, and what is passed over."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _live
from ansible_collections.larry.binhost.plugins.module_utils._live import Snapshot, Task

NOW: t.Final = 1700000100.0


def task(cpv: str, **other: t.Any) -> dict[str, t.Any]:
    """Return a task as Portage 3.0.83 writes it."""
    return {
        "cpv": cpv,
        "category": cpv.split("/")[0],
        "root": "/",
        "operation": "merge",
        "binary": False,
        "kind": "build",
        "phase": "compile",
        "merge_wait": False,
        "pid": 77,
        "start_time": NOW - 60,
        "elapsed": 60.0,
        "build_elapsed": 60.0,
        **other,
    }


def status(*tasks: t.Any, pid: int = 7, **other: t.Any) -> dict[str, t.Any]:
    """Return a whole file's object."""
    return {
        "type": "snapshot",
        "schema": 1,
        "emerge_pid": pid,
        "timestamp": NOW,
        "jobs": {"running": 1, "max": 2, "completed": 12, "total": 87, "failed": 1, "merge_wait": 0},
        "tasks": list(tasks),
        **other,
    }


def write(folder: Path, value: t.Any, pid: int = 7) -> None:
    (folder / f"emerge-{pid}.json").write_text(value if isinstance(value, str) else json.dumps(value))


GCC: t.Final = Task("sys-devel/gcc-14.2.0", "compile", False, NOW - 60)


def test_how_far_it_is(tmp_path: Path) -> None:
    write(
        tmp_path,
        status(
            task("app-misc/late-1", start_time=NOW - 5, phase=None, binary=True),
            task("sys-devel/gcc-14.2.0"),
            task("app-misc/waits-1", merge_wait=True, phase="merge-wait"),
            task("app-misc/merged-1", kind="merge", phase="package", start_time=NOW - 30),
            task("app-misc/odd-1", start_time=None),
        ),
    )
    assert _live.read(str(tmp_path), now=NOW) == Snapshot(
        done=12,
        total=87,
        failed=1,
        tasks=(
            GCC,
            Task("app-misc/merged-1", "merge", False, NOW - 30),
            Task("app-misc/late-1", "", True, NOW - 5),
            Task("app-misc/odd-1", "compile", False, NOW),
        ),
    )


STRANGE: t.Final[dict[str, t.Any]] = {
    "no JSON": "{",
    "half of it": json.dumps(status(task("a/b-1")))[:-40],
    "empty": "",
    "a list": [],
    "another type": status(type="event"),
    "no type": {"schema": 1},
    "another schema": status(schema=2),
    "no jobs": status(jobs=None),
    "jobs without numbers": status(jobs={"completed": "x", "total": 1, "failed": 0}),
    "tasks that are none": status("x"),
    "a task without a name": status({"phase": "compile"}),
    "a time that is none": status(timestamp="yesterday"),
    "a number without end": status(jobs={"completed": float("inf"), "total": 1, "failed": 0}),
    "written by nobody any more": status(timestamp=NOW - _live.STALE - 1),
    "deep": "[" * 100000,
}


@pytest.mark.parametrize("value", STRANGE.values(), ids=list(STRANGE))
def test_what_cannot_be_understood_is_passed_over(tmp_path: Path, value: t.Any) -> None:
    write(tmp_path, value, pid=9)
    assert _live.read(str(tmp_path), now=NOW) is None
    write(tmp_path, status(task("sys-devel/gcc-14.2.0")))
    known = _live.read(str(tmp_path), now=NOW)
    assert known is not None
    assert known.tasks == (GCC,)


def test_a_new_field_is_no_harm(tmp_path: Path) -> None:
    write(tmp_path, status(task("sys-devel/gcc-14.2.0", resources={"cpu_usec": 1}, more=[]), more={}))
    known = _live.read(str(tmp_path), now=NOW)
    assert known is not None
    assert known.tasks == (GCC,)


def test_no_folder_and_no_file(tmp_path: Path) -> None:
    assert _live.read(str(tmp_path / "none"), now=NOW) is None
    (tmp_path / "emerge-7.sock").touch()
    (tmp_path / "emerge-8.json").mkdir()
    assert _live.read(str(tmp_path), now=NOW) is None


def test_of_several_the_last_word_counts(tmp_path: Path) -> None:
    write(tmp_path, status(task("a/killed-1"), timestamp=NOW - 30), pid=7)
    write(tmp_path, status(task("sys-devel/gcc-14.2.0"), timestamp=NOW - 1, pid=8), pid=8)
    known = _live.read(str(tmp_path), now=NOW)
    assert known is not None
    assert known.tasks == (GCC,)


def test_another_persons_emerge_is_not_ours(tmp_path: Path) -> None:
    me = os.getpid()
    write(tmp_path, status(task("a/theirs-1"), pid=os.getppid()), pid=os.getppid())
    assert _live.read(str(tmp_path), ancestor=me, now=NOW) is None
    write(tmp_path, status(task("a/reused-1"), pid=me), pid=99999999)
    assert _live.read(str(tmp_path), ancestor=me, now=NOW) is None
    write(tmp_path, status(task("sys-devel/gcc-14.2.0"), pid=me, timestamp=NOW - 9), pid=me)
    known = _live.read(str(tmp_path), ancestor=me, now=NOW)
    assert known is not None
    assert known.tasks == (GCC,)


@pytest.mark.parametrize(
    ("elapsed", "left", "expected"),
    [
        (372, 1055, "[ 12/87] sys-devel/gcc-14.2.0  compile  06:12  (about 18 min left)"),
        (372, None, "[ 12/87] sys-devel/gcc-14.2.0  compile  06:12"),
        (0, 1, "[ 12/87] sys-devel/gcc-14.2.0  compile  00:00  (about 1 min left)"),
        (3600, 7500, "[ 12/87] sys-devel/gcc-14.2.0  compile  1:00:00  (about 2 h 05 min left)"),
        (3599, 3541, "[ 12/87] sys-devel/gcc-14.2.0  compile  59:59  (about 1 h 00 min left)"),
    ],
)
def test_a_line(elapsed: int, left: int | None, expected: str) -> None:
    known = {"cpv": "sys-devel/gcc-14.2.0", "phase": "compile", "elapsed": elapsed, "left": left}
    assert _live.line({"done": 12, "total": 87}, known) == expected


def test_a_line_without_a_phase() -> None:
    known = {"cpv": "a/b-1", "phase": "", "elapsed": 5, "left": None}
    assert _live.line({"done": 0, "total": 1000}, known) == "[  0/1000] a/b-1  00:05"
