# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _kept, _plan, _requests

from .fleet import all_facts, fleet


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", []),
        ("a/b", ["a/b"]),
        ("a/b, c/d  a/b", ["a/b", "c/d"]),
        (["a/b:0", "c/d:3.12"], ["a/b", "c/d:3.12"]),
    ],
)
def test_packages(value: t.Any, expected: list[str]) -> None:
    assert _requests.atoms(value, "x") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("vim", "'vim' is no package atom: expected category/name"),
        ("=a/b-1", "x: expected category/name or category/name:slot, found '=a/b-1'; slave_world takes more"),
        ("a/b[nls]", "x: expected category/name or category/name:slot, found 'a/b[nls]'; slave_world takes more"),
        ("a/*", "x: expected category/name or category/name:slot, found 'a/*'; slave_world takes more"),
        ("@world", "'@world' names a set: expected one package"),
        (3, "x: expected packages, found 3"),
    ],
)
def test_no_packages(value: t.Any, expected: str) -> None:
    with pytest.raises(BinhostError, match=f"^{re.escape(expected)}$"):
        _requests.atoms(value, "x")


def test_they_are_added_and_forgotten() -> None:
    first = _requests.added({}, ["amd", "intel"], ["a/b"], "2026-01-01")
    again = _requests.added(first, ["amd"], ["a/b", "c/d"], "2026-01-02")
    assert again == {"amd": {"a/b": "2026-01-01", "c/d": "2026-01-02"}, "intel": {"a/b": "2026-01-01"}}
    assert _requests.lines(again, ["intel", "amd"]) == [
        "amd: a/b, since 2026-01-01",
        "amd: c/d, since 2026-01-02",
        "intel: a/b, since 2026-01-01",
    ]
    assert _requests.without(again, ["intel", "amd"], ["a/b"]) == {"amd": {"c/d": "2026-01-02"}}
    assert again["intel"] == {"a/b": "2026-01-01"}


def test_what_nobody_asked_for_is_not_forgotten() -> None:
    expected = "amd: expected a request for c/d to forget, found a/b"
    with pytest.raises(BinhostError, match=f"^{re.escape(expected)}$"):
        _requests.without({"amd": {"a/b": "2026-01-01"}, "intel": {"c/d": "2026-01-01"}}, ["amd"], ["c/d"])


def test_they_are_kept(tmp_path: Path) -> None:
    assert _kept.requests(str(tmp_path)) == {}
    asked = {"amd": {"a/b": "2026-01-01"}}
    _kept.keep_requests(str(tmp_path), asked)
    assert _kept.requests(str(tmp_path)) == asked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "expected JSON, found Expecting property name"),
        ("[]", "expected hosts, found []"),
        ('{"amd": ["a/b"]}', "amd: expected packages, each with a day, found ['a/b']"),
        ('{"amd": {"vim": ""}}', "'vim' is no package atom"),
    ],
)
def test_a_file_that_says_something_else(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / ".binhost").mkdir()
    (tmp_path / ".binhost/requests.json").write_text(text)
    with pytest.raises(BinhostError, match=re.escape(expected)):
        _kept.requests(str(tmp_path))


def test_the_plan_has_them_as_wishes() -> None:
    facts = all_facts()
    facts["amd"]["world"] = ["app-editors/vim"]
    asked = {
        "amd": {"app-editors/vim": "2026-01-01", "app-misc/hello": "2026-01-01", "app-misc/words": "2026-01-01"},
        "gone": {"a/b": "2026-01-01"},
    }
    plan = _plan.plan(fleet(), facts, None, asked)
    wishes = {"app-editors/ed": ["intel"], "app-editors/vim": ["amd"], "app-misc/words": ["amd"]}
    assert plan["targets"]["laptops"]["wishes"] == wishes
    assert [each["wishes"] for each in plan["targets"]["laptops"]["variants"]] == [
        ["app-editors/vim", "app-misc/words"],
        ["app-editors/ed"],
    ]
    # What its world or the inventory has already is not to be installed once more.
    assert {host: planned["requests"] for host, planned in plan["hosts"].items()} == {
        "amd": ["app-misc/words"],
        "intel": [],
    }
