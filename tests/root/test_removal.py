# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A teardown with something mounted below the root deletes nothing of that, nor anything else."""

from __future__ import annotations

import os
import re
import typing as t
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _mountinfo, _removal, _teardown
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

from tests.root.namespace import of_its_own, sh

FILES: t.Final = 200
TARGET: t.Final = "laptops"


def precious(place: Path) -> Path:
    """Return a folder full of files, with a folder and a link in it."""
    (place / "photos").mkdir(parents=True)
    for number in range(FILES):
        (place / f"photos/{number}").write_text("the only copy")
    (place / "home").symlink_to("photos")
    return place


def whole(place: Path) -> bool:
    return sum(path.read_text() == "the only copy" for path in (place / "photos").iterdir()) == FILES


def state_with(tmp_path: Path) -> Path:
    """Return a state folder with a spaced path that holds all that there may be of a target."""
    state = tmp_path / "a state\nof ours"
    for folder in ("roots", "roots/other", f"roots/{TARGET}/etc", f"variants/{TARGET}/laptop", f"pkgdir/{TARGET}/app"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    (state / f"roots/{TARGET}/etc/a b\nc").write_text("x" * 5000)
    (state / f"pool/{TARGET}").mkdir(parents=True)
    (state / f"pool/{TARGET}/package").write_text("signed")
    (state / f"generations/{TARGET}/1").mkdir(parents=True)
    (state / f"generations/{TARGET}/current").symlink_to("1")
    (state / "fingerprints").mkdir()
    (state / f"fingerprints/target-{TARGET}.json").write_text("{}")
    return state


def names(state: Path) -> list[str]:
    """Return all that is in a state folder, without locks and what /proc has."""
    found = sh("find", state, "-name", "run", "-prune", "-o", "-fstype", "proc", "-prune", "-o", "-printf", "%P\\0")
    return sorted(filter(None, found.split("\0")))


def proc(root: Path, _files: Path) -> None:
    (root / "proc").mkdir()
    sh("mount", "-t", "proc", "proc", root / "proc")


def dev(root: Path, _files: Path) -> None:
    (root / "dev").mkdir()
    sh("mount", "--rbind", "/dev", root / "dev")


def bind(root: Path, files: Path) -> None:
    (root / "mnt").mkdir()
    sh("mount", "--bind", files, root / "mnt")


def rbind(root: Path, files: Path) -> None:
    sh("mount", "-t", "tmpfs", "tmpfs", files / "home2")
    sh("mount", "--rbind", files, root / "mnt2")


def hidden_under_another(root: Path, files: Path) -> None:
    (root / "a/b").mkdir(parents=True)
    sh("mount", "--bind", files, root / "a/b")
    sh("mount", "-t", "tmpfs", "tmpfs", root / "a")


def stacked(root: Path, files: Path) -> None:
    bind(root, files)
    sh("mount", "-t", "tmpfs", "tmpfs", root / "mnt")


def of_a_file(root: Path, files: Path) -> None:
    (root / "disk").write_text("")
    sh("mount", "--bind", files / "photos/0", root / "disk")


def over_the_root(root: Path, files: Path) -> None:
    sh("mount", "--bind", files, root)


def with_a_newline_in_its_name(root: Path, files: Path) -> None:
    (root / "a b\n\tc\\040").mkdir()
    sh("mount", "--bind", files, root / "a b\n\tc\\040")


MOUNTS: t.Final = (
    *(proc, dev, bind, rbind, hidden_under_another),
    *(stacked, of_a_file, over_the_root, with_a_newline_in_its_name),
)


@pytest.mark.parametrize("mount", MOUNTS, ids=lambda mount: mount.__name__)
@of_its_own
def test_teardown_above_a_mount(tmp_path: Path, mount: Callable[[Path, Path], None]) -> None:
    state, files = state_with(tmp_path), precious(tmp_path / "precious")
    root = state / "roots" / TARGET
    (files / "home2").mkdir()
    (root / "mnt2").mkdir()
    devices = os.listdir("/dev")
    mount(root, files)
    before, mounted = names(state), _mountinfo.read()
    for act in (_teardown.plan, _teardown.remove):
        with pytest.raises(BinhostError, match=f"^{re.escape(str(root))}: expected nothing mounted below"):
            act(TARGET, state=str(state), everything=True)
    assert (names(state), _mountinfo.read()) == (before, mounted)
    assert whole(files)
    assert os.listdir("/dev") == devices


@pytest.mark.parametrize("mount", MOUNTS[:-3], ids=lambda mount: mount.__name__)
@of_its_own
def test_a_mount_that_comes_after_the_check(tmp_path: Path, mount: Callable[[Path, Path], None]) -> None:
    """The walk itself doesn't enter it, whatever mountinfo said before."""
    root, files = tmp_path / "root", precious(tmp_path / "precious")
    (files / "home2").mkdir()
    (root / "mnt2").mkdir(parents=True)
    devices = os.listdir("/dev")
    mount(root, files)
    _removal.check = lambda path: None  # in this child alone
    with pytest.raises(BinhostError, match="expected the tree's own file system, found another mounted there$"):
        _removal.tree(str(root))
    assert whole(files)
    assert os.listdir("/dev") == devices
    assert Path("/dev/null").exists()


@of_its_own
def test_a_file_bound_after_the_check(tmp_path: Path) -> None:
    root, files = tmp_path / "root", precious(tmp_path / "precious")
    root.mkdir()
    of_a_file(root, files)
    _removal.check = lambda path: None
    with pytest.raises(BinhostError, match=f"^{root}/disk: expected to delete it, found: Device or resource busy$"):
        _removal.tree(str(root))
    assert whole(files)


def in_memory(state: Path) -> None:
    """The roots are on a file system of their own; one of these makes no root a mount point."""
    sh("mount", "-t", "tmpfs", "tmpfs", state / "roots")
    (state / f"roots/{TARGET}/etc").mkdir(parents=True)
    (state / "roots/other").mkdir()


def on_a_loop_device(state: Path) -> None:
    image = state.parent / "image"
    with image.open("wb") as file:
        file.truncate(16 << 20)
    sh("mkfs.ext4", "-q", image)
    sh("mount", "-o", "loop", image, state / "roots")
    (state / f"roots/{TARGET}/etc").mkdir(parents=True)
    (state / "roots/other").mkdir()


def on_the_same(_state: Path) -> None:
    pass


@pytest.mark.parametrize("place", [on_the_same, in_memory, on_a_loop_device], ids=lambda place: place.__name__)
@of_its_own
def test_teardown(tmp_path: Path, place: Callable[[Path], None]) -> None:
    state = state_with(tmp_path)
    place(state)
    told = _teardown.plan(TARGET, state=str(state))
    before = names(state)
    assert [Path(part.path).relative_to(state).as_posix() for part in told] == [
        *(f"fingerprints/target-{TARGET}.json", f"roots/{TARGET}", f"variants/{TARGET}", f"pkgdir/{TARGET}"),
    ]
    assert sum(part.extent.files for part in told) == len([name for name in before if is_targets(name)])
    assert _teardown.remove(TARGET, state=str(state)) == told
    assert names(state) == [name for name in before if not is_targets(name)]
    assert "roots/other" in names(state)
    assert _teardown.plan(TARGET, state=str(state)) == []
    _teardown.remove(TARGET, state=str(state), everything=True)
    assert [name for name in names(state) if TARGET in name] == []
    sh("sync", "-f", state)


def is_targets(name: str) -> bool:
    """Return whether a path of the state folder goes without ``everything``."""
    top = name.split("/")[0]
    return top in ("roots", "variants", "pkgdir", "fingerprints") and TARGET in name


def test_half_a_teardown(tmp_path: Path) -> None:
    """Killed while it deletes: nothing stands under the root's name, and the next run goes on."""
    state = state_with(tmp_path)
    root = state / "roots" / TARGET
    root.rename(root.with_name(f".new-{TARGET}.gone"))
    root.mkdir()
    told = [Path(part.path).name for part in _teardown.remove(TARGET, state=str(state))]
    assert told == [f"target-{TARGET}.json", f".new-{TARGET}.gone", TARGET, TARGET, TARGET]
    assert [path.name for path in (state / "roots").iterdir()] == ["other"]
