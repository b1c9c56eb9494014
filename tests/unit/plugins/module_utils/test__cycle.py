# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of Portage's words, and the proof; circles that real Portage finds are in tests/root."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _cycle
from ansible_collections.larry.binhost.plugins.module_utils._cycle import Opened, Way
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._merge_world import Place
from ansible_collections.larry.binhost.plugins.module_utils._target import Target

CIRCLE = """\
These are the packages that would be merged, in order:

Calculating dependencies  ... done!

[nomerge       ] x/loop-1::planted  USE="lib"
[ebuild  N     ]  x/pool-1::planted  USE="doc" 0 KiB

 * Error: circular dependencies:

(x/pool-1:0/0::planted, ebuild scheduled for merge) depends on
 (x/loop-1:0/0::planted, ebuild scheduled for merge) (buildtime)
  (x/pool-1:0/0::planted, ebuild scheduled for merge) (buildtime)

It might be possible to break this cycle
by applying any of the following changes:
- x/pool-1 (Change USE: -doc +minimal)
- x/loop-1 (Change USE: -lib)

Note that this change can be reverted, once the package has been installed.
"""
RECIPES = [{"atom": "x/loop:0", "use": "-lib -x"}, {"atom": "x/other", "use": "y"}]


def place(root: Path) -> Place:
    """Return a root that nobody runs anything in."""
    target = Target(
        *("t", str(root)),
        repositories={},
        world={},
        wishes={},
        variants=[],
        links={},
        compile="",
        cflags="",
        distdir="",
        options={},
    )
    return Place(lambda _args: (1, "", ""), target, str(root), {})


def test_ways() -> None:
    proposed = [Way("x/pool-1", ("-doc", "minimal")), Way("x/loop-1", ("-lib",))]
    assert _cycle.ways(CIRCLE, []) == proposed
    assert _cycle.ways(CIRCLE, RECIPES) == [Way("x/loop-1", ("-lib", "-x")), *proposed]
    assert proposed[0].line == "=x/pool-1 -doc minimal"


@pytest.mark.parametrize("said", ["", CIRCLE + '\nemerge: there are no ebuilds to satisfy "x/none".\n'])
def test_a_refusal_of_anything_else_has_none(said: str) -> None:
    assert _cycle.ways(said, RECIPES) == []


@pytest.mark.parametrize(
    ("use", "found"),
    [("amd64 doc", ""), ("amd64", "amd64"), ("doc minimal", "doc minimal"), (None, "nothing installed")],
)
def test_the_wanted_use_is_proven(tmp_path: Path, use: str | None, found: str) -> None:
    if use is not None:
        (tmp_path / "var/db/pkg/x/pool-1").mkdir(parents=True)
        (tmp_path / "var/db/pkg/x/pool-1/USE").write_text(f"{use}\n")
    done = Opened(wanted={"x/pool-1": {"doc": True, "minimal": False}})
    if not found:
        _cycle.prove(place(tmp_path), done)
        return
    expected = f"expected it with doc -minimal in the end, found {found}"
    with pytest.raises(BinhostError, match=re.escape(expected)):
        _cycle.prove(place(tmp_path), done)


def test_what_a_killed_build_left_goes(tmp_path: Path) -> None:
    path = tmp_path / "etc/portage" / _cycle.FRAGMENT
    path.parent.mkdir(parents=True)
    path.write_text("=x/pool-1 -doc\n")
    _cycle.clear(place(tmp_path))
    _cycle.clear(place(tmp_path))
    assert not path.exists()
