# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After one run every slave has what is declared, from packages that it reads where the master exports them."""

from __future__ import annotations

import pytest

from lab.vm.names import MASTER
from tests.e2e import portage
from tests.e2e.conftest import Site
from tests.e2e.harness import COUNTER
from tests.e2e_vm import fleet
from tests.e2e_vm.fleet import EXPORT, PROGRAM, SLAVES, STATE, TARGET
from tests.e2e_vm.harness import Guests

TARGETS = 1
FSTAB_LINES = 1
SLAVE_BUDGET = 6 + FSTAB_LINES
MASTER_BUDGET = 8 + FSTAB_LINES + 4 * TARGETS
#: fstab(5) and nfs(5): nothing may wait long for a master that is off, nor be able to write.
SAFE = {"ro", "soft", "timeo=20", "retrans=2", "nosuid", "nodev", "noexec"}


def test_a_second_run_changes_nothing_and_costs_little(lab: Guests, site: Site) -> None:
    """One run for both, since runs take long here; Molecule may have done the first."""
    if lab.run("phenom", "test", "-e", f"{STATE}/current/Packages").rc != 0:
        assert site().rc == 0
    hosts = (MASTER, *SLAVES)
    for host in hosts:
        lab.count_python(host)
    run = site("--diff", "-e", f"ansible_python_interpreter={COUNTER}")
    assert run.rc == 0, run.stdout
    assert {host: counts["changed"] for host, counts in run.recap.items()} == dict.fromkeys(hosts, 0)
    costs = {host: lab.python_starts(host) for host in hosts}
    assert all(0 < costs[slave] <= SLAVE_BUDGET for slave in SLAVES), costs
    assert 0 < costs[MASTER] <= MASTER_BUDGET, costs


@pytest.mark.parametrize("slave", SLAVES)
def test_the_world_is_installed_from_binaries(lab: Guests, slave: str) -> None:
    assert fleet.declared(lab, slave) == dict.fromkeys(fleet.world(slave), True)
    assert portage.compiled(lab, slave) == []


@pytest.mark.parametrize("slave", SLAVES)
def test_they_are_read_where_the_master_exports_them(lab: Guests, slave: str) -> None:
    """Portage has one binrepo, whose index is here and whose packages are there, and takes none that isn't signed."""
    script = f"""\
sed -n 's/^URI: //p' {STATE}/current/Packages
grep -h ^sync-uri /etc/portage/binrepos.conf/*
portageq envvar PKGDIR DISTDIR FEATURES
"""
    uri, sync, pkgdir, distdir, features = lab.sh(slave, script).splitlines()
    assert uri == f"larry-binhost+file://{EXPORT}/{TARGET}/{fleet.number(lab)}"
    assert sync.replace(" ", "") == f"sync-uri=file://{STATE}/current"
    assert not pkgdir.startswith("/srv")
    assert not distdir.startswith("/srv")
    assert "binpkg-request-signature" in features.split()


@pytest.mark.parametrize("slave", SLAVES)
def test_it_is_mounted_by_who_looks_there_and_so_that_nothing_waits(lab: Guests, slave: str) -> None:
    script = f"{PROGRAM} binhost-sync >&2; findmnt --noheadings --types nfs4 --output SOURCE,OPTIONS {EXPORT}"
    source, options = lab.sh(slave, script).split()
    assert source == f"{lab.address(MASTER)}:{EXPORT}"
    assert {*SAFE, "vers=4.2"} <= set(options.split(","))
    assert "no errors or warnings" in lab.sh(slave, "findmnt --verify --tab-file /etc/fstab 2>&1 || true")


def test_each_service_manager_has_its_own_way_to_wait_for_nobody(lab: Guests) -> None:
    """No boot waits for the master: with systemd who looks there mounts, with OpenRC whoever wants a package."""
    lines = {slave: lab.sh(slave, "grep x-larry-binhost /etc/fstab") for slave in SLAVES}
    assert {slave: "x-systemd.automount" in line for slave, line in lines.items()} == {
        "phenom": True,
        "nehalem": True,
        "openrc": False,
    }
    assert all("noauto" in line for line in lines.values())
    assert lab.sh("openrc", "ps -o comm= 1").strip() == "openrc-init"


def test_a_package_that_another_has_made_is_refused(lab: Guests) -> None:
    """One byte of it is another, in the place that the slaves read: it isn't what the signed seal names."""
    path = "/app-misc/after/after-1-1.gpkg.tar"
    package = f"{fleet.CURRENT}{path}"
    change = f"p={package}; cp -p $p /root/right; printf X | dd of=$p bs=1 seek=2000 conv=notrunc status=none"
    lab.sh(MASTER, change)
    fleet.forgotten(lab, "phenom")
    try:
        said = fleet.ends(lab, "phenom", "emerge --color=n --oneshot --usepkgonly app-misc/after; echo status $?")
    finally:
        lab.sh(MASTER, f"cat /root/right >{package}; touch -r /root/right {package}")
    assert "status 0" not in said, said
    assert "as the seal says, found" in said, said


def test_a_seal_that_another_has_made_is_refused(lab: Guests) -> None:
    lab.sh(MASTER, f"cd {fleet.CURRENT}; cp -p seal.json /root/seal; echo >>seal.json")
    try:
        said = fleet.ends(lab, "openrc", f"{PROGRAM} binhost-sync; echo status $?")
    finally:
        lab.sh(MASTER, f"cp -p /root/seal {fleet.CURRENT}/seal.json")
    assert "status 1" in said, said
    assert "found that it was changed after it was signed" in said, said
