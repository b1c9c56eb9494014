# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _revisions

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MOUNTINFO = (
    "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "30 21 0:40 / /var/db/repos/far rw,relatime shared:9 master:1 - nfs4 master:/far rw,vers=4.2\n"
    "31 21 0:41 / /mnt/a\\040b rw - fuse.sshfs me@there:/ rw\n"
    "32 21 0:42 / /srv/auto rw,relatime - autofs systemd-1 rw\n"
)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    "files",
    [
        {"HEAD": f"{COMMIT}\n"},
        {"HEAD": "ref: refs/heads/main\n", "refs/heads/main": f"{COMMIT}\n"},
        {"HEAD": "ref: refs/heads/main\n", "packed-refs": f"# pack-refs\n{COMMIT} refs/heads/main\n"},
    ],
)
def test_gits_commit(tmp_path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        write(tmp_path / ".git" / name, text)
    write(tmp_path / "metadata/timestamp.chk", "Sat, 21 Nov 2026 10:00:00 +0000\n")
    assert _revisions.of(str(tmp_path)) == {"kind": "git", "revision": COMMIT}


def test_a_worktrees_commit(tmp_path: Path) -> None:
    write(tmp_path / "tree/.git", f"gitdir: {tmp_path}/main/.git/worktrees/tree\n")
    write(tmp_path / "main/.git/worktrees/tree/HEAD", "ref: refs/heads/side\n")
    write(tmp_path / "main/.git/worktrees/tree/commondir", "../..\n")
    write(tmp_path / "main/.git/refs/heads/side", f"{COMMIT}\n")
    assert _revisions.of(str(tmp_path / "tree")) == {"kind": "git", "revision": COMMIT}


def test_without_git_the_timestamp_counts(tmp_path: Path) -> None:
    write(tmp_path / ".git/HEAD", "ref: refs/heads/unborn\n")
    write(tmp_path / "metadata/timestamp.chk", "Sat, 21 Nov 2026 10:00:00 +0000\n")
    found = {"kind": "timestamp", "revision": "Sat, 21 Nov 2026 10:00:00 +0000"}
    assert _revisions.of(str(tmp_path)) == found
    assert _revisions.of(str(tmp_path / "nowhere")) == {"kind": "none", "revision": ""}


def test_a_network_mount_is_not_read(tmp_path: Path) -> None:
    assert _revisions.network_mounts(MOUNTINFO) == ["/var/db/repos/far", "/mnt/a b", "/srv/auto"]
    write(tmp_path / "near/metadata/timestamp", "1\n")
    places = {"far": "/var/db/repos/far/deep", "near": str(tmp_path / "near"), "farther": "/var/db/repos/farther"}
    assert _revisions.all_of(places, MOUNTINFO) == {
        "far": {"kind": "network", "revision": ""},
        "farther": {"kind": "none", "revision": ""},
        "near": {"kind": "timestamp", "revision": "1"},
    }
