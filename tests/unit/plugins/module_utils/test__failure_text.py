# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _failure_text
from ansible_collections.larry.binhost.plugins.module_utils._failure import Failure
from ansible_collections.larry.binhost.plugins.module_utils._outcome import Dropped, Outcome
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

#: A machine that is busy is no failure.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

LOG = "/var/tmp/portage/x/base-1/temp/build.log"
LINES = ["compiling", "foo.c:1: error: no such header", " * ERROR: x/base-1::lab failed:", " *   make failed"]
BASE = Failure("x/base-1", "compile", "make failed", LOG, LINES)


def outcome(*failures: Failure, **how: t.Any) -> Outcome:
    return Outcome(**{"binary": [], "source": [], "failed": [], "removed": [], "failures": list(failures), **how})


def test_one_failure() -> None:
    dropped = [Dropped("x/middle-1", ["x/base"], "x/base-1"), Dropped("x/alone-1", ["x/gone"]), Dropped("x/last-1")]
    found = outcome(BASE, binary=["x/a-1", "x/b-1"], source=["x/c-1"], dropped=dropped)
    expected = f"""\
emerge @world: 1 failed, 3 dropped, 3 installed
x/base-1 failed in phase compile: make failed
  Mend what the log names, or mask this version (=x/base-1 in package.mask); then run again.
  its log is {LOG}, which ends:
    compiling
    foo.c:1: error: no such header
Dropped because x/base-1 failed: x/middle-1
Dropped because x/gone is missing: x/alone-1
Not begun: x/last-1"""
    assert _failure_text.told(found, 1, "", what="emerge @world") == expected


def test_no_log_is_left() -> None:
    text = _failure_text.told(outcome(Failure("x/a-1", "", "", "")), 1, "")
    assert text.splitlines()[1:] == [
        "x/a-1 failed",
        f"  {_failure_text._OTHERWISE}".format(cpv="x/a-1"),
        "  no log of it is left",
    ]


def test_without_a_package_emerge_has_the_word() -> None:
    words = "Calculating dependencies ... done!\n\n * Error: circular dependencies:"
    text = _failure_text.told(outcome(), 1, words, what="emerge @world")
    assert text == "emerge @world: expected status 0, found 1:\n * Error: circular dependencies:"
    assert _failure_text.told(outcome(), -9, "") == "emerge: expected status 0, found -9:\nIt said nothing."


@pytest.mark.parametrize(
    ("phase", "reason", "remedy"),
    [
        ("fetch", "could not download a", "Check network and mirrors"),
        ("fetch", "x/a-1 may not be fetched by a program", "Fetch its files by hand"),
        ("fetch", "the binary package is refused: unsigned", "Let the master offer it again"),
        ("compile", "no space left on device (dd failed)", "Make room in PORTAGE_TMPDIR"),
        ("compile", "killed by signal 9", "If memory ran out"),
        ("test", "tests failed", "If its tests don't matter"),
        ("merge", "it would overwrite files that belong to x/b-1: /a", "Clear what is in its way"),
        ("postinst", "post", "It is installed but not set up: mend what it names, then run emerge --oneshot =x/a-1."),
        ("pretend", "kernel too old", "It refuses before it begins"),
        ("configure", "cmake failed", "Mend what the log names, or mask this version (=x/a-1 in package.mask)"),
    ],
)
def test_what_to_do(phase: str, reason: str, remedy: str) -> None:
    assert _failure_text.remedy(Failure("x/a-1", phase, reason, "")).startswith(remedy)


failures = st.builds(
    Failure,
    st.sampled_from(["x/a-1", "x/b-1"]),
    st.sampled_from(["", "compile", "fetch"]),
    st.text(alphabet="ab", max_size=400),
    st.sampled_from(["", LOG]),
    st.lists(st.sampled_from([f"line {number}" * 40 for number in range(40)]), max_size=30),
)
dropped = st.builds(
    Dropped, st.just("x/d-1"), st.lists(st.sampled_from(["x/e", "x/f"])), st.sampled_from(["", "x/a-1"])
)


@PATIENT
@given(st.lists(failures, min_size=1, max_size=9), st.lists(dropped, max_size=50))
def test_it_is_one_screen(failed: list[Failure], left: list[Dropped]) -> None:
    text = _failure_text.told(outcome(*failed, dropped=left), 1, "")
    assert len(text.splitlines()) <= _failure_text.SCREEN
    assert all(_failure_text.title(each)[:100] in text for each in failed[:3])
