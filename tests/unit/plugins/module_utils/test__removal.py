# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mounts themselves are in tests/root/test_removal.py."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _mountinfo, _removal
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


def test_a_tree_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "tree/deep\n er").mkdir(parents=True)
    (tmp_path / "tree/deep\n er/file").write_text("x")
    os.mkfifo(tmp_path / "tree/fifo")
    _removal.tree(f"{tmp_path}/tree/")
    _removal.tree(str(tmp_path / "tree"))
    assert list(tmp_path.iterdir()) == []


def test_a_tree_deeper_than_any_path_may_be(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _level in range(2000):
        os.mkdir("confdir3", dir_fd=here)
        deeper = os.open("confdir3", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    assert _removal.extent(str(tmp_path / "confdir3")).files == 2000
    _removal.tree(str(tmp_path / "confdir3"))
    assert list(tmp_path.iterdir()) == []


def test_links_are_deleted_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/disk").write_text("all my data")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/folder").symlink_to("../precious")
    (tmp_path / "tree/file").symlink_to("../precious/disk")
    _removal.tree(str(tmp_path / "tree"))
    assert (tmp_path / "precious/disk").read_text() == "all my data"
    (tmp_path / "link").symlink_to("precious")
    with pytest.raises(BinhostError, match=f"^{tmp_path}/link: expected a folder to delete, found: "):
        _removal.tree(str(tmp_path / "link"))
    assert (tmp_path / "precious/disk").read_text() == "all my data"


def test_a_folder_that_becomes_a_link_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at, then replaced by a link to elsewhere, then opened."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/disk").write_text("all my data")
    (tmp_path / "tree/folder").mkdir(parents=True)
    replace = _removal._replace

    def late(handle: int, name: str) -> int:
        if name == "folder":
            (tmp_path / "tree/folder").rmdir()
            (tmp_path / "tree/folder").symlink_to("../precious")
        return replace(handle, name)

    monkeypatch.setattr(_removal, "_replace", late)
    with pytest.raises(BinhostError, match=f"^{tmp_path}/tree: expected to delete it, found: "):
        _removal.tree(str(tmp_path / "tree"))
    assert (tmp_path / "precious/disk").read_text() == "all my data"


def test_a_mount_that_comes_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of the mount is the kernel's word for where an open folder is."""
    (tmp_path / "tree/mnt").mkdir(parents=True)
    (tmp_path / "tree/mnt/disk").write_text("all my data")
    real = _mountinfo.mount_id
    monkeypatch.setattr(_mountinfo, "mount_id", lambda handle: real(handle) + _removal._path(handle).endswith("/mnt"))
    with pytest.raises(BinhostError) as refused:
        _removal.tree(str(tmp_path / "tree"))
    assert (
        str(refused.value) == f"{tmp_path}/tree/mnt: expected the tree's own file system, found another mounted there"
    )
    assert (tmp_path / "tree/mnt/disk").read_text() == "all my data"


def test_a_folder_that_is_moved_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tree/a/b").mkdir(parents=True)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/disk").write_text("all my data")
    stays = _removal._stays

    def late(handle: int, mount: int, device: int) -> None:
        stays(handle, mount, device)
        if _removal._path(handle).endswith("/b"):
            (tmp_path / "tree/a/b").rename(tmp_path / "precious/b")

    monkeypatch.setattr(_removal, "_stays", late)
    with pytest.raises(BinhostError, match=f"^{tmp_path}/precious: expected nobody else at work there, found b moved"):
        _removal.tree(str(tmp_path / "tree"))
    assert (tmp_path / "precious/disk").read_text() == "all my data"


def test_extent(tmp_path: Path) -> None:
    (tmp_path / "tree/folder").mkdir(parents=True)
    (tmp_path / "tree/folder/file").write_bytes(b"x" * 10_000)
    os.link(tmp_path / "tree/folder/file", tmp_path / "tree/again")
    (tmp_path / "tree/link").symlink_to("/")
    blocks = [tmp_path / "tree", tmp_path / "tree/folder", tmp_path / "tree/folder/file", tmp_path / "tree/link"]
    size = sum(path.lstat().st_blocks * 512 for path in blocks)
    assert _removal.extent(str(tmp_path / "tree")) == _removal.Extent(5, size)


@pytest.mark.parametrize("act", [_removal.tree, _removal.extent, _removal.empty])
def test_nothing_begins_above_a_mount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: t.Callable[[str], t.Any]
) -> None:
    (tmp_path / "a tree/mnt").mkdir(parents=True)
    (tmp_path / "a tree/file").write_text("x")
    fake = tmp_path / "mountinfo"
    place = str(tmp_path / "a tree/mnt").replace(" ", r"\040")
    fake.write_text(f"1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / {place} rw - ext4 y rw\n")
    monkeypatch.setattr(_mountinfo, "MOUNTINFO", str(fake))
    with pytest.raises(BinhostError) as refused:
        act(str(tmp_path / "a tree"))
    assert str(refused.value) == (
        f"{tmp_path}/a tree: expected nothing mounted below what is to be deleted, found {tmp_path}/a tree/mnt"
    )
    assert (tmp_path / "a tree/file").exists()


def test_what_cannot_be_deleted_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tree/folder").mkdir(parents=True)
    (tmp_path / "tree/folder/file").write_text("x")

    def refuse(name: str, *, dir_fd: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(BinhostError) as refused:
        _removal.tree(str(tmp_path / "tree"))
    monkeypatch.undo()
    told = f"{tmp_path}/tree/folder/file: expected to delete it, found: Operation not permitted"
    assert str(refused.value) == told
