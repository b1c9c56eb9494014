# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""build_root's snapshots as a playbook sees them: check, run, check, run."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _lock

from tests.unit.plugins.modules.conftest import Module


@pytest.fixture
def asked(tmp_path: Path) -> dict[str, t.Any]:
    """Return what the module is told of a target with a build root."""
    portage = tmp_path / "roots/laptops/etc/portage"
    portage.mkdir(parents=True)
    (portage / "make.conf").write_text("old")
    return {"target": "laptops", "state_dir": str(tmp_path), "snapshot": "first"}


def told(result: dict[str, t.Any]) -> tuple[bool, list[str]]:
    assert not result.get("failed"), result
    return result["changed"], [name.partition("-")[0] for name in result["snapshots"]]


def test_snapshots(module: Module, asked: dict[str, t.Any], tmp_path: Path) -> None:
    conf = tmp_path / "roots/laptops/etc/portage/make.conf"
    keep = {**asked, "state": "snapshotted"}
    assert told(module("build_root", keep, check=True)) == (True, [])
    assert told(module("build_root", keep)) == (True, ["first"])
    for check in (True, False):
        assert told(module("build_root", keep, check=check)) == (False, ["first"])
    conf.write_text("new")
    back = {**asked, "state": "restored", "snapshot": None}
    assert told(module("build_root", back, check=True)) == (True, ["first"])
    assert conf.read_text() == "new"
    result = module("build_root", back)
    assert (told(result), conf.read_text()) == ((True, ["first", "replaced"]), "old")
    assert Path(result["replaced"], "etc/portage/make.conf").read_text() == "new"
    for check in (True, False):
        assert told(module("build_root", back, check=check)) == (False, ["first", "replaced"])
    gone = {**asked, "state": "forgotten"}
    assert told(module("build_root", gone, check=True)) == (True, ["first", "replaced"])
    assert told(module("build_root", gone)) == (True, ["replaced"])
    assert told(module("build_root", gone)) == (False, ["replaced"])
    assert module("build_root", {**back, "snapshot": "first"})["msg"].endswith(
        f"expected a snapshot first, found {Path(result['replaced']).name}"
    )


def test_nobody_is_disturbed(module: Module, asked: dict[str, t.Any], tmp_path: Path) -> None:
    with _lock.held("build-laptops", state=str(tmp_path)):
        assert "held by process" in module("build_root", {**asked, "state": "snapshotted"})["msg"]


def test_what_is_removed_takes_its_snapshots_along(module: Module, asked: dict[str, t.Any], tmp_path: Path) -> None:
    module("build_root", {**asked, "state": "snapshotted"})
    module("build_root", {"target": "laptops", "state": "absent", "state_dir": str(tmp_path)})
    assert not list((tmp_path / "roots").iterdir())
