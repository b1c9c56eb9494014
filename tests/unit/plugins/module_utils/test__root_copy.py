# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of build roots: real copies of small trees."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _process, _root_copy
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

FORK = multiprocessing.get_context("fork")


def run(args: t.Any, /) -> tuple[int, str, str]:
    done = subprocess.run(args, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root with some files, a link and a name with spaces."""
    made = tmp_path / "roots/lap tops"
    (made / "etc").mkdir(parents=True)
    (made / "etc/link").symlink_to("/etc/passwd")
    for number in range(50):
        (made / f"file {number}").write_text("old")
    return made


def content(root: Path) -> set[str]:
    """Return what the files say."""
    return {path.read_text() for path in root.glob("file *")}


def names(root: Path) -> list[str]:
    return [each.name for each in _root_copy.listing(str(root))]


def change(root: Path, text: str) -> None:
    for path in root.glob("file *"):
        path.write_text(text)


def test_there_and_back(root: Path) -> None:
    made = _root_copy.snapshot(run, str(root), "first")
    assert oct(os.stat(os.path.dirname(made.path)).st_mode)[-3:] == "700"
    change(root, "new")
    before = _root_copy.restore(run, str(root), "first")
    assert (content(root), content(Path(before)), content(Path(made.path))) == ({"old"}, {"new"}, {"old"})
    assert names(root) == ["first", os.path.basename(before)]
    assert _root_copy.restored(str(root)) == "first"
    assert (root / "etc/link").readlink() == Path("/etc/passwd")
    # What was put back can be kept again, and what stood there too.
    _root_copy.snapshot(run, str(root), "second")
    _root_copy.delete(str(root), "first")
    assert names(root) == [os.path.basename(before), "second"]


def test_a_root_that_is_gone_comes_back(root: Path) -> None:
    _root_copy.snapshot(run, str(root), "first")
    os.rename(root, root.parent / "elsewhere")
    assert _root_copy.restore(run, str(root), "first") == ""
    assert content(root) == {"old"}


@pytest.mark.parametrize("name", ["", ".new-a", "../a", "a/b", "a b"])
def test_what_is_no_name(root: Path, name: str) -> None:
    with pytest.raises(BinhostError, match="expected a snapshot's name of letters"):
        _root_copy.snapshot(run, str(root), name)


def test_what_is_refused(root: Path) -> None:
    with pytest.raises(BinhostError, match="none of that name; there are: none"):
        _root_copy.restore(run, str(root), "first")
    _root_copy.snapshot(run, str(root), "first")
    with pytest.raises(BinhostError, match="expected no snapshot of that name, found one"):
        _root_copy.snapshot(run, str(root), "first")
    with pytest.raises(BinhostError, match="expected a build root, found none"):
        _root_copy.snapshot(run, str(root.parent / "none"), "first")


def test_a_full_disk_leaves_all_as_it_was(root: Path) -> None:
    def full(args: t.Any, /) -> tuple[int, str, str]:
        os.mkdir(args[-1])
        return 1, "", "cp: No space left on device"

    with pytest.raises(BinhostError, match="found: cp: No space left on device"):
        _root_copy.snapshot(full, str(root), "first")
    assert os.listdir(_root_copy.folder(str(root))) == []


def copying(root: Path) -> bool:
    """Return whether a program still has the root in its command line."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(root.parent) in entry.read_text(errors="replace"):
                return True
    return False


def test_killed_at_any_moment_one_or_the_other_stands_there(root: Path) -> None:
    change(root, "first")
    _root_copy.snapshot(run, str(root), "first")
    change(root, "second")
    _root_copy.snapshot(run, str(root), "second")
    began = time.monotonic()
    _root_copy.restore(run, str(root), "first")
    whole = time.monotonic() - began
    chance = random.Random(7)
    for attempt in range(30):
        wanted = ("first", "second")[attempt % 2]
        process = FORK.Process(target=_root_copy.restore, args=(run, str(root), wanted))
        process.start()
        process.join(chance.uniform(0, whole * 1.2))
        process.kill()
        process.join()
        assert _process.until(lambda: not copying(root), 30, 0.01)
        assert content(root) in ({"first"}, {"second"})
        _root_copy.recover(str(root))
        for each in _root_copy.listing(str(root)):
            assert content(Path(each.path)) in ({"first"}, {"second"})
            assert len(list(Path(each.path).iterdir())) >= 51
            if each.name.startswith(_root_copy.REPLACED):
                _root_copy.delete(str(root), each.name)
        assert names(root) == ["first", "second"]
        assert sorted(os.listdir(_root_copy.folder(str(root)))) == ["first", "second"]


def test_what_only_was_prepared_is_no_snapshot(root: Path) -> None:
    _root_copy.snapshot(run, str(root), "first")
    change(root, "new")

    def killed(_one: str, _other: str) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_root_copy, "exchange", killed)
        with pytest.raises(KeyboardInterrupt):
            _root_copy.restore(run, str(root), "first")
    assert content(root) == {"new"}
    assert names(root) == ["first"]
    _root_copy.recover(str(root))
    assert os.listdir(_root_copy.folder(str(root))) == ["first"]
