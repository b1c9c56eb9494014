# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target that stands on another one: real Portage, two build roots."""

from __future__ import annotations

import concurrent.futures
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import (
    _closure,
    _generation,
    _publication,
    _repository,
    _stack,
    _target,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._target import Target

from tests.root import planted
from tests.root.master import PKG, Master, build, packages, run
from tests.root.planted import FILE

LIB, TOOL, APP = (f"{PKG}/{name}" for name in ("lib", "tool", "app"))


def changes(target: Target) -> list[str]:
    """Return why there would be something to build."""
    return _target.differs(target, _target.revisions(target))


def publish(target: Target) -> dict[str, int]:
    """Publish it, of which nothing is missing then; return PATH to the file that it is."""
    place = Place(target.name, target.state_dir)
    copies = {name: _repository.snapshot(name, path, place.state) for name, path in target.repositories.items()}
    asking = _closure.Asking(run, place, copies, target.distdir)
    _publication.publish(place, copies, look=lambda folder: _closure.missing(asking, folder))
    found = _generation.seal_of(place.generation("current")).packages
    return {path: os.stat(os.path.join(place.generation("current"), path)).st_ino for path in found}


def test_a_stack_on_its_base(master: Master) -> None:
    master.plant({f"{LIB}-1": FILE, f"{APP}-1": f'RDEPEND="{LIB}"\n{FILE}', f"{TOOL}-1": f'RDEPEND="{LIB}"\n{FILE}'})
    base = master.target({"desktop": [APP]}, "desktop")
    stack = master.target({"laptop": [TOOL]}, "stack", base="desktop")
    own = Path(stack.root) / "etc/portage/make.conf/02-own.conf"
    own.write_text('USE="${USE} special"\n')
    with pytest.raises(BinhostError, match=r"expected the root on which stack stands, found that it was never built"):
        build(stack)
    build(base)
    done = build(stack)
    # Of what the base has nothing is built again, though the world of the stack needs it.
    assert (done.built, done.problems) == ([f"{TOOL}-1"], [])
    assert packages(stack) == sorted([*packages(base), "tool-1"])
    assert own.read_text() == 'USE="${USE} special"\n'
    assert changes(stack) == []
    # Published it is whole, and what both have is one file.
    below, above = publish(base), publish(stack)
    assert set(above) - set(below) == {f"{TOOL}/tool-1-1.gpkg.tar"}
    assert {path: above[path] for path in below} == below
    # A new version in the base is no work for the stack, and its own isn't built again.
    planted.ebuild(master.repository, f"{LIB}-2", FILE)
    assert changes(base) == ["repositories"]
    assert build(base).built == [f"{LIB}-2"]
    assert changes(stack) == ["repositories", "base"]
    assert build(stack).built == []
    assert changes(stack) == []
    installed = sorted(os.listdir(Path(stack.root) / "var/db/pkg" / PKG))
    assert installed == ["app-1", "lib-2", "tool-1"]
    assert packages(stack) == sorted([*packages(base), "tool-1"])
    assert f"{LIB}/lib-2-1.gpkg.tar" in publish(stack)


def test_two_stacks_on_one_base(master: Master) -> None:
    """Neither sees what is the other's, and both follow the base at the same time."""
    needs = f'RDEPEND="{LIB}"\n{FILE}'
    master.plant({f"{LIB}-1": FILE, f"{APP}-1": needs, f"{TOOL}-1": needs})
    base = master.target({"desktop": [LIB]}, "desktop")
    stacks = [
        master.target({"laptop": [TOOL]}, "stack", base="desktop"),
        master.target({"tablet": [APP]}, "other", base="desktop"),
    ]
    build(base)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        first = list(pool.map(build, stacks))
        assert [(done.built, done.problems) for done in first] == [([f"{TOOL}-1"], []), ([f"{APP}-1"], [])]
        planted.ebuild(master.repository, f"{LIB}-2", FILE)
        assert build(base).built == [f"{LIB}-2"]
        again = list(pool.map(build, stacks))
    assert [done.built for done in again] == [[], []]
    assert [changes(each) for each in (base, *stacks)] == [[], [], []]
    below = packages(base)
    assert [packages(each) for each in stacks] == [sorted([*below, own]) for own in ("tool-1", "app-1")]
    assert [f"{LIB}/lib-2-1.gpkg.tar" in publish(each) for each in (base, *stacks)] == [True, True, True]


def test_what_is_a_link_follows_the_base(tmp_path: Path) -> None:
    """What the base has no longer goes, what it has anew is its own, and the stack's stays."""

    def make(name: str, content: t.Mapping[str, str]) -> Place:
        place = Place(name, str(tmp_path))
        stanzas = []
        for path, text in content.items():
            file = Path(place.pkgdir) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            stanzas.append(f"CPV: {path.rpartition('/')[0]}-1\nPATH: {path}\nSIZE: {len(text)}\n")
        head = f"ARCH: amd64\nCHOST: x86_64-pc-linux-gnu\nPACKAGES: {len(stanzas)}\nTIMESTAMP: 1\nVERSION: 0\n"
        (Path(place.pkgdir) / "Packages").write_text("\n".join([head, *stanzas]) + "\n")
        return place

    base = make("base", {"x/a/a-1.gpkg.tar": "base a", "x/b/b-1.gpkg.tar": "base b"})
    own = make("own", {"x/b/b-1.gpkg.tar": "own b!", "x/c/c-1.gpkg.tar": "own c"})
    links = _stack._link(own, base, [])
    assert links == ["x/a/a-1.gpkg.tar", "x/b/b-1.gpkg.tar"]
    make("base", {"x/b/b-1.gpkg.tar": "base b"})
    assert _stack._link(own, base, links) == ["x/b/b-1.gpkg.tar"]
    index = _generation.built(own)
    assert index is not None
    assert sorted(_generation.by_path(index, where="")) == ["x/b/b-1.gpkg.tar", "x/c/c-1.gpkg.tar"]
    found = {str(path.relative_to(own.pkgdir)): path.read_text() for path in Path(own.pkgdir).rglob("*.tar")}
    assert found == {"x/b/b-1.gpkg.tar": "base b", "x/c/c-1.gpkg.tar": "own c"}
