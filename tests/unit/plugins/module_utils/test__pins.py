# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pin says, and the record of pins."""

from __future__ import annotations

import os
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _pins, _repository
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._pins import Made, Pin, Record, Spec, Want

COMMIT: t.Final = "0123456789abcdef0123456789abcdef01234567"
MADE: t.Final = Made(COMMIT, "git", "20260131", "https://example.org/a", COMMIT, "e1", {"gentoo": "e2"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Want("newest", "")),
        ("newest", Want("newest", "")),
        ("2026-01-31", Want("date", "20260131")),
        ("20260131", Want("date", "20260131")),
        (COMMIT, Want("commit", COMMIT)),
        ("0123456", Want("commit", "0123456")),
        ("v1.2", Want("ref", "v1.2")),
        ("snapshot-20260131", Want("ref", "snapshot-20260131")),
        ("feature/x", Want("ref", "feature/x")),
    ],
)
def test_want(text: str, expected: Want) -> None:
    assert _pins.want(text) == expected


@pytest.mark.parametrize("text", ["2026-02-30", "20261301"])
def test_no_such_day(text: str) -> None:
    with pytest.raises(BinhostError, match=f"expected a day such as 2026-01-31, found '{text.replace('-', '')}'"):
        _pins.want(text)


@pytest.mark.parametrize("text", ["--upload-pack=x", "a..b", "a b", "a.lock", "/a", "a/", "a~1", "refs/../x", "a\n"])
def test_no_ref(text: str) -> None:
    with pytest.raises(BinhostError) as info:
        _pins.want(text)
    assert str(info.value) == f"expected newest, a day such as 2026-01-31, a commit, a tag or a branch, found {text!r}"


def test_the_days_of_the_epoch() -> None:
    assert (_pins.since("20260131"), _pins.day(1769860800 + 43199), _pins.day(1769860800 + 43200)) == (
        1769817600,
        "20260131",
        "20260201",
    )


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"type": "cvs", "uri": "x"}, "repository a: type: expected git, webrsync, local, found 'cvs'"),
        ({"type": "git"}, "repository a: uri: expected where it is, found ''"),
        ({"type": "git", "uri": "--upload-pack=x"}, "repository a: uri: expected where it is, found '--upload-pack=x'"),
        ({"type": "git", "uri": "x", "depth": 1}, "repository a: expected type, uri, pin and the like, found depth"),
        (
            {"type": "webrsync", "uri": "x", "pin": "v1"},
            "repository a: pin: expected a day such as 2026-01-31, found 'v1'",
        ),
        (
            {"type": "local", "uri": "/a", "pin": "v1"},
            "repository a: pin: expected none, since a folder has no history, found 'v1'",
        ),
        (
            {"type": "git", "uri": "x", "branch": "-x"},
            "repository a: pin: expected newest, a day such as 2026-01-31, a commit, a tag or a branch, found '-x'",
        ),
    ],
)
def test_wrong_declarations(declared: dict[str, t.Any], expected: str) -> None:
    with pytest.raises(BinhostError) as info:
        _pins.spec("a", declared)
    assert str(info.value) == expected


def test_a_dated_snapshot_has_gentoos_key_unless_another_is_named() -> None:
    assert _pins.spec("a", {"type": "webrsync", "uri": "x"}).keys == "/usr/share/openpgp-keys/gentoo-release.asc"
    assert _pins.spec("a", {"type": "webrsync", "uri": "x", "key": "/k"}).keys == "/k"
    assert _pins.spec("a", {"type": "git", "uri": "x", "masters": None}).keys == ""


@pytest.mark.parametrize(
    "other",
    [
        replace(MADE, revision="f" * 40),
        replace(MADE, type="local"),
        replace(MADE, masters={"gentoo": "e3"}),
        replace(MADE, masters={}),
        replace(MADE, masters={"gentoo": "e2", "guru": "e2"}),
    ],
)
def test_what_decides_a_snapshot(other: Made) -> None:
    assert _pins.identity(other) != _pins.identity(MADE)


def test_masters_are_in_order_and_where_from_is_no_matter() -> None:
    one, two = (replace(MADE, masters=dict(each)) for each in ([("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")]))
    assert _pins.identity(one) != _pins.identity(two)
    assert _pins.identity(MADE) == _pins.identity(replace(MADE, uri="https://example.net/a", eclasses="other"))
    assert _repository.revision_of("a", f"/x/a-{_pins.identity(MADE)}") == _pins.identity(MADE)


def test_record(tmp_path: Path) -> None:
    (tmp_path / "repos/a-0123456789ab").mkdir(parents=True)
    record = Record(
        {"a": Spec("a", "git", "x", masters=["gentoo"])},
        {"gentoo": "/g"},
        {"a": Pin("git", COMMIT, "20260131", "v1")},
        {"a-0123456789ab": MADE, "a-ffffffffffff": MADE},
    )
    assert _pins.load(str(tmp_path)) == Record()
    _pins.save(record, str(tmp_path))
    assert _pins.load(str(tmp_path)) == replace(record, made={"a-0123456789ab": MADE})
    assert _pins.commits({"a": "/s/repos/a-0123456789ab", "b": "/s/repos/b-0123456789ab"}, str(tmp_path)) == {
        "a": COMMIT
    }


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2}', '{"format": 1}'])
def test_no_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "pins.json").write_text(text)
    with pytest.raises(BinhostError, match=r"pins.json: expected the record of pinned repositories, found something"):
        _pins.load(str(tmp_path))


def test_a_link_to_a_snapshot_is_that_snapshot(tmp_path: Path) -> None:
    snapshot = tmp_path / "repos/a-0123456789ab"
    (snapshot / "profiles").mkdir(parents=True)
    (tmp_path / "pins").mkdir()
    link = tmp_path / "pins/a"
    link.symlink_to("../repos/a-0123456789ab")
    assert _repository.digits("a", str(link), str(tmp_path)) == "0123456789ab"
    assert _repository.snapshot("a", str(link), str(tmp_path)) == str(snapshot)
    # Of another name, of another state folder, or where nothing is any more, it is a folder like any other.
    assert _repository.pinned("b", str(link), str(tmp_path)) == ""
    assert _repository.pinned("a", str(link), str(tmp_path / "other")) == ""
    assert _repository.digits("b", str(link), str(tmp_path)) == _repository.revision(str(snapshot))[:12]
    old = snapshot.with_name("a-ffffffffffff")
    old.mkdir()
    os.utime(old, (2e9, 2e9))
    (tmp_path / "repos/a-eeeeeeeeeeee").mkdir()
    for path in (snapshot, tmp_path / "repos/a-eeeeeeeeeeee"):
        os.utime(path, (1e9, 1e9))
    assert _repository.prune((), str(tmp_path)) == [str(tmp_path / "repos/a-eeeeeeeeeeee")]
    assert snapshot.is_dir()
