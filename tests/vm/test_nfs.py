# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A slave whose packages come by NFS, and the cable that is pulled while they are mounted: nothing may hang.

One machine for all, in the order of the file. Seconds are those of an emulated machine, where a process takes fifty
times as long to begin.
"""

from __future__ import annotations

import time
import typing as t

import pytest

from tests.vm.conftest import EXPORT, PROGRAM, STATE, Laptop

#: An error comes after 12 s (see _transports); none of what a person does waits longer than that once.
PATIENCE: t.Final = 40
A, B = "app-misc/a/a-1-1.gpkg.tar", "app-misc/b/b-1-1.gpkg.tar"


def seconds(laptop: Laptop, command: str) -> float:
    """Return how long a line of shell takes; it is killed and fails the test where that is too long."""
    begun = time.monotonic()
    status = laptop.guest.run(f"timeout -s KILL {PATIENCE} sh -c '{command}'; echo status $?", timeout=2 * PATIENCE)
    took = time.monotonic() - begun
    assert "status 137" not in status.stdout, f"{command}: hangs"
    return took


def test_the_export_is_mounted_by_who_looks_there(laptop: Laptop) -> None:
    assert laptop.publish(A, B) == 1
    assert "nfs4" not in laptop.run(f"findmnt --noheadings --output FSTYPE {EXPORT}")
    assert "status 0" in laptop.sync()
    assert "nfs4" in laptop.run(f"findmnt --noheadings --output FSTYPE {EXPORT}")
    options = laptop.run(f"findmnt --noheadings --types nfs4 --output OPTIONS {EXPORT}").split(",")
    assert {"ro", "soft", "nosuid", "nodev", "noexec", "timeo=20", "retrans=2"} <= set(options)
    header = laptop.run(f"head -n 20 {STATE}/current/Packages")
    assert f"{EXPORT}/laptops/1" in header
    problems = laptop.run("findmnt --verify --tab-file /etc/fstab 2>&1 || true")
    assert "0 parse errors, 0 errors" in problems, problems


def test_nothing_can_be_written_there(laptop: Laptop) -> None:
    written = laptop.guest.run(f"mount -o remount,rw {EXPORT}; touch {EXPORT}/laptops/x", check=False)
    assert written.returncode != 0
    assert "x" not in laptop.run("ls /srv/master/laptops")
    laptop.run(f"mount -o remount,ro {EXPORT}")


def test_somebody_else_may_not_mount_it(laptop: Laptop) -> None:
    laptop.run("ip address add 10.78.0.3/24 dev cable")
    try:
        asked = f"mount -t nfs -o ro,soft,retry=0,timeo=20,retrans=1,clientaddr=10.78.0.3 10.78.0.1:{EXPORT} /mnt"
        laptop.run("ip route add 10.78.0.1 dev cable src 10.78.0.3")
        refused = laptop.guest.run(f"{asked}; status=$?; ls /mnt; umount /mnt; exit $status", check=False)
        assert "laptops" not in refused.stdout, refused.stdout
    finally:
        laptop.run("ip route del 10.78.0.1; ip address del 10.78.0.3/24 dev cable")


@pytest.fixture
def pulled(laptop: Laptop) -> t.Iterator[Laptop]:
    """Return the machine with what is exported mounted, and the cable out."""
    laptop.run(f"ls {EXPORT}/laptops")
    laptop.cable("down")
    yield laptop
    laptop.cable("up")


def test_the_cable_is_pulled_while_it_is_mounted(pulled: Laptop) -> None:
    took = {
        command: seconds(pulled, command)
        for command in (
            "df",
            f"ls {EXPORT}/laptops/1",
            f"cat {EXPORT}/laptops/1/{A} >/dev/null",
            f"{PROGRAM} binhost-sync --hook",
            "login -f root </dev/null >/dev/null",
        )
    }
    print(took)
    assert max(took.values()) < PATIENCE
    said = pulled.sync()
    assert "status 0" in said
    assert "laptops" in pulled.run(f"head -n 20 {STATE}/current/Packages")


def test_it_comes_back(laptop: Laptop) -> None:
    assert laptop.publish("app-misc/c/c-1-1.gpkg.tar") == 2
    said = laptop.sync()
    assert f"{EXPORT}/laptops/2" in laptop.run(f"head -n 20 {STATE}/current/Packages"), said
