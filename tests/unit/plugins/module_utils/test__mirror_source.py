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
from ansible_collections.larry.binhost.plugins.module_utils import _cli, _mirror_source

FLAGS = "-lHtpre.iLsfxCIvu"


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
    assert ask(state, "list", monkeypatch) == 0
    digests = {str(number): hashlib.sha512(str(number).encode()).hexdigest() for number in (1, 2)}
    expected = {"empty": {"current": None, "numbers": {}}, "laptops": {"current": 2, "numbers": digests}}
    assert json.loads(capsys.readouterr().out) == expected


@pytest.mark.parametrize("words", [f"{FLAGS} .", "-ltr ."])
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
        f"rsync --server --sender {FLAGS} . laptops/2/\n",
        f"rsync --server --sender {FLAGS} . laptops/2/;id",
    ],
)
def test_nothing_else(state: Path, monkeypatch: pytest.MonkeyPatch, capsys: t.Any, asked: str) -> None:
    assert ask(state, asked, monkeypatch) == 1
    assert f"expected 'list' or rsync's reading of one generation, found {asked[:200]!r}" in capsys.readouterr().err


def test_a_link_is_no_generation(state: Path, monkeypatch: pytest.MonkeyPatch, capsys: t.Any) -> None:
    (state / "generations/laptops/9").symlink_to("/etc")
    assert ask(state, f"rsync --server --sender {FLAGS} . laptops/9/", monkeypatch) == 1
    assert "laptops/9/: expected a generation, found a link" in capsys.readouterr().err
