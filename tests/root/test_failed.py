# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package that fails stops nobody, is kept with its log, and is compiled again when that may help: real Portage."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _build, _failed, _target
from ansible_collections.larry.binhost.plugins.module_utils._target import Result, Target

from tests.root.master import Master, build, packages
from tests.root.planted import FILE
from tests.root.repeat import repeats

#: Says in a place outside of the root's Portage how often it was compiled.
BROKEN = 'DEPEND="x/lib"\nsrc_compile() { echo tried >>/var/tmp/tried; eerror "no such thing"; die "it is broken"; }\n'
USER = {"x/user-1": 'RDEPEND="x/broken"\n' + FILE}


def held(target: Target) -> Result:
    """Build what is to be held back, and return what was done."""
    with pytest.raises(_build.HeldError) as caught:
        build(target)
    return caught.value.done


def tries(target: Target) -> int:
    """Return how often the broken package was compiled."""
    return len(Path(target.root, "var/tmp/tried").read_text().splitlines())


def changes(target: Target) -> list[str]:
    return _target.differs(target, _target.revisions(target))


def test_what_failed_is_tried_again_when_what_decides_it_has_changed(master: Master) -> None:
    master.plant({"x/lib-1": FILE, "x/other-1": FILE, "x/broken-1": BROKEN, **USER})
    target = master.target({"amd": ["x/user", "x/other"]}, proof="x/plain", variants=[])
    done = held(target)
    assert done.held.startswith(f"emerge @world in {target.root}: 1 failed, 1 dropped, 3 installed\n")
    assert "x/broken-1 failed in phase compile: it is broken" in done.held
    failed = done.failures["x/broken-1"]
    assert (failed["phase"], failed["reason"]) == ("compile", "it is broken")
    assert "no such thing" in Path(failed["log"]).read_text()
    assert done.dropped == {"x/user-1": "x/broken-1"}
    assert packages(target) == ["lib-1", "other-1", "plain-1"]
    assert (tries(target), changes(target)) == (1, [])

    # Something else is to be built: what failed isn't compiled again, its log stays.
    master.plant({"x/new-1": FILE})
    target = master.target({"amd": ["x/user", "x/other", "x/new"]}, proof="x/plain", variants=[])
    done = held(target)
    assert done.failures["x/broken-1"] == failed
    assert f"not tried again since {failed['since']}" in done.held
    assert (done.dropped, tries(target)) == ({"x/user-1": "x/broken-1"}, 1)
    assert packages(target) == ["lib-1", "new-1", "other-1", "plain-1"]

    # What it needs is another one, its configuration, itself: each time it is compiled once.
    master.plant({"x/lib-1.1": FILE})
    assert (held(target).built, tries(target)) == (["x/lib-1.1"], 2)
    if repeats(0, 1):
        master.plant({"x/unasked-1": FILE})  # another revision of the repository that changes nothing here
        assert (held(target).built, tries(target)) == ([], 2)
        Path(target.root, "etc/portage/make.conf/01-target.conf").write_text('CFLAGS="-O1"\nBINPKG_FORMAT="gpkg"\n')
        held(target)
        assert (tries(target), changes(target)) == (3, [])
        assert held(dataclasses.replace(target, retry=True)).failures["x/broken-1"]["reason"] == "it is broken"
        assert tries(target) == 4
    master.plant({"x/broken-1": FILE})
    done = build(target)
    assert (sorted(done.built), done.failures, done.dropped) == (["x/broken-1", "x/user-1"], {}, {})
    assert packages(target) == ["broken-1", "lib-1", "lib-1.1", "new-1", "other-1", "plain-1", "user-1"]
    assert not list(Path(target.state_dir, "failed").rglob("*.log*"))


def test_a_wish_that_fails_holds_nothing_back(master: Master) -> None:
    master.plant({"x/lib-1": FILE, "x/other-1": FILE, "x/broken-1": BROKEN, **USER})
    wished = master.target({}, world={"x/other": ["amd"]}, wishes={"x/user": ["intel"]}, proof="x/plain")
    done = build(wished)
    (words,) = done.problems
    assert "x/broken-1 failed in phase compile: it is broken" in words
    wish = "nothing that the inventory declares needs it, so that the rest is published: x/user (intel)"
    assert words.endswith(f"\n{wish}")
    assert (list(done.failures), done.dropped, done.held) == (["x/broken-1"], {"x/user-1": "x/broken-1"}, "")
    assert packages(wished) == ["lib-1", "other-1", "plain-1"]
    # Nothing is to be built, and it stands.
    known = _failed.standing(wished, done.snapshots)
    assert (changes(wished), tries(wished), known.problems, known.held) == ([], 1, [words], "")
    # What the inventory declares too, holds.
    declared = dataclasses.replace(wished, world={"x/other": ["amd"], "x/broken": ["amd"]})
    assert changes(declared) == ["wanted"]
    done = held(declared)
    assert (done.problems, _failed.standing(declared, done.snapshots).held) == ([], done.held)
