# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dated snapshots of a mirror: http and gpg are real."""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _download, _pins, _webrsync
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._webrsync import Snapshots

from tests.unit.plugins import dated, stages

DAY: t.Final = "20260131"
NOW: t.Final = _pins.since("20260203") + 3600


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[stages.Signer, stages.Signer]]:
    """Return two keys."""
    with contextlib.ExitStack() as stack:
        folders = (tmp_path_factory.mktemp(name) for name in ("key", "other"))
        one, two = (stack.enter_context(stages.signer(folder)) for folder in folders)
        yield one, two


@pytest.fixture
def mirror(tmp_path: Path, signers: tuple[stages.Signer, stages.Signer]) -> Iterator[dated.Mirror]:
    """Return a mirror that has nothing yet."""
    with dated.mirror(tmp_path, signers[0], "a") as made:
        yield made


def snapshots(mirror: dated.Mirror, tmp_path: Path, fingerprint: str = "") -> Snapshots:
    """Return what this machine has of it."""
    return Snapshots(stages.run, "a", mirror.uri, str(mirror.signer.public), fingerprint, str(tmp_path / "kept"))


def kept(tmp_path: Path) -> list[str]:
    """Return which snapshots are kept."""
    return sorted(path.name for path in (tmp_path / "kept").glob("*.tar.xz*") if not path.name.endswith(".gpgsig"))


def test_bring_and_unpack(mirror: dated.Mirror, tmp_path: Path) -> None:
    mirror.add(DAY)
    mine = snapshots(mirror, tmp_path, mirror.signer.fingerprint)
    digest = mine.bring(DAY)
    for path in mirror.folder.iterdir():
        path.unlink()
    assert mine.bring(DAY) == digest  # it is here
    top = mine.unpack(DAY, str(tmp_path / "tree"))
    assert (top, _webrsync.commit(top)) == (str(tmp_path / "tree/a"), "0123456789abcdef")
    mine.forget("20260201")
    assert kept(tmp_path) == []
    with pytest.raises(_download.MissingError, match="404"):
        mine.bring(DAY)


def test_another_signs(mirror: dated.Mirror, tmp_path: Path, signers: tuple[stages.Signer, stages.Signer]) -> None:
    mirror.add(DAY, signer=signers[1])
    with pytest.raises(BinhostError, match=rf"a-{DAY}.tar.xz: .*expected a signature by a key of .*key.asc, found "):
        snapshots(mirror, tmp_path).bring(DAY)
    mirror.add(DAY)
    with pytest.raises(
        BinhostError, match=f"expected a signature by {'A' * 40}, found one by {signers[0].fingerprint}"
    ):
        snapshots(mirror, tmp_path, "A" * 40).bring(DAY)
    path = mirror.add(DAY)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(BinhostError, match="it was changed after it was signed"):
        snapshots(mirror, tmp_path).bring(DAY)
    assert kept(tmp_path) == []
    mirror.add(DAY)
    assert snapshots(mirror, tmp_path).bring(DAY)


@pytest.mark.parametrize(("off", "right"), [(-1, False), (0, True), (2 * _pins.DAY, True), (2 * _pins.DAY + 1, False)])
def test_an_old_one_under_a_new_name(mirror: dated.Mirror, tmp_path: Path, off: int, right: bool) -> None:
    mirror.add(DAY, _pins.since(DAY) + off)
    mine = snapshots(mirror, tmp_path)
    mine.bring(DAY)
    if right:
        assert mine.unpack(DAY, str(tmp_path / "tree"))
        return
    with pytest.raises(BinhostError, match=rf"a-{DAY}.tar.xz: expected a snapshot of that day, found one of 2026"):
        mine.unpack(DAY, str(tmp_path / "tree"))
    assert kept(tmp_path) == []


def test_the_newest_is_the_last_that_there_is_and_never_older_than_what_is_pinned(
    mirror: dated.Mirror, tmp_path: Path
) -> None:
    mirror.add("20260130")
    mirror.add(DAY)
    mine = snapshots(mirror, tmp_path)
    assert mine.newest(NOW) == DAY
    assert kept(tmp_path) == [f"a-{DAY}.tar.xz"]
    assert mine.newest(NOW, "20260201") == "20260201"
    with pytest.raises(BinhostError, match=r"expected snapshots/a-<day>.tar.xz of one of the last 40 days, found none"):
        mine.newest(NOW - 30 * _pins.DAY)
    # A mirror that is off is no mirror without a snapshot.
    dead = Snapshots(stages.run, "a", "http://127.0.0.1:9/", mine.keys, "", mine.folder)
    with pytest.raises(BinhostError, match="expected to fetch it, found"):
        dead.newest(NOW)
