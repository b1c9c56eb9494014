# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _later

LISTED = "[ebuild   R    ] x/user-1::lab  0 KiB\n[binary   R    ] x/other-2-1::lab  0 KiB\n"
NOTHING = {"preserved_rebuild": False, "depclean": False, "config_files": "list"}
OPTIONS = {
    "usepkg": True,
    "getbinpkg": True,
    "with_bdeps": "n",
    "jobs": 2,
    "usepkg_exclude": "sys-kernel/*",
    "deep": True,
}


class Runs:
    """Programs that were run, and what they answer: to these words, this status and text."""

    def __init__(self, **answers: tuple[int, str]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, args: t.Sequence[str], /, **_how: t.Any) -> tuple[int, str, str]:
        self.asked.append(" ".join(args))
        found = [answer for word, answer in self.answers.items() if word in self.asked[-1]]
        return (*found[0], "") if found else (0, "", "")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root with a library that is preserved and an offered file."""
    registry = tmp_path / "var/lib/portage/preserved_libs_registry"
    registry.parent.mkdir(parents=True)
    registry.write_text(json.dumps({"x/lib:0": ["x/lib-1", "7", ["/usr/lib/libx.so.1"]]}))
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/libx.so.1").touch()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/._cfg0000_x.conf").touch()
    return tmp_path


def test_nothing_is_done_that_nobody_wants(root: Path) -> None:
    run = Runs()
    for kept in ("list", "keep"):
        wanted = {**NOTHING, "config_files": kept}
        assert (_later.pending(wanted, str(root)), _later.steps(run, wanted, OPTIONS, str(root))) == ([], {})
    assert run.asked == []


def test_nothing_is_done_where_there_is_nothing(tmp_path: Path) -> None:
    wanted = {**NOTHING, "preserved_rebuild": True, "config_files": "-5"}
    run = Runs()
    assert (_later.pending(wanted, str(tmp_path)), _later.steps(run, wanted, OPTIONS, str(tmp_path))) == ([], {})
    assert run.asked == []


def test_only_what_uses_preserved_libraries_is_compiled(root: Path) -> None:
    run = Runs(**{"--pretend": (0, LISTED)})
    wanted = {**NOTHING, "preserved_rebuild": True}
    assert _later.pending(wanted, str(root)) == ["@preserved-rebuild"]
    assert _later.steps(run, wanted, OPTIONS, str(root)) == {"preserved_rebuild": ["x/user-1", "x/other-2"]}
    first, second = run.asked
    assert "--nodeps" in first
    assert "--usepkg-exclude=sys-kernel/* x/user x/other" in second
    assert " --usepkg --getbinpkg " in second
    assert second.endswith(" @preserved-rebuild")
    assert "--nodeps" not in second
    assert "--pretend" not in second


@pytest.mark.parametrize(
    ("mode", "command"),
    [
        ("-3", "etc-update --automode -5"),
        ("-5", "etc-update --automode -5"),
        ("-7", "sh -c echo YES | etc-update --automode -9"),
        ("-9", "sh -c echo YES | etc-update --automode -9"),
    ],
)
def test_nobody_is_asked_about_offered_files(root: Path, mode: str, command: str) -> None:
    run = Runs()
    wanted = {**NOTHING, "config_files": mode}
    assert _later.pending(wanted, str(root)) == ["/etc/._cfg0000_x.conf"]
    assert _later.steps(run, wanted, OPTIONS, str(root)) == {"config_files": ["/etc/._cfg0000_x.conf"]}
    assert run.asked == [command]


def test_what_cannot_be_done_is_told_and_keeps_nothing_else_from_being_done(root: Path) -> None:
    run = Runs(**{"@preserved-rebuild": (1, "no way\n"), "--depclean": (1, "not sure\n")})
    wanted = {"preserved_rebuild": True, "depclean": True, "config_files": "-5"}
    done = _later.steps(run, wanted, OPTIONS, str(root))
    assert set(done) == {"config_files", "words"}
    assert [words.splitlines()[-1] for words in done["words"]] == ["no way", "not sure"]
