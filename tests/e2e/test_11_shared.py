# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The master's own installation is the build: what its person emerges there is what a slave gets."""

from __future__ import annotations

import shutil
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e import portage
from tests.e2e.conftest import Site
from tests.e2e.harness import CHECKOUT, COUNTER, Machines, difference

NEW: t.Final = "laptop-new"
WORLD: t.Final = ["app-misc/hello", "app-text/tree"]
TARGET: t.Final = {
    "profile": "lab:default/linux/amd64",
    "mode": "shared",
    "quickpkg": True,
    "use": ["unicode"],
    "make_conf": {"ACCEPT_LICENSE": "*"},
}
CURRENT: t.Final = "/var/lib/larry-binhost/generations/own/current"
HELLO: t.Final = "/var/db/repos/lab/app-misc/hello"
FRAGMENTS: t.Final = "/etc/portage/make.conf/zz-build.conf"
SLAVE_BUDGET: t.Final = 6
MASTER_BUDGET: t.Final = 8 + 4


def write(inventory: Path, **target: t.Any) -> Path:
    """Write a fleet of the master and one slave, whose target is of mode shared."""
    hosts = {"masters": {"hosts": {"desktop": None}}, "slaves": {"hosts": {NEW: None}}}
    (inventory / "hosts.yml").write_text(yaml.safe_dump(hosts))
    fleet = {"binhost_targets": {"own": {**TARGET, **target}}}
    (inventory / "group_vars/all/fleet.yml").write_text(yaml.safe_dump(fleet))
    slave = {"binhost_target": "own", "slave_world": WORLD}
    (inventory / f"host_vars/{NEW}.yml").write_text(yaml.safe_dump(slave))
    return inventory


@pytest.fixture(scope="module")
def inventory(lab: Machines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the inventory of that fleet, with a slave that knows nothing of other targets."""
    lab.up(NEW)
    lab.reset(NEW)
    copy = tmp_path_factory.mktemp("shared") / "inventory"
    shutil.copytree(CHECKOUT / "inventory", copy, symlinks=True, ignore=shutil.ignore_patterns(".binhost"))
    yield write(copy)
    lab.sh("desktop", f"rm -f {HELLO}/hello-2.10-r1.ebuild")


def published(lab: Machines) -> set[str]:
    """Return what the current generation has."""
    lines = lab.read("desktop", f"{CURRENT}/Packages").splitlines()
    return {line.partition(" ")[2] for line in lines if line.startswith("CPV: ")}


def test_another_profile_stops_the_run_before_any_host_is_touched(site: Site, inventory: Path) -> None:
    write(inventory, profile="lab:default/linux")
    run = site(inventory=inventory)
    write(inventory)
    assert run.rc != 0
    assert (
        "desktop: profile: expected lab:default/linux, as binhost_targets.own.profile says, since that target is of "
        "mode shared, found lab:default/linux/amd64." in run.stdout + run.stderr
    )
    assert {event.action.rpartition(".")[2] for event in run.events} == {"fleet_plan", "host_facts"}


def test_check_mode_shows_what_would_be_packed_and_changes_nothing(lab: Machines, site: Site, inventory: Path) -> None:
    trees = ("/etc", "/var/db/pkg", "/var/lib/portage", "/var/lib/larry-binhost/pkgdir", "/var/cache")
    before = {host: lab.snapshot(host, *trees) for host in ("desktop", NEW)}
    run = site("--check", "--diff", inventory=inventory)
    assert run.rc == 0, run.stdout
    assert {host: difference(before[host], lab.snapshot(host, *trees)) for host in before} == {"desktop": {}, NEW: {}}
    assert "sys-apps/which-2.21" in run.diff("desktop")
    assert FRAGMENTS in run.diff("desktop")


def test_what_the_stage_brought_is_packed_and_what_the_master_lacks_is_refused(
    lab: Machines, site: Site, inventory: Path
) -> None:
    run = site(inventory=inventory)
    assert run.rc != 0
    (packages,) = run.of("desktop", "shared_packages")
    assert {cpv.rpartition("-")[0] for cpv in packages.result["packed"]} >= portage.STAGE
    assert (packages.result["foreign"], packages.result["modified"]) == ({}, {})
    assert published(lab) == set(packages.result["packed"])
    told = " ".join(run.stdout.split())
    assert f"app-misc/hello: desktop has no package of it; wanted by {NEW}" in told
    assert "merge list: expected at most 0 packages to compile here, found " in told
    assert "app-misc/hello-2.10::lab" in told
    assert "Target own is of mode shared: its packages are those that desktop has installed for itself." in told
    assert portage.compiled(lab, NEW) == []
    # The slave takes for itself what the master never built.
    lab.sh(NEW, "emerge --color=n --quiet --oneshot sys-apps/which")
    assert portage.installed(lab, NEW)["sys-apps/which"] is True


def test_what_the_masters_person_emerges_is_installed_from_binaries(lab: Machines, site: Site, inventory: Path) -> None:
    lab.sh("desktop", f"emerge --color=n --quiet {' '.join(WORLD)}")
    run = site(inventory=inventory)
    assert run.rc == 0, run.stdout
    assert run.changed() == {("desktop", "generation"), (NEW, "index_sync"), (NEW, "emerge")}
    found = portage.installed(lab, NEW)
    assert {package: found.get(package) for package in WORLD} == dict.fromkeys(WORLD, True)
    assert portage.compiled(lab, NEW) == []


def test_a_second_run_changes_nothing_and_costs_little(lab: Machines, site: Site, inventory: Path) -> None:
    for host in ("desktop", NEW):
        lab.count_python(host)
    run = site("-e", f"ansible_python_interpreter={COUNTER}", inventory=inventory)
    assert (run.rc, run.changed()) == (0, set()), run.stdout
    assert 0 < lab.python_starts(NEW) <= SLAVE_BUDGET
    assert 0 < lab.python_starts("desktop") <= MASTER_BUDGET


def test_an_update_of_the_master_arrives_with_the_next_run(lab: Machines, site: Site, inventory: Path) -> None:
    lab.sh("desktop", f"cd {HELLO}; cp hello-2.10.ebuild hello-2.10-r1.ebuild; emerge --color=n --quiet -uDN @world")
    run = site(inventory=inventory)
    assert run.rc == 0, run.stdout
    installed = [event.result["binary"] for event in run.of(NEW, "emerge") if event.changed]
    assert installed == [["app-misc/hello-2.10-r1"]]
    assert portage.compiled(lab, NEW) == []


def test_what_is_for_one_machine_alone_is_not_published(lab: Machines, site: Site, inventory: Path) -> None:
    lab.sh("desktop", "CFLAGS='-O2 -march=native' emerge --color=n --quiet --oneshot app-editors/ed")
    run = site(inventory=inventory)
    assert run.rc == 0, run.stdout
    assert run.changed() == set()
    assert "not published: app-editors/ed/ed-1.19-1.gpkg.tar: " in run.stdout
    assert "app-editors/ed-1.19" not in published(lab)


def test_without_the_target_the_masters_emerge_is_its_persons_again(lab: Machines, site: Site, inventory: Path) -> None:
    lab.sh("desktop", f"rm {HELLO}/hello-2.10-r1.ebuild; emerge --color=n --quiet -C app-editors/ed {' '.join(WORLD)}")
    assert lab.run("desktop", "test", "-e", FRAGMENTS).rc == 0
    run = site()
    assert run.rc == 0, run.stdout
    assert ("desktop", "portage_config") in run.changed()
    left = lab.sh("desktop", "cd /etc/portage; find . -name '01-*' -o -name 'zz-*'")
    assert left == ""
    assert "larry-binhost" not in lab.sh("desktop", "emerge --info | grep PKGDIR")
    assert site().changed() == set()
