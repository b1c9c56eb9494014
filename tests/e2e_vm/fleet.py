# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory says of the virtual machines, the places on them, and what tests do there."""

from __future__ import annotations

import json
import typing as t
from contextlib import contextmanager

from lab.vm.names import HOSTS, MASTER
from tests.e2e import portage
from tests.e2e_vm.harness import INVENTORY, Guests

if t.TYPE_CHECKING:
    from collections.abc import Iterator

SLAVES: t.Final = tuple(host for host in HOSTS if host != MASTER)
TARGET: t.Final = "laptops"
STATE: t.Final = "/var/lib/larry-binhost"
PROGRAM: t.Final = f"{STATE}/larry-binhost.pyz"
ROOT: t.Final = f"{STATE}/roots/{TARGET}"
GENERATIONS: t.Final = f"{STATE}/generations"
CURRENT: t.Final = f"{GENERATIONS}/{TARGET}/current"
EXPORT: t.Final = "/srv/larry-binhost/packages"
REPOSITORY: t.Final = "/var/db/repos/lab"
#: While it is there, vector is neither compiled nor installed.
GATE: t.Final = "/var/cache/distfiles/gate"
#: Seconds until something is said to hang. What waits for an absent server ends after 12; an emulated machine, and
#: what works beside it, multiply what else there is to do.
HANGS: t.Final = 300
KILLED: t.Final = 137
#: What a shell says of a program that ended by SIGILL.
ILLEGAL: t.Final = 132
BINARY: t.Final = {"app-misc/after": True, "app-misc/vector": True}


def world(slave: str) -> list[str]:
    """Return what the plan declares for a slave."""
    plan = json.loads((INVENTORY / ".binhost/plan.json").read_text())
    return [atom for atom, slaves in plan["targets"][TARGET]["world"].items() if slave in slaves]


def declared(lab: Guests, slave: str) -> dict[str, bool | None]:
    """Return of each declared package whether it came as a binary; None if it isn't there."""
    found = portage.installed(lab, slave)
    return {package: found.get(package) for package in world(slave)}


def forgotten(lab: Guests, slave: str) -> None:
    """Let a slave fetch again what it fetched in the last days."""
    lab.sh(slave, "rm -rf /var/cache/binhost/binhost/*")


def number(lab: Guests) -> int:
    """Return the number of the generation that is published."""
    return int(lab.sh(MASTER, f"readlink {CURRENT}"))


def until(lab: Guests, host: str, condition: str) -> None:
    """Wait until a shell condition holds on a guest."""
    lab.sh(host, f"until {condition}; do sleep 0.5; done", timeout_s=HANGS * 3)


def ends(lab: Guests, host: str, command: str) -> str:
    """Return what a line of shell says, whatever its status; it fails the test if it doesn't end."""
    done = lab.run(
        host, "timeout", "-s", "KILL", str(HANGS), "bash", "-lc", f"exec 2>&1; {command}", timeout_s=2 * HANGS
    )
    assert done.rc != KILLED, f"{host}: {command}: hangs"
    return done.out


@contextmanager
def gate(lab: Guests, *hosts: str) -> Iterator[None]:
    """Shut the gate on guests; whoever is up afterwards has it open, so that no run waits for a test that failed."""
    for host in hosts:
        lab.sh(host, f"install -D /dev/null {GATE}")
    try:
        yield
    finally:
        opened(lab, *hosts)


def opened(lab: Guests, *hosts: str) -> None:
    """Open the gate."""
    for host in hosts:
        lab.run(host, "rm", "-f", GATE)


def at_gate(lab: Guests, host: str, phase: str) -> None:
    """Wait until a package's phase (configure, preinst) is at the gate."""
    until(lab, host, f"pgrep -f '[e]build.sh {phase}' >/dev/null")


def newer(lab: Guests, revision: int, more: str = "") -> str:
    """Put a newer vector into the master's repository, and nothing between; return its name."""
    folder = f"{REPOSITORY}/app-misc/vector"
    script = f"""\
cd {folder}
rm -f vector-1-r*.ebuild
{{ cat vector-1.ebuild; echo '{more}'; }} >.new
mv .new vector-1-r{revision}.ebuild
"""
    lab.sh(MASTER, script)
    return f"app-misc/vector-1-r{revision}"
