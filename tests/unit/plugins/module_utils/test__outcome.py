# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _outcome
from ansible_collections.larry.binhost.plugins.module_utils._failure import Failure, Where
from ansible_collections.larry.binhost.plugins.module_utils._outcome import Done, Dropped, Outcome
from ansible_collections.larry.binhost.plugins.module_utils._run_mark import Mark

LOG = """1700000000: Started emerge on: Nov 14, 2023 22:13:20
1700000000:  *** emerge --usepkg @world
1700000001:  >>> emerge (1 of 3) app-misc/hello-2.10 to /
1700000002:  === (1 of 3) Merging Binary (app-misc/hello-2.10::/var/cache/binpkgs/app-misc/hello/hello-2.10-1.gpkg.tar)
1700000003:  >>> AUTOCLEAN: app-misc/hello:0
1700000003:  === Unmerging... (app-misc/hello-2.9)
1700000003:  >>> unmerge success: app-misc/hello-2.9
1700000003:  ::: completed emerge (1 of 3) app-misc/hello-2.10 to /
1700000003:  >>> emerge (2 of 3) sys-apps/sed-4.9 to /
1700000004:  === (2 of 3) Compiling/Merging (sys-apps/sed-4.9::/var/db/repos/lab/sys-apps/sed/sed-4.9.ebuild)
1700000005:  ::: completed emerge (2 of 3) sys-apps/sed-4.9 to /
1700000006:  >>> emerge (3 of 3) app-text/tree-2.1.0 to /
1700000006:  === (3 of 3) Compiling/Merging (app-text/tree-2.1.0::/var/db/repos/lab/app-text/tree/tree-2.1.0.ebuild)
1700000009:  *** terminating.
"""


def test_the_log_alone_tells_what_an_earlier_run_did(tmp_path: Path) -> None:
    found = _outcome.read(LOG, status=0, words="", wanted={}, begun=Mark(), where=Where(str(tmp_path)))
    assert found == Outcome(
        binary=["app-misc/hello-2.10"],
        source=["sys-apps/sed-4.9"],
        failed=[],
        removed=["app-misc/hello-2.9"],
        done=[Done("app-misc/hello-2.10", "binary", 2, None), Done("sys-apps/sed-4.9", "source", 2, None)],
    )


WORDS = """\
>>> Emerging (3 of 4) x/base-1::lab
 * ERROR: x/base-1::lab failed (compile phase):
 *   make failed
>>> Failed to emerge x/base-1, Log file:
>>>  '/var/tmp/portage/x/base-1/temp/build.log'
 * emerge --keep-going: x/middle-1 dropped because it requires x/base
 * emerge --keep-going: x/top-1 dropped because it requires >=x/middle-1
"""
KEPT_GOING = """\
10:  >>> emerge (1 of 4) x/good-1 to /
10:  === (1 of 4) Merging Binary (x/good-1::/p)
13:  >>> unmerge success: x/good-0
13:  ::: completed emerge (1 of 4) x/good-1 to /
14:  >>> emerge (2 of 4) x/base-1 to /
14:  === (2 of 4) Compiling/Merging (x/base-1::/r)
"""
WANTED = {"x/good-1": "binary", "x/base-1": "ebuild", "x/middle-1": "ebuild", "x/top-1": "ebuild"}


def install(root: Path, cpv: str, counter: int, build_id: int = 0) -> None:
    folder = root / "var/db/pkg" / cpv
    folder.mkdir(parents=True)
    (folder / "COUNTER").write_text(str(counter))
    if build_id:
        (folder / "BUILD_ID").write_text(f"{build_id}\n")


def read(root: Path, log: str = KEPT_GOING, words: str = WORDS, **how: t.Any) -> Outcome:
    how = {"status": 1, "wanted": WANTED, "begun": Mark(counter=50), **how}
    return _outcome.read(log, words=words, where=Where(str(root)), **how)


def test_a_failure_and_what_it_takes_along(tmp_path: Path) -> None:
    install(tmp_path, "x/good-1", 51, 3)
    lines = [
        ">>> Emerging (3 of 4) x/base-1::lab",
        " * ERROR: x/base-1::lab failed (compile phase):",
        " *   make failed",
    ]
    assert read(tmp_path) == Outcome(
        binary=["x/good-1"],
        source=[],
        failed=["x/base-1"],
        removed=["x/good-0"],
        done=[Done("x/good-1", "binary", 3, 3)],
        failures=[Failure("x/base-1", "compile", "make failed", "", lines)],
        dropped=[Dropped("x/middle-1", ["x/base"], "x/base-1"), Dropped("x/top-1", [">=x/middle-1"], "x/base-1")],
    )


def test_what_was_not_reached_has_no_cause(tmp_path: Path) -> None:
    found = read(tmp_path, words=">>> Failed to emerge x/base-1, Log file:\n")
    assert found.dropped == [Dropped("x/good-1"), Dropped("x/middle-1"), Dropped("x/top-1")][1:]


@pytest.mark.parametrize(
    ("requires", "cause"), [("x/unknown", "x/base-1"), ("x/second", "x/second-2"), ("x/top", "x/base-1")]
)
def test_causes(tmp_path: Path, requires: str, cause: str) -> None:
    words = WORDS.replace("requires x/base", f"requires {requires}")
    if requires == "x/second":
        words += ">>> Failed to install x/second-2, Log file:\n"
    assert read(tmp_path, words=words).dropped[0].cause == cause


def test_a_postinst_that_failed_is_installed(tmp_path: Path) -> None:
    install(tmp_path, "x/base-1", 52)
    log = KEPT_GOING + "15:  === (2 of 4) Merging (x/base-1::/r)\n"
    words = WORDS.replace("emerge x/base", "install x/base").replace("compile phase", "postinst phase")
    found = read(tmp_path, log, words)
    assert (found.failed, found.source) == (["x/base-1"], [])
    assert (found.failures[0].phase, found.failures[0].installed) == ("postinst", True)


def test_what_refuses_before_it_is_begun(tmp_path: Path) -> None:
    words = " * ERROR: x/top-1::lab failed (pretend phase):\n *   no\n>>> Failed to emerge x/top-1, Log file:\n"
    assert read(tmp_path, "", words).failures == [Failure("x/top-1", "", "", "")]
    words = ">>> Running pre-merge checks for x/top-1\n" + words
    assert read(tmp_path, "", words).failures[0].phase == "pretend"


def test_killed(tmp_path: Path) -> None:
    """Nothing was said; what had begun is where it was last seen, what is installed is done."""
    install(tmp_path, "x/base-1", 52, 1)
    found = read(tmp_path, words="", status=-9)
    assert (found.failed, found.done[1], [each.cpv for each in found.dropped]) == (
        [],
        Done("x/base-1", "source", None, 1),
        ["x/middle-1", "x/top-1"],
    )
    found = read(tmp_path / "elsewhere", words="", status=-9, phases={"x/base-1": "configure"})
    assert found.failures == [Failure("x/base-1", "configure", "", "")]
    begun = KEPT_GOING + "15:  >>> emerge (3 of 4) x/middle-1 to /\n16:  >>> emerge (1 of 1) other/emerge-1 to /\n"
    found = read(tmp_path, begun, words="", status=-9)
    assert found.failures == [Failure("x/middle-1", "fetch", "", "")]
    assert found.dropped == [Dropped("x/top-1")]


def test_a_log_that_was_lost(tmp_path: Path) -> None:
    for number, cpv in enumerate(WANTED):
        install(tmp_path, cpv, 50 + number, number)
    found = read(tmp_path, "", "", status=0)
    # The first had that counter before: it was there already, and isn't missing.
    assert (found.binary, found.source, found.dropped) == ([], ["x/base-1", "x/middle-1", "x/top-1"], [])
    assert found.done[2] == Done("x/top-1", "source", None, 3)
    assert read(tmp_path, "", "", status=0, begun=Mark(counter=None)).done == []


def test_only_fetched_is_not_failed(tmp_path: Path) -> None:
    assert read(tmp_path, "10:  >>> emerge (1 of 4) x/base-1 to /\n", "", status=0).failed == []


def test_what_replaces_itself_is_not_removed(tmp_path: Path) -> None:
    install(tmp_path, "x/base-1", 52)
    log = KEPT_GOING + "15:  >>> unmerge success: x/base-1\n16:  ::: completed emerge (2 of 4) x/base-1 to /\n"
    assert read(tmp_path, log, "", status=0).removed == ["x/good-0"]
    assert read(tmp_path, "15:  >>> unmerge success: x/base-1\n", "", status=0).removed == []
    assert read(tmp_path / "gone", "15:  >>> unmerge success: x/base-1\n", "", status=0).removed == ["x/base-1"]


def test_the_phases_that_were_seen_last(tmp_path: Path) -> None:
    assert _outcome.seen(str(tmp_path)) == {}
    task = {"cpv": "x/base-1", "kind": "build", "phase": "configure", "start_time": 5.0, "binary": False}
    jobs = {"completed": 1, "total": 4, "failed": 0}
    told = {"type": "snapshot", "schema": 1, "emerge_pid": 5, "timestamp": time.time(), "jobs": jobs, "tasks": [task]}
    (tmp_path / "emerge-5.json").write_text(json.dumps(told))
    assert _outcome.seen(str(tmp_path)) == {"x/base-1": "configure"}


HALF = """\
10:  >>> emerge (1 of 2) x/{0}-1 to /
10:  === (1 of 2) Compiling/Merging (x/{0}-1::/r)
12:  === (1 of 2) Merging (x/{0}-1::/r)
"""


def test_what_was_entered_and_not_set_up_is_known(tmp_path: Path) -> None:
    log = "".join(HALF.format(name) for name in ("half", "later", "absent"))
    log += "13:  >>> emerge (2 of 2) x/begun-1 to /\n13:  === (2 of 2) Compiling/Merging (x/begun-1::/r)\n"
    log += HALF.format("later") + "20:  ::: completed emerge (1 of 1) x/later-1 to /\n"
    for count, name in enumerate(("half", "later", "begun")):
        install(tmp_path, f"x/{name}-1", count)
    assert _outcome.unfinished(log, str(tmp_path)) == ["x/half-1"]
