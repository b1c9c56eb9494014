# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stage and a disk that is full, or too small, or another one."""

from __future__ import annotations

import os
import subprocess
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _stage, _unpack
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

from tests.unit.plugins import stages


@pytest.fixture(scope="module")
def offer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_stage.Offer]:
    folder = tmp_path_factory.mktemp("offer")
    with stages.signer(folder) as signer:
        tarball = stages.offer(folder / "a stage\nof ours", signer)
        yield _stage.Offer(str(tarball), str(signer.public), signer.fingerprint)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Yield another file system, of 64 pages."""
    place = tmp_path / "small disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


def install(run: t.Any, root: Path, offer: _stage.Offer) -> _stage.Stage:
    return _stage.install(run, str(root), offer, _stage.promised(stages.run, offer))


def test_a_disk_that_fills_while_the_stage_is_unpacked(small: Path, offer: _stage.Offer) -> None:
    precious = small / "somebody's"

    def run(args: list[str]) -> tuple[int, str, str]:
        if args[0] == "tar":  # somebody else writes at that moment
            with open(precious, "wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
                while True:
                    file.write(bytes(4096))
        return stages.run(args)

    root = small / "root"
    with pytest.raises(BinhostError, match="expected to unpack it into .*No space left on device"):
        install(run, root, offer)
    assert not root.exists()
    assert precious.stat().st_size > 0
    precious.unlink()
    install(stages.run, root, offer)
    assert _stage.standing(str(root)) is not None
    assert sorted(os.listdir(small)) == ["root"]


def test_a_disk_that_is_too_small_is_refused_before(small: Path, offer: _stage.Offer) -> None:
    (small / "theirs").write_bytes(bytes(256 * 1024))
    with pytest.raises(BinhostError, match=r"small disk: expected 1 MiB for the unpacked stage, found 0 MiB free$"):
        install(stages.run, small / "root", offer)
    assert os.listdir(small) == ["theirs"]


def test_a_root_with_something_mounted_below_what_is_left(small: Path, tmp_path: Path, offer: _stage.Offer) -> None:
    left = Path(_unpack.partial(str(tmp_path / "root")))
    (left / "root/mnt").mkdir(parents=True)
    (left / _unpack.MARKER).write_text("")
    (small / "precious").write_text("precious")
    subprocess.run(["mount", "--bind", small, left / "root/mnt"], check=True)
    try:
        with pytest.raises(BinhostError, match="expected nothing mounted below what is to be deleted, found"):
            install(stages.run, tmp_path / "root", offer)
        assert (small / "precious").read_text() == "precious"
    finally:
        subprocess.run(["umount", left / "root/mnt"], check=True)
    install(stages.run, tmp_path / "root", offer)
