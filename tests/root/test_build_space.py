# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds in memory and on disk, and what is full: real Portage."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

from tests.root.master import Master, build, packages
from tests.root.planted import FILE

MIB = 1024**2
#: Writes 8 MiB where it is built, then says what is mounted there.
LARGE = """\
src_compile() {
    head -c 8M /dev/urandom >large || die "no room"
    stat -c %m . >where || die
}
src_install() {
    insinto /usr/share/planted/${PN}
    doins where
}
"""


@contextmanager
def small(place: Path, size: str) -> Iterator[None]:
    """Mount a file system of this size there."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def where(root: str, name: str) -> str:
    """Return the mount point below which a package was built."""
    return Path(root, "usr/share/planted", name, "where").read_text().strip()


def test_what_is_large_is_built_on_disk_and_the_rest_in_memory(master: Master) -> None:
    master.plant({"x/large-1": LARGE, "x/other-1": LARGE})
    target = master.target({"amd": ["x/large", "x/other"]}, tmpfs=64 * MIB, on_disk=["x/lar*"])
    target = dataclasses.replace(target, proof="x/plain")
    assert build(target).problems == []
    assert where(target.root, "other") == "/var/tmp/portage"
    assert where(target.root, "large") == "/"
    assert not [path for path in target.variants[0].files if "env" in path]


def test_too_little_memory_is_told_with_what_to_change(master: Master) -> None:
    master.plant({"x/large-1": LARGE})
    target = master.target({"amd": ["x/large"]}, tmpfs=4 * MIB)
    with pytest.raises(BinhostError) as caught:
        build(target)
    assert str(caught.value).endswith(
        "\nx/large-1: expected to fit into the 4.0 MiB of memory that master_build_tmpfs gives to builds, found no "
        "space left: make that larger, or list the package in master_build_on_disk"
    )
    assert build(dataclasses.replace(target, on_disk=["x/large"])).problems == []
    assert packages(target) == ["large-1", "plain-1"]


def test_a_full_pkgdir_loses_nothing_and_the_next_run_goes_on(master: Master) -> None:
    blob = FILE.replace("doins file", "head -c 3M /dev/urandom >blob; doins file blob")
    master.plant({"x/one-1": FILE, "x/two-1": 'RDEPEND="x/one"\n' + blob})
    target = master.target({"amd": ["x/two"]})
    with small(master.folder / "pkgdir", "1M"):
        with pytest.raises(BinhostError, match="x/two-1 failed"):
            build(target)
        assert packages(target) == ["one-1", "plain-1"]
        subprocess.run(["mount", "-o", "remount,size=64M", str(master.folder / "pkgdir")], check=True)
        result = build(target)
        assert result.problems == []
        assert result.built == ["x/two-1"]
        assert packages(target) == ["one-1", "plain-1", "two-1"]
        assert not [path for path in Path(target.pkgdir).rglob("*.gpkg.tar*") if path.name.count("-1") > 2]


def test_a_full_root_on_a_file_system_of_its_own_is_repaired(master: Master) -> None:
    blob = FILE.replace("doins file", "head -c 40M /dev/urandom >blob; doins file blob")
    master.plant({"x/one-1": FILE, "x/two-1": blob})
    used = int(subprocess.check_output(["du", "-sm", str(master.pristine)], text=True).split()[0])
    with small(master.folder / "roots", f"{used + 60}M"):
        target = master.target({"amd": ["x/one", "x/two"]})
        with pytest.raises(BinhostError, match="No space left on device"):
            build(target)
        subprocess.run(["mount", "-o", "remount,size=1G", str(master.folder / "roots")], check=True)
        assert build(target).problems == []
        assert packages(target) == ["one-1", "plain-1", "two-1"]
