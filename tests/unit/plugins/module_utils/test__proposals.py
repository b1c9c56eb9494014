# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _proposals, _tree
from ansible_collections.larry.binhost.plugins.module_utils._refusal import Proposal

USE = Proposal("package.use", ">=x/one-1 nls")
KEYWORDS = Proposal("package.accept_keywords", "=x/two-1 ~amd64")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc/portage").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("proposals", "kinds", "expected"),
    [
        ([USE], ["use"], True),
        ([USE, KEYWORDS], ["use", "keywords", "unmask"], True),
        ([USE, KEYWORDS], ["use"], False),  # half of them would help nobody
        ([USE], [], False),
        ([], ["use"], False),
    ],
)
def test_allowed(proposals: list[Proposal], kinds: list[str], expected: bool) -> None:
    assert _proposals.allowed(proposals, kinds) is expected


def test_lines_are_added_once_and_nothing_else_is_touched(root: Path) -> None:
    use = root / "etc/portage/package.use"
    use.mkdir()
    (use / "person").write_text("x/y z\n")
    assert _proposals.write(str(root), [USE, KEYWORDS]) == [
        "etc/portage/package.accept_keywords/zz-autounmask",
        "etc/portage/package.use/zz-autounmask",
    ]
    assert (use / "zz-autounmask").read_text() == f"{_proposals.HEADER}>=x/one-1 nls\n"
    assert _proposals.write(str(root), [USE]) == []
    (use / "zz-autounmask").write_text("a person's line")
    _proposals.write(str(root), [USE])
    assert (use / "zz-autounmask").read_text() == "a person's line\n>=x/one-1 nls\n"
    assert (use / "person").read_text() == "x/y z\n"


def test_a_plain_file_becomes_one_of_a_folder(root: Path) -> None:
    use = root / "etc/portage/package.use"
    use.write_text("x/y z\n")
    _proposals.write(str(root), [USE])
    assert {entry.name: entry.read_text() for entry in use.iterdir()} == {
        "00-adopted": "x/y z\n",
        "zz-autounmask": f"{_proposals.HEADER}>=x/one-1 nls\n",
    }


def test_they_are_the_persons_and_no_declaration_takes_them_away(root: Path) -> None:
    _proposals.write(str(root), [USE])
    assert _tree.owned_paths(str(root)) == set()
    declared = {"package.use/02-host": "x/y z\n"}
    for files in (declared, {}):
        intent = _tree.intent(str(root), "larry-binhost", files=files, links={}, world_set=None)
        _tree.carry_out(str(root), intent)
        assert (root / "etc/portage/package.use/zz-autounmask").exists()
    assert "package.use/zz-autounmask" not in _tree.owned_paths(str(root))
