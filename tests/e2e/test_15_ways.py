# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Slaves with several ways to their packages, by the inventory alone; NFS is in tests/e2e_vm."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterator

import pytest

from tests.e2e import portage
from tests.e2e.conftest import Site
from tests.e2e.harness import Machines

WAYS: t.Final = {"master_ssh": True, "master_rsync": True, "slave_transports": ["ssh", "rsync", "http"]}
TOLD: t.Final = ("-e", json.dumps(WAYS))
STATE: t.Final = "/var/lib/larry-binhost"
SYNC: t.Final = f"{STATE}/larry-binhost.pyz binhost-sync"
#: Of the lab's master, what serves by each way.
SERVICES: t.Final = {"ssh": "ssh", "rsync": "larry-binhost-rsync", "http": "larry-binhost-http"}
#: How the fleet's own emerge is called, before which the newest packages are asked for.
AGAIN: t.Final = "rm -rf /var/cache/binhost/binhost/*; emerge --oneshot --usepkg app-misc/hello 2>&1"


def way(lab: Machines, host: str) -> str:
    """Return the scheme of the URI from which Portage takes packages on a slave."""
    return lab.sh(host, f"sed -n 's/^URI: //p' {STATE}/current/Packages").partition(":")[0]


@pytest.fixture
def without(lab: Machines) -> Iterator[t.Callable[..., None]]:
    """Return what stops some of the master's services until the test is over."""

    def stop(*ways: str) -> None:
        lab.sh("desktop", f"systemctl stop {' '.join(SERVICES[each] for each in ways)}")

    yield stop
    lab.sh("desktop", f"systemctl start {' '.join(SERVICES.values())}")


def test_the_first_way_that_answers_is_used(lab: Machines, site: Site) -> None:
    run = site(*TOLD)
    assert run.rc == 0, run.stdout
    assert {way(lab, slave) for slave in portage.SLAVES} == {"ssh"}
    assert "restrict" in lab.read("desktop", "/root/.ssh/authorized_keys")
    again = site(*TOLD)
    assert (again.rc, again.changed()) == (0, set()), again.stdout


def test_packages_come_by_ssh(lab: Machines, without: t.Callable[..., None]) -> None:
    without("rsync", "http")
    assert "Emerging binary" in lab.sh("laptop-amd", AGAIN)
    assert way(lab, "laptop-amd") == "ssh"


def test_and_by_rsync_where_that_is_gone(lab: Machines, without: t.Callable[..., None]) -> None:
    without("ssh", "http")
    assert "Emerging binary" in lab.sh("laptop-amd", AGAIN)
    assert way(lab, "laptop-amd") == "rsync"


def test_without_any_what_is_here_is_known(lab: Machines, without: t.Callable[..., None]) -> None:
    without("ssh", "rsync", "http")
    assert "app-misc/hello" in lab.sh("laptop-amd", "emerge --pretend --usepkg app-misc/hello 2>&1")
    assert lab.run("laptop-amd", "sh", "-c", f"{SYNC} --hook").rc == 0


def test_a_way_that_is_no_longer_offered_is_closed(lab: Machines, site: Site) -> None:
    run = site()
    assert run.rc == 0, run.stdout
    assert {way(lab, slave) for slave in portage.SLAVES} == {"http"}
    assert "mirror-source" not in lab.read("desktop", "/root/.ssh/authorized_keys")
    assert lab.run("desktop", "systemctl", "is-active", SERVICES["rsync"]).out.strip() != "active"
    again = site()
    assert (again.rc, again.changed()) == (0, set()), again.stdout
