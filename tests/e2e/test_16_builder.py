# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A master that builds at its time, without a controller, and is switched off in the middle of it."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _process

from tests.e2e import portage
from tests.e2e.conftest import Site
from tests.e2e.harness import Machines
from tests.e2e.test_10_jobs import compiling, gate, jobs, newer

UNIT: t.Final = "larry-binhost-build"
TIMED: t.Final = ("-e", json.dumps({"master_rebuild": "04:00"}))
#: Seconds that a small build may take on a machine that has other things to do.
LONG: t.Final = 900


def published(lab: Machines) -> set[str]:
    """Return the packages of the current generation."""
    return {stanza["CPV"] for stanza in portage.index(lab)}


def timers(lab: Machines) -> str:
    """Return the timers that systemd waits for on the master."""
    return lab.sh("desktop", "systemctl list-timers --all --no-legend --no-pager")


def test_a_timer_is_set(lab: Machines, site: Site) -> None:
    run = site(*TIMED)
    assert run.rc == 0, run.stdout
    assert f"{UNIT}.timer" in timers(lab)
    again = site(*TIMED)
    assert (again.rc, again.changed()) == (0, set()), again.stdout


def test_what_it_starts_builds_and_publishes(lab: Machines) -> None:
    package = newer(lab, 91)
    lab.sh("desktop", f"systemctl start {UNIT}.service", timeout_s=LONG)
    assert package in published(lab)


def test_a_master_that_is_restarted_meanwhile_goes_on_by_itself(lab: Machines) -> None:
    package = newer(lab, 92)
    with gate(lab) as opened:
        lab.sh("desktop", f"systemctl start --no-block {UNIT}.service")
        compiling(lab)
        lab.stop("desktop")
        lab.start("desktop")
        opened()
    assert _process.until(lambda: package in published(lab), LONG, 5)
    assert _process.until(lambda: jobs(lab)["publish-common"]["phase"] == "finished", LONG, 5)
    assert jobs(lab)["build-common"]["phase"] == "finished"
    assert lab.sh("desktop", "grep -c /roots/ /proc/self/mountinfo || true").strip() == "0"


def test_a_timer_that_nobody_wants_is_gone(lab: Machines, site: Site) -> None:
    run = site()
    assert run.rc == 0, run.stdout
    assert f"{UNIT}.timer" not in timers(lab)
    assert "-r92" in lab.sh("laptop-amd", "ls /var/db/pkg/app-text")
    again = site()
    assert (again.rc, again.changed()) == (0, set()), again.stdout
