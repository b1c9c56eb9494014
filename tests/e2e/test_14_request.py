# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody asks for a program on one laptop; its master is no part of the run's --limit."""

from __future__ import annotations

import json
import typing as t

from tests.e2e import portage
from tests.e2e.conftest import Site
from tests.e2e.harness import CHECKOUT, Machines

KEPT: t.Final = CHECKOUT / "inventory/.binhost/requests.json"
#: Its tree has it since a moment ago.
WANTED: t.Final = "app-misc/asked"
EBUILD: t.Final = """\
EAPI=8

DESCRIPTION="A file that somebody asks for"

S="${WORKDIR}"
SLOT="0"
KEYWORDS="amd64"

src_install() {
    echo asked >asked || die
    insinto /usr/share/asked
    doins asked
}
"""
REQUEST: t.Final = "playbooks/request.yml"


def generation(lab: Machines) -> str:
    """Return the number that is published."""
    return lab.sh("desktop", "readlink /var/lib/larry-binhost/generations/common/current").strip()


def test_it_is_built_published_and_installed_there_alone(lab: Machines, site: Site) -> None:
    lab.write("desktop", f"/var/db/repos/lab/{WANTED}/asked-1.ebuild", EBUILD)
    before = generation(lab)
    run = site("--limit", "laptop-intel", "-e", f"binhost_atoms={WANTED}", playbook=REQUEST)
    assert run.rc == 0, run.stdout
    assert portage.installed(lab, "laptop-intel")[WANTED] is True
    assert WANTED not in portage.installed(lab, "laptop-amd")
    assert portage.compiled(lab, "laptop-intel") == []
    assert generation(lab) != before
    assert list(json.loads(KEPT.read_text())["laptop-intel"]) == [WANTED]
    assert WANTED in lab.read("laptop-intel", "/var/lib/portage/world").split()


def test_it_is_there_already_for_the_next(lab: Machines, site: Site) -> None:
    before = generation(lab)
    run = site("--limit", "laptop-amd", "-e", f"binhost_atoms={WANTED}", playbook=REQUEST)
    assert run.rc == 0, run.stdout
    assert portage.installed(lab, "laptop-amd")[WANTED] is True
    assert generation(lab) == before  # nothing was built for it


def test_afterwards_there_is_nothing_to_do(lab: Machines, site: Site) -> None:
    assert site().rc == 0
    run = site()
    assert (run.rc, run.changed()) == (0, set()), run.stdout


def test_it_is_listed_and_forgotten(lab: Machines, site: Site) -> None:
    run = site("--limit", "slaves", playbook=REQUEST)
    assert f"laptop-amd: {WANTED}, since " in run.stdout
    run = site("--limit", "slaves", "-e", f"binhost_forget={WANTED}", playbook=REQUEST)
    assert run.rc == 0, run.stdout
    assert json.loads(KEPT.read_text()) == {}
    assert WANTED not in lab.read("laptop-intel", "/var/lib/portage/world").split()
    run = site("--limit", "slaves", "-e", f"binhost_forget={WANTED}", playbook=REQUEST)
    assert run.rc != 0
    assert f"expected a request for {WANTED} to forget, found none" in run.stdout
