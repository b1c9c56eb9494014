# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _on_demand

PLACE = "/srv/larry-binhost/packages"
OPENRC = f"desktop:{PLACE} {PLACE} nfs ro,soft,noauto,_netdev,x-larry-binhost 0 0\n"
MOUNTED = f"36 35 0:42 / {PLACE} ro,relatime - nfs4 desktop:{PLACE} ro\n"


@pytest.mark.parametrize(
    ("fstab", "mountinfo", "path", "expected"),
    [
        (OPENRC, "", f"{PLACE}/laptops/current/seal.json", ["mount", PLACE]),
        (OPENRC, "", PLACE, ["mount", PLACE]),
        (OPENRC, MOUNTED, f"{PLACE}/laptops", []),
        (OPENRC, "", "/srv/larry-binhost/packages-of-mine", []),
        (OPENRC, "", "/media/stick", []),
        (OPENRC.replace(",x-larry-binhost", ""), "", PLACE, []),
        (OPENRC.replace("noauto", "noauto,x-systemd.automount"), "", PLACE, []),
        (OPENRC.replace("noauto,", ""), "", PLACE, []),
        ("", "", PLACE, []),
    ],
)
def test_what_is_mounted(tmp_path: Path, fstab: str, mountinfo: str, path: str, expected: list[str]) -> None:
    (tmp_path / "fstab").write_text(fstab)
    (tmp_path / "mountinfo").write_text(mountinfo)
    found = _on_demand.command(path, fstab=str(tmp_path / "fstab"), mountinfo=str(tmp_path / "mountinfo"))
    assert found == expected


def test_a_machine_without_a_fstab(tmp_path: Path) -> None:
    assert _on_demand.command(PLACE, fstab=str(tmp_path / "none")) == []
