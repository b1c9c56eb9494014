# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding a laptop is adding a host to the inventory."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

from tests.e2e import portage
from tests.e2e.conftest import Site
from tests.e2e.harness import Machines, difference

NEW = "laptop-new"
WORLD = ["app-misc/hello", "sys-fs/squashfs-tools"]
OWN = {"binhost_target": "common", "slave_world": WORLD, "slave_make_conf": {"VIDEO_CARDS": "intel"}}
#: What is a slave's own beside the index, which every generation renews.
TREES = ("/etc", "/var/db/pkg", "/var/lib/portage", "/usr/bin")


def add(inventory: Path, variables: dict[str, t.Any]) -> None:
    """Add the newcomer to an inventory as its owner would."""
    hosts = yaml.safe_load((inventory / "hosts.yml").read_text())
    hosts["slaves"]["hosts"][NEW] = None
    (inventory / "hosts.yml").write_text(yaml.safe_dump(hosts))
    (inventory / f"host_vars/{NEW}.yml").write_text(yaml.safe_dump(variables))


@pytest.fixture(scope="module", autouse=True)
def newcomer(lab: Machines) -> None:
    """Boot it."""
    lab.up(NEW)


def test_check_mode_on_a_fresh_slave_shows_what_would_come_and_changes_nothing(
    lab: Machines, site: Site, inventory_copy: Path
) -> None:
    add(inventory_copy, OWN)
    trees = (*TREES, "/var/lib/larry-binhost", "/var/cache")
    before = {host: lab.snapshot(host, *trees) for host in (*portage.EVERYBODY, NEW)}
    run = site("--check", "--diff", inventory=inventory_copy)
    assert run.rc == 0, run.stdout
    assert {host: difference(before[host], lab.snapshot(host, *trees)) for host in before} == {
        host: {} for host in before
    }
    assert "sys-fs/squashfs-tools" in run.diff(NEW)
    assert "/etc/portage/make.conf/02-host.conf" in run.diff(NEW)
    assert "to build: unknown before the build" in run.diff("desktop")
    assert f"{NEW}: what would be installed is unknown" in run.stdout


def test_a_machine_of_another_chost_stops_the_run_before_any_host_is_touched(
    lab: Machines, site: Site, inventory_copy: Path
) -> None:
    add(inventory_copy, OWN)
    lab.sh(NEW, "cp /etc/portage/make.conf /root/; echo 'CHOST=\"i686-pc-linux-gnu\"' >>/etc/portage/make.conf")
    run = site(inventory=inventory_copy)
    assert run.rc != 0
    assert (
        f"{NEW}: CHOST: expected x86_64-pc-linux-gnu, as on desktop, found i686-pc-linux-gnu" in run.stdout + run.stderr
    )
    assert {event.action.rpartition(".")[2] for event in run.events} == {"fleet_plan", "host_facts"}
    lab.sh(NEW, "mv /root/make.conf /etc/portage/")


def test_it_is_installed_from_binaries_and_only_what_it_adds_is_built(
    lab: Machines, site: Site, inventory_copy: Path
) -> None:
    add(inventory_copy, OWN)
    before = {slave: lab.snapshot(slave, *TREES) for slave in portage.SLAVES}
    run = site(inventory=inventory_copy)
    assert run.rc == 0, run.stdout
    found = portage.installed(lab, NEW)
    assert {package: found.get(package) for package in WORLD} == dict.fromkeys(WORLD, True)
    assert portage.compiled(lab, NEW) == []
    packages = portage.build(run)
    assert packages["built"] == ["sys-fs/squashfs-tools-4.5.1"]
    assert packages["variants"] == {host: [] for host in (*portage.SLAVES, NEW)}
    assert {slave: difference(before[slave], lab.snapshot(slave, *TREES)) for slave in portage.SLAVES} == {
        slave: {} for slave in portage.SLAVES
    }
    assert site(inventory=inventory_copy).changed() == set()
