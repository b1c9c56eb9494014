# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _repos_conf
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_last_word_counts_and_what_is_not_there_does_not(tmp_path: Path) -> None:
    for name in ("gentoo", "own", "moved"):
        (tmp_path / "repos" / name).mkdir(parents=True)
    shared = "[DEFAULT]\nmain-repo = gentoo\n[gentoo]\nlocation = /repos/gentoo\nsync-uri = rsync://%h/x\n"
    write(tmp_path / "usr/share/portage/config/repos.conf", shared)
    write(tmp_path / "etc/portage/repos.conf/20-own", "[own]\nlocation = /repos/own\n[gone]\nlocation = /repos/gone\n")
    write(tmp_path / "etc/portage/repos.conf/sub/30-own", "[own]\nlocation = /repos/moved\n")
    write(tmp_path / "etc/portage/repos.conf/40-own~", "[own]\nlocation = /repos/own\n")
    assert _repos_conf.locations(str(tmp_path)) == {
        "gentoo": f"{tmp_path}/repos/gentoo",
        "own": f"{tmp_path}/repos/moved",
    }


def test_nothing_is_there(tmp_path: Path) -> None:
    assert _repos_conf.locations(str(tmp_path)) == {}


def test_what_is_no_such_file_is_told(tmp_path: Path) -> None:
    write(tmp_path / "etc/portage/repos.conf", "location = /x\n")
    with pytest.raises(BinhostError, match=r"repos.conf: expected repositories as portage\(5\) has them, found: File"):
        _repos_conf.locations(str(tmp_path))
