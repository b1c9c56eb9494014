# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Revisions and snapshots of ebuild repositories."""

from __future__ import annotations

import errno
import os
import re
import socket
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _repository
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """Return a small repository."""
    root = tmp_path / "lab"
    for name in ("profiles/repo_name", "app-misc/a/a-1.ebuild", ".git/HEAD", "app-misc/CVS/Root", "distfiles/big.tar"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / "app-misc/a/a-2.ebuild").symlink_to("a-1.ebuild")
    return root


def test_revision_counts_what_belongs(lab: Path) -> None:
    before = _repository.revision(str(lab))
    assert re.fullmatch("[0-9a-f]{64}", before)
    (lab / ".git/index").write_text("x")
    (lab / "distfiles/more").write_text("x")
    (lab / "profiles").touch()
    assert _repository.revision(str(lab)) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "app-misc/a/a-1.ebuild").write_text("longer than before, surely"),
        lambda root: os.utime(root / "app-misc/a/a-1.ebuild", ns=(0, 5)),
        lambda root: (root / "app-misc/distfiles").mkdir(),
        lambda root: (root / "app-misc/a/a-1.ebuild").rename(root / "app-misc/a/a-3.ebuild"),
        lambda root: ((root / "app-misc/a/a-2.ebuild").unlink(), (root / "app-misc/a/a-2.ebuild").symlink_to("x")),
    ],
)
def test_revision_notices(lab: Path, change: object) -> None:
    before = _repository.revision(str(lab))
    change(lab)  # type: ignore[operator]
    assert _repository.revision(str(lab)) != before


def test_snapshot(lab: Path, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    (lab / "app-misc/a/a-1.ebuild").chmod(0o700)
    first = _repository.snapshot("lab", str(lab), state)
    assert first == f"{state}/repos/lab-{_repository.revision(str(lab))[:12]}"
    assert _repository.revision(first) == _repository.revision(str(lab))
    assert sorted(os.listdir(first)) == ["app-misc", "profiles"]
    assert (Path(first) / "app-misc/a/a-1.ebuild").stat().st_mode & 0o777 == 0o755
    assert (Path(first) / "profiles/repo_name").stat().st_mode & 0o777 == 0o644
    inode = os.stat(first).st_ino
    assert _repository.snapshot("lab", str(lab), state) == first
    assert os.stat(first).st_ino == inode
    (lab / "profiles/repo_name").write_text("other")
    second = _repository.snapshot("lab", str(lab), state)
    assert (Path(first) / "profiles/repo_name").read_text() == "profiles/repo_name"
    assert _repository.newest(state) == {"lab": second}


def test_asked_for_last_is_newest(lab: Path, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    first = _repository.snapshot("lab", str(lab), state)
    kept = os.stat(lab / "profiles/repo_name").st_mtime_ns
    (lab / "profiles/repo_name").write_text("profiles/repo_nam2")
    assert _repository.snapshot("lab", str(lab), state) != first
    os.utime(lab / "profiles/repo_name", ns=(kept, kept))
    assert _repository.snapshot("lab", str(lab), state) == first
    assert _repository.newest(state) == {"lab": first}
    os.utime(first, (1700000000, 1700000000))
    _repository.snapshot("lab", str(lab), state)  # who asks begins to build
    assert os.stat(first).st_mtime > 1700000000


def test_leftovers_are_no_snapshots(lab: Path, tmp_path: Path) -> None:
    leftover = tmp_path / "state/repos/.new-lab-000000000000"
    (leftover / "app-misc").mkdir(parents=True)
    path = _repository.snapshot("lab", str(lab), str(tmp_path / "state"))
    assert os.listdir(tmp_path / "state/repos") == [os.path.basename(path)]


def test_changing_while_copied(lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["a" * 64, "b" * 64])
    monkeypatch.setattr(_repository, "revision", lambda _location: next(answers))
    with pytest.raises(BinhostError, match="expected it to stay as it is while it is copied, found it changed"):
        _repository.snapshot("lab", str(lab), str(tmp_path / "state"))
    assert os.listdir(tmp_path / "state/repos") == []


def test_disk_full(lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object, **_named: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(_repository._durable, "copy", full)
    with pytest.raises(
        BinhostError, match="lab: expected to copy it to .*/repos/.*lab-[0-9a-f]{12}, found: .*No space left"
    ):
        _repository.snapshot("lab", str(lab), str(tmp_path / "state"))
    assert os.listdir(tmp_path / "state/repos") == []


def test_refused(lab: Path, tmp_path: Path) -> None:
    with pytest.raises(BinhostError, match="nowhere: expected a readable ebuild repository, found: No such file"):
        _repository.revision(str(tmp_path / "nowhere"))
    with pytest.raises(BinhostError, match=r"expected the name of an ebuild repository, found '\.\./x'"):
        _repository.snapshot("../x", str(lab), str(tmp_path))
    (lab / "app-misc/out").symlink_to("../../etc")
    with pytest.raises(BinhostError, match=r"app-misc/out: expected links that stay inside the repository, found"):
        _repository.revision(str(lab))
    (lab / "app-misc/out").unlink()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(lab / "app-misc/out"))
    with pytest.raises(BinhostError, match="app-misc/out: expected a file, folder or link, found s"):
        _repository.revision(str(lab))


@pytest.mark.parametrize(
    ("path", "target", "out"),
    [("a/b", "c", False), ("a/b", "../c", False), ("a/b", "../../c", True), ("a", "..", True), ("a", "/c", True)],
)
def test_leads_out(path: str, target: str, out: bool) -> None:
    assert _repository.leads_out(path, target) is out


def test_prune(lab: Path, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    paths = []
    for text in ("one", "three", "fifteen"):
        (lab / "profiles/repo_name").write_text(text)
        paths.append(_repository.snapshot("lab", str(lab), state))
    assert _repository.prune({paths[0]}, state) == []
    for number, path in enumerate(paths):
        os.utime(path, (1700000000 + number, 1700000000 + number))
    assert _repository.prune({paths[0]}, state) == [paths[1]]
    assert [path for _name, path in _repository.snapshots(state)] == sorted([paths[0], paths[2]])
