# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import fcntl
import json
import os
import re
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _held, _lock, _process, _teardown, _unpack
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


def job(state: Path, name: str, holds: t.Any) -> Path:
    """Return the lock of a job that holds something."""
    folder = state / "jobs" / name
    folder.mkdir(parents=True)
    us = _process.process(os.getpid())
    assert us is not None
    status = {"holds": holds, "pid": us.pid, "start_time": us.start_time, "boot_id": us.boot}
    (folder / "state.json").write_text(json.dumps(status))
    (folder / "lock").write_text("")
    return folder / "lock"


def test_roots(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert _held.roots(str(tmp_path)) == {}
    locks = [job(tmp_path, "a", [str(tmp_path / "link"), "/x y"]), job(tmp_path, "b", []), job(tmp_path, "c", ["/z"])]
    (tmp_path / "jobs/d").mkdir()
    with locks[0].open() as one, locks[1].open() as two:
        fcntl.flock(one, fcntl.LOCK_EX)
        fcntl.flock(two, fcntl.LOCK_EX)
        assert _held.roots(str(tmp_path)) == {str(tmp_path / "real"): "a", "/x y": "a"}
        _held.free("/z", _held.roots(str(tmp_path)))
        with pytest.raises(BinhostError) as refused:
            _held.free(str(tmp_path / "link"), _held.roots(str(tmp_path)))
        told = f"{tmp_path}/link: expected no running job there, found a; wait for it or cancel it"
        assert str(refused.value) == told
    assert _held.roots(str(tmp_path)) == {}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "roots/t"
    (made / "etc").mkdir(parents=True)
    return made


def test_no_teardown_while_a_job_runs(tmp_path: Path, root: Path) -> None:
    with job(tmp_path, "build-t", [str(root)]).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for act in (_teardown.plan, _teardown.remove):
            with pytest.raises(BinhostError, match=f"^{root}: expected no running job there, found build-t; "):
                act("t", state=str(tmp_path))
    assert (root / "etc").exists()
    assert _teardown.remove("t", state=str(tmp_path))


def test_no_teardown_while_it_is_published(tmp_path: Path, root: Path) -> None:
    with job(tmp_path, "publish-t", [str(tmp_path / "pool/t")]).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(BinhostError, match=f"^{tmp_path}/pool/t: expected no running job there, found publish-t; "):
            _teardown.plan("t", state=str(tmp_path), everything=True)


def test_no_teardown_while_a_build_a_publication_or_an_unpacking_goes_on(tmp_path: Path, root: Path) -> None:
    for name in ("build-t", "generation-t"):
        with (
            _lock.held(name, state=str(tmp_path)),
            pytest.raises(BinhostError, match=f"{name}.lock: expected to be free, found it held by process"),
        ):
            _teardown.remove("t", state=str(tmp_path))
    with (
        _unpack.alone(str(root)),
        pytest.raises(BinhostError, match=re.escape("expected to unpack alone, found another run that unpacks there")),
    ):
        _teardown.remove("t", state=str(tmp_path))
    assert (root / "etc").exists()


def test_no_teardown_of_what_is_no_target(tmp_path: Path, root: Path) -> None:
    for name in ("", "..", "t/etc", "/", "T"):
        with pytest.raises(BinhostError, match="^target: expected a name of "):
            _teardown.remove(name, state=str(tmp_path))
    (tmp_path / "roots/link").symlink_to("t")
    with pytest.raises(BinhostError, match=f"^{tmp_path}/roots/link: expected a folder to delete, found: "):
        _teardown.remove("link", state=str(tmp_path))
    assert (root / "etc").exists()


def test_what_killed_unpacking_left_goes_too(tmp_path: Path, root: Path) -> None:
    partial = Path(_unpack.partial(str(root)))
    partial.mkdir()
    (partial / "precious").write_text("")
    with pytest.raises(BinhostError, match="found a folder that isn't ours; move it away$"):
        _teardown.remove("t", state=str(tmp_path))
    assert (root / "etc").exists()
    (partial / "precious").unlink()
    (partial / "root").mkdir()
    (partial / _unpack.MARKER).write_text("")
    _teardown.remove("t", state=str(tmp_path))
    assert list((tmp_path / "roots").iterdir()) == []
