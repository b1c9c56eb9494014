# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _run_mark
from ansible_collections.larry.binhost.plugins.module_utils._run_mark import Mark


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("var/log", "var/cache/edb", "var/db/pkg"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def test_an_empty_root(root: Path) -> None:
    begun = _run_mark.mark(str(root))
    assert begun == Mark(0, 0, 0, 0, 0)
    assert _run_mark.since(begun, str(root)) == ""
    (root / "var/log/emerge.log").write_text("first\n")
    assert _run_mark.since(begun, str(root)) == "first\n"


def test_what_the_log_got_since(root: Path) -> None:
    log = root / "var/log/emerge.log"
    log.write_bytes(b"before \xc3\xa4\xff\n")
    begun = _run_mark.mark(str(root), now=5.5)
    assert (begun.offset, begun.time) == (11, 5.5)
    with log.open("ab") as handle:
        handle.write(b"after \0\xff\n")
    assert _run_mark.since(begun, str(root)) == "after \0\ufffd\n"


def test_a_log_that_is_moved_away_or_shortened_meanwhile(root: Path) -> None:
    log = root / "var/log/emerge.log"
    log.write_text("before\n")
    begun = _run_mark.mark(str(root))
    with log.open("a") as handle:
        handle.write("one\n")
    log.rename(root / "var/log/emerge.log-20261121")
    assert _run_mark.since(begun, str(root)) == "one\n"
    log.write_text("two, longer than it was before\n")
    (root / "var/log/emerge.log.1").write_text("another month\n")
    assert _run_mark.since(begun, str(root)) == "one\ntwo, longer than it was before\n"
    begun = _run_mark.mark(str(root))
    with log.open("r+") as handle:  # copytruncate
        handle.truncate(0)
        handle.write("three\n")
    assert _run_mark.since(begun, str(root)) == "three\n"


def test_the_counter_is_the_kept_one_or_the_highest_installed(root: Path) -> None:
    for pf, counter in (("a-1", "7"), ("b-1", "12\n"), ("c-1", "no number")):
        (root / "var/db/pkg/x" / pf).mkdir(parents=True)
        (root / "var/db/pkg/x" / pf / "COUNTER").write_text(counter)
    assert _run_mark.mark(str(root)).counter == 12
    (root / "var/cache/edb/counter").write_text("20")
    assert _run_mark.mark(str(root)).counter == 20


def test_the_log_is_read_from_a_time(root: Path) -> None:
    assert _run_mark.from_time(0, str(root)) == ""
    (root / "var/log/emerge.log").write_text("1700000000:  old\n1700000001:  new\nno time\n1700000002:  newer\n")
    assert _run_mark.from_time(1700000001, str(root)) == "1700000001:  new\n1700000002:  newer\n"
