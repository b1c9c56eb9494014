# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After one run, every slave has what is declared for it, from binaries that fit it."""

from __future__ import annotations

import pytest
import yaml

from tests.e2e import portage
from tests.e2e.conftest import Site
from tests.e2e.harness import CHECKOUT, Machines


@pytest.fixture(scope="module", autouse=True)
def converged(site: Site) -> None:
    """Run once; Molecule may have done so before."""
    run = site()
    assert run.rc == 0, run.stdout


@pytest.mark.parametrize("slave", portage.SLAVES)
def test_the_world_is_installed_from_binaries(lab: Machines, slave: str) -> None:
    declared = yaml.safe_load((CHECKOUT / f"inventory/host_vars/{slave}.yml").read_text())["slave_world"]
    found = portage.installed(lab, slave)
    assert {package: found.get(package) for package in declared} == dict.fromkeys(declared, True)
    # What the stage brought was replaced by what the fleet built.
    assert {package for package, binary in found.items() if not binary} == set()
    assert set(found) >= portage.STAGE


@pytest.mark.parametrize("slave", portage.SLAVES)
def test_nothing_was_compiled_on_a_slave(lab: Machines, slave: str) -> None:
    assert portage.compiled(lab, slave) == []
    assert portage.merged(lab, slave)


def test_each_slave_has_the_variant_that_its_own_configuration_asks_for(lab: Machines) -> None:
    assert "nls" in portage.use(lab, "laptop-amd", "app-misc/hello")
    assert "nls" not in portage.use(lab, "laptop-intel", "app-misc/hello")
    assert "video_cards_intel" in portage.use(lab, "laptop-intel", "x11-libs/libdrm")
    assert "video_cards_amdgpu" in portage.use(lab, "laptop-amd", "x11-libs/libdrm")
    hellos = [package for package in portage.index(lab) if package["CPV"] == "app-misc/hello-2.10"]
    assert sorted("nls" in package["USE"].split() for package in hellos) == [False, True]


def test_what_the_stage_brought_has_a_binary_too(lab: Machines) -> None:
    published = {package["CPV"].rpartition("-")[0] for package in portage.index(lab)}
    assert published >= portage.STAGE


@pytest.mark.parametrize("slave", portage.SLAVES)
def test_no_slave_has_code_that_another_slave_cannot_run(lab: Machines, slave: str) -> None:
    assert "cpu_flags_x86_avx2" not in portage.use(lab, slave, "dev-libs/xxhash")
    # A multiplication of whole 256-bit registers is AVX2, whatever AVX may do with them.
    assert lab.sh(slave, "objdump -d /usr/bin/xxhsum | grep -c 'vpmuludq.*ymm' || true") == "0\n"
    assert lab.sh(slave, "hello").startswith("Hello, world!")


def test_the_same_01_fragments_are_on_every_slave_and_in_the_build_root(lab: Machines) -> None:
    shared = "make.conf/01-* package.use/01-* repos.conf/zz-binhost.conf"
    script = f"cd {{}}/etc/portage && sha256sum {shared} && readlink make.profile"
    texts = {lab.sh(slave, script.format("")) for slave in portage.SLAVES}
    assert texts == {lab.sh("desktop", script.format(portage.ROOT))}


def test_the_report_tells_a_person_where_things_are(lab: Machines) -> None:
    report = (CHECKOUT / "inventory/.binhost/report.txt").read_text()
    number = portage.generation(lab)
    assert f"target common: generation {number} at http://{lab.address('desktop')}:8080/common/{number}\n" in report
    for slave in portage.SLAVES:
        assert f"{slave}: " in report
