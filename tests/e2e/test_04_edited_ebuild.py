# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ebuild whose dependencies change without a new revision: Portage refuses its old binary."""

from __future__ import annotations

from tests.e2e import portage
from tests.e2e.conftest import Site
from tests.e2e.harness import Machines

EBUILD = "/var/db/repos/lab/app-misc/hello/hello-2.10.ebuild"


def test_it_makes_no_slave_compile(lab: Machines, site: Site) -> None:
    number = portage.generation(lab)
    lab.sh("desktop", f"printf '\nRDEPEND=\"sys-apps/less\"\n' >>{EBUILD}")
    run = site()
    assert run.rc == 0, run.stdout
    packages = portage.build(run)
    assert packages["built"] == ["app-misc/hello-2.10"]
    assert "app-misc/hello-2.10" in packages["variants"]["laptop-intel"]
    assert portage.generation(lab) == number + 1
    for slave in portage.SLAVES:
        assert portage.compiled(lab, slave) == []
        ebuild = "/var/lib/larry-binhost/current/repos/lab/app-misc/hello/hello-2.10.ebuild"
        assert 'RDEPEND="sys-apps/less"' in lab.read(slave, ebuild)
        # From nothing, too, all of it would come from binaries, the new dependency included.
        plan = lab.sh(slave, "emerge --color=n --pretend --emptytree @world")
        assert "[ebuild" not in plan, plan
        assert "sys-apps/less" in plan


def test_and_then_there_is_peace(site: Site) -> None:
    assert site().changed() == set()
