# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""chroot_mounts and build_root as a playbook sees them."""

from __future__ import annotations

import fcntl
import json
import os
import typing as t
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _mountinfo, _process

from tests.root.namespace import of_its_own, sh
from tests.unit.plugins.modules.conftest import Module, module

__all__ = ["module"]


def arguments(tmp_path: Path) -> tuple[Path, dict[str, t.Any]]:
    """Return the root of a target and what chroot_mounts is told."""
    state = tmp_path / "state"
    for folder in ("roots/laptops/etc", "pkgdir/laptops", "repository", "distfiles"):
        (state / folder).mkdir(parents=True)
    (state / "roots/laptops/etc/file").write_text("x" * 5000)
    return state, {
        "root": str(state / "roots/laptops"),
        "repositories": {"lab": str(state / "repository")},
        "distdir": str(state / "distfiles"),
        "pkgdir": str(state / "pkgdir/laptops"),
        "network": False,
        "state_dir": str(state),
    }


def told(result: dict[str, t.Any]) -> tuple[bool, int]:
    assert not result.get("failed"), result
    return result["changed"], len(result["changes"])


@of_its_own
def test_check_run_check_run(module: Module, tmp_path: Path) -> None:
    state, asked = arguments(tmp_path)
    root, before = asked["root"], _mountinfo.read()
    result = module("chroot_mounts", asked, check=True)
    assert told(result) == (True, 17)
    assert _mountinfo.read() == before
    assert sorted(path.name for path in Path(root).iterdir()) == ["etc"]
    again = module("chroot_mounts", asked)
    assert (told(again), again["diff"], again["leaks"]) == (told(result), result["diff"], [])
    assert again["diff"]["before"] == ""
    assert f"{root}/dev/pts\n" in again["diff"]["after"]
    for check in (True, False):
        assert told(module("chroot_mounts", asked, check=check)) == (False, 0)
    refused = module("build_root", {"target": "laptops", "state": "absent", "state_dir": str(state)}, check=True)
    assert refused["msg"].startswith(f"{root}: expected nothing mounted below what is to be deleted, found {root}, ")
    gone = {"root": root, "state": "unmounted", "state_dir": str(state)}
    result = module("chroot_mounts", gone, check=True)
    assert told(result) == (True, 17)
    assert len(_mountinfo.read()) == len(before) + 17
    result = module("chroot_mounts", gone)
    assert (told(result), len(result["leaks"]), result["diff"]["after"]) == ((True, 17), 17, "")
    assert _mountinfo.read() == before
    for check in (True, False):
        assert told(module("chroot_mounts", gone, check=check)) == (False, 0)


@of_its_own
def test_what_a_running_job_holds_is_left_alone(module: Module, tmp_path: Path) -> None:
    state, asked = arguments(tmp_path)
    module("chroot_mounts", asked)
    other = state / "roots/other/proc"
    other.mkdir(parents=True)
    sh("mount", "-t", "proc", "proc", other)
    job = state / "jobs/build-laptops"
    job.mkdir(parents=True)
    us = _process.process(os.getpid())
    assert us is not None
    status = {"holds": [asked["root"]], "pid": us.pid, "start_time": us.start_time, "boot_id": us.boot}
    (job / "state.json").write_text(json.dumps(status))
    gone = {"root": asked["root"], "state": "unmounted", "state_dir": str(state)}
    with (job / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = module("chroot_mounts", gone)["msg"]
        assert (
            refused == f"{asked['root']}: expected no running job there, found build-laptops; wait for it or cancel it"
        )
        assert module("chroot_mounts", asked)["leaks"] == [str(other)]
    assert told(module("chroot_mounts", gone)) == (True, 17)
    assert module("chroot_mounts", gone)["leaks"] == [str(other)]


@of_its_own
def test_a_size_that_memory_has_not(module: Module, tmp_path: Path) -> None:
    _state, asked = arguments(tmp_path)
    refused = module("chroot_mounts", {**asked, "tmp_size": "900T"})["msg"]
    assert refused.startswith("tmp_size: expected at most this host's memory, ")


def test_removal(module: Module, tmp_path: Path) -> None:
    state, _asked = arguments(tmp_path)
    (state / "pool/laptops").mkdir(parents=True)
    asked = {"target": "laptops", "state": "absent", "state_dir": str(state)}
    result = module("build_root", asked, check=True)
    root = str(state / "roots/laptops")
    assert [(part["path"], part["files"]) for part in result["removed"]] == [
        (root, 3),
        (str(state / "pkgdir/laptops"), 1),
    ]
    assert result["removed"][0]["size"] >= 5000
    assert result["diff"]["before"].startswith(f"{root}: 3 files, ")
    assert Path(root, "etc/file").exists()
    assert module("build_root", asked)["removed"] == result["removed"]
    assert not Path(root).exists()
    for check in (True, False):
        again = module("build_root", asked, check=check)
        assert (again["changed"], again["removed"]) == (False, [])
    result = module("build_root", {**asked, "everything": True})
    assert [part["path"] for part in result["removed"]] == [str(state / "pool/laptops")]
