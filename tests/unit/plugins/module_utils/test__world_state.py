# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a slave, beside what every root has, makes another fingerprint: its index and its overlays."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _fingerprint, _world


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with an index and an overlay; of this machine nothing is read."""
    monkeypatch.setattr(_fingerprint, "root_state", lambda root: {"repositories": {}})
    for number in ("7", "8"):
        (tmp_path / "generations" / number).mkdir(parents=True)
        (tmp_path / "generations" / number / "Packages").write_text("PACKAGES: 0\n")
    (tmp_path / "current").symlink_to("generations/7")
    (tmp_path / "mine/app-misc/own").mkdir(parents=True)
    (tmp_path / "mine/app-misc/own/own-1.ebuild").write_text("EAPI=8\n")
    return tmp_path


def at(host: Path, name: str = "mine") -> str:
    return _fingerprint.digest(_world.state(str(host / "current"), {name: str(host / "mine")}))


def next_number(host: Path) -> None:
    (host / "current").unlink()
    (host / "current").symlink_to("generations/8")


CHANGES: dict[str, t.Callable[[Path], t.Any]] = {
    "the index": lambda host: (host / "generations/7/Packages").write_text("PACKAGES: 1\n"),
    "no index": lambda host: (host / "generations/7/Packages").unlink(),
    "another generation of the same packages": next_number,
    "the overlay": lambda host: (host / "mine/app-misc/own/own-1.ebuild").write_text("EAPI=8\nSLOT=1\n"),
    "the overlay's version": lambda host: (host / "mine/app-misc/own/own-2.ebuild").touch(),
    "no overlay": lambda host: (host / "mine").rename(host / "gone"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_each_alone_changes_it(host: Path, change: t.Callable[[Path], t.Any]) -> None:
    before = at(host)
    assert at(host) == before
    change(host)
    assert at(host) != before


def test_another_overlay_of_the_same_content_changes_it(host: Path) -> None:
    assert at(host) != at(host, "other")


def test_what_is_told_of_a_repository_is_not_read_twice(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_fingerprint, "root_state", lambda root: {"repositories": {str(host / "mine"): "x"}})
    assert _world.state(str(host), {"mine": str(host / "mine")})["overlays"] == {"mine": "x"}


def test_an_index_of_no_text_has_an_identity(host: Path) -> None:
    (host / "generations/7/Packages").write_bytes(os.urandom(100))
    assert json.dumps(_world.state(str(host / "current"), {}))
