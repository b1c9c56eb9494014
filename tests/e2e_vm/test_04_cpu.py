# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package for another CPU ends by SIGILL: that is real here, and so is what keeps it away."""

from __future__ import annotations

import json
import typing as t

import pytest

from lab.vm.names import HOSTS, MASTER
from tests.e2e.conftest import Site
from tests.e2e.harness import Run
from tests.e2e_vm import fleet, qemu
from tests.e2e_vm.fleet import EXPORT, ILLEGAL, PROGRAM, ROOT, SLAVES, STATE, TARGET
from tests.e2e_vm.harness import INVENTORY, Guests

#: What gcc makes of -march=native on the master.
NATIVE: t.Final = "-O2 -march=haswell"
FOREIGN: t.Final = "app-misc/vector/vector-1-r1-1.gpkg.tar"
FACTS: t.Final = """\
- hosts: all
  gather_facts: false
  tasks:
    - larry.binhost.cpuflags_facts:
"""


@pytest.fixture(scope="module")
def facts(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run of cpuflags_facts on all of them."""
    playbook = tmp_path_factory.mktemp("cpu") / "facts.yml"
    playbook.write_text(FACTS)
    run = site(playbook=str(playbook))
    assert run.rc == 0, run.stdout
    return run


@pytest.mark.parametrize("host", HOSTS)
def test_what_is_known_of_a_cpu_is_what_its_model_promises(facts: Run, host: str) -> None:
    (known,) = facts.of(host, "cpuflags_facts")
    cpu = known.result["ansible_facts"]["binhost_cpu"]
    assert cpu["flags"] == qemu.promised(HOSTS[host].cpu)
    assert cpu["disagreements"] == []


def test_the_models_differ_in_what_matters(facts: Run) -> None:
    """Else the rest of this file would show nothing."""
    flags = {host: set(qemu.promised(machine.cpu)) for host, machine in HOSTS.items()}
    assert {"avx2", "bmi2", "fma3"} <= flags[MASTER]
    assert not any("avx" in flags[slave] for slave in SLAVES)
    assert "sse4_2" in flags["nehalem"]
    assert {"3dnow", "sse4a"} <= flags["phenom"]
    assert "ssse3" not in flags["phenom"]


def test_the_targets_own_build_runs_everywhere(lab: Guests) -> None:
    sums = {host: lab.sh(host, "vector") for host in SLAVES}
    sums[MASTER] = lab.sh(MASTER, f"{ROOT}/usr/bin/vector")
    assert set(sums.values()) == {"332865464\n"}


def test_code_that_nothing_tells_of_is_noticed_when_it_ends(lab: Guests, site: Site) -> None:
    """Its CFLAGS are the target's; only the kernel's own line, once it ran, says what it is."""
    assert lab.sh(MASTER, f"{ROOT}/usr/bin/hidden") == "42\n"
    lab.sh("nehalem", f"test ! -e {STATE}/crashed.json")
    assert lab.run("nehalem", "hidden").rc == ILLEGAL
    assert "traps: hidden[" in lab.sh("nehalem", "dmesg | grep 'trap invalid opcode'")
    lab.sh("nehalem", f"{PROGRAM} binhost-sync")
    (crash,) = json.loads(lab.read("nehalem", f"{STATE}/crashed.json"))["crashes"]
    assert (crash["cpv"], crash["file"], crash["program"]) == ("app-misc/hidden-1", "/usr/bin/hidden", "hidden")
    excluded = json.loads(lab.read("nehalem", f"{STATE}/current/excluded.json"))
    assert [(path, reason["kind"]) for path, reason in excluded.items()] == [
        ("app-misc/hidden/hidden-1-1.gpkg.tar", "crashed")
    ]


@pytest.fixture(scope="module")
def refused(lab: Guests, site: Site) -> Run:
    """Return the run in which the master has built vector for itself, as who forgets the slaves does."""
    fleet.newer(lab, 1, f'CFLAGS="{NATIVE}"')
    return site("--limit", f"{MASTER},nehalem")


def test_a_build_for_the_masters_cpu_is_refused_with_what_is_missing(lab: Guests, refused: Run) -> None:
    assert refused.rc == 2, refused.stdout
    assert refused.recap[MASTER]["failures"] == 0
    lacking = f"{NATIVE}: they make the compiler use what the CPU lacks: abm, avx, avx2, bmi1, bmi2, f16c, fma, "
    (failed,) = [event for event in refused.of("nehalem", "emerge") if event.status == "failed"]
    assert f"{FOREIGN}: {lacking}" in failed.result["msg"]
    report = (INVENTORY / ".binhost/report.txt").read_text()
    assert f"  nehalem can't run vector-1-r1-1: {lacking}" in report
    (facts,) = refused.of("nehalem", "host_facts")
    (crash,) = facts.result["ansible_facts"]["binhost_host"]["crashed"]
    assert "app-misc/hidden-1 (build 1): hidden was stopped in /usr/bin/hidden" in str(crash)
    assert fleet.declared(lab, "nehalem") == dict.fromkeys(fleet.world("nehalem"), True)
    assert lab.sh("nehalem", "ls -d /var/db/pkg/app-misc/vector-*") == "/var/db/pkg/app-misc/vector-1\n"


def test_forced_in_by_hand_it_ends_by_sigill(lab: Guests, refused: Run) -> None:
    """It runs on the master; that the refusal was right is shown by who doesn't mind it."""
    assert lab.sh(MASTER, f"{ROOT}/usr/bin/vector") == "332865464\n"
    script = f"""\
mkdir -p /root/forced/app-misc/vector
cp {EXPORT}/{TARGET}/{fleet.number(lab)}/{FOREIGN} /root/forced/app-misc/vector
export PKGDIR=/root/forced FEATURES='-getbinpkg -pkgdir-index-trusted'
emerge --color=n --oneshot --usepkgonly --nodeps =app-misc/vector-1-r1
"""
    lab.sh("nehalem", script)
    assert lab.run("nehalem", "vector").rc == ILLEGAL
    assert "trap invalid opcode" in lab.sh("nehalem", "dmesg | grep 'traps: vector\\['")
