# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A slave whose packages come by NFS, and the cable that is pulled while they are mounted: nothing may hang.

One machine for all of them, in the order of the file.
"""

from __future__ import annotations

import typing as t

import pytest

from tests.vm.conftest import EXPORT, HANGS, MASTER, PROGRAM, STATE, Laptop

A, B, C = (f"app-misc/{name}/{name}-1-1.gpkg.tar" for name in "abc")
KILLED: t.Final = 137


def ends(laptop: Laptop, command: str) -> str:
    """Return what a line of shell says, whatever its status; it fails the test if it doesn't end."""
    done = laptop.guest.run(f"timeout -s KILL {HANGS} {command} 2>&1", check=False, timeout=2 * HANGS)
    assert done.returncode != KILLED, f"{command}: hangs"
    return str(done.stdout)


def test_the_machine_booted_without_its_master(laptop: Laptop) -> None:
    # The image has the line, and at boot there was neither the master nor a network that leads to it.
    assert laptop.booted_with == laptop.line(laptop.mount["opts"])
    assert laptop.automount == "active"
    units = laptop.run("systemctl list-jobs --no-legend; systemctl --failed --no-legend --plain")
    assert "srv-larry" not in units, units


def test_the_export_is_mounted_by_who_looks_there(laptop: Laptop) -> None:
    assert laptop.publish(A, B) == 1
    assert "nfs4" not in laptop.run(f"findmnt --noheadings --output FSTYPE {EXPORT}")
    laptop.looked_at()
    mounted = laptop.run(f"findmnt --noheadings --types nfs4 --output OPTIONS {EXPORT}")
    assert {"ro", "soft", "nosuid", "nodev", "noexec", "timeo=20", "retrans=2"} <= set(mounted.strip().split(","))
    assert "no errors or warnings" in laptop.run("findmnt --verify --tab-file /etc/fstab 2>&1 || true")


def test_the_packages_come_from_there(laptop: Laptop) -> None:
    said = laptop.sync()
    assert "generation 1 is here" in said, said
    assert f"{EXPORT}/laptops/1" in laptop.run(f"head -n 20 {STATE}/current/Packages")


def test_nobody_can_write_there(laptop: Laptop) -> None:
    laptop.looked_at()
    laptop.guest.run(f"mount -o remount,rw {EXPORT}; touch {EXPORT}/laptops/mine", check=False)
    assert "mine" not in laptop.run("ls /srv/master/laptops")
    laptop.run(f"umount {EXPORT}")


def test_somebody_else_may_not_mount_it(laptop: Laptop) -> None:
    another = f"ip address add 10.78.0.3/24 dev cable; ip route add {MASTER} dev cable src 10.78.0.3"
    laptop.run(f"umount --all --types nfs4; {another}")
    try:
        mount = f"mount -t nfs -o ro,soft,retry=0,timeo=20,retrans=1 {MASTER}:{EXPORT} /mnt"
        refused = laptop.guest.run(mount, check=False, timeout=HANGS)
        assert refused.returncode != 0
        assert "laptops" not in laptop.run("ls /mnt")
    finally:
        laptop.run(f"umount /mnt; ip route del {MASTER}; ip address del 10.78.0.3/24 dev cable", check=False)


@pytest.fixture(scope="module")
def pulled(laptop: Laptop) -> t.Iterator[Laptop]:
    """Return the machine with what is exported mounted, and the cable out."""
    laptop.looked_at()
    laptop.cable("down")
    yield laptop
    laptop.cable("up")


@pytest.mark.parametrize(
    "command", ["df", f"ls {EXPORT}/laptops/1", f"cat {EXPORT}/laptops/1/{A}", "emerge --pretend app-misc/hello"]
)
def test_nothing_hangs_while_the_cable_is_out(pulled: Laptop, command: str) -> None:
    said = ends(pulled, command)
    if command.startswith("emerge"):
        assert "app-misc/hello" in said
    if command == "df":
        assert "/dev/vda" in said


def test_the_sync_says_so_and_leaves_what_is_here(pulled: Laptop) -> None:
    assert ends(pulled, f"{PROGRAM} binhost-sync --hook; echo $?").endswith("0\n")
    assert f"{EXPORT}/laptops/1" in pulled.run(f"head -n 20 {STATE}/current/Packages")


def test_the_facts_are_told(pulled: Laptop) -> None:
    done = pulled.ansible("host_facts")
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout.partition(" fstab:")[2].split()
    assert told[:2] == ["-", EXPORT], done.stdout


def test_it_comes_back(laptop: Laptop) -> None:
    laptop.cable("up")
    assert laptop.publish(C) == 2
    laptop.looked_at()
    said = laptop.sync()
    assert "generation 2 is here" in said, said
