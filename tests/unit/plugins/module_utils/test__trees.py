# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a generation lies, its ebuild repositories can be read."""

from __future__ import annotations

import os
import shutil
import typing as t
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _generation, _publication
from ansible_collections.larry.binhost.plugins.module_utils._prune import Kept

if t.TYPE_CHECKING:
    from conftest import Master

EBUILD = "app-misc/a/a-1.ebuild"


def tree(master: Master, number: int | str) -> Path:
    return Path(master.place.generation(number)) / "repos/lab"


def test_each_generation_has_its_own_revision_and_equal_ones_share_it(master: Master) -> None:
    (snapshot,) = master.snapshot().values()
    _publication.publish(master.place, master.snapshot())
    master.build("app-misc/c/c-1-1.gpkg.tar")
    _publication.publish(master.place, master.snapshot())
    master.ebuild(EBUILD, "EAPI=8\nSLOT=1\n")
    _publication.publish(master.place, master.snapshot())
    assert (tree(master, 1) / EBUILD).read_text() == "EAPI=8\n"
    assert (tree(master, "current") / EBUILD).read_text() == "EAPI=8\nSLOT=1\n"
    assert tree(master, 1).resolve() == tree(master, 2).resolve() != tree(master, 3).resolve()
    assert os.readlink(tree(master, 1)).startswith("../../repos/lab-"), "wherever the target's folder is mounted"
    assert (tree(master, 1) / EBUILD).samefile(Path(snapshot) / EBUILD), "no second copy on the disk"
    assert stat(tree(master, 1) / EBUILD) == 0o644


def stat(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_rsync_s_clients_find_a_timestamp(master: Master) -> None:
    (snapshot,) = master.snapshot().values()
    _publication.publish(master.place, master.snapshot())
    assert (tree(master, 1) / "metadata/timestamp.chk").read_text() == ""
    assert not (Path(snapshot) / "metadata/timestamp.chk").exists(), "what packages were built from stays as it was"
    master.ebuild("metadata/timestamp.chk", "Sat, 21 Nov 2026 10:00:00 +0000\n")
    _publication.publish(master.place, master.snapshot())
    assert (tree(master, 2) / "metadata/timestamp.chk").read_text() == "Sat, 21 Nov 2026 10:00:00 +0000\n"


def test_what_no_kept_generation_has_goes(master: Master) -> None:
    _publication.publish(master.place, master.snapshot())
    old = tree(master, 1).resolve()
    (old.parent / ".new-lab-000000000000").mkdir()
    master.ebuild(EBUILD, "EAPI=8\nSLOT=1\n")
    _publication.publish(master.place, master.snapshot(), kept=Kept(1))
    assert os.listdir(old.parent) == [tree(master, 2).resolve().name]


def test_a_missing_one_is_made_again_from_its_archive(master: Master) -> None:
    _publication.publish(master.place, master.snapshot())
    snapshots = master.snapshot()
    shutil.rmtree(tree(master, 1).resolve())
    found, damage = _generation.current(master.place)
    assert found is None
    assert "repos/lab: expected the ebuild repository, unpacked, found none" in damage
    wanted = _publication.publish(master.place, snapshots)
    assert wanted.number == 2
    assert (tree(master, "current") / EBUILD).read_text() == "EAPI=8\n"
    # Going back to a generation whose snapshot is long gone:
    shutil.rmtree(tree(master, 2).resolve())
    shutil.rmtree(master.state / "repos")
    seal = _generation.seal_of(master.place.generation(2))
    _publication._trees.bring(master.place, master.place.generation(2), seal)
    assert (tree(master, 2) / EBUILD).read_text() == "EAPI=8\n"
