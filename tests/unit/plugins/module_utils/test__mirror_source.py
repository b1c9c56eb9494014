# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import json
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _cli, _keys, _mirror_source, _seal

FLAGS = "-Htpre.iLsfxCIvu"


class Begun(Exception):
    """The program that this one became."""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a state folder with two generations, and let no program be begun."""

    def become(program: str, words: list[str]) -> None:
        raise Begun(os.getcwd(), program, words)

    monkeypatch.setattr(os, "execv", become)
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        (tmp_path / f"generations/laptops/{number}").mkdir(parents=True)
        (tmp_path / f"generations/laptops/{number}/seal.json").write_text(str(number))
    (tmp_path / "generations/laptops/.new-3").mkdir()
    (tmp_path / "generations/laptops/4").mkdir()
    (tmp_path / "generations/laptops/current").symlink_to("2")
    (tmp_path / "generations/empty").mkdir()
    return tmp_path


def ask(state: Path, asked: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("SSH_ORIGINAL_COMMAND", asked)
    return _cli.main(["--state", str(state), _mirror_source.COMMAND])


def test_the_list(state: Path, monkeypatch: pytest.MonkeyPatch, capsys: t.Any) -> None:
    """Number 1 is from before anything was signed; of the others not each one's key still counts."""
    current, retired, late, revoked = (letter * 40 for letter in "ABCD")
    old = [_keys.Old(key, "", until) for key, until in ((retired, 1 << 40), (late, 1), (revoked, 0))]
    _keys.save(_keys.Ring(current, "", 0, None, None, (), tuple(old[:2]), tuple(old[2:])), str(state))
    nothing = _seal.File("0" * 128, 0)
    for number, key in enumerate((current, retired, late, revoked, ""), start=2):
        folder = state / f"generations/laptops/{number}"
        folder.mkdir(exist_ok=True)
        now = _seal.utc(0)
        seal = _seal.Seal("laptops", number, now, now, 0, key, 0, nothing, {}, {})
        (folder / "seal.json").write_bytes(_seal.dump(seal))
    assert ask(state, "list", monkeypatch) == 0
    digests = {
        str(number): hashlib.sha512((state / f"generations/laptops/{number}/seal.json").read_bytes()).hexdigest()
        for number in (2, 3)
    }
    expected = {"empty": {"current": None, "numbers": {}}, "laptops": {"current": 2, "numbers": digests}}
    assert json.loads(capsys.readouterr().out) == expected
    (state / "keys").rename(state / "unseen")  # by a user who isn't root
    assert ask(state, "list", monkeypatch) == 0
    assert list(json.loads(capsys.readouterr().out)["laptops"]["numbers"]) == ["2", "3", "4", "5"]


def test_the_list_of_a_master_without_a_key(state: Path, monkeypatch: pytest.MonkeyPatch, capsys: t.Any) -> None:
    assert ask(state, "list", monkeypatch) == 0
    assert json.loads(capsys.readouterr().out)["laptops"] == {"current": 2, "numbers": {}}


@pytest.mark.parametrize("words", [f"{FLAGS} .", "-tr ."])
def test_reading_a_generation(state: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    asked = f"rsync --server --sender {words} laptops/2/"
    with pytest.raises(Begun) as begun:
        ask(state, asked, monkeypatch)
    assert begun.value.args == (str(state / "generations"), "/usr/bin/rsync", asked.split())


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "sh",
        "list; id",
        f"rsync --server {FLAGS} . laptops/2/",
        f"rsync --server --sender {FLAGS} . laptops/../../keys/",
        f"rsync --server --sender {FLAGS} . /etc/",
        f"rsync --server --sender {FLAGS} . laptops/2/ /etc/",
        f"rsync --server --sender {FLAGS} . laptops/current/",
        f"rsync --server --sender {FLAGS} . laptops/2",
        f"rsync --server --sender {FLAGS} --remove-source-files . laptops/2/",
        "rsync --server --sender -lHtprse.iLsfxCIvu . laptops/2/",
        "rsync --server --sender -Lre.iLsfxCIvu . laptops/2/",
        "rsync --server --sender -ltre.iLsfxCIvu . laptops/2/",
        f"rsync --server --sender {FLAGS} . laptops/2/\n",
        f"rsync --server --sender {FLAGS} . laptops/2/;id",
    ],
)
def test_nothing_else(state: Path, monkeypatch: pytest.MonkeyPatch, capsys: t.Any, asked: str) -> None:
    assert ask(state, asked, monkeypatch) == 1
    assert f"{_mirror_source.REFUSED}, found {asked[:200]!r}" in capsys.readouterr().err


def test_a_link_is_no_generation(state: Path, monkeypatch: pytest.MonkeyPatch, capsys: t.Any) -> None:
    (state / "generations/laptops/9").symlink_to("/etc")
    assert ask(state, f"rsync --server --sender {FLAGS} . laptops/9/", monkeypatch) == 1
    assert "laptops/9/: expected a generation, found a link" in capsys.readouterr().err


def test_a_file_for_a_slave(state: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: t.Any) -> None:
    for asked in ("get laptops/2/seal.json", "get laptops/current/seal.json"):
        assert ask(state, asked, monkeypatch) == 0
        assert capfdbinary.readouterr().out == b"2"
    for asked in ("get laptops/2/none", "get laptops/2", "get laptops/2/"):
        assert ask(state, asked, monkeypatch) in (1, _mirror_source.ABSENT)
        assert capfdbinary.readouterr().out == b""


@pytest.mark.parametrize(
    "asked", ["/etc/passwd", "laptops/../../secret", "../secret", "laptops/2/../../../secret", "laptops/.new-3/x", "x"]
)
def test_no_other_file(state: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: t.Any, asked: str) -> None:
    (state / "secret").write_text("secret")
    assert ask(state, f"get {asked}", monkeypatch) == 1
    assert capfdbinary.readouterr().out == b""


def test_no_file_behind_a_link_that_leads_out(state: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: t.Any) -> None:
    (state / "secret").write_text("secret")
    (state / "generations/laptops/2/way").symlink_to("../../../secret")
    assert ask(state, "get laptops/2/way", monkeypatch) == _mirror_source.ABSENT
    assert capfdbinary.readouterr().out == b""
