# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""signing_key and trusted_keys as a playbook sees them, and keys.yml; this machine's own state is out of sight."""

from __future__ import annotations

import os
import shutil
import tempfile
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _keys, _publication, _signing
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

from tests.root.master import run
from tests.root.namespace import of_its_own, sh
from tests.root.test_mount_playbooks import inventory, play
from tests.unit.plugins.conftest import Master, master, serve
from tests.unit.plugins.modules.conftest import Module, module

__all__ = ["master", "module", "serve"]
Serve = t.Callable[..., str]


@pytest.fixture
def place() -> Iterator[Path]:
    """Return a folder whose path is short: an agent's socket can't have a long one."""
    folder = Path(tempfile.mkdtemp(prefix="keys-"))
    yield folder
    shutil.rmtree(folder)


def told(result: dict[str, t.Any]) -> dict[str, t.Any]:
    assert not result.get("failed"), result
    return result


def test_check_run_check_run(module: Module, place: Path) -> None:
    master, slave = {"state_dir": str(place / "m")}, {"state_dir": str(place / "s"), "home": str(place / "gnupg")}
    asked = told(module("signing_key", master, check=True))
    assert (asked["changed"], asked["fingerprint"], asked["public"]) == (True, "", "")
    assert asked["diff"]["after"].startswith("a new key signs, valid until ")
    assert not (place / "m").exists()
    made = told(module("signing_key", master))
    assert (made["changed"], made["message"]) == (True, f"signs with the new key {made['fingerprint']}")
    for check in (True, False):
        again = told(module("signing_key", master, check=check))
        assert (again["changed"], again["public"], again["message"]) == (False, made["public"], "")

    keys = {**slave, "keys": made["public"]}
    told_before = told(module("trusted_keys", keys, check=True))
    assert not (place / "gnupg").exists()
    believed = told(module("trusted_keys", keys))
    assert (told_before["changed"], believed["changed"]) == (True, True)
    assert told_before["diff"] == believed["diff"]
    assert believed["diff"]["after"] == f"{made['fingerprint']} trusted until {made['expires']}\n"
    for check in (True, False):
        for same in (keys, slave):
            assert told(module("trusted_keys", same, check=check))["changed"] is False


def test_check_mode_knows_the_keys_that_are_to_be_believed(
    module: Module, place: Path, master: Master, serve: Serve
) -> None:
    keys = told(module("signing_key", {"state_dir": str(place / "m")}))["public"]
    _publication.publish(master.place, master.snapshot())
    key = _keys.current(str(place / "m"))
    assert key
    seal = master.place.generation("current/seal.json")
    _signing.file(run, key, seal, f"{seal}.asc", state=str(place / "m"))
    slave = {
        "target": "laptops",
        "sources": [{"uri": serve(master.state / "generations")}],
        "state_dir": str(place / "s"),
    }
    assert "expected the master's public key, found no such file" in module("index_sync", slave, check=True)["msg"]
    assert told(module("index_sync", {**slave, "keys": keys}, check=True))["number"] == 1
    assert not (place / "s").exists()
    assert told(module("index_sync", {**slave, "keys": keys}))["changed"]


@pytest.mark.parametrize(
    ("name", "asked", "found"),
    [
        ("signing_key", {"days": 0}, "days: expected 1 or more, found 0"),
        ("signing_key", {"own_fingerprint": "ABC"}, "fingerprint: expected the 40 hexadecimal digits"),
        ("signing_key", {"state": "revoked"}, "state is revoked but all of the following are missing: fingerprint"),
        ("signing_key", {"passphrase_file": "/nowhere"}, "/nowhere: expected the file of a passphrase, found: No such"),
        ("trusted_keys", {"keys": "no key"}, "keys: expected armored OpenPGP public keys, found"),
    ],
)
def test_bad_input(module: Module, place: Path, name: str, asked: dict[str, t.Any], found: str) -> None:
    home = {"home": str(place / "gnupg")} if name == "trusted_keys" else {}
    assert found in module(name, {**asked, **home, "state_dir": str(place / "state")})["msg"]
    assert not list(place.glob("**/*.asc"))


@of_its_own
def test_keys_are_shown_and_replaced(tmp_path: Path) -> None:
    where = inventory(tmp_path)
    sh("mount", "-t", "tmpfs", "tmpfs", "/var/lib")
    one = ("--limit", "desktop")
    status, said = play(where, "keys", *one, "-e", "binhost_key=destroy")
    assert status == 2
    assert said["What is to be done is said"]["msg"] == (
        "binhost_key: expected show, rotate, extend, revoke, resign, found destroy"
    )
    assert not os.path.exists(STATE)
    status, said = play(where, "keys", *one, "-e", "binhost_key=rotate")
    first = said["Which keys there are"]["msg"]["signs"]
    assert (status, len(first)) == (0, 40)
    status, said = play(where, "keys", *one, "-e", "binhost_key=rotate", "-e", f"binhost_key_fingerprint={first}")
    second = said["Which keys there are"]["msg"]
    assert (status, list(second["retired"]), second["signs"] != first) == (0, [first], True)
    status, said = play(where, "keys", *one, "-e", "binhost_key=show")
    assert (status, said["Which keys there are"]["msg"]) == (0, second)
