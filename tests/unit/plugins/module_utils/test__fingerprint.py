# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever emerge's answer depends on, and it alone, makes another fingerprint."""

from __future__ import annotations

import os
import shutil
import socket
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _fingerprint


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root with a little of everything."""
    for name, text in {
        "etc/portage/make.conf/01-target.conf": 'USE="a"\n',
        "etc/portage/gnupg/trustdb.gpg": "",
        "var/lib/portage/world": "app-misc/hello\n",
        "var/lib/portage/world_sets": "@binhost\n",
        "var/db/pkg/app-misc/hello-2.10/COUNTER": "7\n",
        "usr/share/portage/config/repos.conf": "[gentoo]\nlocation = /var/db/repos/gentoo\n",
        "etc/portage/repos.conf/mine.conf": "[mine]\nlocation=/var/db/repos/mine\n",
        "etc/portage/make.conf/02-mine.conf": "source /etc/mine.conf\nsource ../own/more.conf\n",
        "etc/mine.conf": "source more.conf\nsource /etc/mine.conf\n",
        "etc/more.conf": "",
        "var/db/repos/gentoo/metadata/timestamp.chk": "Sat, 21 Nov 2026 12:00:00 +0000\n",
        "var/db/repos/gentoo/metadata/md5-cache/app-misc/hello-2.10": "EAPI=8\n",
        "var/db/repos/gentoo/app-misc/hello/hello-2.10.ebuild": "EAPI=8\n",
        "var/db/repos/gentoo/app-misc/hello/Manifest": "",
        "var/db/repos/gentoo/app-misc/hello/files/hello.patch": "",
        "var/db/repos/gentoo/eclass/some.eclass": "",
        "var/db/repos/gentoo/profiles/base/packages": "",
        "var/db/repos/mine/app-misc/own/own-1.ebuild": "EAPI=8\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "etc/portage/make.profile").symlink_to("../../profiles/a")
    for path in tmp_path.rglob("*"):  # what is written from now on is newer by more than a clock's tick
        if not path.is_symlink():
            os.utime(path, (1700000000, 1700000000))
    return tmp_path


def at(root: Path) -> str:
    return _fingerprint.digest(_fingerprint.root_state(str(root)))


def relink(root: Path) -> None:
    (root / "etc/portage/make.profile").unlink()
    (root / "etc/portage/make.profile").symlink_to("../../profiles/b")


def again(root: Path) -> None:
    """Merge hello once more, as Portage does."""
    new = root / "var/db/pkg/app-misc/-MERGING-hello-2.10"
    new.mkdir()
    (new / "COUNTER").write_text("8\n")
    (root / "var/db/pkg/app-misc/hello-2.10").rename(root / "var/gone")
    new.rename(root / "var/db/pkg/app-misc/hello-2.10")


def repository(path: str, text: str = "# more\n", name: str = "gentoo") -> t.Callable[[Path], t.Any]:
    """Return what writes a file of a repository."""

    def change(root: Path) -> None:
        place = root / "var/db/repos" / name / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    return change


def conf(path: str, text: str) -> t.Callable[[Path], t.Any]:
    """Return what writes any file."""
    return lambda root: (root / path).write_text(text)


CHANGES: dict[str, t.Callable[[Path], t.Any]] = {
    "content": lambda root: (root / "etc/portage/make.conf/01-target.conf").write_text('USE="b"\n'),
    "a further file": lambda root: (root / "etc/portage/make.conf/50-mine.conf").touch(),
    "profile": relink,
    "world": lambda root: (root / "var/lib/portage/world").write_text("app-misc/other\n"),
    "sets": lambda root: (root / "var/lib/portage/world_sets").write_text("@binhost\n@mine\n"),
    "merged again": again,
    "merged": lambda root: (root / "var/db/pkg/app-misc/other-1").mkdir(),
    "removed": lambda root: (root / "var/db/pkg/app-misc/hello-2.10").rename(root / "var/gone"),
    "a file that make.conf sources": conf("etc/mine.conf", 'USE="b"\n'),
    "one that this sources": conf("etc/more.conf", 'USE="b"\n'),
    "the make.conf of old": conf("etc/make.conf", 'USE="b"\n'),
    "synced": repository("metadata/timestamp.chk", "Sun, 22 Nov 2026 12:00:00 +0000\n"),
    "an ebuild": repository("app-misc/hello/hello-2.10.ebuild"),
    "a further ebuild": repository("app-misc/hello/hello-2.11.ebuild"),
    "a further package": repository("app-misc/new/new-1.ebuild"),
    "an ebuild that is gone": lambda root: (root / "var/db/repos/gentoo/app-misc/hello/hello-2.10.ebuild").unlink(),
    "an eclass": repository("eclass/some.eclass"),
    "a profile": repository("profiles/base/packages"),
    "a set of a repository": repository("sets.conf"),
    "a new profile's file": repository("profiles/base/package.mask", "app-misc/hello\n"),
    "layout.conf": repository("metadata/layout.conf"),
    "another repository": repository("app-misc/own/own-1.ebuild", name="mine"),
    "an overlay that is gone": lambda root: shutil.rmtree(root / "var/db/repos/mine"),
    "an overlay more": conf("etc/portage/repos.conf/mine.conf", "[other]\nlocation=/var/db/repos/other\n"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_each_ingredient_alone_changes_it(root: Path, change: t.Callable[[Path], t.Any]) -> None:
    before = at(root)
    change(root)
    assert at(root) != before


SAME: dict[str, t.Callable[[Path], t.Any]] = {
    "a patch": repository("app-misc/hello/files/hello.patch"),
    "a Manifest": repository("app-misc/hello/Manifest"),
    "the metadata cache": repository("metadata/md5-cache/app-misc/hello-2.10"),
    "news": repository("metadata/news/one/one.en.txt"),
    "distfiles": repository("distfiles/hello-2.10.tar.gz"),
    "git's own": repository(".git/index"),
    "what is in a package's folder that is no ebuild": repository("app-misc/hello/metadata.xml"),
}


@pytest.mark.parametrize("change", SAME.values(), ids=list(SAME))
def test_what_decides_nothing_does_not(root: Path, change: t.Callable[[Path], t.Any]) -> None:
    before = at(root)
    change(root)
    assert at(root) == before


def test_the_commit_of_a_repository_counts(root: Path) -> None:
    place = root / "var/db/repos/mine"
    found = set()
    for commit in ("1" * 40, "2" * 40):
        repository(".git/HEAD", f"{commit}\n", "mine")(root)
        found.add(at(root))
    assert len(found) == 2
    assert place.is_dir()


def test_what_gnupg_writes_when_it_is_asked_does_not(root: Path) -> None:
    before = at(root)
    (root / "etc/portage/gnupg/trustdb.gpg").write_text("new")
    assert at(root) == before


def test_a_socket_in_the_tree_is_no_configuration(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = at(root)
    monkeypatch.chdir(root / "etc/portage")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("S.agent")
        assert at(root) == before


def test_a_record_comes_back_and_half_a_record_is_none(tmp_path: Path) -> None:
    path = tmp_path / "folder/record.json"
    assert _fingerprint.recorded(str(path)) == {}
    _fingerprint.record(str(path), {"a": 1})
    assert _fingerprint.recorded(str(path)) == {"a": 1}
    path.write_text(path.read_text()[:4])
    assert _fingerprint.recorded(str(path)) == {}
