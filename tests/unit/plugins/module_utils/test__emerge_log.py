# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _emerge_log
from ansible_collections.larry.binhost.plugins.module_utils._emerge_log import Event
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

#: A machine that is busy is no failure.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

CORPUS = Path(os.environ.get("BINHOST_CORPUS", Path(__file__).parents[5] / "shared/corpus")) / "emerge-logs"
LOGS = sorted(path for path in CORPUS.rglob("*.log") if re.search(rb"^\d{10}:  ", path.read_bytes(), re.M))
EVENTS = {
    "1:  >>> emerge (1 of 2) x/a-1_rc2-r3 to /": Event(1, "begun", "x/a-1_rc2-r3", 1, 2, "/"),
    "1:  >>> emerge (1 of 2) x/a-1 to /mnt/a b/": Event(1, "begun", "x/a-1", 1, 2, "/mnt/a b/"),
    "1:  --- (1 of 2) Fetching Binary (x/a-1::/p/a-1-1.gpkg.tar)": Event(1, "fetching", "x/a-1", 1, 2),
    "1:  === (1 of 2) Merging Binary (x/a-1::/p/a-1-1.gpkg.tar)": Event(1, "binary", "x/a-1", 1, 2),
    "1:  === (1 of 2) Cleaning (x/a-1::/r/x/a/a-1.ebuild)": Event(1, "source", "x/a-1", 1, 2),
    "1:  === (1 of 2) Compiling/Merging (x/a-1::/r/x/a/a-1.ebuild)": Event(1, "source", "x/a-1", 1, 2),
    "1:  === (1 of 2) Compiling/Packaging (x/a-1::/r/x/a/a-1.ebuild)": Event(1, "source", "x/a-1", 1, 2),
    "1:  === (1 of 2) Merging (x/a-1::/r/x/a/a-1.ebuild)": Event(1, "merging", "x/a-1", 1, 2),
    "1:  === (1 of 2) Post-Build Cleaning (x/a-1::/r/x/a/a-1.ebuild)": None,
    "1:  === (1 of 2) Updating world file (x/a-1)": None,
    "1:  ::: completed emerge (12 of 200) x/a++-1 to /\r": Event(1, "completed", "x/a++-1", 12, 200, "/"),
    "1:  >>> unmerge success: x/a-1": Event(1, "removed", "x/a-1"),
    "1:  !!! unmerge FAILURE: x/a-1": Event(1, "kept", "x/a-1"),
    "1: === Unmerging... (x/a-1)": None,
    "1:  === Resource usage for build of x/a-1: cpu 1s": None,
    "\0\0\0001:  >>> unmerge success: x/a-1": Event(1, "removed", "x/a-1"),
    "1:  >>> emerge (1 of 2) x/a-1 t": None,  # a power cut
    "emerge (1 of 2) x/a-1 to /": None,  # the end of a line
    "1327867778l:  >>> emerge (1 of 3) x/a-1 to /": None,
    "1:  *** terminating.": None,
    "": None,
}


@pytest.mark.parametrize("line", EVENTS)
def test_events(line: str) -> None:
    assert list(_emerge_log.events([line])) == [each for each in [EVENTS[line]] if each]


def test_two_at_a_time_and_one_again() -> None:
    lines = """\
9:  === (1 of 9) Merging (x/before-1::/r)
10:  >>> emerge (1 of 2) x/a-1 to /
11:  >>> emerge (2 of 2) x/b-1 to /
12:  === (2 of 2) Merging Binary (x/b-1::/p)
13:  === (1 of 2) Compiling/Merging (x/a-1::/r)
14:  >>> unmerge success: x/b-0
15:  >>> unmerge success: x/b-1
16:  ::: completed emerge (2 of 2) x/b-1 to /
20:  >>> emerge (1 of 1) x/a-1 to /
23:  === (1 of 1) Merging (x/a-1::/r)
24:  ::: completed emerge (1 of 1) x/a-1 to /
25:  >>> unmerge success: x/b-1
""".splitlines()
    found = _emerge_log.attempts(_emerge_log.events(lines))
    told = [(each.cpv, each.begun, each.kind, each.merging, each.completed) for each in found.completed]
    assert told == [("x/b-1", 11, "binary", True, 16), ("x/a-1", 20, "", True, 24)]
    assert list(found.last) == ["x/before-1", "x/a-1", "x/b-1"]
    assert found.last["x/before-1"].begun is None
    assert found.removed == ["x/b-0", "x/b-1"]


@PATIENT
@given(st.lists(st.sampled_from([*"\0: 19/\n()x-", ">>> emerge (1 of 2) ", "x/a-1", " to /", "::: completed emerge "])))
def test_any_log_can_be_read(parts: list[str]) -> None:
    _emerge_log.attempts(_emerge_log.events("".join(parts).split("\n")))


@pytest.mark.skipif(not LOGS, reason=f"no logs in {CORPUS} (BINHOST_CORPUS)")
@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.name)
def test_every_line_about_a_package_is_read(path: Path) -> None:
    """Counted by what is in the lines, however they begin; lines with a broken time are no events."""
    text = path.read_bytes().decode("utf-8", "replace")
    kinds = [event.kind for event in _emerge_log.events(text.split("\n"))]
    lines = [line.replace("\0", "") for line in text.split("\n") if not re.match(r"\d+[^\d:]", line)]
    for kind, words in {
        "begun": ">>> emerge (",
        "completed": "::: completed emerge (",
        "removed": "unmerge success: ",
    }.items():
        # Two writers at once, or a power cut: what was left of the line isn't one.
        expected = [line for line in lines if words in line and (kind == "removed" or re.search(r" to /\S*\s*$", line))]
        assert kinds.count(kind) == len(expected), kind


@st.composite
def jobs(draw: st.DrawFn) -> tuple[list[str], dict[str, tuple[str, bool]]]:
    """Return the lines of packages that are merged side by side, and how each is and whether it ends."""
    each = st.tuples(st.sampled_from(["binary", "source"]), st.booleans())
    expected = {f"x/p{number}-1": draw(each) for number in range(4)}
    words = {"binary": "Merging Binary", "source": "Compiling/Merging"}
    queues = []
    for number, (cpv, (kind, ends)) in enumerate(expected.items(), start=1):
        place = f"({number} of 4)"
        lines = [f">>> emerge {place} {cpv} to /", f"=== {place} {words[kind]} ({cpv}::/some/{cpv}.file)"]
        queues.append([*lines, f"::: completed emerge {place} {cpv} to /"] if ends else lines)
    log: list[str] = []
    while any(queues):
        queue = draw(st.sampled_from([queue for queue in queues if queue]))
        noise = draw(st.sampled_from(["", "\0\0", "12: === sync\n", "garbage\n"]))
        log.append(f"{noise}{len(log)}:  {queue.pop(0)}")
    return "\n".join(log).split("\n"), expected


@PATIENT
@given(jobs())
def test_jobs_side_by_side(told: tuple[list[str], dict[str, tuple[str, bool]]]) -> None:
    lines, expected = told
    found = _emerge_log.attempts(_emerge_log.events(lines))
    assert {cpv: (each.kind, each.completed is not None) for cpv, each in found.last.items()} == expected
    assert {each.cpv for each in found.completed} == {cpv for cpv, (_kind, ends) in expected.items() if ends}
    assert all(each.begun is not None and each.begun < (each.completed or 99) for each in found.last.values())
