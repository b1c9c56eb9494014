# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The assembled tree reads as the root's own does once the changes are made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _tree, _tree_plan, _tree_stage

FILES = {"make.conf/01-target.conf": "USE=a\n", "package.use/sub/01-x": "a/b c\n", "env/new": "x\n"}
LINKS = {"make.profile": "../../repo/profile", "package.mask/01-link": "../shared", "away": "/absolute"}


def read(base: Path) -> dict[str, str]:
    """Return the texts of all files below, as a reader who follows links finds them."""
    found = {}
    for folder, _folders, names in os.walk(base, followlinks=True):
        for path in (Path(folder, name) for name in names):
            if path.is_file():
                found[str(path.relative_to(base))] = path.read_text()
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for name, text in {
        "etc/portage/make.conf": "USE=mine\n",
        "etc/portage/package.use/50-mine": "a/b x\n",
        "etc/portage/package.use/01-stale": "a/b y\n",
        "etc/portage/patches/a/b/x.patch": "p\n",
        "etc/portage/shared": "a/c\n",
        "etc/make.globals": "old\n",
        "repo/profile/make.defaults": "ARCH=amd64\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "etc/portage/package.mask").mkdir()
    (root / "etc/portage/package.mask/link").symlink_to("../shared")
    (root / "etc/portage/dead").symlink_to("nowhere")
    return root


def test_it_reads_as_the_root_will(root: Path, tmp_path: Path) -> None:
    # Own a file that goes, so that 01-stale is ours.
    first = _tree.intent(str(root), "o", files={"bashrc": "x\n"}, links={}, world_set="a/b\n")
    _tree.carry_out(str(root), first)
    (root / "etc/portage/package.use/01-stale").unlink()
    intent = _tree.intent(str(root), "o", files=FILES, links=LINKS, world_set=None)
    place = tmp_path / "place"
    _tree_stage.assemble(str(root), str(place), intent.changes, seen=str(root))
    assert os.readlink(place / "etc/portage/patches") == str(root / "etc/portage/patches")
    assert os.readlink(place / "etc/portage/make.profile") == str(root / "repo/profile")
    assert (place / "etc/portage/make.profile/make.defaults").read_text() == "ARCH=amd64\n"
    assert os.readlink(place / "etc/portage/package.mask/01-link") == "../shared"
    assert (place / "etc/make.globals").read_text() == "old\n"
    staged = read(place / "etc/portage")
    _tree.carry_out(str(root), intent)
    # The set goes from world_sets too, which is not a part of the tree: until then it has to be there.
    assert staged.pop("sets/binhost") == ""
    assert staged == read(root / "etc/portage")


def test_inside_a_root_links_lead_where_it_sees_them(root: Path, tmp_path: Path) -> None:
    intent = _tree.intent(str(root), "o", files=FILES, links=LINKS, world_set=None)
    _tree_stage.assemble(str(root), str(tmp_path / "place"), intent.changes, seen="/")
    config = tmp_path / "place/etc/portage"
    assert os.readlink(config / "make.profile") == "/repo/profile"
    assert os.readlink(config / "make.conf/00-adopted") == "/etc/portage/make.conf"
    assert os.readlink(config / "package.use/50-mine") == "/etc/portage/package.use/50-mine"
    assert os.readlink(config / "away") == "/absolute"


def test_a_tree_that_is_a_link_elsewhere(root: Path, tmp_path: Path) -> None:
    (root / "home").mkdir()
    (root / "etc/portage").rename(root / "home/portage")
    (root / "etc/portage").symlink_to("../home/portage")
    link = _tree_stage.rebased(str(root), "etc/portage/make.profile", "../../repo/profile", seen="/")
    assert link == "/repo/profile"  # from /home/portage


def test_the_rest_of_an_adoption_that_was_killed(root: Path, tmp_path: Path) -> None:
    (root / "etc/portage/.make.conf.adopting").mkdir()
    (root / "etc/portage/make.conf").rename(root / "etc/portage/.make.conf.adopting/00-adopted")
    intent = _tree.intent(str(root), "o", files=FILES, links={}, world_set=None)
    _tree_stage.assemble(str(root), str(tmp_path / "place"), intent.changes, seen=str(root))
    assert (tmp_path / "place/etc/portage/make.conf/00-adopted").read_text() == "USE=mine\n"


def test_joining_the_world() -> None:
    change = _tree_plan.Change(
        "write", "var/lib/portage/world_sets", None, _tree_plan.Entry("file", "@kde\n@binhost\n")
    )
    assert _tree_stage.joins_world([change])
    assert not _tree_stage.joins_world([])
