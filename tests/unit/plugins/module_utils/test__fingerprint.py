# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever emerge's answer depends on, and it alone, makes another fingerprint."""

from __future__ import annotations

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
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "etc/portage/make.profile").symlink_to("../../profiles/a")
    return tmp_path


def at(root: Path) -> str:
    return _fingerprint.digest(_fingerprint.root_state(str(root)))


def relink(root: Path) -> None:
    (root / "etc/portage/make.profile").unlink()
    (root / "etc/portage/make.profile").symlink_to("../../profiles/b")


CHANGES: dict[str, t.Callable[[Path], t.Any]] = {
    "content": lambda root: (root / "etc/portage/make.conf/01-target.conf").write_text('USE="b"\n'),
    "a further file": lambda root: (root / "etc/portage/make.conf/50-mine.conf").touch(),
    "profile": relink,
    "world": lambda root: (root / "var/lib/portage/world").write_text("app-misc/other\n"),
    "sets": lambda root: (root / "var/lib/portage/world_sets").write_text("@binhost\n@mine\n"),
    "merged again": lambda root: (root / "var/db/pkg/app-misc/hello-2.10/COUNTER").write_text("8\n"),
    "removed": lambda root: (root / "var/db/pkg/app-misc/hello-2.10").rename(root / "var/gone"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_each_ingredient_alone_changes_it(root: Path, change: t.Callable[[Path], t.Any]) -> None:
    before = at(root)
    change(root)
    assert at(root) != before


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
