# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A root is brought over a new language, or another takes its place: real Portage, the lab's stage."""

from __future__ import annotations

import dataclasses
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _build, _fresh, _root_copy
from ansible_collections.larry.binhost.plugins.module_utils._target import Target

from tests.root.master import Master, build, packages
from tests.root.planted import FILE
from tests.root.repeat import repeats

MODULE: t.Final = 'DEPEND="dev-lang/perl:="\nRDEPEND="${DEPEND}"\n'
#: Something in an old root that keeps a package from being built there.
OLD: t.Final = "usr/share/planted/old"


def perl(version: int) -> dict[str, str]:
    """Return a language whose modules have to be built again for each version of it."""
    return {f"dev-lang/perl-{version}": f'SLOT="0/{version}"\n' + FILE}


def with_stage(target: Target, tarball: Path) -> Target:
    """Return the target with a stage that a root can be made of."""
    return dataclasses.replace(target, stage={"source": str(tarball), "verify": False})


def kept(target: Target) -> list[str]:
    """Return the snapshots of a target's root."""
    return [each.name for each in _root_copy.listing(target.root)]


def test_a_major_upgrade(master: Master, stage_tarball: Path) -> None:
    module = MODULE + f"src_compile() {{ [[ ! -e /{OLD} ]] || die 'no way'; }}\n" + FILE
    master.plant({**perl(1), "x/module-1": module, "x/else-1": FILE})
    target = with_stage(master.target({"amd": ["x/module", "x/else"]}), stage_tarball)
    first = build(target)
    assert (first.major, first.fresh, kept(target)) == ([], "", [])

    # What has to be built again is told; the root is kept as it was.
    master.plant(perl(2))
    upgrade = {"package": "dev-lang/perl", "cpv": "dev-lang/perl-2", "old": "1:0/1", "new": "2:0/2"}
    result = build(target)
    assert result.major == [{**upgrade, "rebuilds": ("x/module-1",)}]
    assert (sorted(result.built), result.fresh) == (["dev-lang/perl-2", "x/module-1"], "")
    assert kept(target) == ["auto-before-perl-2"]
    before = Path(_root_copy.folder(target.root), "auto-before-perl-2/var/db/pkg/dev-lang")
    assert [entry.name for entry in before.iterdir()] == ["perl-1"]

    # Where that fails, a root of the stage takes over; only what is not there yet is compiled.
    master.plant(perl(3))
    (Path(target.root) / OLD).touch()
    result = build(target)
    assert (result.problems, result.held, result.failures) == ([], "", {})
    assert "no way" in result.fresh
    assert sorted(result.built) == ["dev-lang/perl-3", "x/module-1"]
    assert not (Path(target.root) / OLD).exists()
    assert kept(target) == ["auto-before-perl-3"]
    assert not os.path.exists(_fresh.path(target.root))
    assert {"else-1", "module-1", "perl-3", "plain-1"} <= set(packages(target))
    assert build(target).built == []

    # Where nothing helps, the old root stays, and the same isn't tried again.
    master.plant({**perl(4), "x/module-1": MODULE + "src_compile() { die 'never'; }\n" + FILE})
    marker = Path(target.root) / OLD
    marker.touch()
    with pytest.raises(_build.HeldError, match=r"never(.|\n)*A root made of the stage was to take the old one's place"):
        build(target)
    assert marker.exists()
    assert not os.path.exists(_fresh.path(target.root))
    assert not _fresh.possible(target)
    master.plant({"x/else-1": FILE + "# edited\n"})
    assert _fresh.possible(target)


@pytest.mark.skipif(not repeats(0, 1), reason="takes as long as the one before")
def test_what_is_installed_and_in_no_repository_stands_in_nobodys_way(master: Master, stage_tarball: Path) -> None:
    master.plant({**perl(1), "x/gone-1": 'RDEPEND="<dev-lang/perl-2"\n' + FILE})
    worlds = {"amd": ["x/plain"]}
    wishes = {"x/gone": ["amd"]}
    build(master.target(worlds, wishes=wishes))
    for path in (master.repository / "x/gone").iterdir():
        path.unlink()
    master.plant({**perl(2), "x/new-1": 'RDEPEND=">=dev-lang/perl-2"\n' + FILE})
    target = with_stage(master.target({"amd": ["x/plain", "x/new"]}, wishes=wishes), stage_tarball)
    result = build(target)
    assert result.apart == {}
    assert result.fresh.startswith("amd: what is installed in ")
    assert sorted(entry.name for entry in Path(target.root, "var/db/pkg/x").iterdir()) == ["new-1", "plain-1"]
    assert kept(target) == ["auto-before-fresh-root"]
