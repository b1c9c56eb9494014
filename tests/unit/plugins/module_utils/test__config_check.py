# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Portage's words mean; the words are those of Portage 3.0.83 (see tests/root/test_config.py)."""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _config_check, _config_program, _fragments
from ansible_collections.larry.binhost.plugins.module_utils._config_check import Reading, Verdict
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._tree_plan import Change, Entry

USE = "--- Invalid atom in /etc/portage/package.use/{}: >=x"
ABSENT = "!!! Section 'lab' in repos.conf has location attribute set to nonexistent directory: '/lab'"
PROFILE = "!!! /etc/portage/make.profile is not a symlink and will probably prevent most merges."
SOURCE = '!!! ParseError: "/etc/portage/make.conf", line 1: /gone: No such file or directory'
ADOPTED = Change("adopt", "etc/portage/package.use", Entry("file"), Entry("directory"))
TEXT = _fragments.header("Target x.", "binhost_targets.x.use") + 'USE="odd"\n'
OURS = Change("write", "etc/portage/make.conf/01-target.conf", None, Entry("file", TEXT))


def judge(new: Reading | None, old: Reading | None = None, *changes: Change) -> Verdict:
    answers = {"/place": new, None: old}
    return _config_check.judge(lambda place: answers[place], "/root", "/place", changes)


def said(*words: str, status: int = 0) -> Reading:
    return Reading("" if status else "3.0.83", status, list(words))


def refused(*readings: Reading, changes: t.Sequence[Change] = ()) -> list[str]:
    """Return the lines of a refusal between its first and its last."""
    with pytest.raises(BinhostError) as caught:
        judge(*readings, *changes)
    first, *lines, last = str(caught.value).splitlines()
    assert first.startswith("/root/etc/portage: expected a configuration that Portage ")
    assert last.startswith("Nothing was changed.")
    return [line.strip() for line in lines]


def test_nothing_said() -> None:
    assert judge(said()) == Verdict("3.0.83", [])


def test_no_portage() -> None:
    assert judge(None).read_by is None
    assert judge(None).warnings == [
        "/root: no Portage is installed there to read the configuration before it is written"
    ]


def test_words_of_before_are_told() -> None:
    new, old = (
        said(USE.format("00-adopted")),
        said("!!! something else", "--- Invalid atom in /etc/portage/package.use: >=x"),
    )
    assert judge(new, old, ADOPTED) == Verdict("3.0.83", [f"Portage: {USE.format('00-adopted')}"])
    assert refused(new, old) == [USE.format("00-adopted")]


def test_only_new_words_refuse() -> None:
    assert refused(said(SOURCE, USE.format("x")), said(SOURCE)) == [USE.format("x")]


def test_the_present_tree_can_not_be_read_either() -> None:
    assert refused(said(SOURCE, status=1), said(SOURCE, status=1)) == [SOURCE]
    assert refused(said(status=1), said(status=1)) == ["(no words)"]


def test_the_present_tree_can_not_be_read_but_the_new_one_can() -> None:
    assert judge(said(), said(SOURCE, status=1)) == Verdict("3.0.83", [])


def test_absent_repository() -> None:
    missing = "lab: the repository isn't at /lab yet; without it Portage read only the rest of the configuration"
    assert judge(said(ABSENT, PROFILE)) == Verdict("3.0.83", [missing])
    assert judge(said(ABSENT, status=1)).warnings == [missing]  # an older Portage may give up
    assert refused(said(ABSENT, PROFILE, USE.format("x")), said()) == [USE.format("x")]
    assert refused(said(ABSENT, SOURCE, status=1), said(ABSENT, SOURCE, status=1)) == [ABSENT, SOURCE][1:]
    assert refused(said(PROFILE), said()) == [PROFILE]


@pytest.mark.parametrize(
    ("word", "origin"),
    [
        (
            '"/etc/portage/make.conf/01-target.conf", line 4: No closing quotation',
            "(etc/portage/make.conf/01-target.conf; change binhost_targets.x.use in the inventory)",
        ),
        (
            "FEATURES variable contains unknown value(s): a, odd",
            "(etc/portage/make.conf/01-target.conf; change binhost_targets.x.use in the inventory)",
        ),
        ("--- Invalid atom in /etc/portage/make.conf/01-target.conf.bak: x", ""),
        ("FEATURES variable contains unknown value(s): oddity", ""),
        ("!!! without a colon", ""),
    ],
)
def test_origin(word: str, origin: str) -> None:
    assert refused(said(word), said(), changes=[OURS]) == [f"{word} {origin}".strip()]


def test_reading() -> None:
    stderr = (
        "\x1b[31;01mFEATURES\x1b[0m x: a\n\n!!! /place/etc/portage/make.conf: b\n!!! /place/etc/portage/make.conf: b\n"
    )
    assert _config_check.reading(0, '{"version": "3.0.30"}\n', stderr, "/place") == Reading(
        "3.0.30", 0, ["FEATURES x: a", "!!! /etc/portage/make.conf: b"]
    )
    assert _config_check.reading(1, "", "!!! /etc/portage/x\n", "/") == Reading("", 1, ["!!! /etc/portage/x"])


def test_portage_is_asked_only_about_its_own_tree() -> None:
    def run(args: list[str]) -> tuple[int, str, str]:
        raise AssertionError(args)

    sets = Change("write", "var/lib/portage/world_sets", None, Entry("file", "@binhost\n"))
    assert _config_check.check(run, "/", [sets], place="/none", repositories={}) == Verdict(None, [])


def test_the_next_interpreter_is_asked_where_one_has_no_portage(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run(args: list[str]) -> tuple[int, str, str]:
        asked.append(args)
        return (_config_program.NO_PORTAGE, "", "No module") if len(asked) == 1 else (0, '{"version": "3.0.83"}', "")

    monkeypatch.setattr("os.path.exists", lambda path: True)
    assert _config_check.read(run, "/", None, {}) == Reading("3.0.83", 0, [])
    assert [args[args.index("-B") - 1] for args in asked] == ["/usr/bin/python3", "/usr/bin/python"]
    assert "PORTAGE_CONFIGROOT=/" in asked[0]


def test_a_portage_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path.exists", lambda path: True)
    expected = re.escape("/: expected Portage to read its configuration in 120 s, found no answer")
    with pytest.raises(BinhostError, match=f"^{expected}$"):
        _config_check.read(lambda args: (137, "", ""), "/", None, {})
