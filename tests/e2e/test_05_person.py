# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between runs a slave is a normal Gentoo machine, with its master and without."""

from __future__ import annotations

import json
import time

from tests.e2e import portage
from tests.e2e.conftest import Site
from tests.e2e.harness import CHECKOUT, Machines

PATIENCE_S = 60


def test_what_a_person_emerges_comes_as_a_binary(lab: Machines) -> None:
    lab.sh("laptop-intel", "emerge --color=n app-text/tree")
    lab.sh("laptop-intel", "emerge --color=n -uDN @world")
    assert portage.installed(lab, "laptop-intel")["app-text/tree"] is True
    assert portage.compiled(lab, "laptop-intel") == []


def test_it_joins_the_targets_world_and_stays(lab: Machines, site: Site) -> None:
    run = site()
    assert run.rc == 0, run.stdout
    plan = json.loads((CHECKOUT / "inventory/.binhost/plan.json").read_text())
    assert plan["targets"]["common"]["world"]["app-text/tree"] == ["laptop-amd"]
    assert plan["targets"]["common"]["wishes"] == {"app-text/tree": ["laptop-intel"]}
    assert run.changed() == set()
    assert "app-text/tree" in lab.read("laptop-intel", "/var/lib/portage/world").split()


def test_a_wish_that_nobody_can_fulfil_stops_nobody(lab: Machines, site: Site) -> None:
    lab.sh("laptop-intel", "echo app-misc/gone >>/var/lib/portage/world")
    run = site()
    assert (run.rc, run.changed()) == (0, set()), run.stdout
    lab.sh("laptop-intel", "sed -i '/gone/d' /var/lib/portage/world")


def test_features_of_the_persons_own_leave_the_binaries_on(lab: Machines, site: Site) -> None:
    lab.write("laptop-intel", "/etc/portage/make.conf/50-mine.conf", 'FEATURES="ccache"\n')
    lab.sh("laptop-intel", "emerge --color=n --oneshot app-text/tree")
    assert site().rc == 0
    assert portage.compiled(lab, "laptop-intel") == []


def test_without_the_master_nothing_hangs(lab: Machines) -> None:
    lab.stop("desktop")
    try:
        began = time.monotonic()
        assert "sys-apps/pv" in lab.sh("laptop-intel", "emerge --color=n -p sys-apps/pv")
        assert lab.run("laptop-intel", "emerge", "--color=n", "sys-apps/pv").rc != 0
        assert time.monotonic() - began < PATIENCE_S
    finally:
        lab.start("desktop")


def test_a_master_that_accepts_and_says_nothing_holds_nobody_up(lab: Machines) -> None:
    lab.pause("desktop")
    try:
        began = time.monotonic()
        assert lab.run("laptop-intel", "emerge", "--color=n", "sys-apps/pv").rc != 0
        assert time.monotonic() - began < PATIENCE_S
    finally:
        lab.unpause("desktop")
    lab.sh("laptop-intel", "emerge --color=n --oneshot sys-apps/pv && emerge --color=n -C sys-apps/pv")
    assert portage.compiled(lab, "laptop-intel") == []
