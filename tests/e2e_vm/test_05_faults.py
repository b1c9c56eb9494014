# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cables and plugs are pulled, machines boot anew: nothing hangs or is lost, and one more run ends where it should.

``app-misc/vector`` waits where it is compiled and where it is installed while a file is there; ``app-misc/after`` comes
after it.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.vm.names import MASTER
from tests.e2e import portage
from tests.e2e.conftest import Site
from tests.e2e.harness import Run
from tests.e2e_vm import fleet
from tests.e2e_vm.fleet import BINARY, EXPORT, PROGRAM, SLAVES, STATE, TARGET
from tests.e2e_vm.harness import Guests

#: A slave of each service manager.
USING: t.Final = ("phenom", "openrc")
#: Who loses the current while it installs.
KILLED: t.Final = ("nehalem", "openrc")
SUM: t.Final = "332865464\n"
T = t.TypeVar("T")


def each(hosts: t.Sequence[str], do: Callable[[str], T]) -> dict[str, T]:
    """Return what a function says of each host, all at once: most of it is waiting."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(hosts, pool.map(do, hosts), strict=True))


def is_whole(lab: Guests) -> None:
    """Fail unless every slave has what is declared, from binaries, and it runs."""
    for slave in SLAVES:
        assert fleet.declared(lab, slave) == dict.fromkeys(fleet.world(slave), True)
        assert lab.sh(slave, "vector") == SUM
        assert portage.compiled(lab, slave) == []
        assert "-MERGING-" not in lab.sh(slave, "ls /var/db/pkg/app-misc")


@pytest.fixture(scope="module")
def rebooted(lab: Guests, site: Site) -> Run:
    """Return the run whose master boots anew while it builds: vector as it should have been."""
    fleet.newer(lab, 2)
    with ThreadPoolExecutor() as pool, fleet.gate(lab, MASTER):
        run = pool.submit(site, "--limit", MASTER)
        fleet.at_gate(lab, MASTER, "configure")
        lab.reboot(MASTER)
    return run.result()


def test_a_master_that_boots_anew_ends_the_run_that_builds(lab: Guests, rebooted: Run) -> None:
    assert rebooted.rc == 2, rebooted.stdout
    job = rebooted.of(MASTER, "job")[-1].result["jobs"][f"build-{TARGET}"]
    assert "Run again, it goes on from there" in job["message"]


def test_the_next_run_builds_it_and_everybody_has_it(lab: Guests, site: Site, rebooted: Run) -> None:
    """On the Nehalem it takes the place of what was forced in."""
    run = site()
    assert run.rc == 0, run.stdout
    job = run.of(MASTER, "job")[-1].result["jobs"][f"build-{TARGET}"]
    assert job["result"]["built"] == ["app-misc/vector-1-r2"]
    is_whole(lab)
    assert {lab.sh(slave, "ls -d /var/db/pkg/app-misc/vector-*") for slave in SLAVES} == {
        "/var/db/pkg/app-misc/vector-1-r2\n"
    }


@pytest.fixture(scope="module")
def pulled(lab: Guests) -> Iterator[dict[str, str]]:
    """Pull the master's cable while slaves use what it exports."""
    hold = f"cd {EXPORT}/{TARGET}; exec 3<current/seal.json; setsid sleep 36000 <&3 >/dev/null 2>&1 & echo $!"
    pids = each(USING, lambda slave: lab.sh(slave, f"{PROGRAM} binhost-sync >&2; {hold}").strip())
    lab.cable(MASTER, "down")
    yield pids
    lab.cable(MASTER, "up")


@pytest.mark.parametrize(
    "command",
    [
        "df",
        f"ls {EXPORT}/{TARGET}/1",
        f"cat {EXPORT}/{TARGET}/current/app-misc/vector/vector-1-r2-1.gpkg.tar | wc -c",
        f"{PROGRAM} binhost-sync --hook; echo status $?",
        "emerge --color=n --pretend app-misc/vector",
    ],
)
def test_nothing_hangs_while_the_cable_is_out(lab: Guests, pulled: dict[str, str], command: str) -> None:
    said = each(USING, lambda slave: fleet.ends(lab, slave, command))
    if command == "df":
        assert all("/dev/vda" in text for text in said.values()), said
    if command.startswith(("ls", "cat")):
        assert all("rror" in text for text in said.values()), said
    if "status" in command:
        assert all(text.endswith("status 0\n") for text in said.values()), said
    if command.startswith("emerge"):
        assert all("app-misc/vector-1-r2" in text for text in said.values()), said


def test_a_run_goes_on_without_its_master(lab: Guests, site: Site, pulled: dict[str, str]) -> None:
    """What is installed is left as it is, and the facts are told, of the mount that doesn't answer as well."""
    before = {slave: portage.installed(lab, slave) for slave in USING}
    run = site("--limit", ",".join(USING))
    assert run.rc == 0, run.stdout
    assert run.changed() == set()
    for slave in USING:
        (facts,) = run.of(slave, "host_facts")
        assert facts.result["ansible_facts"]["binhost_host"]["fstab"] == [EXPORT]
        assert portage.installed(lab, slave) == before[slave]


def test_with_the_cable_back_it_is_as_before(lab: Guests, site: Site, pulled: dict[str, str]) -> None:
    lab.cable(MASTER, "up")
    said = each(USING, lambda slave: fleet.ends(lab, slave, f"{PROGRAM} binhost-sync && ls {EXPORT}/{TARGET}"))
    assert all("current" in text.split() for text in said.values()), said
    each(USING, lambda slave: lab.sh(slave, f"kill {pulled[slave]}"))
    run = site()
    assert (run.rc, run.changed()) == (0, set()), run.stdout
    is_whole(lab)


def removed(lab: Guests, slave: str) -> None:
    """Let a slave have to install two packages, the second of which isn't fetched before it is its turn."""
    fleet.forgotten(lab, slave)
    lab.sh(slave, "rm -r /var/db/pkg/app-misc/{vector,after}-* /usr/bin/vector /usr/share/after")


@pytest.fixture(scope="module")
def unplugged(lab: Guests, site: Site) -> Iterator[Run]:
    """Return the run during which the master is switched off, and two slaves lose the current and boot without it."""
    each(SLAVES, lambda slave: removed(lab, slave))
    with ThreadPoolExecutor() as pool, fleet.gate(lab, *SLAVES):
        run = pool.submit(site)
        each(SLAVES, lambda slave: fleet.at_gate(lab, slave, "preinst"))
        for slave in KILLED:
            lab.kill(slave)
        lab.stop(MASTER)
        each(KILLED, lab.start)
    yield run.result()


def test_a_slave_whose_master_is_off_says_what_it_lacks(lab: Guests, unplugged: Run) -> None:
    assert unplugged.rc != 0, unplugged.stdout
    assert unplugged.recap["phenom"]["failures"] == 1
    found = portage.installed(lab, "phenom")
    assert {name: found.get(name) for name in BINARY} == {"app-misc/vector": True, "app-misc/after": None}
    assert "app-misc/after" in unplugged.stdout


@pytest.mark.parametrize("slave", KILLED)
def test_a_slave_boots_without_its_master_and_waits_for_nothing(lab: Guests, unplugged: Run, slave: str) -> None:
    assert unplugged.recap[slave]["failures"] == 1
    if slave == "nehalem":
        unit = f'"$(systemd-escape --path {EXPORT}).automount"'
        assert lab.sh(slave, f"systemctl is-active {unit}") == "active\n"
        units = lab.sh(slave, "systemctl list-jobs --no-legend; systemctl --failed --no-legend --plain")
        assert "srv-larry" not in units
    else:
        assert "crashed" not in lab.sh(slave, "rc-status --nocolor default")
    assert lab.sh(slave, "findmnt --noheadings --types nfs4") == "", "nobody has looked there since it booted"
    assert "app-misc/vector-1-r2" in fleet.ends(lab, slave, "emerge --color=n --pretend app-misc/vector")
    assert f"file://{EXPORT}" in lab.sh(slave, f"head -n 30 {STATE}/current/Packages")


def test_one_more_run_and_everybody_has_everything(lab: Guests, site: Site, unplugged: Run) -> None:
    lab.start(MASTER)
    run = site()
    assert run.rc == 0, run.stdout
    is_whole(lab)
