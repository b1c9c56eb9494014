# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""generation as a playbook sees it."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

Module = t.Callable[..., dict[str, t.Any]]
A, B = (f"app-misc/{name}/{name}-1-1.gpkg.tar" for name in "ab")


def listing(state: Path) -> dict[str, object]:
    return {str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in state.rglob("*")}


def test_check_run_check_run(module: Module, master: t.Any) -> None:
    snapshot = master.snapshot()
    args = {"target": "laptops", "repositories": snapshot, "state_dir": str(master.state), "sign": False}
    revision = snapshot["lab"][-12:]
    before = listing(master.state)
    for check in (True, False):
        result = module("generation", args, check=check)
        assert result["changed"]
        assert (result["number"], result["packages"], result["added"], result["removed"]) == (1, 2, [A, B], [])
        assert (result["repositories"], result["path"]) == ({"lab": revision}, str(Path(master.place.folder) / "1"))
        assert result["diff"]["before"] == "no generation\n"
        lines = ["generation 1", f"repository lab {revision}", f"app-misc/a-1 {A}", f"app-misc/b-1 {B}"]
        assert result["diff"]["after"].splitlines() == lines
        assert (listing(master.state) == before) is check
    after = listing(master.state)
    for check in (True, False):
        result = module("generation", args, check=check)
        assert (result["changed"], result["number"], result["added"], result["removed"]) == (False, 1, [], [])
        assert result["diff"]["before"] == result["diff"]["after"]
    # The lock's file alone is written when nothing is published.
    assert {path: fact for path, fact in listing(master.state).items() if "/run" not in path} == {
        path: fact for path, fact in after.items() if "/run" not in path
    }


def test_before_the_first_build(module: Module, tmp_path: Path) -> None:
    args = {"target": "laptops", "sign": False, "state_dir": str(tmp_path / "state")}
    result = module("generation", args, check=True)
    assert (result["changed"], result["number"], result["packages"]) == (True, None, None)
    assert result["diff"]["after"] == "unknown before the target is built\n"
    assert not (tmp_path / "state").exists()
    result = module("generation", args)
    assert result["failed"]
    assert result["msg"].endswith("Packages: expected the index of a build, found none; build first")


def test_damage_is_told(module: Module, master: t.Any) -> None:
    args = {"target": "laptops", "repositories": master.snapshot(), "state_dir": str(master.state), "sign": False}
    module("generation", args)
    os.unlink(Path(master.place.folder) / "1" / A)
    result = module("generation", args)
    assert (result["changed"], result["number"]) == (True, 2)
    assert result["warnings"][0].startswith("the current generation of laptops is damaged, another takes its place: ")


def test_failure(module: Module, tmp_path: Path) -> None:
    result = module("generation", {"target": "../x", "state_dir": str(tmp_path)})
    assert result["failed"]
    assert result["msg"] == "target: expected a name of a-z, 0-9, - and _, found '../x'"
    result = module("generation", {"target": "x", "keep": 0, "state_dir": str(tmp_path)})
    assert result["msg"] == "keep: expected at least 1, found 0"


def test_what_is_withheld_is_not_published(module: Module, master: t.Any) -> None:
    args = {"target": "laptops", "repositories": master.snapshot(), "state_dir": str(master.state), "sign": False}
    assert module("generation", {**args, "withhold": [A]})["added"] == [B]
    again = module("generation", {**args, "withhold": [A]})
    assert (again["changed"], again["number"], again["packages"]) == (False, 1, 1)
    index = Path(master.place.folder) / "1/Packages"
    assert "PACKAGES: 1\n" in index.read_text() and A not in index.read_text()
    assert module("generation", args, check=True)["added"] == [A]
    result = module("generation", {**args, "withhold": [A, B]})
    assert result["msg"].endswith("Packages: expected packages, found none")
