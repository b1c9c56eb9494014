# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""portage_config as a playbook sees it."""

from __future__ import annotations

import fcntl
import json
import os
import typing as t
from concurrent import futures
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _process, _tree

Module = t.Callable[..., dict[str, t.Any]]


def snapshot(root: Path) -> dict[str, tuple[int, float]]:
    """Return what a run could have changed; the lock's file alone is written when nothing is to change."""
    paths = [path for path in root.rglob("*") if not path.is_relative_to(root / "var/lib/larry-binhost/run")]
    return {str(path): (path.lstat().st_ino, path.lstat().st_mtime) for path in paths}


def test_a_root_in_which_a_job_works_stays_as_it_is(module: Module, tmp_path: Path) -> None:
    root, job = tmp_path / "root", tmp_path / "jobs/build-a"
    (root / "etc/portage").mkdir(parents=True)
    job.mkdir(parents=True)
    us = _process.process(os.getpid())
    assert us is not None
    status = {"holds": [str(root)], "pid": us.pid, "start_time": us.start_time, "boot_id": us.boot}
    (job / "state.json").write_text(json.dumps(status))
    args = {"root": str(root), "files": {"make.conf/01-target.conf": "USE=a\n"}, "state_dir": str(tmp_path)}
    with (job / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = module("portage_config", args)["msg"]
    assert refused == f"{root}: expected no running job there, found build-a; wait for it or cancel it"
    assert list((root / "etc/portage").iterdir()) == []
    assert module("portage_config", args)["changed"]


def test_check_run_check_run(module: Module, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "etc/portage").mkdir(parents=True)
    (root / "etc/portage/make.conf").write_text("USE=x\n")
    args: dict[str, t.Any] = {
        "root": str(root),
        "files": {"make.conf/01-target.conf": 'USE="${USE} a"\n'},
        "links": {"make.profile": "../x"},
        "modes": {"make.conf/01-target.conf": "0640"},
        "world": ["app-misc/hello"],
        "world_variable": "slave_world",
    }
    paths = [
        "etc/portage/make.conf",
        "etc/portage/make.conf/01-target.conf",
        "etc/portage/make.profile",
        "etc/portage/sets/binhost",
        "var/lib/portage/world_sets",
    ]
    before = snapshot(root)
    for check in (True, False):
        result = module("portage_config", args, check=check)
        assert (result["changed"], result["paths"], result["adopted"]) == (True, paths, paths[:1])
        assert [diff["after_header"] for diff in result["diff"]] == [str(root / path) for path in paths]
        assert (snapshot(root) == before) is check
        # There is no Portage in this root.
        assert result["read_by"] is None
        assert result["warnings"] == [
            f"{root}: no Portage is installed there to read the configuration before it is written"
        ]
    assert (root / "etc/portage/make.conf/01-target.conf").stat().st_mode & 0o777 == 0o640
    after = snapshot(root)
    for check in (True, False):
        result = module("portage_config", args, check=check)
        assert (result["changed"], result["paths"], result["diff"]) == (False, [], [])
        assert not result.get("warnings")
    assert snapshot(root) == after
    assert (root / "etc/portage/sets/binhost").read_text().splitlines()[1:] == [
        "# Written by larry.binhost from the inventory; change slave_world there.",
        "# Changes made here are undone.",
        "app-misc/hello",
    ]


def test_two_at_a_time(module: Module, tmp_path: Path) -> None:
    (tmp_path / "root/etc/portage").mkdir(parents=True)
    args: dict[str, t.Any] = {"root": str(tmp_path / "root"), "files": {"bashrc": "einfo\n"}}
    written = tmp_path / "root/etc/portage/bashrc"
    with futures.ThreadPoolExecutor() as pool:
        with _tree.held(args["root"]):
            second = pool.submit(module, "portage_config", args)
            assert module("portage_config", args, check=True)["changed"]  # a check waits for nobody
            assert not second.done() and not written.exists()
        assert second.result()["changed"] and written.exists()


def test_failure(module: Module, tmp_path: Path) -> None:
    result = module("portage_config", {"root": str(tmp_path), "files": {"../x": ""}})
    assert result["failed"]
    assert result["msg"] == "files: expected a path below etc/portage without '..', found '../x'"
