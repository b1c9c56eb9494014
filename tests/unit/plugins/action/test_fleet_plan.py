# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action keeps, says and refuses; the plan itself is tested where it is made."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path
from unittest import mock

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.larry.binhost.plugins.action import fleet_plan

FEATURES = ["cmov", "cx8", "fpu", "fxsr", "mmx", "syscall", "sse", "sse2"]
FACTS: dict[str, t.Any] = {
    "cpu": {"features": FEATURES},
    "portage": {"chost": "x86_64-pc-linux-gnu", "repositories": {"lab": "/var/db/repos/lab"}},
    "world": [],
    "configuration": {},
    "installed": ["a/b-1"],
}
COMMON = {"binhost_networks": ["10.0.0.0/24"], "binhost_targets": {"laptops": {"profile": "lab:default"}}}
HOSTS: dict[str, dict[str, t.Any]] = {
    "desktop": {**COMMON, "binhost_host": FACTS},
    "laptop": {**COMMON, "binhost_host": FACTS, "binhost_target": "auto"},
}


def run(place: Path, hosts: t.Any = None, *, check: bool = False, **args: str) -> dict[str, t.Any]:
    """Return the result of the action for an inventory that lies in ``place``."""
    hosts = hosts or HOSTS
    task = mock.Mock(args=args, check_mode=check, async_val=0, diff=False, _ansible_internal_redirect_list=[])
    words = ("connection", "play_context", "loader", "templar", "shared_loader_obj")
    action = fleet_plan.ActionModule(task, **{word: mock.MagicMock() for word in words})
    groups = {"masters": ["desktop"], "slaves": [host for host in hosts if host != "desktop"]}
    return action.run(task_vars={"groups": groups, "hostvars": hosts, "inventory_dir": str(place)})


def kept(place: Path) -> list[str]:
    """Return what is kept beside the inventory."""
    return sorted(str(path.relative_to(place)) for path in place.rglob("*.json"))


def test_planned(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert kept(tmp_path) == [f".binhost/{name}.json" for name in ("facts/desktop", "facts/laptop", "plan")]
    assert json.loads((tmp_path / ".binhost/plan.json").read_text()) == result["ansible_facts"]["binhost_plan"]
    assert (result["changes"], result["rebuilds"], result["warnings"]) == ([], {}, [])
    assert run(tmp_path) == result


@pytest.mark.parametrize(("check", "state"), [(True, "planned"), (False, "shown"), (False, "checked")])
def test_nothing_is_kept(tmp_path: Path, check: bool, state: str) -> None:
    run(tmp_path, check=check, state=state)
    assert kept(tmp_path) == []


def test_shown(tmp_path: Path) -> None:
    result = run(tmp_path, state="shown")
    assert result["msg"][0].startswith("target laptops-x86-64-v1-")
    assert "laptop gets all that its CPU can run" in result["msg"]
    assert "ansible_facts" not in result


def test_an_absent_host_changes_nothing(tmp_path: Path) -> None:
    first = run(tmp_path)
    asleep = {**HOSTS, "laptop": {name: HOSTS["laptop"][name] for name in (*COMMON, "binhost_target")}}
    second = run(tmp_path, asleep)
    assert second["ansible_facts"] == first["ansible_facts"]
    assert second["absent"] == ["laptop"]


def test_a_changed_cpu_is_announced(tmp_path: Path) -> None:
    better = {**FACTS, "cpu": {"features": [*FEATURES, "aes"]}}
    run(tmp_path, {host: {**own, "binhost_host": better} for host, own in HOSTS.items()})
    result = run(tmp_path, {**HOSTS, "desktop": {**HOSTS["desktop"], "binhost_host": better}})
    (name,) = result["ansible_facts"]["binhost_plan"]["targets"]
    assert result["rebuilds"] == {name: ["a/b-1"]}
    assert result["warnings"] == [
        "laptop: its CPU is another one than at the last plan: lost aes",
        f"target {name} is compiled again, 1 package installed on 1 slave: laptop cannot run aes "
        "(binhost_regroup: true for laptop finds another target)",
    ]


def test_a_newcomer_never_seen(tmp_path: Path) -> None:
    result = run(tmp_path, {**HOSTS, "new": {**COMMON, "binhost_target": "auto"}})
    assert result["unseen"] == ["new"]
    assert result["warnings"][0].startswith("new was never seen: the plan does without it.")


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"binhost_target": "laptop"}, "The inventory needs a change; no host was touched.\nlaptop: binhost_target: "),
        ({"binhost_host": {"cpu": {}}}, "There is no plan; no host was touched.\nlaptop: binhost_host.cpu.features: "),
    ],
)
def test_bad_input(tmp_path: Path, own: dict[str, t.Any], expected: str) -> None:
    with pytest.raises(AnsibleActionFail) as caught:
        run(tmp_path, {**HOSTS, "laptop": {**HOSTS["laptop"], **own}})
    assert str(caught.value).startswith(expected)
    assert kept(tmp_path) == []


def test_a_foreign_plan(tmp_path: Path) -> None:
    (tmp_path / ".binhost").mkdir()
    (tmp_path / ".binhost/plan.json").write_text('{"version": 7}')
    with pytest.raises(AnsibleActionFail, match=r"plan\.json: expected a plan of version 5, found version 7"):
        run(tmp_path)
