# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _kernels

DIST, SOURCES = "6.12.1-gentoo-dist", "6.6.30-gentoo"
STALE = "the running kernel 6.1.0 has no modules any more: restart before one is needed"


@pytest.mark.parametrize(
    ("modules", "files", "running", "expected"),
    [
        ([DIST], [f"boot/vmlinuz-{DIST}", f"boot/initramfs-{DIST}.img"], DIST, []),
        ([DIST], [f"boot/kernel-{DIST}.old", f"boot/System.map-{DIST}"], "", []),
        ([DIST], [f"efi/EFI/Linux/gentoo-{DIST}.efi"], DIST, []),
        ([DIST], [f"boot/0123abcd/{DIST}/linux"], DIST, []),
        ([SOURCES], [f"boot/kernel-genkernel-x86_64-{SOURCES}"], SOURCES, []),
        ([DIST, SOURCES], [f"boot/vmlinuz-{DIST}"], DIST, [f"/lib/modules/{SOURCES}: its kernel is not in /boot"]),
        ([DIST, SOURCES], [f"boot/vmlinuz-{DIST}"], SOURCES, []),  # it runs, from wherever
        (
            ["6.12.1-gentoo", DIST],
            [f"boot/vmlinuz-{DIST}"],
            "",
            ["/lib/modules/6.12.1-gentoo: its kernel is not in /boot"],
        ),
        (["6.12.1", "6.12.10"], ["boot/vmlinuz-6.12.10"], "", ["/lib/modules/6.12.1: its kernel is not in /boot"]),
        (
            [DIST],
            [f"boot/vmlinuz-{DIST}", f"boot/vmlinuz-{SOURCES}"],
            DIST,
            [f"/boot/vmlinuz-{SOURCES}: its modules are not in /lib/modules"],
        ),
        ([DIST], [f"boot/vmlinuz-{DIST}"], "6.1.0", [STALE]),
        ([DIST], ["boot/grub/grub.cfg"], "6.1.0", [STALE]),  # /boot isn't mounted
        ([DIST], [f"boot/initramfs-{DIST}.img"], DIST, []),
        ([], [f"boot/vmlinuz-{DIST}"], "6.1.0", []),  # a kernel without modules, or a container
        ([], [], "", []),
    ],
)
def test_compare(modules: list[str], files: list[str], running: str, expected: list[str]) -> None:
    assert _kernels.compare(modules, files, running) == expected


def test_look(tmp_path: Path) -> None:
    for version, marker in ((DIST, "modules.dep"), (SOURCES, "kernel/x.ko"), ("6.1.0", "build/Makefile")):
        path = tmp_path / "lib/modules" / version / marker
        path.parent.mkdir(parents=True)
        path.touch()
    for path in (tmp_path / "boot" / f"vmlinuz-{DIST}", tmp_path / "efi/EFI/Linux" / f"{SOURCES}.efi"):
        path.parent.mkdir(parents=True)
        path.touch()
    (tmp_path / "boot/boot").symlink_to(".")  # as GRUB's own
    assert _kernels.look(str(tmp_path), DIST) == []
    (tmp_path / "boot" / f"vmlinuz-{DIST}").unlink()
    assert _kernels.look(str(tmp_path)) == [f"/lib/modules/{DIST}: its kernel is not in /boot"]
    assert _kernels.look(str(tmp_path / "none"), os.uname().release) == []
