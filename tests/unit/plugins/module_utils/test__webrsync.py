# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dated snapshots of a mirror: http and gpg are real."""

from __future__ import annotations

import contextlib
import functools
import http.server
import subprocess
import threading
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _download, _pins, _webrsync
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._webrsync import Snapshots

from tests.unit.plugins import stages

DAY: t.Final = "20260131"
NOW: t.Final = _pins.since("20260203") + 3600


class Mirror:
    """A mirror, and who signs what it has."""

    def __init__(self, folder: Path, signer: stages.Signer, uri: str) -> None:
        self.folder = folder / "snapshots"
        self.signer = signer
        self.uri = uri

    def add(self, day: str, moment: int | None = None, signer: stages.Signer | None = None) -> Path:
        """Put a day's snapshot there, with the timestamp that it has."""
        stamp = _pins.since(day) + _pins.DAY + 2700 if moment is None else moment
        tree = self.folder.parent / f"tree-{day}"
        (tree / "a/metadata").mkdir(parents=True, exist_ok=True)
        (tree / "a/metadata/timestamp.x").write_text(f"{stamp} Sun 01 Feb 2026 00:45:00 AM UTC\n")
        (tree / "a/metadata/timestamp.commit").write_text("0123456789abcdef 1769906700 2026-02-01T00:45:00Z\n")
        path = self.folder / f"a-{day}.tar.xz"
        subprocess.run(["tar", "-C", tree, "-cJf", path, "a"], check=True)
        who = signer or self.signer
        who.gpg("--yes", "--output", f"{path}.gpgsig", "--detach-sign", path)
        return path


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[stages.Signer, stages.Signer]]:
    """Return two keys."""
    with contextlib.ExitStack() as stack:
        folders = (tmp_path_factory.mktemp(name) for name in ("key", "other"))
        one, two = (stack.enter_context(stages.signer(folder)) for folder in folders)
        yield one, two


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: t.Any) -> None:
        """Say nothing."""


@pytest.fixture
def mirror(tmp_path: Path, signers: tuple[stages.Signer, stages.Signer]) -> Iterator[Mirror]:
    """Return a mirror that has nothing yet."""
    (tmp_path / "snapshots").mkdir()
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Mirror(tmp_path, signers[0], f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
        thread.join()


def snapshots(mirror: Mirror, tmp_path: Path, fingerprint: str = "") -> Snapshots:
    """Return what this machine has of it."""
    return Snapshots(stages.run, "a", mirror.uri, str(mirror.signer.public), fingerprint, str(tmp_path / "kept"))


def kept(tmp_path: Path) -> list[str]:
    """Return which snapshots are kept."""
    return sorted(path.name for path in (tmp_path / "kept").glob("*.tar.xz*") if not path.name.endswith(".gpgsig"))


def test_bring_and_unpack(mirror: Mirror, tmp_path: Path) -> None:
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


def test_another_signs(mirror: Mirror, tmp_path: Path, signers: tuple[stages.Signer, stages.Signer]) -> None:
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
def test_an_old_one_under_a_new_name(mirror: Mirror, tmp_path: Path, off: int, right: bool) -> None:
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
    mirror: Mirror, tmp_path: Path
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
