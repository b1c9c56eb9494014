# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked beside the merge list; that itself is asked of real Portage in tests/root."""

from __future__ import annotations

import dataclasses
import json
import os
import typing as t
from dataclasses import asdict
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _acceptance, _emerge_ask, _tree_plan
from ansible_collections.larry.binhost.plugins.module_utils._emerge_place import Place
from ansible_collections.larry.binhost.plugins.module_utils._tree_plan import Entry

LISTED = "[ebuild  N     ] x/one-1::lab  0 KiB\n\nTotal: 1 package (1 new), Size of downloads: 0 KiB\n"
INDEX = "VERSION: 0\n\nCPV: x/one-1\nPATH: x/one/one-1-1.gpkg.tar\nREPO: lab\nUSE: \nIUSE: \n\n"
MASKED = '{"x/one/one-1-1.gpkg.tar": {"masks": ["~amd64 keyword"], "older": false, "built": []}}\n'
PARAMS: t.Final[t.Mapping[str, t.Any]] = {
    "max_source": None,
    "build_on_slave": [],
    "remedy": "",
    "forbid_downgrade": [],
    "allow_uninstall": [],
    "accept_proposals": [],
}
FRAGMENT = _tree_plan.Change("write", "etc/portage/package.use/02-host", None, Entry("file", "a/b c\n"))


class Portage:
    """Compiles one package, and says of its binary what it is told to say; remembers which configuration it read."""

    def __init__(self, status: int = 0, says: str = MASKED) -> None:
        self.answer = (status, says, "no Portage\n")
        self.read: list[str] = []

    def __call__(
        self,
        args: t.Sequence[str],
        /,
        *,
        environ_update: t.Mapping[str, str] | None = None,
        network: str | None = None,
    ) -> tuple[int, str, str]:
        if args[0] != "emerge":
            self._reads(args[4])
            return self.answer
        self._reads((environ_update or {}).get("PORTAGE_CONFIGROOT", "/"))
        return 0, LISTED, ""

    def _reads(self, configroot: str) -> None:
        self.read.append(configroot)
        if configroot != "/":
            assert Path(configroot, "etc/portage/package.use/02-host").read_text() == "a/b c\n"


def asked(portage: Portage, folder: Path, **how: t.Any) -> _emerge_ask.Answer:
    (folder / "index").mkdir()
    (folder / "index/Packages").write_text(INDEX)
    options = {"usepkg_exclude": ""}
    question = _emerge_ask.Question(portage, Place(), ["x/one"], options, [], check=False, scratch=str(folder), **how)
    return _emerge_ask.ask(question, {**PARAMS, "index": str(folder / "index")})


def test_binaries_are_judged_by_the_configuration_that_the_merge_list_is_of(tmp_path: Path) -> None:
    now, later = Portage(), Portage()
    folders = [tmp_path / "now", tmp_path / "later"]
    for folder in folders:
        folder.mkdir()
    answers = [asked(now, folders[0]), asked(later, folders[1], to_come=[FRAGMENT])]
    assert [answer.merges[0].refused[0].kind for answer in answers] == ["keywords", "keywords"]
    assert now.read == ["/", "/"]
    assert later.read[0] == later.read[1] != "/"
    assert os.listdir(folders[1]) == ["index"]


@pytest.mark.parametrize("portage", [Portage(1), Portage(says="half of {\n")])
def test_a_run_does_not_end_because_nobody_knows_why_a_binary_is_not_taken(tmp_path: Path, portage: Portage) -> None:
    answer = asked(portage, tmp_path)
    assert [merge.cpv for merge in answer.merges] == ["x/one-1"]
    (words,) = answer.words
    assert words.startswith("Why none of the index's binaries is taken isn't known: ")


def test_what_it_means_is_told_also_where_nobody_agrees(tmp_path: Path) -> None:
    """Of a build root nobody waits for it."""
    answer = asked(Portage(), tmp_path)
    assert [(source.cpv, source.fix) for source in answer.acceptance.source] == [
        ("x/one-1", ["package.accept_keywords: =x/one-1 ~amd64"])
    ]
    question = _emerge_ask.Question(Portage(), Place(), ["x/one"], {"usepkg_exclude": ""}, [], False, str(tmp_path))
    params = {**PARAMS, "index": str(tmp_path / "index"), "max_source": 0}
    with pytest.raises(_emerge_ask.StoppedError) as caught:
        _emerge_ask.ask(question, params)
    assert caught.value.result["acceptance"] == asdict(answer.acceptance)
    assert "To compile here" not in str(caught.value)
    record = {"packages": {"x/one/one-1-1.gpkg.tar": {"seconds": 61}}}
    (tmp_path / "index/record.json").write_text(json.dumps(record))
    with pytest.raises(_emerge_ask.StoppedError, match="\nTo compile here, about 2 min$"):
        _emerge_ask.ask(question, params)
    root = dataclasses.replace(question, place=Place(root=str(tmp_path)))
    assert _emerge_ask.ask(root, {**params, "max_source": None}).acceptance == _acceptance.Acceptance()
