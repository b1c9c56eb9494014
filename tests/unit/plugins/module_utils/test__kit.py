# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import re
import types
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _kit
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

A, B = "packages/laptops/1/a.gpkg.tar", "packages/laptops/1/b.gpkg.tar"


def parts(**content: str) -> list[_kit.Part]:
    """Return files by the letter of their package."""
    return [_kit.of_text(f"packages/laptops/1/{name}.gpkg.tar", text.encode()) for name, text in content.items()]


def kit(wanted: list[_kit.Part], **more: t.Any) -> _kit.Kit:
    files = {part.path: part.file for part in wanted}
    return _kit.Kit(**{"slave": "amd", "target": "laptops", "number": 1, "time": "now", "files": files, **more})


def write(folder: Path, wanted: list[_kit.Part], *, verify: bool = False, **more: t.Any) -> _kit.Changes:
    """Write a kit and return what that changed."""
    made = kit(wanted, **more)
    changes = _kit.plan(str(folder), made, wanted, verify=verify)
    _kit.write(str(folder), made, changes)
    return changes


def names(changes: _kit.Changes) -> list[str]:
    return [os.path.basename(part.path)[0] for part in changes.copied]


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    return tmp_path / "stick/larry-binhost/amd"


def test_a_kit_is_written_once(stick: Path) -> None:
    assert names(write(stick, parts(a="one", b="two"))) == ["a", "b"]
    made = _kit.read(str(stick))
    assert made == kit(parts(a="one", b="two"))
    assert made is not None
    assert (made.size, _kit.problems(str(stick), made)) == (6, [])
    assert not write(stick, parts(a="one", b="two"), time="later")


def test_only_what_is_new_is_written_and_the_rest_goes(stick: Path) -> None:
    write(stick, parts(a="one", b="two"))
    (stick / "packages/laptops/0").mkdir()
    (stick / "packages/laptops/0/old.gpkg.tar").write_text("x")
    changes = write(stick, parts(b="two", c="three"), number=2)
    assert (names(changes), changes.removed) == (["c"], ["packages/laptops/0/old.gpkg.tar", A])
    assert not (stick / "packages/laptops/0").exists()
    assert not write(stick, parts(b="two", c="three"), number=2)


def test_what_says_nothing_of_its_content_is_read(stick: Path) -> None:
    write(stick, parts(a="one", b="two"))
    (stick / A).write_text("eno")  # of the same size
    assert not write(stick, parts(a="one", b="two"))
    assert names(write(stick, parts(a="one", b="two"), verify=True)) == ["a"]
    (stick / _kit.NAME).unlink()
    (stick / A).write_text("eno")
    assert names(write(stick, parts(a="one", b="two"))) == ["a"]


class PulledError(Exception):
    """The stick is gone."""


@pytest.mark.parametrize("left", range(4))
def test_a_stick_that_is_pulled(stick: Path, monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    write(stick, parts(a="one", b="two"))
    replace, done = os.replace, []

    def pulled(old: str, new: str) -> None:
        if len(done) == left:
            raise PulledError
        done.append(new)
        replace(old, new)

    with monkeypatch.context() as patch, pytest.raises(PulledError):
        patch.setattr(os, "replace", pulled)
        write(stick, parts(a="ONE", b="two", c="three", d="four"), number=2)
        raise PulledError  # all four were written
    made = _kit.read(str(stick))
    assert made is not None
    if left < 4 and made.number == 1:
        found = _kit.problems(str(stick), made)
        assert [path for path in found if not path.startswith(str(stick / A))] == []
        assert bool(found) == (left > 0)  # a was written first, and the old kit had another
    write(stick, parts(a="ONE", b="two", c="three", d="four"), number=2)
    again = _kit.read(str(stick))
    assert again is not None
    assert (again.number, _kit.problems(str(stick), again)) == (2, [])
    assert not list(stick.rglob(".new-*"))


def test_a_half_copied_one_is_told(stick: Path) -> None:
    write(stick, parts(a="one", b="two", c="three"))
    (stick / A).write_text("on")
    (stick / B).unlink()
    (stick / "packages/laptops/1/c.gpkg.tar").write_text("eerht")
    made = _kit.read(str(stick))
    assert made is not None
    with pytest.raises(BinhostError) as caught:
        _kit.check(str(stick), made)
    assert str(caught.value).splitlines() == [
        f"{stick / A}: expected 3 bytes, found 2",
        f"{stick / B}: expected 3 bytes, found No such file or directory",
        f"{stick}/packages/laptops/1/c.gpkg.tar: expected the content that kit.json names, found another",
        "The kit isn't whole. Run playbooks/kit.yml again and unmount the stick.",
    ]


def test_a_copy_is_of_what_was_announced(stick: Path, tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_text("one")
    part = _kit.of_file(A, str(source))
    source.write_text("eno")
    message = f"{source}: expected the content that the seal names, found another"
    with pytest.raises(BinhostError, match=f"^{re.escape(message)}$"):
        write(stick, [part])
    assert not (stick / A).exists()


def test_a_full_stick(stick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_kit.shutil, "disk_usage", lambda _path: types.SimpleNamespace(free=5))
    with pytest.raises(BinhostError, match="expected 6 bytes free, found 5 bytes$"):
        write(stick, parts(a="one", b="two"))
    assert not (stick / A).exists()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{", "expected what a kit consists of, found b'{'"),
        ("[]", "expected what a kit consists of, found b'[]'"),
        ('{"format": 2}', "expected a kit of format 1, found 2"),
        (
            json.dumps({**json.loads(_kit.dump(kit([]))), "files": {"../x": {"sha512": "", "size": 1}}}),
            "expected paths below the kit's folder, found '../x'",
        ),
    ],
)
def test_what_is_no_kit(stick: Path, text: str, found: str) -> None:
    stick.mkdir(parents=True)
    (stick / _kit.NAME).write_text(text)
    with pytest.raises(BinhostError, match=f"^{re.escape(f'{stick}/kit.json: {found}')}$"):
        _kit.read(str(stick))


def test_the_right_kit_is_found(tmp_path: Path) -> None:
    def at(slave: str, **more: t.Any) -> None:
        write(tmp_path / "larry-binhost" / slave, parts(a="one"), slave=slave, **more)

    with pytest.raises(BinhostError, match="expected a kit, as playbooks/kit.yml writes it, found none$"):
        _kit.find(str(tmp_path))
    at("amd")
    where = str(tmp_path / "larry-binhost/amd")
    assert [_kit.find(place)[0] for place in (str(tmp_path), where)] == [where, where]
    at("intel", target="servers")
    assert _kit.find(str(tmp_path), target="laptops")[0] == where
    assert _kit.find(str(tmp_path), slave="intel")[1].target == "servers"
    with pytest.raises(BinhostError, match="expected one kit for this machine, found those of amd, intel: add --name"):
        _kit.find(str(tmp_path))
    (tmp_path / "larry-binhost/amd" / _kit.NAME).unlink()
    (tmp_path / "larry-binhost/intel" / _kit.NAME).unlink()
    with pytest.raises(BinhostError, match="found one whose writing was broken off: run playbooks/kit.yml again$"):
        _kit.find(str(tmp_path))
