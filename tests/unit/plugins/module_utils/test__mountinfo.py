# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _mountinfo
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._mountinfo import Mounted

PROJECT = Path(__file__).parents[4]
CORPUS = Path(os.environ.get("BINHOST_CORPUS", PROJECT / "../shared/corpus"))
ORACLE = CORPUS / "mounts/findmnt-oracle.given.json"


def mount(number: int, parent: int, target: str) -> Mounted:
    return Mounted(number, parent, "0:1", "/", target, ("rw",), "tmpfs", "tmpfs")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            r"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue",
            Mounted(
                *(36, 35, "98:0", "/mnt1", "/mnt2", ("rw", "noatime"), "ext3", "/dev/root"),
                *(("master:1",), ("rw", "errors=continue")),
            ),
        ),
        (
            r"21 20 8:1 /x//deleted /a\040b\011c\012d\134e\043f rw shared:1 master:2 unbindable - x y z",
            Mounted(
                *(21, 20, "8:1", "/x//deleted", "/a b\tc\nd\\e#f", ("rw",), "x", "y"),
                *(("shared:1", "master:2", "unbindable"), ("z",)),
            ),
        ),
        ("1 1 0:5 / /t rw - tmpfs  ro", Mounted(1, 1, "0:5", "/", "/t", ("rw",), "tmpfs", "", (), ("ro",))),
        ("1 1 0:5 / /a\rb\x0cc ro - tmpfs x", Mounted(1, 1, "0:5", "/", "/a\rb\x0cc", ("ro",), "tmpfs", "x")),
        (
            r"31 21 0:23 / /d rw - cifs //h/A\040B/ rw,unc=\\h\A B,uid=1",
            Mounted(31, 21, "0:23", "/", "/d", ("rw",), "cifs", "//h/A B/", (), ("rw", r"unc=\\h\A")),
        ),
    ],
)
def test_parse(line: str, expected: Mounted) -> None:
    assert _mountinfo.parse(f"\n{line}\n") == [expected]


@pytest.mark.parametrize("line", ["", "36 35 98:0 /mnt1 /mnt2 rw", "a 35 98:0 /mnt1 /mnt2 rw - ext3 x rw", "1 2 - x y"])
def test_parse_refuses(line: str) -> None:
    if not line:
        assert _mountinfo.parse(line) == []
        return
    with pytest.raises(BinhostError, match="^mountinfo, line 2: expected a mount as proc"):
        _mountinfo.parse(f"36 35 98:0 / / rw - ext3 x rw\n{line}\n")


def test_parse_mtab() -> None:
    text = "# comment\n/dev/sda1 / ext4 rw,noatime 0 0\n\n//foo/a\\040b /q\\134r cifs rw,unc=\\\\foo\\b\n x\t/y none\n"
    assert [(each.source, each.target, each.fstype, each.all_options) for each in _mountinfo.parse_mtab(text)] == [
        ("/dev/sda1", "/", "ext4", "rw,noatime"),
        ("//foo/a b", "/q\\r", "cifs", r"rw,unc=\\foo\b"),
        ("x", "/y", "none", ""),
    ]
    with pytest.raises(BinhostError, match="^mtab, line 1: expected source, place and type, found 'proc'$"):
        _mountinfo.parse_mtab("proc")


@pytest.mark.parametrize(
    ("own", "of_file_system", "both"),
    [
        ("rw,relatime", "rw,size=1k", "rw,relatime,size=1k"),
        ("ro,relatime", "rw,size=1k", "ro,relatime,size=1k"),
        ("rw", "ro", "ro"),
        ("rw,relatime", "rw,relatime", "rw,relatime"),
    ],
)
def test_all_options(own: str, of_file_system: str, both: str) -> None:
    [found] = _mountinfo.parse(f"1 1 0:5 / /t {own} - tmpfs x {of_file_system}")
    assert found.all_options == both


@pytest.mark.parametrize(
    ("tags", "word"),
    [
        ("", "private"),
        ("shared:1", "shared"),
        ("master:1", "private,slave"),
        ("shared:1 master:2 propagate_from:1", "shared,slave"),
        ("unbindable", "private,unbindable"),
    ],
)
def test_propagation(tags: str, word: str) -> None:
    [found] = _mountinfo.parse(f"1 1 0:5 / /t rw {tags} - tmpfs x rw")
    assert found.propagation == word


def as_findmnt(found: Mounted) -> dict[str, t.Any]:
    """Return a mount as ``findmnt --json`` tells it."""
    source = found.source if found.root in ("/", "") else f"{found.source}[{found.root}]"
    return {
        "id": found.id or None,
        "parent": found.parent or None,
        "maj:min": found.device or None,
        "fsroot": found.root or None,
        "target": found.target,
        "fstype": found.fstype,
        "source": source or None,
        "options": found.all_options or None,
        "propagation": found.propagation if found.id else None,
    }


def test_corpus() -> None:
    if not ORACLE.exists():
        pytest.skip(f"no corpus: {ORACLE} is absent")
    oracle = json.loads(ORACLE.read_text(encoding="utf-8"))
    assert oracle
    for name, told in oracle.items():
        text = (CORPUS / name).read_bytes().decode("utf-8", "surrogateescape")
        parse = _mountinfo.parse if "mountinfo" in name else _mountinfo.parse_mtab
        found = [as_findmnt(each) for each in parse(text)]
        for entry, expected in zip(found, told["entries"], strict=True):
            assert {key: entry[key] for key in expected} == expected, name


@pytest.mark.parametrize(
    ("path", "targets"),
    [
        ("/r", ["/r", "/r/dev", "/r/dev/pts"]),
        ("/r/dev", ["/r/dev", "/r/dev/pts"]),
        ("/r/d", []),
        ("/", ["/", "/r", "/r/dev", "/r/dev/pts", "/r 2"]),
    ],
)
def test_below(path: str, targets: list[str]) -> None:
    places = ["/", "/r", "/r/dev", "/r/dev/pts", "/r 2"]
    mounts = [mount(number, number - 1, place) for number, place in enumerate(places, start=1)]
    assert [each.target for each in _mountinfo.below(mounts, path)] == targets


@pytest.mark.parametrize(
    ("mounts", "order"),
    [
        ([mount(1, 0, "/"), mount(2, 1, "/r/a"), mount(3, 2, "/r/a/b"), mount(4, 1, "/r/c")], [4, 3, 2]),
        # stacked: the upper one has the lower one as its parent
        ([mount(1, 0, "/"), mount(2, 1, "/r/a"), mount(3, 2, "/r/a")], [3, 2]),
        # hidden: the deeper one can be reached only when the other is gone
        ([mount(1, 0, "/"), mount(2, 1, "/r/a/b"), mount(3, 1, "/r/a")], [3, 2]),
        # hidden, and the kernel lists what hides it first (mount --move)
        ([mount(1, 0, "/"), mount(3, 1, "/r/a"), mount(2, 1, "/r/a/b")], [3, 2]),
        # at the same names, but seen in what hides another
        ([mount(1, 0, "/"), mount(2, 1, "/r/a/b"), mount(3, 1, "/r/a"), mount(4, 3, "/r/a/b")], [4, 3, 2]),
    ],
)
def test_leaf_first(mounts: list[Mounted], order: list[int]) -> None:
    chosen = [each.id for each in _mountinfo.below(mounts, "/r")]
    assert [each.id for each in _mountinfo.leaf_first(mounts, chosen)] == order


def test_leaf_first_names_what_is_in_the_way() -> None:
    mounts = [mount(1, 0, "/"), mount(2, 1, "/r/a"), mount(3, 1, "/r")]
    with pytest.raises(BinhostError, match="^/r/a: expected nothing mounted on or over it, found /r$"):
        _mountinfo.leaf_first(mounts, [2])


def test_identity(tmp_path: Path) -> None:
    """A folder's device is that of its mount, not of stat(2): the two differ on btrfs."""
    mounts = _mountinfo.read()
    (tmp_path / "a b\n").mkdir()
    (tmp_path / "link").symlink_to("a b\n")
    device, root = _mountinfo.identity(mounts, str(tmp_path / "a b\n"))
    assert root.endswith("/a b\n")
    assert _mountinfo.identity(mounts, str(tmp_path / "link")) == (device, root)
    assert _mountinfo.identity(mounts, "/proc")[1] == "/"
    with pytest.raises(FileNotFoundError):
        _mountinfo.identity(mounts, str(tmp_path / "absent"))
