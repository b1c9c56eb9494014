# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""index_sync as a playbook sees it."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _publication

Module = t.Callable[..., dict[str, t.Any]]
Serve = t.Callable[..., str]


def listing(state: Path) -> dict[str, object]:
    return {str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in state.rglob("*")}


def unlocked(found: dict[str, object]) -> dict[str, object]:
    """Return it without locks, and without what is known of the kernel's log, which goes on."""
    return {path: fact for path, fact in found.items() if "/run" not in path and not path.endswith("crashed.json")}


@pytest.fixture
def uri(master: t.Any, serve: Serve) -> str:
    """Return where generation 1 is served."""
    _publication.publish(master.place, master.snapshot())
    return serve(master.state / "generations")


def test_check_run_check_run(module: Module, uri: str, tmp_path: Path) -> None:
    state = tmp_path / "slave"
    args = {
        "target": "laptops",
        "sources": [{"uri": "http://127.0.0.1:9"}, {"uri": uri}],
        "verify": False,
        "state_dir": str(state),
    }
    for check in (True, False):
        result = module("index_sync", args, check=check)
        assert (result["changed"], result["reachable"], result["uri"], result["number"]) == (True, True, uri, 1)
        assert list(result["repositories"]) == ["lab"]
        assert result["diff"][0]["before"] == "no generation\n"
        assert result["diff"][0]["after"].startswith(f"generation 1 from {uri}/laptops/1\nrepository lab ")
        assert state.exists() is not check
    assert result["timestamp"] > 1700000000
    after = listing(state)
    for check in (True, False):
        result = module("index_sync", args, check=check)
        assert (result["changed"], result["number"], result["message"]) == (False, 1, "")
        assert [each["before"] for each in result["diff"]] == [each["after"] for each in result["diff"]]
    assert unlocked(listing(state)) == unlocked(after)


def test_no_answer(module: Module, tmp_path: Path) -> None:
    args = {"target": "laptops", "sources": [{"uri": "http://127.0.0.1:9"}], "state_dir": str(tmp_path / "slave")}
    module("index_sync", args)  # what is asked for is kept for later
    for check in (True, False):
        result = module("index_sync", args, check=check)
        assert (result["changed"], result["reachable"], result["uri"], result["number"]) == (False, False, None, None)
        assert result["message"].startswith("http://127.0.0.1:9/laptops/current/seal.json: no answer: ")


def test_nothing_published(module: Module, serve: Serve, tmp_path: Path) -> None:
    uri = serve(tmp_path)
    result = module(
        "index_sync", {"target": "laptops", "sources": [{"uri": uri}], "state_dir": str(tmp_path / "slave")}
    )
    assert (result["reachable"], result["number"]) == (True, None)
    assert [each["after_header"].rpartition("/")[2] for each in result["diff"]] == ["laptops", "sync.json"]
    assert result["message"] == f"nothing published yet for target laptops at {uri}"


def test_failure(module: Module, uri: str, master: t.Any, tmp_path: Path) -> None:
    path = Path(master.place.folder) / "current/seal.json"
    os.unlink(path)
    path.write_text("<html>")
    result = module(
        "index_sync", {"target": "laptops", "sources": [{"uri": uri}], "state_dir": str(tmp_path / "slave")}
    )
    assert result["failed"]
    assert result["msg"] == (
        f"{uri}/laptops/current/seal.json: expected a seal (a JSON record), found '<html>'. "
        "What is here stays in use: nothing yet"
    )


def test_it_verifies_unless_told_not_to(module: Module, uri: str, tmp_path: Path) -> None:
    args = {"target": "laptops", "sources": [{"uri": uri}], "state_dir": str(tmp_path / "slave")}
    result = module("index_sync", args)
    assert result["failed"]
    assert f"{uri}/laptops/1/seal.json.asc: expected the seal's signature, found none" in result["msg"]
    result = module("index_sync", {**args, "verify": False})
    assert result["changed"]
    assert (
        result["remarks"]
        == result["warnings"]
        == [f"nothing is verified (slave_verify: false): whoever answers at {uri} is believed"]
    )


def test_a_pin_is_a_number(module: Module, uri: str, tmp_path: Path) -> None:
    result = module(
        "index_sync", {"target": "laptops", "sources": [{"uri": uri}], "pinned": 0, "state_dir": str(tmp_path)}
    )
    assert result["msg"] == "pinned: expected the number of a generation, found 0"
