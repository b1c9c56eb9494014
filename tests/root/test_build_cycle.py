# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages that need each other to be built: real Portage, planted packages."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _cycle
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

from tests.root.master import Master, build, packages, variant
from tests.root.planted import FILE

#: x/loop needs x/pool for its documentation, which needs x/loop to be built.
CIRCLE = {
    "x/loop-1": 'IUSE="+doc"\nBDEPEND="doc? ( x/pool )"\n' + FILE,
    "x/pool-1": 'DEPEND="x/loop"\nsrc_compile() { cat /usr/share/planted/loop/file >built || die; }\n' + FILE,
}
#: No USE flag opens this one that Portage would find.
HARD = {
    "x/ring-1": 'IUSE="bootstrap"\nBDEPEND="!bootstrap? ( x/gnir )"\nREQUIRED_USE="!bootstrap"\n' + FILE,
    "x/gnir-1": 'BDEPEND="x/ring"\n' + FILE,
}


def nothing_left(master: Master) -> None:
    """The fragment is gone."""
    assert not list(master.folder.rglob("*binhost-cycle*"))


def test_circles_are_opened_and_closed_again(master: Master) -> None:
    master.plant(
        {
            # What is declared goes before what Portage proposes.
            "x/left-1": 'IUSE="+doc"\nBDEPEND="doc? ( x/right )"\n' + FILE,
            "x/right-1": 'IUSE="+lib"\nBDEPEND="lib? ( x/left )"\n' + FILE,
            # To open this one, another has to be open.
            "x/outer-1": 'IUSE="+doc"\nBDEPEND="doc? ( x/outer-pool ) x/inner"\n' + FILE,
            "x/outer-pool-1": 'DEPEND="x/outer"\n' + FILE,
            "x/inner-1": 'IUSE="+doc"\nBDEPEND="doc? ( x/inner-pool )"\n' + FILE,
            "x/inner-pool-1": 'BDEPEND="x/inner"\n' + FILE,
        }
    )
    recipe = {"atom": "x/right", "use": "-lib"}
    target = master.target({"amd": ["x/left", "x/outer"]}, cycles=[recipe])
    # A killed build left this.
    left = Path(target.root, "etc/portage", _cycle.FRAGMENT)
    left.parent.mkdir(exist_ok=True)
    left.write_text("=x/left-1 -doc\n")
    result = build(target)
    assert (result.problems, result.apart) == ([], {})
    lines = {"=x/right-1 -lib", "=x/outer-1 -doc", "=x/inner-1 -doc"}
    assert {each["line"] for each in result.cycles} == lines
    assert {"packages": ["x/left-1", "x/right-1"], "line": "=x/right-1 -lib"} in result.cycles
    # Once without what was in the way, of which there is no package, and once with; the others once.
    assert (result.built.count("x/right-1"), result.built.count("x/left-1")) == (2, 1)
    whole = ["inner-1 doc", "inner-pool-1", "left-1 doc", "outer-1 doc", "outer-pool-1", "plain-1"]
    assert packages(target) == [*whole, "right-1 lib"]
    nothing_left(master)


def test_a_circle_that_nothing_opens_is_explained(master: Master) -> None:
    master.plant(HARD)
    target = master.target({"amd": ["x/gnir"]})
    result = build(target)
    (problem,) = result.problems
    assert problem.startswith("amd: ")
    assert "circular dependencies" in problem
    assert "declare in binhost_targets, cycles of laptops, with which USE one of them is built first." in problem
    assert packages(target) == ["plain-1"]
    nothing_left(master)


def test_the_circle_of_one_slave_is_its_own(master: Master) -> None:
    master.plant(CIRCLE | {"x/loop-1": 'IUSE="doc"\nBDEPEND="doc? ( x/pool )"\n' + FILE})
    target = master.target({"amd": ["x/loop"], "intel": ["x/loop"]})
    intel = variant("intel", ["x/loop"], {"package.use/02-host": "x/loop doc\n"})
    target = dataclasses.replace(target, variants=[target.variants[0], intel])
    result = build(target)
    assert result.problems == []
    assert packages(target) == ["loop-1", "loop-1 doc", "plain-1", "pool-1"]


def test_a_first_step_that_fails_leaves_nothing(master: Master) -> None:
    master.plant({**CIRCLE, "x/loop-1": CIRCLE["x/loop-1"] + "src_compile() { die 'no way'; }\n"})
    target = master.target({"amd": ["x/loop", "x/pool"]})
    with pytest.raises(BinhostError, match="no way"):
        build(target)
    nothing_left(master)
