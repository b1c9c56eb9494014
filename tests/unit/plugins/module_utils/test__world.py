# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _emerge, _tree_plan, _world
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._merge_list import Flag, Merge
from ansible_collections.larry.binhost.plugins.module_utils._tree_plan import Entry

HELLO = Merge(
    *("ebuild", "app-misc/hello-2.10", None, "lab", "N", 'USE="nls"', "new"),
    use=(Flag("nls", enabled=True),),
)


def answering(*answer: t.Any) -> _world.Run:
    def run(args: t.Any, /, *, environ_update: t.Mapping[str, str]) -> tuple[int, str, str]:
        assert args == _emerge.argv(["@world"], {"update": True}, pretend=True)
        assert environ_update["LC_ALL"] == "C.UTF-8"
        return t.cast("tuple[int, str, str]", answer)

    return run


def test_an_answer_is_the_merge_list_without_what_stays() -> None:
    out = '[ebuild  N     ] app-misc/hello-2.10::lab  USE="nls"\n[nomerge       ] virtual/pager-0::lab\n'
    assert _world.ask(answering(0, out, "said"), ["@world"], {"update": True}) == ([HELLO], "said")


def test_what_emerge_refuses_is_told_in_its_own_words() -> None:
    command = " ".join(_emerge.argv(["@world"], {"update": True}, pretend=True))
    expected = f"{command}: expected a merge list, found status 1:\nemerge: there are no ebuilds to satisfy\n"
    with pytest.raises(BinhostError, match=f"^{re.escape(expected.strip())}$"):
        _world.ask(answering(1, "", "\nemerge: there are no ebuilds to satisfy\n"), ["@world"], {"update": True})


def test_foreseen_asks_with_the_configuration_as_it_will_be(tmp_path: Path) -> None:
    place = str(tmp_path / "configroot")
    fragment = _tree_plan.Change("write", "etc/portage/package.use/02-host", None, Entry("file", "a/b c\n"))
    sets = _tree_plan.Change("write", "var/lib/portage/world_sets", None, Entry("file", "@binhost\n"))
    asked: list[list[str]] = []

    def run(args: t.Any, /, *, environ_update: t.Mapping[str, str]) -> tuple[int, str, str]:
        assert environ_update["PORTAGE_CONFIGROOT"] == place
        assert (tmp_path / "configroot/etc/portage/package.use/02-host").read_text() == "a/b c\n"
        asked.append(args)
        return 0, "", ""

    assert _world.ask_with(run, ["@world"], {}, [fragment, sets], place).merges == []
    assert asked == [_emerge.argv(["@world", "@binhost"], {}, pretend=True)]
