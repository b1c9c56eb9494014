# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a target's build makes of slaves that want different things: real Portage, planted packages."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _merge_world, _root_world, _target
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

from tests.root.master import Master, build, packages, run, variant
from tests.root.planted import FILE

LIB = {"x/lib-1": 'IUSE="wayland"\n' + FILE}
WITH = {"x/with-1": 'RDEPEND="x/lib[wayland]"\n' + FILE}
CONFLICTS = {
    "blockers": (
        {"x/postfix-1": 'RDEPEND="!!x/exim"\n' + FILE, "x/exim-1": 'RDEPEND="!!x/postfix"\n' + FILE},
        {"amd": ["x/exim"], "intel": ["x/postfix"]},
    ),
    "slots": (
        {"x/two-1": FILE, "x/two-2": FILE},
        {"amd": ["=x/two-1"], "intel": ["=x/two-2"]},
    ),
}


@pytest.mark.parametrize("kind", CONFLICTS)
def test_portage_says_what_does_not_go_together(master: Master, kind: str) -> None:
    ebuilds, worlds = CONFLICTS[kind]
    master.plant(ebuilds)
    target = master.target(worlds)
    for folder in (target.distdir, target.pkgdir, target.live):
        Path(folder).mkdir(parents=True)
    place = _merge_world.Place(run, target, target.root, target.repositories)
    apart, _said = _root_world.settle(place, {"emptytree": True}, (), ())
    assert list(apart) == ["intel"], apart


def test_worlds_that_do_not_go_together_are_built_all_the_same(master: Master) -> None:
    master.plant({**LIB, **WITH, "x/without-1": 'RDEPEND="x/lib[-wayland]"\n' + FILE})
    target = master.target({"amd": ["x/without"], "intel": ["x/with"]})
    wayland = variant("intel", ["x/with"], {"package.use/02-host": "x/lib wayland\n"})
    target = dataclasses.replace(target, variants=[target.variants[0], wayland])
    result = build(target)
    assert result.problems == []
    assert list(result.apart) == ["intel"]
    assert packages(target) == ["lib-1", "lib-1 wayland", "plain-1", "with-1", "without-1"]
    assert not list(Path(target.variants_dir).glob(".*.root"))
    assert _target.differs(target, _target.revisions(target)) == []


def test_what_nobody_asks_for_any_more_leaves_the_root_and_no_published_package(master: Master) -> None:
    master.plant({"x/lib-1": FILE, "x/with-1": 'RDEPEND="x/lib"\n' + FILE})
    assert build(master.target({"amd": ["x/plain", "x/with"]}, depclean=True)).removed == []
    target = master.target({"amd": ["x/plain"]}, depclean=True)
    assert sorted(build(target).removed) == ["x/lib-1", "x/with-1"]
    assert sorted(path.name for path in Path(target.root, "var/db/pkg/x").iterdir()) == ["plain-1"]
    assert packages(target) == ["lib-1", "plain-1", "with-1"]
    assert _target.differs(target, _target.revisions(target)) == []


def test_who_cannot_be_satisfied_is_told_and_stops_nobody(master: Master) -> None:
    master.plant({**LIB, **WITH})
    target = master.target({"amd": ["x/plain"], "intel": ["x/with"]})
    (problem,) = (result := build(target)).problems
    assert problem.startswith("intel: ")
    assert ">=x/lib-1 wayland" in problem
    assert result.variants == {"amd": []}
    assert packages(target) == ["plain-1"]


def test_what_is_built_on_slaves_has_no_package_but_what_it_needs_has(master: Master) -> None:
    master.plant(
        {
            "x/tool-1": FILE,
            "sys-kernel/some-sources-1": 'BDEPEND="x/tool"\n' + FILE,
            "sys-kernel/module-1": 'DEPEND="x/lib[wayland]"\n' + FILE,
            **LIB,
        }
    )
    world = ["x/plain", "sys-kernel/some-sources"]
    target = master.target({"amd": world, "intel": [*world, "sys-kernel/module"]})
    kernels = ["sys-kernel/*-sources"]
    intel = variant(
        "intel",
        [*world, "sys-kernel/module"],
        {"package.use/02-host": "x/lib wayland\n"},
        build_on_slave=[*kernels, "sys-kernel/module"],
    )
    amd = variant("amd", world, build_on_slave=kernels)
    target = dataclasses.replace(target, variants=[amd, intel], build_on_slave=kernels)
    result = build(target)
    assert result.problems == []
    assert result.apart == {}
    assert packages(target) == ["lib-1 wayland", "plain-1", "tool-1"]


def test_a_new_root_proves_itself_with_a_program_first(master: Master) -> None:
    master.plant({"x/broken-1": "src_compile() { die 'no way'; }\n"})
    target = master.target({"amd": ["x/plain"]}, proof="x/broken")
    with pytest.raises(
        BinhostError, match=r"to build x/broken first, to prove itself\. Nothing else was begun\.(.|\n)*no way"
    ):
        build(target)
    assert not list(Path(target.pkgdir).rglob("*.gpkg.tar"))
    assert build(dataclasses.replace(target, proof=None)).problems == []


def test_sources_are_fetched_before_and_what_cannot_be_is_named(master: Master) -> None:
    master.plant(
        {
            "x/far-1": 'SRC_URI="http://127.0.0.1:9/far-1.txt"\nsrc_unpack() { :; }\n' + FILE,
            "x/shy-1": 'SRC_URI="shy-1.txt"\nRESTRICT="fetch"\nsrc_unpack() { :; }\n'
            'pkg_nofetch() { einfo "Ask example.org for ${A}"; }\n' + FILE,
        },
        {"x/far-1": {"far-1.txt": b"far"}, "x/shy-1": {"shy-1.txt": b"shy"}},
    )
    target = master.target({"amd": ["x/far", "x/shy", "x/plain"]})
    with pytest.raises(BinhostError) as caught:
        build(target)
    distdir = Path(target.distdir)
    words = str(caught.value)
    assert f"{distdir}: expected to fetch far-1.txt, found no place that has it" in words
    assert f"x/shy-1 may not be fetched by a program; put its files into {distdir}. It says:" in words
    assert "Ask example.org for shy-1.txt" in words
    assert packages(target) == ["plain-1"]  # what could be built was
    # A master without a network goes on with what is there.
    (distdir / "far-1.txt").write_bytes(b"far")
    (distdir / "shy-1.txt").write_bytes(b"shy")
    assert build(target).problems == []
    assert packages(target) == ["far-1", "plain-1", "shy-1"]


def test_a_kernel_that_is_too_old_is_said_so(master: Master) -> None:
    master.plant({"x/new-1": "src_compile() { echo 'FATAL: kernel too old' >&2; die 'no'; }\n"})
    with pytest.raises(BinhostError, match=r"own kernel, Linux .* says 'kernel too old': boot a newer kernel here"):
        build(master.target({"amd": ["x/new"]}))
