# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real etc/portage in a temporary root."""

from __future__ import annotations

import os
import re
import typing as t
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _tree, _tree_apply
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

FILES = MappingProxyType({"make.conf/01-target.conf": "USE=a\n", "package.use/02-host": "a/b c\n"})


def intent(root: Path, files: Mapping[str, str] = FILES, **rest: object) -> _tree.Intent:
    arguments = {"links": {}, "world_set": None, **rest}
    return _tree.intent(str(root), "o", files=files, **arguments)  # type: ignore[arg-type]


def configure(root: Path, files: Mapping[str, str] = FILES, **rest: object) -> list[str]:
    """Make it so, see that nothing is left to do, and return the changed paths."""
    first = intent(root, files, **rest)
    _tree.carry_out(str(root), first)
    second = intent(root, files, **rest)
    assert (second.changes, second.record) == ([], second.known)
    return [f"{change.action} {change.path}" for change in first.changes]


def tree(root: Path) -> dict[str, str]:
    """Everything below etc/portage: text of files, target of links."""
    base = root / "etc/portage"
    paths = [path for path in base.rglob("*") if path.is_symlink() or path.is_file()]
    return {str(p.relative_to(base)): f"-> {p.readlink()}" if p.is_symlink() else p.read_text() for p in paths}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc/portage").mkdir(parents=True)
    return tmp_path


def test_new_root(root: Path) -> None:
    old = os.umask(0o077)
    try:
        changed = configure(root, links={"make.profile": "../../x"}, world_set="a/b\n")
    finally:
        os.umask(old)
    assert changed == [
        "write etc/portage/make.conf/01-target.conf",
        "link etc/portage/make.profile",
        "write etc/portage/package.use/02-host",
        "write etc/portage/sets/binhost",
        "write var/lib/portage/world_sets",
    ]
    assert tree(root) == {**FILES, "make.profile": "-> ../../x", "sets/binhost": "a/b\n"}
    assert (root / "etc/portage/make.conf").stat().st_mode & 0o7777 == 0o755
    assert (root / "etc/portage/make.conf/01-target.conf").stat().st_mode & 0o7777 == 0o644


def test_drift(root: Path) -> None:
    configure(root)
    conf = root / "etc/portage/make.conf"
    (conf / "01-target.conf").write_text("USE=b\n")
    (conf / "01-old.conf").write_text("USE=old\n")
    (conf / "01-link.conf").symlink_to("/etc/passwd")
    (conf / "50-mine.conf").write_text("USE=mine\n")
    (root / "etc/portage/package.use/02-host").unlink()
    assert intent(root).edited == {"etc/portage/make.conf/01-target.conf"}
    assert _tree.owned_paths(str(root)) == {*FILES, "make.conf/01-old.conf", "make.conf/01-link.conf"}
    assert configure(root) == [
        "write etc/portage/make.conf/01-target.conf",
        "write etc/portage/package.use/02-host",
        "remove etc/portage/make.conf/01-link.conf",
        "remove etc/portage/make.conf/01-old.conf",
    ]
    assert tree(root) == {**FILES, "make.conf/50-mine.conf": "USE=mine\n"}
    assert Path("/etc/passwd").exists()


def test_no_longer_declared(root: Path) -> None:
    configure(root, {"env/late": "x\n", "bashrc": "y\n"}, world_set="a/b\n")
    (root / "var/lib/portage/world_sets").write_text("@kde\n@binhost\n")
    assert configure(root, {}) == [
        "write var/lib/portage/world_sets",
        "remove etc/portage/bashrc",
        "remove etc/portage/env/late",
        "remove etc/portage/sets/binhost",
    ]
    assert (root / "var/lib/portage/world_sets").read_text() == "@kde\n"
    assert configure(root, {}) == []


def test_world_sets_of_others_stay(root: Path) -> None:
    (root / "var/lib/portage").mkdir(parents=True)
    (root / "var/lib/portage/world_sets").write_text("@binhost\n")
    (root / "var/lib/portage/01-x").write_text("")
    assert configure(root, {}) == []
    configure(root)
    assert (root / "var/lib/portage/01-x").exists()


def test_adoption(root: Path) -> None:
    original = b'USE="x"\r\nCFLAGS="\xe9"'  # neither UTF-8 nor ended
    (root / "etc/portage/make.conf").write_bytes(original)
    inode = (root / "etc/portage/make.conf").stat().st_ino
    assert configure(root)[0] == "adopt etc/portage/make.conf"
    adopted = root / "etc/portage/make.conf/00-adopted"
    assert (adopted.read_bytes(), adopted.stat().st_ino) == (original, inode)
    configure(root, {})
    assert adopted.read_bytes() == original


def test_adoption_of_a_link(root: Path) -> None:
    (root / "etc/portage/mine").write_text("USE=x\n")
    (root / "etc/portage/make.conf").symlink_to("mine")
    configure(root)
    assert os.readlink(root / "etc/portage/make.conf/00-adopted") == "../mine"
    assert (root / "etc/portage/make.conf/00-adopted").read_text() == "USE=x\n"


def refusing(real: t.Callable[..., t.Any], *, after: int) -> t.Callable[..., t.Any]:
    """Return a call that works ``after`` times and then meets a full disk, once."""
    calls = 0

    def call(*args: t.Any, **kwargs: t.Any) -> t.Any:
        nonlocal calls
        calls += 1
        if calls == after + 1:
            raise OSError(28, "No space left on device", *args[:1])
        return real(*args, **kwargs)

    return call


@pytest.mark.parametrize("text", ["USE=x\n", "source neighbour\n"])
@pytest.mark.parametrize("calls", range(40))
def test_adoption_killed(root: Path, monkeypatch: pytest.MonkeyPatch, calls: int, text: str) -> None:
    """Killed at each system call that changes something, the original is never lost and the next run completes."""
    conf = root / "etc/portage/make.conf"
    conf.write_text(text)
    left = [calls]

    class Killed(BaseException):
        pass

    def mortal(name: str) -> None:
        real = getattr(os, name)

        def call(*args: object, **kwargs: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return real(*args, **kwargs)

        monkeypatch.setattr(os, name, call)

    for name in ("mkdir", "chmod", "rename", "symlink", "unlink", "link", "rmdir", "fsync"):
        mortal(name)
    with pytest.raises(Killed):
        configure(root)
        raise Killed
    monkeypatch.undo()
    assert text in [path.read_text() for path in (root / "etc/portage").rglob("*") if path.is_file()]
    configure(root)
    beside = tree(root).pop("make.conf.adopted", None)
    adopted = tree(root)["make.conf/00-adopted"]
    assert (beside or adopted) == text
    assert {*tree(root)} == {*FILES, "make.conf/00-adopted", *(["make.conf.adopted"] if beside else [])}
    assert not list((root / "etc/portage").glob(".*"))


def test_a_make_conf_that_sources_its_neighbours_stays_among_them(root: Path) -> None:
    text = 'source hardware.conf\nUSE="x"\n'
    (root / "etc/portage/make.conf").write_text(text)
    inode = (root / "etc/portage/make.conf").stat().st_ino
    configure(root)
    assert (root / "etc/portage/make.conf.adopted").stat().st_ino == inode
    assert (root / "etc/portage/make.conf/00-adopted").read_text().splitlines()[1:] == ["source ../make.conf.adopted"]
    assert configure(root) == []


def test_two_files_to_adopt(root: Path) -> None:
    (root / "etc/portage/.make.conf.adopting").mkdir()
    (root / "etc/portage/.make.conf.adopting/00-adopted").write_text("a")
    (root / "etc/portage/make.conf").write_text("b")
    with pytest.raises(
        BinhostError, match="make.conf: expected one file to adopt, found another in .*00-adopted; nothing was changed$"
    ):
        configure(root)


def test_make_profile(root: Path) -> None:
    profile = root / "etc/portage/make.profile"
    profile.mkdir()
    assert configure(root, {}, links={"make.profile": "../a"}) == ["link etc/portage/make.profile"]
    assert configure(root, {}, links={"make.profile": "../b"}) == ["link etc/portage/make.profile"]
    assert os.readlink(profile) == "../b"
    profile.unlink()
    profile.mkdir()
    (profile / "parent").write_text("gentoo:x\n")
    with pytest.raises(
        BinhostError, match="make.profile: expected a link to ../b, found a directory that holds parent$"
    ):
        intent(root, {}, links={"make.profile": "../b"})


def test_links_out(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (root / "etc/portage/package.use").symlink_to(outside)
    message = f"{root}/etc/portage/package.use: expected a directory below {root}, found a link to {outside}"
    with pytest.raises(BinhostError, match=f"^{re.escape(message)}$"):
        intent(root)
    (root / "etc/portage/package.use").unlink()
    (root / "etc/other").mkdir()
    (root / "etc/portage/package.use").symlink_to("../other")
    with pytest.raises(BinhostError, match=f"found a link to {root}/etc/other$"):
        intent(root)
    (root / "etc/portage/package.use").unlink()
    (root / "etc/portage/use.d").mkdir()
    (root / "etc/portage/package.use").symlink_to("use.d")
    configure(root)
    assert (root / "etc/portage/use.d/02-host").exists()


def test_dead_link(root: Path) -> None:
    (root / "etc/portage/make.conf").symlink_to("gone")
    with pytest.raises(BinhostError, match="make.conf: expected a directory, found a dead link to gone$"):
        intent(root)


def test_a_file_that_is_a_link(root: Path, tmp_path: Path) -> None:
    (root / "victim").write_text("x")
    (root / "etc/portage/bashrc").symlink_to("../../victim")
    with pytest.raises(BinhostError, match="^etc/portage/bashrc: .* found a link to ../../victim of other content"):
        configure(root, {"bashrc": "y\n"})
    assert (root / "etc/portage/bashrc").is_symlink()
    assert configure(root, {"bashrc": "x"}) == ["write etc/portage/bashrc"]
    assert configure(root, {"bashrc": "y\n"}) == ["write etc/portage/bashrc"]
    assert ((root / "victim").read_text(), tree(root)) == ("x", {"bashrc": "y\n"})


def test_no_root(tmp_path: Path) -> None:
    root = tmp_path / "none"
    assert len(intent(root).changes) == 2
    with pytest.raises(
        BinhostError, match=f"^{root}: expected a root to configure, found nothing; unpack the stage first$"
    ):
        _tree.carry_out(str(root), intent(root))
    assert not root.exists()


def test_killed_between_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed run wrote is known to be ours, although the inventory no longer declares it."""

    real = _tree_apply._put

    def put(path: str, *rest: t.Any) -> None:
        if path.endswith("/env/b"):
            raise KeyboardInterrupt
        real(path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(_tree_apply, "_put", put)
        with pytest.raises(KeyboardInterrupt):
            configure(root, {"env/a": "x\n", "env/b": "y\n"})
    assert configure(root, {}) == ["remove etc/portage/env/a"]


def test_two_owners(root: Path) -> None:
    configure(root)
    other = _tree.intent(str(root), "p", files={"make.conf/02-p.conf": "x\n"}, links={}, world_set=None)
    assert [change.path for change in other.changes] == ["etc/portage/make.conf/02-p.conf"]
    _tree.carry_out(str(root), other)
    assert configure(root) == []


def test_bad_record(root: Path) -> None:
    (root / "var/lib/larry-binhost").mkdir(parents=True)
    (root / "var/lib/larry-binhost/config.json").write_text("{")
    with pytest.raises(
        BinhostError, match="config.json: expected the record of the files we own, found something else"
    ):
        intent(root)


def test_full_disk(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(root)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        BinhostError, match="expected to change it, found: No space left on device; nothing was changed$"
    ):
        configure(root, {**FILES, "make.conf/01-target.conf": "USE=new\n"})
    monkeypatch.undo()
    assert tree(root) == FILES
    assert not list(root.rglob(".*"))


ABOUT_TO_CHANGE = ("mkdir", "chmod", "rename", "symlink", "link", "fsync", "open", "fchmod")
MANY = MappingProxyType(
    {
        "make.conf/01-target.conf": "USE=new\n",
        "package.use/01-target": "a/b d\n",
        "package.mask/sub/01-x": "a/b\n",
        "env/quiet": "Q=1\n",
        "bashrc": "y\n",
    }
)


def everything(root: Path) -> dict[str, object]:
    """All of a root: text or target, and mode."""
    return {
        str(path): (
            path.readlink() if path.is_symlink() else path.read_text() if path.is_file() else None,
            path.lstat().st_mode,
        )
        for path in root.rglob("*")
    }


def before(root: Path, text: str) -> None:
    """Lay out what people and an earlier run left: something to adopt, to replace, to remove, to turn around."""
    configure(root, {"env": "x\n", "package.use/01-target": "a/b c\n", "package.use/01-stale": "", "bashrc": "x\n"})
    (root / "etc/portage/make.conf").write_text(text)
    (root / "etc/portage/package.mask").symlink_to("mine")
    (root / "etc/portage/mine").write_text("a/c\n")
    (root / "etc/portage/make.profile").mkdir()


@pytest.mark.parametrize("text", ["USE=x\n", "source neighbour\n"])
@pytest.mark.parametrize("name", ABOUT_TO_CHANGE)
def test_all_or_nothing(root: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    """Whichever call the disk refuses, the tree is as it was; once it is in order, the same run goes through."""
    before(root, text)
    wanted = {"links": {"make.profile": "../x"}, "world_set": "a/b\n"}
    there = everything(root)
    refused = 0
    while True:
        call = refusing(getattr(os, name), after=refused)

        first = intent(root, MANY, **wanted)
        with monkeypatch.context() as patch:
            patch.setattr(os, name, call)
            try:
                _tree.carry_out(str(root), first)
                break
            except BinhostError as exc:
                assert str(exc).endswith("No space left on device; nothing was changed")
        assert everything(root) == there
        refused += 1
    assert refused > 0
    assert configure(root, MANY, **wanted) == []
    assert not list(root.rglob(".*"))


def test_what_a_killed_run_left_is_removed(root: Path) -> None:
    configure(root)
    for name in (".01-target.conf.0.binhost-new", ".01-target.conf.binhost-old"):
        (root / "etc/portage/make.conf" / name).write_text("x")
    configure(root)
    assert tree(root) == FILES


def test_modes(root: Path) -> None:
    path = root / "etc/portage/make.conf/01-target.conf"
    configure(root, modes={"make.conf/01-target.conf": "0600"})
    assert path.stat().st_mode & 0o7777 == 0o600
    path.chmod(0o644)
    assert configure(root, modes={"make.conf/01-target.conf": "600"}) == ["write etc/portage/make.conf/01-target.conf"]
    assert path.stat().st_mode & 0o7777 == 0o600


@pytest.mark.parametrize(
    ("modes", "message"),
    [
        ({"x": "0600"}, "modes, x: expected one of the declared files, found no such file"),
        (
            {"package.use/02-host": 384},
            "modes, package.use/02-host: expected permissions in quotes such as '0640', found 384",
        ),
        (
            {"package.use/02-host": "4755"},
            "modes, package.use/02-host: expected permissions in quotes such as '0640', found '4755'",
        ),
    ],
)
def test_bad_modes(root: Path, modes: dict[str, t.Any], message: str) -> None:
    with pytest.raises(BinhostError, match=f"^{re.escape(message)}$"):
        intent(root, modes=modes)


def test_owners(tmp_path: Path) -> None:
    assert _tree.owners(str(tmp_path)) == []
    configure(tmp_path)
    assert _tree.owners(str(tmp_path)) == ["o"]
    configure(tmp_path, {})
    assert _tree.owners(str(tmp_path)) == []


def test_who_configures_a_root_is_alone(root: Path) -> None:
    with _tree.held(str(root)):
        expected = rf"config.lock: expected to be free, found it held by process {os.getpid()} of \w+ since "
        with pytest.raises(BinhostError, match=expected), _tree.held(str(root), wait=0):
            pass
    with _tree.held(str(root), wait=0), _tree.held(str(root / "none")):
        pass
    assert not (root / "none").exists()
