# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of ebuild repositories: the same bytes for the same tree, nothing outside the folder."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _archive, _repository
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


def tree(root: Path) -> Path:
    """Return a repository with mtimes that no float holds."""
    (root / "app-misc/ä").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "app-misc/ä/a-1.ebuild").write_bytes(b"x" * 100_000)
    (root / "app-misc/run").write_text("#!/bin/sh\n")
    (root / "app-misc/run").chmod(0o700)
    (root / "app-misc/link").symlink_to("ä/a-1.ebuild")
    for path, mtime in (("app-misc/ä/a-1.ebuild", 1700000000_123456789), ("app-misc/run", 1)):
        os.utime(root / path, ns=(mtime, mtime))
    return root


def test_round_trip(tmp_path: Path) -> None:
    root = tree(tmp_path / "a")
    _archive.pack(str(root), str(tmp_path / "a.tar.xz"))
    umask = os.umask(0o077)
    try:
        _archive.unpack(str(tmp_path / "a.tar.xz"), str(tmp_path / "b"))
    finally:
        os.umask(umask)
    assert _repository.revision(str(tmp_path / "b")) == _repository.revision(str(root))
    modes = {path.name: path.lstat().st_mode & 0o777 for path in (tmp_path / "b").rglob("*") if not path.is_symlink()}
    assert modes == {"app-misc": 0o755, "ä": 0o755, "a-1.ebuild": 0o644, "run": 0o755, "empty": 0o755}
    assert (tmp_path / "a.tar.xz").stat().st_mode & 0o777 == 0o644


def test_equal_trees_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        _archive.pack(str(tree(tmp_path / name)), str(tmp_path / f"{name}.tar.xz"))
        os.utime(tmp_path / name / "empty", (5, 5))
    assert (tmp_path / "a.tar.xz").read_bytes() == (tmp_path / "b.tar.xz").read_bytes()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, 0o755
    return info


FOLDER = member("d", tarfile.DIRTYPE)
EVIL = [
    [member("../x")],
    [member("/tmp/x")],
    [FOLDER, member("d/../../x")],
    [member("d/x")],
    [member("l", tarfile.SYMTYPE, "/etc")],
    [member("l", tarfile.SYMTYPE, "../x")],
    [member("l", tarfile.SYMTYPE, "d"), FOLDER, member("l/x")],
    [FOLDER, member("l", tarfile.SYMTYPE, "d"), member("l", tarfile.DIRTYPE), member("l/x")],
    [member("x"), member("x")],
    [member("x"), member("h", tarfile.LNKTYPE, "x")],
    [member("c", tarfile.CHRTYPE)],
    [member("p", tarfile.FIFOTYPE)],
    [FOLDER, member("d")],
]


@pytest.mark.parametrize("members", EVIL)
def test_evil(members: list[tarfile.TarInfo], tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar.xz", "w:xz") as tar:
        for info in members:
            tar.addfile(info, io.BytesIO())
    with pytest.raises(BinhostError, match="expected"):
        _archive.unpack(str(tmp_path / "x.tar.xz"), str(tmp_path / "new/folder"))
    assert sorted(os.listdir(tmp_path)) == ["new", "x.tar.xz"]
    assert os.listdir(tmp_path / "new") == ["folder"]


def test_damaged_anywhere(tmp_path: Path) -> None:
    _archive.pack(str(tree(tmp_path / "a")), str(tmp_path / "a.tar.xz"))
    whole = (tmp_path / "a.tar.xz").read_bytes()
    for end in range(0, len(whole) - 1, 7):
        (tmp_path / "b.tar.xz").write_bytes(whole[:end])
        out = str(tmp_path / f"out{end}")
        try:
            _archive.unpack(str(tmp_path / "b.tar.xz"), out)
        except BinhostError as exc:
            assert "b.tar.xz: expected an intact .tar.xz archive, found: " in str(exc)
        else:  # only what comes after the last member is missing
            assert _repository.revision(out) == _repository.revision(str(tmp_path / "a"))
