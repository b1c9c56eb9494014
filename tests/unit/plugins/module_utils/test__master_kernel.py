# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel that is too old for what is built is said so."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _master_kernel


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root whose C library, a program of this machine, asks for Linux 5.10."""
    tag = struct.pack("<III4sI", 4, 16, 1, b"GNU\0", 0)
    program = bytearray(Path("/bin/ls").read_bytes())
    struct.pack_into("<III", program, program.index(tag) + len(tag), 5, 10, 0)
    library = tmp_path / "root/usr/lib64/libc.so.6"
    library.parent.mkdir(parents=True)
    library.write_bytes(program)
    (tmp_path / "root/lib64").symlink_to("usr/lib64")
    (tmp_path / "root/lib").symlink_to("/usr/lib")  # the host's own is nobody's affair
    return tmp_path / "root"


def test_what_the_c_library_asks_for(root: Path) -> None:
    assert _master_kernel.needed(str(root)) == ((5, 10, 0), str(root / "usr/lib64/libc.so.6"))
    assert _master_kernel.needed(str(root / "usr/lib64")) is None
    assert _master_kernel.too_old(str(root), release="5.10.0-rc1") == ""
    assert _master_kernel.too_old(str(root), release="4.19-gentoo") == (
        f"{root}/usr/lib64/libc.so.6: expected a C library for this machine's own kernel, Linux 4.19-gentoo, found one "
        "that asks for Linux 5.10.0: boot a newer kernel here"
    )


def test_what_a_program_says(root: Path) -> None:
    words = _master_kernel.too_old(str(root), said="./conftest\nFATAL: kernel too old\nAborted\n", release="6.1.0")
    assert words == (
        f"{root}: expected programs that start on this machine's own kernel, Linux 6.1.0, found one that says "
        "'kernel too old': boot a newer kernel here"
    )


@pytest.mark.parametrize(
    ("release", "version"),
    [("6.1.0-13-amd64", (6, 1, 0)), ("6.18.44", (6, 18, 44)), ("5.4", (5, 4, 0)), ("none", (0, 0, 0))],
)
def test_releases(release: str, version: tuple[int, int, int]) -> None:
    assert _master_kernel.running(release) == version
