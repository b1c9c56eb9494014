# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody changed of exports and mounts is repaired, exactly that, and the kernels do as the files say."""

from __future__ import annotations

import pytest

from lab.vm.names import MASTER
from tests.e2e.conftest import Site
from tests.e2e.harness import Run
from tests.e2e_vm.fleet import EXPORT, PROGRAM
from tests.e2e_vm.harness import Guests

EXPORTS = "/etc/exports.d/larry-binhost.exports"
OURS = "grep x-larry-binhost /etc/fstab"


@pytest.fixture(scope="module")
def before(lab: Guests) -> dict[str, str]:
    """Return what was right, and do what people do."""
    right = {host: lab.sh(host, OURS) for host in (MASTER, "phenom", "openrc")}
    right["exports"] = lab.sh(MASTER, f"cat {EXPORTS}; exportfs -s")
    lab.sh(MASTER, f"sed -i 's/(ro,/(rw,/' {EXPORTS}; exportfs -ra || true; exportfs -s | grep -w rw")
    lab.sh(MASTER, "sed -i '/x-larry-binhost/d' /etc/fstab")
    lab.sh("phenom", "sed -i 's/,soft,/,hard,/' /etc/fstab; systemctl daemon-reload")
    lab.sh("openrc", "sed -i '/x-larry-binhost/d' /etc/fstab")
    return right


@pytest.fixture(scope="module")
def repaired(site: Site, before: dict[str, str]) -> Run:
    """Return the run that repairs it."""
    run = site("--diff")
    assert run.rc == 0, run.stdout
    return run


def test_exactly_that_is_repaired(repaired: Run) -> None:
    assert repaired.changed() == {
        (MASTER, "mount"),
        (MASTER, "service_config"),
        ("phenom", "mount"),
        ("phenom", "command"),
        ("openrc", "mount"),
    }
    assert "(rw," in repaired.diff(MASTER)


def test_files_and_kernels_say_what_they_said(lab: Guests, repaired: Run, before: dict[str, str]) -> None:
    after = {host: lab.sh(host, OURS) for host in (MASTER, "phenom", "openrc")}
    after["exports"] = lab.sh(MASTER, f"cat {EXPORTS}; exportfs -s")
    assert after == before


@pytest.mark.parametrize("slave", ["phenom", "openrc"])
def test_what_is_mounted_anew_is_safe_again(lab: Guests, repaired: Run, slave: str) -> None:
    lab.sh(slave, f"umount --all --types nfs4; {PROGRAM} binhost-sync")
    assert "soft" in lab.sh(slave, f"findmnt --noheadings --types nfs4 --output OPTIONS {EXPORT}").split(",")
