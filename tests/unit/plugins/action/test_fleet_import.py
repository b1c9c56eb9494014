# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an import writes beside the inventory, says and leaves alone."""

from __future__ import annotations

import typing as t
from pathlib import Path
from unittest import mock

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible_collections.larry.binhost.plugins.action import fleet_import

PATCH = "--- a\n+++ b\n+{{ not a template }} {% nor this\n"


TABLES = ("use", "keywords", "accept_keywords", "license", "properties", "accept_restrict")


class Tagged(str):
    """A text as Ansible hands it over."""


def found(**changes: t.Any) -> dict[str, t.Any]:
    """Return what portage_config_info says of a machine."""
    empty: dict[str, t.Any] = {
        "make_conf": {"USE": "a b", "L10N": "no", "MAKEOPTS": "-j2", "CHOST": "x"},
        "incrementals": ["USE"],
        "tables": {f"package.{name}": [] for name in TABLES},
        "lists": {"package.mask": [], "package.unmask": []},
        "profile": "/r/lab/profiles/base",
        "repositories": {"lab": "/r/lab"},
        "files": {"patches/a/b/fix.patch": PATCH},
        "left_out": {},
        "world": [Tagged("app-misc/a")],
        "sets": [],
        "words": [],
    }
    return {**empty, **changes}


def run(place: Path, machines: t.Any, *, check: bool = False, **variables: t.Any) -> dict[str, t.Any]:
    """Return the result of the action for an inventory that lies in ``place``."""
    task = mock.Mock(args={}, check_mode=check, async_val=0, diff=False, _ansible_internal_redirect_list=[])
    words = ("connection", "play_context", "loader", "templar", "shared_loader_obj")
    action = fleet_import.ActionModule(task, **{word: mock.MagicMock() for word in words})
    common = {"binhost_targets": {Tagged("common"): {"profile": "lab:base"}}}
    hosts = {
        host: {**common, **variables, **({"binhost_imported": {"configuration": config}} if config else {})}
        for host, config in machines.items()
    }
    told = {"hostvars": hosts, "inventory_dir": str(place), "ansible_play_hosts_all": list(hosts)}
    return action.run(task_vars=told)


def load(path: Path) -> t.Any:
    """Return the variables of a file as Ansible does."""
    return DataLoader().load_from_file(str(path))


def written(place: Path) -> list[str]:
    """Return what there is beside the inventory."""
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file())


def test_a_machine_without_variables_gets_them(tmp_path: Path) -> None:
    assert run(tmp_path, {"laptop": found()}, check=True)["changed"]
    assert written(tmp_path) == []
    result = run(tmp_path, {"laptop": found()})
    file = tmp_path / "host_vars/laptop.yml"
    assert (written(tmp_path), result["paths"]) == (["host_vars/laptop.yml"], [str(file)])
    assert load(file) == {
        "binhost_target": "common",
        "slave_world": ["app-misc/a"],
        "slave_use": ["a", "b"],
        "slave_make_conf": {"L10N": "no"},
        "slave_client_conf": {"MAKEOPTS": "-j2"},
        "slave_files": {"patches/a/b/fix.patch": PATCH},
    }
    assert "!unsafe" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert result["msg"][0] == f"{file}: written"
    assert "laptop: carried as text in slave_files: patches" in result["msg"]
    assert result["diff"][0]["before_header"] == f"{file} (absent)"


def test_again_changes_nothing(tmp_path: Path) -> None:
    run(tmp_path, {"laptop": found()})
    # By then the inventory names its target.
    result = run(tmp_path, {"laptop": found()}, binhost_target="common")
    assert (result["changed"], written(tmp_path)) == (False, ["host_vars/laptop.yml"])


@pytest.mark.parametrize("there", ["laptop.yml", "laptop.yaml", "laptop.json", "laptop/main.yml"])
def test_what_a_person_wrote_is_left_alone(tmp_path: Path, there: str) -> None:
    own = tmp_path / "host_vars" / there
    own.parent.mkdir(parents=True)
    own.write_text("mine: 1\n")
    result = run(tmp_path, {"laptop": found()}, binhost_target="common")
    proposed = tmp_path / ".binhost/import/host_vars/laptop.yml"
    assert (own.read_text(), result["paths"]) == ("mine: 1\n", [str(proposed)])
    assert "binhost_target" not in load(proposed)
    assert f"laptop has variables already, and they are left alone: compare them with {proposed}" in result["msg"]
    assert run(tmp_path, {"laptop": found()}, binhost_target="common")["changed"] is False
    newer = run(tmp_path, {"laptop": found(world=["app-misc/b"])}, binhost_target="common")
    assert load(proposed)["slave_world"] == ["app-misc/b"]
    assert "app-misc/a" in newer["diff"][0]["before"]
    proposed.write_text("edited: 1\n")
    with pytest.raises(AnsibleActionFail, match=r"laptop.yml: expected the proposal of an earlier import, found it ed"):
        run(tmp_path, {"laptop": found()}, binhost_target="common")
    assert proposed.read_text() == "edited: 1\n"


def test_of_several_what_they_share_is_offered(tmp_path: Path) -> None:
    one, two = found(), found(make_conf={"USE": "a c", "L10N": "no"}, world=["app-misc/b"])
    result = run(tmp_path, {"one": one, "two": two, "asleep": None})
    shared = tmp_path / ".binhost/import/shared"
    assert written(tmp_path) == [
        ".binhost/import/shared/host_vars/one.yml",
        ".binhost/import/shared/host_vars/two.yml",
        ".binhost/import/shared/targets.yml",
        ".binhost/import/written.json",
        "host_vars/one.yml",
        "host_vars/two.yml",
    ]
    assert load(shared / "targets.yml") == {
        "binhost_targets": {"common": {"profile": "lab:base", "use": ["a"], "make_conf": {"L10N": "no"}}}
    }
    assert load(shared / "host_vars/one.yml")["slave_use"] == ["b"]
    assert load(shared / "host_vars/two.yml")["slave_use"] == ["c"]
    assert load(tmp_path / "host_vars/two.yml")["slave_use"] == ["a", "c"]
    assert f"what they have in common is offered in {shared / 'targets.yml'}" in result["msg"]


def test_nobody_answered(tmp_path: Path) -> None:
    with pytest.raises(AnsibleActionFail, match="Nothing to import: expected at least one host that answered"):
        run(tmp_path, {"laptop": None})


def test_the_playbook_registers_what_the_action_reads() -> None:
    playbook = Path(__file__).resolve().parents[4] / "playbooks/import.yml"
    (play,) = yaml.safe_load(playbook.read_text())
    assert play["tasks"][0]["register"] == fleet_import.REGISTERED
