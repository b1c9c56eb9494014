# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody changed is repaired, exactly that, and said."""

from __future__ import annotations

import re

import pytest

from tests.e2e import portage
from tests.e2e.conftest import Site
from tests.e2e.harness import Machines, difference

CONF = "/etc/portage/make.conf"
#: All that a run could have changed; Ansible's own temporary files and the journal are elsewhere.
TREES = ("/etc", "/var/db", "/var/lib/portage", "/var/lib/larry-binhost", "/var/cache")


@pytest.fixture(scope="module", autouse=True)
def drifted(lab: Machines) -> None:
    """Do what people do."""
    lab.sh("laptop-amd", f"echo 'USE=\"${{USE}} surprise\"' >>{CONF}/01-target.conf")
    lab.sh("laptop-amd", f"rm {CONF}/02-host.conf; echo 'USE=\"old\"' >{CONF}/01-old.conf")
    lab.sh("laptop-amd", "emerge --color=n --quiet -C app-text/tree")
    lab.sh("desktop", "systemctl stop larry-binhost-http")


def test_check_mode_shows_it_and_changes_nothing(lab: Machines, site: Site) -> None:
    before = {host: lab.snapshot(host, *TREES) for host in portage.EVERYBODY}
    run = site("--check", "--diff")
    assert run.rc == 0, run.stdout
    for host in portage.EVERYBODY:
        assert difference(before[host], lab.snapshot(host, *TREES)) == {}
    assert {("laptop-amd", "portage_config"), ("desktop", "service_config")} <= run.changed()
    for name in ("01-target.conf", "02-host.conf", "01-old.conf"):
        assert f"{CONF}/{name}" in run.diff("laptop-amd")
    assert "surprise" in run.diff("laptop-amd")
    # emerge was asked with the configuration as it will be: the word that somebody added is gone from it.
    assert re.search(r"^new +binary app-text/tree 2", run.diff("laptop-amd"), re.MULTILINE)


def test_the_next_run_repairs_exactly_these_and_names_each(lab: Machines, site: Site) -> None:
    lab.write("laptop-amd", f"{CONF}/50-mine.conf", 'EMERGE_WARNING_DELAY="0"\n')
    run = site("--diff")
    assert run.rc == 0, run.stdout
    assert run.changed() == {
        ("laptop-amd", "portage_config"),
        ("laptop-amd", "emerge"),
        ("desktop", "service_config"),
    }
    (config,) = run.of("laptop-amd", "portage_config")
    assert sorted(config.result["paths"]) == [
        f"{CONF[1:]}/{name}" for name in ("01-old.conf", "01-target.conf", "02-host.conf")
    ]
    assert config.result["edited"] == ["etc/portage/make.conf/01-target.conf"]
    assert "app-text/tree" in run.diff("laptop-amd")
    assert "larry-binhost-http" in run.diff("desktop")
    assert lab.sh("laptop-amd", f"cd {CONF}; ls; cat 50-mine.conf").splitlines() == [
        *("00-adopted", "01-target.conf", "02-host.conf", "50-mine.conf", "zz-binhost.conf", "zz-distfiles.conf"),
        'EMERGE_WARNING_DELAY="0"',
    ]
    assert portage.installed(lab, "laptop-amd")["app-text/tree"] is True
    assert portage.compiled(lab, "laptop-amd") == []


def test_the_run_after_that_changes_nothing(site: Site) -> None:
    assert site().changed() == set()
