# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""service_config as a playbook sees it, on a machine whose services are left alone."""

from __future__ import annotations

import typing as t
from pathlib import Path

Module = t.Callable[..., dict[str, t.Any]]


def snapshot(folder: Path) -> dict[str, tuple[int, float]]:
    parts = ("etc", "state", "srv")
    return {
        str(path): (path.stat().st_ino, path.stat().st_mtime) for part in parts for path in (folder / part).rglob("*")
    }


def test_check_run_check_run(module: Module, tmp_path: Path) -> None:
    path, folder = tmp_path / "etc/web.conf", tmp_path / "srv"
    args: dict[str, t.Any] = {
        "files": {str(path): {"content": "good\n", "mode": "0640"}},
        "directories": [str(folder)],
        "checks": [["grep", "-q", "good", str(path)]],
        "state_dir": str(tmp_path / "state"),
    }
    before = snapshot(tmp_path)
    for check in (True, False):
        result = module("service_config", args, check=check)
        assert (result["changed"], result["paths"], result["services"]) == (True, [str(folder), str(path)], {})
        assert result["diff"][1]["after"] == "good\n"
        assert (snapshot(tmp_path) == before) is check
    assert path.stat().st_mode & 0o7777 == 0o640
    after = snapshot(tmp_path)
    for check in (True, False):
        result = module("service_config", args, check=check)
        assert (result["changed"], result["paths"], result["diff"]) == (False, [], [])
    assert snapshot(tmp_path) == after
    args["files"][str(path)]["content"] = "bad\n"
    result = module("service_config", args)
    assert result["msg"] == f"grep -q good {path}: expected it to accept the new files, found status 1:\n"
    assert snapshot(tmp_path) == after
