# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mistake in the inventory stops the run before any host is touched, and is named."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

from tests.e2e.conftest import Site

AMD = "host_vars/laptop-amd.yml"


def change(inventory: Path, file: str, **values: t.Any) -> None:
    """Change variables in a file of an inventory."""
    path = inventory / file
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("file", "values", "message"),
    [
        (AMD, {"binhost_target": "comon"}, "laptop-amd: binhost_target: expected one of common, found 'comon'"),
        (AMD, {"ansible_host": "192.0.2.7"}, "laptop-amd: ansible_host: expected an address in binhost_networks ("),
        (
            AMD,
            {"slave_world": ["app-misc/hello", "hello world"]},
            "laptop-amd: slave_world: expected package atoms, found 'hello world' is no package atom",
        ),
        (
            "hosts.yml",
            {"masters": {"hosts": {}}},
            "inventory: group masters: expected the host that builds, found none",
        ),
    ],
)
def test_one_message_says_where_what_was_expected_and_found(
    site: Site, inventory_copy: Path, file: str, values: dict[str, t.Any], message: str
) -> None:
    change(inventory_copy, file, **values)
    run = site(inventory=inventory_copy)
    assert run.rc != 0
    assert message in run.stdout + run.stderr
    assert {event.action.rpartition(".")[2] for event in run.events} == {"fleet_plan"}


def test_several_mistakes_are_told_at_once(site: Site, inventory_copy: Path) -> None:
    change(inventory_copy, AMD, binhost_target="comon", slave_world="app-misc/hello")
    run = site(inventory=inventory_copy)
    assert "laptop-amd: binhost_target: expected" in run.stdout + run.stderr
    assert "laptop-amd: slave_world: expected a list, found 'app-misc/hello'" in run.stdout + run.stderr
