# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import typing as t

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.larry.binhost.plugins.filter import fleet_plan

FEATURES = ["cmov", "cx8", "fpu", "fxsr", "mmx", "syscall", "sse", "sse2"]
FACTS = {
    "cpu": {"features": FEATURES},
    "portage": {"chost": "x86_64-pc-linux-gnu", "repositories": {"lab": "/var/db/repos/lab"}},
    "world": [],
    "configuration": {},
}
COMMON = {"binhost_networks": ["10.0.0.0/24"], "binhost_targets": {"laptops": {"profile": "lab:default"}}}
HOSTS: dict[str, dict[str, t.Any]] = {
    "desktop": {**COMMON, "group_names": ["masters"], "binhost_host": FACTS},
    "laptop": {**COMMON, "group_names": ["slaves"], "binhost_host": FACTS, "binhost_target": "auto"},
    "new": {**COMMON, "group_names": ["slaves"], "binhost_target": "auto"},
    "router": {"group_names": ["other"]},
}
plan = fleet_plan.FilterModule().filters()["fleet_plan"]


def test_the_plan() -> None:
    made = plan(HOSTS)
    (name,) = made["targets"]
    assert (made["hosts"]["laptop"]["target"], list(made["cpus"])) == (name, ["desktop", "laptop"])
    assert plan(HOSTS, made) == made


@pytest.mark.parametrize(
    ("host", "changed", "expected"),
    [
        ("laptop", {"binhost_target": "no"}, "laptop: binhost_target: expected one of laptops, found 'no'"),
        (
            "laptop",
            {"binhost_target": ["laptops", "desktops"]},
            "laptop: binhost_target: expected one target, found 2: laptops, desktops",
        ),
        ("laptop", {"binhost_host": {}}, "laptop: binhost_host.cpu: expected a mapping, found nothing"),
    ],
)
def test_bad_input(host: str, changed: dict[str, t.Any], expected: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"^{re.escape(expected)}"):
        plan({**HOSTS, host: {**HOSTS[host], **changed}})


def test_no_fleet() -> None:
    with pytest.raises(AnsibleFilterError, match="expected a mapping of hosts to their variables, found \\['a'\\]"):
        plan(["a"])


def test_a_foreign_previous_plan() -> None:
    with pytest.raises(AnsibleFilterError, match="^previous: expected a plan of version 5, found version 'x'$"):
        plan(HOSTS, {"version": "x"})


@pytest.mark.parametrize("text", [fleet_plan.DOCUMENTATION, fleet_plan.EXAMPLES, fleet_plan.RETURN])
def test_the_documentation_is_yaml(text: str) -> None:
    assert yaml.safe_load(text)
