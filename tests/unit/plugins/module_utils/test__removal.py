# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _removal

INFO = """21 28 0:20 / /proc rw,nosuid shared:12 - proc proc rw
90 28 8:1 /x /var/tmp/a\\040root/mnt rw shared:13 - ext4 /dev/sda1 rw
91 28 8:1 /x /var/tmp/another rw shared:13 - ext4 /dev/sda1 rw
"""


@pytest.mark.parametrize(
    ("path", "points"),
    [
        ("/var/tmp/a root", ["/var/tmp/a root/mnt"]),
        ("/var/tmp/another", ["/var/tmp/another"]),
        ("/var/tmp/a", []),
        ("/var/tmp/an", []),
    ],
)
def test_mounts_below(path: str, points: list[str]) -> None:
    assert _removal.mounts_below(path, INFO) == points


def test_a_tree_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "tree/deep").mkdir(parents=True)
    (tmp_path / "tree/deep/file").write_text("x")
    _removal.tree(str(tmp_path / "tree"))
    _removal.tree(str(tmp_path / "tree"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_nothing_is_deleted_above_a_mount(tmp_path: Path) -> None:
    precious, tree = tmp_path / "precious", tmp_path / "tree"
    precious.mkdir()
    (precious / "disk").write_text("all my data")
    (tree / "mnt").mkdir(parents=True)
    program = (
        f"from ansible_collections.larry.binhost.plugins.module_utils import _removal\n_removal.tree({str(tree)!r})\n"
    )
    script = f'mount --bind {precious} {tree}/mnt && exec {sys.executable} -c "$1"'
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", program],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert re.search(
        f"BinhostError: {tree}: expected nothing mounted below what is to be deleted, found {tree}/mnt", done.stderr
    )
    assert (precious / "disk").read_text() == "all my data"
