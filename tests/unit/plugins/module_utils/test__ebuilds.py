# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a root's repositories are, and at which revision; what of them counts is in test__fingerprint."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _ebuilds, _paths
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

OWN = """\
[DEFAULT]
main-repo = gentoo
# location = /no/comment

[gentoo]
location = %(EPREFIX)s/var/db/repos/gentoo/
"""
THEIRS = """\
[gentoo]
sync-type = git
location=/srv/gentoo
[mine]
  location:   /var/db/repos/my own
masters = gentoo
"""


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize("theirs", ["etc/portage/repos.conf", "etc/portage/repos.conf/deep/er.conf"])
def test_locations(tmp_path: Path, theirs: str) -> None:
    assert _ebuilds.locations(str(tmp_path)) == []
    write(tmp_path / "usr/share/portage/config/repos.conf", OWN)
    write(tmp_path / theirs, THEIRS)
    assert _ebuilds.locations(str(tmp_path)) == ["/srv/gentoo", "/var/db/repos/gentoo", "/var/db/repos/my own"]


def test_what_lies_on_another_machine_is_not_looked_at(tmp_path: Path) -> None:
    write(tmp_path / "etc/portage/repos.conf", THEIRS)
    for name in ("srv/gentoo", "var/db/repos/my own"):
        write(tmp_path / name / "profiles/repo_name")
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(f"36 35 98:0 / {tmp_path}/srv rw,noatime - nfs4 desktop:/srv rw\n")
    first, second = (_ebuilds.revisions(str(tmp_path), str(mountinfo)) for _time in range(2))
    assert first["/srv/gentoo"] != second["/srv/gentoo"]
    assert first["/var/db/repos/my own"] == second["/var/db/repos/my own"]


def test_one_that_is_not_there_has_no_revision(tmp_path: Path) -> None:
    write(tmp_path / "etc/portage/repos.conf", THEIRS)
    assert _ebuilds.revisions(str(tmp_path)) == {}


def test_of_a_snapshot_the_name_says_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_paths, "STATE", str(tmp_path))
    monkeypatch.setattr(_paths.below, "__kwdefaults__", {"state": str(tmp_path)})
    snapshot = tmp_path / "repos/gentoo-0123456789ab"
    write(snapshot / "profiles/repo_name")
    link = tmp_path / "current/repos/gentoo"
    link.parent.mkdir(parents=True)
    link.symlink_to(snapshot)
    assert _ebuilds.revision(str(link)) == "gentoo-0123456789ab"
    assert re.fullmatch("[0-9a-f]{64}", _ebuilds.revision(str(link.parent)))


def test_a_link_that_leads_nowhere_and_a_loop_are_read(tmp_path: Path) -> None:
    write(tmp_path / "a/b/b-1.ebuild")
    before = _ebuilds.revision(str(tmp_path))
    (tmp_path / "a/b/b-2.ebuild").symlink_to("nowhere")
    (tmp_path / "eclass").mkdir()
    (tmp_path / "eclass/loop").symlink_to(".")
    (tmp_path / "a/loop").symlink_to(".")
    assert _ebuilds.revision(str(tmp_path)) != before


def test_what_is_no_folder_is_told(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.touch()
    with pytest.raises(BinhostError) as told:
        _ebuilds.revision(str(place))
    assert str(told.value) == f"{place}: expected a readable ebuild repository, found: Not a directory"
