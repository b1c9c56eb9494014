# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Laptops sleep, masters are switched off and builds fail; whoever is there gets what can be had."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from tests.e2e import portage
from tests.e2e.conftest import Site
from tests.e2e.harness import CHECKOUT, Machines

PLAN = CHECKOUT / "inventory/.binhost/plan.json"
TREE = "/var/db/repos/lab/app-text/tree"
FRAGMENT = "/etc/portage/make.conf/01-target.conf"
#: What Ansible ends with when a host could not be reached.
UNREACHABLE = 4


@pytest.fixture
def without_intel(lab: Machines) -> Iterator[None]:
    """Switch one slave off."""
    lab.stop("laptop-intel")
    yield
    lab.start("laptop-intel")


@pytest.fixture
def without_master(lab: Machines) -> Iterator[None]:
    """Switch the only master off."""
    lab.stop("desktop")
    yield
    lab.start("desktop")


def test_an_absent_slave_changes_no_target(lab: Machines, site: Site, without_intel: None) -> None:
    plan = json.loads(PLAN.read_text())
    lab.sh("laptop-amd", f"rm {FRAGMENT}")
    run = site()
    assert run.rc == UNREACHABLE, run.stdout
    assert run.changed() == {("laptop-amd", "portage_config")}
    assert json.loads(PLAN.read_text()) == plan
    assert "laptop-intel: did not answer; the plan used what was known of it" in run.stdout


def test_limit_changes_no_target(site: Site) -> None:
    plan = json.loads(PLAN.read_text())
    run = site("--limit", "laptop-intel")
    assert (run.rc, set(run.recap)) == (0, {"laptop-intel"}), run.stdout
    assert json.loads(PLAN.read_text()) == plan


def test_a_slave_that_was_never_seen_is_named_with_what_to_do(site: Site, inventory_copy: Path) -> None:
    hosts = yaml.safe_load((inventory_copy / "hosts.yml").read_text())
    hosts["slaves"]["hosts"]["laptop-new"] = {"binhost_target": "common", "slave_world": ["app-misc/words"]}
    (inventory_copy / "hosts.yml").write_text(yaml.safe_dump(hosts))
    run = site(inventory=inventory_copy)
    assert run.rc == UNREACHABLE, run.stdout
    assert "laptop-new was never seen: the plan does without it. Switch it on and run again" in run.stdout + run.stderr
    plan = json.loads((inventory_copy / ".binhost/plan.json").read_text())
    assert plan["targets"]["common"]["members"] == list(portage.SLAVES)


def test_without_the_master_slaves_get_their_configuration(lab: Machines, site: Site, without_master: None) -> None:
    lab.sh("laptop-amd", f"rm {FRAGMENT}; emerge --color=n --quiet -C app-text/tree")
    run = site()
    assert run.rc & UNREACHABLE, run.stdout
    assert run.changed() == {("laptop-amd", "portage_config")}
    assert "laptop-amd: FAILED: Waiting for the master: app-text/tree-2.1.0. http://" in run.stdout
    assert "no transport answers" in run.stdout
    assert FRAGMENT in lab.sh("laptop-amd", f"ls {FRAGMENT}")


def test_what_waited_comes_with_the_master(lab: Machines, site: Site) -> None:
    run = site()
    assert (run.rc, run.changed()) == (0, {("laptop-amd", "emerge")}), run.stdout
    assert portage.installed(lab, "laptop-amd")["app-text/tree"] is True


def test_a_failed_build_stops_no_slave_and_nothing_published(lab: Machines, site: Site) -> None:
    number = portage.generation(lab)
    broken = "src_unpack() { die planted; }"
    lab.sh("desktop", f"cd {TREE}; (cat tree-2.1.0.ebuild; echo; echo '{broken}') >tree-2.1.0-r1.ebuild")
    lab.sh("laptop-amd", f"rm {FRAGMENT}; emerge --color=n --quiet -C sys-apps/pv")
    run = site()
    assert run.rc not in (0, UNREACHABLE), run.stdout
    assert "app-text/tree-2.1.0-r1 failed in phase unpack: planted" in run.stdout
    assert "planted" in run.stdout
    assert {("laptop-amd", "portage_config"), ("laptop-amd", "emerge")} == run.changed()
    assert portage.installed(lab, "laptop-amd")["sys-apps/pv"] is True
    assert portage.generation(lab) == number
    lab.sh("desktop", f"rm {TREE}/tree-2.1.0-r1.ebuild")
    assert site().rc == 0
    assert portage.compiled(lab, "laptop-amd") == []


def test_a_killed_build_leaves_nothing_running_and_is_done_by_the_next_run(lab: Machines, site: Site) -> None:
    lab.sh("desktop", f"cd {TREE}; cp tree-2.1.0.ebuild tree-2.1.0-r1.ebuild")
    # With the one that started the build in its namespaces all others end.
    wait = "for _ in $(seq 600); do pgrep -f '[e]build.sh compile' && break; sleep 0.1; done"
    with ThreadPoolExecutor() as pool:
        killing = pool.submit(lab.sh, "desktop", f"{wait}; pkill -KILL -x binhost-root")
        run = site()
    assert killing.result()
    assert run.rc not in (0, UNREACHABLE), run.stdout
    assert lab.run("desktop", "pgrep", "-f", "[e]merge|[e]build.sh|[b]inhost-").rc != 0
    assert portage.ROOT not in lab.read("desktop", "/proc/self/mountinfo")
    again = site()
    assert again.rc == 0, again.stdout
    # What is built for one slave alone goes on without what was killed, and may have been quicker than the next run.
    assert [*portage.built(run), *portage.built(again)] == ["app-text/tree-2.1.0-r1"]
    for slave in portage.SLAVES:
        assert lab.sh(slave, "ls -d /var/db/pkg/app-text/tree-*") == "/var/db/pkg/app-text/tree-2.1.0-r1\n"
        assert portage.compiled(lab, slave) == []
