# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is published is signed, can be taken back, and reaches slaves by a mirror while the master is off."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e import portage
from tests.e2e.conftest import Site
from tests.e2e.harness import Machines

MIRROR = "laptop-new"
STATE = "/var/lib/larry-binhost"
EDITION = "app-text/tree"


@pytest.fixture(scope="module")
def kept(lab: Machines) -> Iterator[dict[str, t.Any]]:
    """Return what the tests of this file tell each other; the mirror is one that knows nothing."""
    lab.up(MIRROR)
    lab.reset(MIRROR)
    yield {}
    lab.stop(MIRROR)


@pytest.fixture
def mirrored(inventory_copy: Path) -> Path:
    """Return an inventory with a mirror."""
    hosts = yaml.safe_load((inventory_copy / "hosts.yml").read_text())
    hosts["mirrors"] = {"hosts": {MIRROR: None}}
    (inventory_copy / "hosts.yml").write_text(yaml.safe_dump(hosts))
    return inventory_copy


def number(lab: Machines, host: str) -> int:
    """Return the generation that a host's Portage reads, or a mirror serves."""
    link = "current" if host in portage.SLAVES else "generations/common/current"
    return int(lab.sh(host, f"readlink {STATE}/{link}").strip().rpartition("/")[2])


def test_what_slaves_have_is_signed_and_believed(lab: Machines, site: Site, kept: dict[str, t.Any]) -> None:
    run = site()
    assert run.rc == 0, run.stdout
    key = json.loads(lab.read("desktop", f"{STATE}/keys/signing.json"))["fingerprint"]
    seal = json.loads(lab.read("desktop", f"{portage.CURRENT}/seal.json"))
    assert {seal["key"], *(package["key"] for package in seal["packages"].values())} == {key}
    for slave in portage.SLAVES:
        assert "BEGIN PGP SIGNATURE" in lab.read(slave, f"{STATE}/current/seal.json.asc")
        assert key in lab.sh(slave, "gpg --homedir /etc/portage/gnupg --list-keys --with-colons")
    kept["number"] = portage.generation(lab)


def test_a_mirror_gets_it_and_stands_in_for_the_master(
    lab: Machines, site: Site, kept: dict[str, t.Any], mirrored: Path
) -> None:
    run = site(inventory=mirrored)
    assert run.rc == 0, run.stdout
    assert f"{MIRROR}: mirror of target common: generation {kept['number']}" in run.stdout
    run = site(inventory=mirrored)
    assert (run.rc, run.changed()) == (0, set()), run.stdout
    lab.sh("laptop-amd", f"emerge --color=n --quiet -C {EDITION}; rm -rf /var/cache/binhost")
    lab.sh("desktop", "systemctl stop larry-binhost-http")
    try:
        run = site("--limit", "laptop-amd", inventory=mirrored)
    finally:
        lab.sh("desktop", "systemctl start larry-binhost-http")
    assert run.rc == 0, run.stdout
    assert portage.installed(lab, "laptop-amd")[EDITION] is True
    assert f"http://{lab.address('desktop')}:8080 does not answer and was passed over" in run.stdout
    assert f"http://{lab.address(MIRROR)}:8080/common/{kept['number']}" in lab.read(
        "laptop-amd", f"{STATE}/current/Packages"
    )


def test_a_damaged_package_is_refused_and_nothing_is_lost(lab: Machines, site: Site, kept: dict[str, t.Any]) -> None:
    path = lab.sh("desktop", f"cd {portage.CURRENT}; ls {EDITION}/*.gpkg.tar | tail -n1").strip()
    file = f"{portage.CURRENT}/{path}"
    lab.sh(
        "desktop",
        f"cp -p {file} /root/whole; rm {file}; (head -c -1 /root/whole; printf x) >{file}; touch -r /root/whole {file}",
    )
    before = portage.installed(lab, "laptop-amd")
    lab.sh("laptop-amd", f"emerge --color=n --quiet -C {EDITION}; rm -rf /var/cache/binhost")
    run = site("--limit", "laptop-amd")
    assert run.rc == 2, run.stdout
    assert "laptop-amd: FAILED" in run.stdout
    assert EDITION not in portage.installed(lab, "laptop-amd")
    lab.sh("desktop", f"cp -p /root/whole {file}")
    run = site("--limit", "laptop-amd")
    assert (run.rc, portage.installed(lab, "laptop-amd")) == (0, before), run.stdout


def test_a_rollback_reaches_slaves_and_a_pinned_one_stays(
    lab: Machines, site: Site, kept: dict[str, t.Any], inventory_copy: Path
) -> None:
    host_vars = inventory_copy / "host_vars/laptop-amd.yml"
    host_vars.write_text(f"{host_vars.read_text()}\nslave_pinned_generation: {kept['number']}\n")
    older = f"binhost_generation={kept['number'] - 1}"
    run = site(
        "-e", older, "-e", "binhost_target_name=common", playbook="playbooks/rollback.yml", inventory=inventory_copy
    )
    assert run.rc == 0, run.stdout
    newest = portage.generation(lab)
    assert newest > kept["number"]
    run = site(inventory=inventory_copy)
    assert run.rc == 0, run.stdout
    assert (number(lab, "laptop-amd"), number(lab, "laptop-intel")) == (kept["number"], newest)
    assert f"pinned to generation {kept['number']} (slave_pinned_generation)" in run.stdout
    run = site("-e", "binhost_generation=latest")
    assert run.rc == 0, run.stdout
    assert number(lab, "laptop-amd") == number(lab, "laptop-intel") == portage.generation(lab) >= newest


def test_another_key_signs_and_all_believe_it(lab: Machines, site: Site, kept: dict[str, t.Any]) -> None:
    record = f"{STATE}/keys/signing.json"
    old = json.loads(lab.read("desktop", record))["fingerprint"]
    assert site("-e", "binhost_key=rotate", playbook="playbooks/keys.yml").rc == 0
    run = site("-e", "binhost_resign=true")
    assert run.rc == 0, run.stdout
    key = json.loads(lab.read("desktop", record))["fingerprint"]
    seal = json.loads(lab.read("laptop-intel", f"{STATE}/current/seal.json"))
    assert (key != old, {seal["key"], *(package["key"] for package in seal["packages"].values())}) == (True, {key})
    run = site()
    assert (run.rc, run.changed()) == (0, set()), run.stdout
