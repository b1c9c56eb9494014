# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same with real mounts is in tests/root/test_mounting.py."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _mount_plan, _mountinfo
from ansible_collections.larry.binhost.plugins.module_utils._mountinfo import Mounted
from ansible_collections.larry.binhost.plugins.module_utils._mounts import Mount

ROOT = "/s/roots/a b"
DESIRED = [
    Mount("/proc", "proc"),
    Mount("/dev", "tmpfs"),
    Mount("/dev/null", "bind", "/dev/null", is_file=True),
    Mount("/builds", "tmpfs", options=("size=5000",)),
    Mount("/repo", "bind", "/r", ("ro",)),
]
KNOWN = {ROOT: ("8:1", ROOT), "/dev/null": ("0:5", "/null"), "/r": ("8:2", "/x/r")}
HOST = """\
1 0 8:1 / / rw shared:1 - ext4 a rw
2 1 0:5 / /dev rw shared:2 - devtmpfs dev rw
"""
ALL = (
    HOST
    + """\
10 1 8:1 /s/roots/a\\040b /s/roots/a\\040b rw - ext4 a rw
11 10 0:9 / /s/roots/a\\040b/proc rw - proc proc rw
12 10 0:10 / /s/roots/a\\040b/dev rw - tmpfs tmpfs rw
13 12 0:5 /null /s/roots/a\\040b/dev/null rw - devtmpfs dev rw
14 10 0:11 / /s/roots/a\\040b/builds rw - tmpfs tmpfs rw,size=8k
15 10 8:2 /x/r /s/roots/a\\040b/repo ro - ext4 b rw
"""
)


def mountinfo(text: str) -> list[Mounted]:
    return _mountinfo.parse(text)


def planned(text: str) -> list[str]:
    changes = _mount_plan.plan(mountinfo(text), DESIRED, ROOT, KNOWN)
    return [str(change).replace(ROOT, "").split(":", maxsplit=1)[0] for change in changes]


def applied(current: Sequence[Mounted], changes: Sequence[_mount_plan.Change]) -> list[Mounted]:
    """Return what is mounted after the changes; unmounting what can't be is an error."""
    left, number = list(current), 100
    for change in changes:
        if change.action == "unmount":
            assert change.old is not None
            assert not any(each.parent == change.old.id for each in left), f"{change} has children"
            left.remove(change.old)
            continue
        assert change.new is not None
        if change.action == "settle":
            left = [each for each in left if each.target != change.place]
        device, root = KNOWN.get(change.new.source, ("0:99", "/"))
        size = tuple("size=8k" for option in change.new.options if option.startswith("size="))
        flags = ("ro",) if "ro" in change.new.options else ("rw",)
        left.append(Mounted(number, 1, device, root, change.place, flags, change.new.kind, "x", (), size))
        number += 1
    return left


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        (ALL, []),
        (HOST, ["mount ", "mount /proc", "mount /dev", "mount /dev/null", "mount /builds", "mount /repo"]),
        # another folder of the same disk, then the right folder of another disk
        (ALL.replace("8:2 /x/r", "8:2 /x/s"), ["unmount /repo", "mount /repo"]),
        (ALL.replace("8:2 /x/r", "8:3 /x/r"), ["unmount /repo", "mount /repo"]),
        (ALL.replace("8:2 /x/r", "8:2 /x/r//deleted"), ["unmount /repo", "mount /repo"]),
        # what is mounted on it goes first, and is there again afterwards
        (
            ALL.replace("0:10 / /s/roots/a\\040b/dev rw - tmpfs", "0:5 / /s/roots/a\\040b/dev rw - devtmpfs"),
            ["unmount /dev/null", "unmount /dev", "mount /dev", "mount /dev/null"],
        ),
        # twice at one place
        (
            ALL + "16 15 8:2 /x/r /s/roots/a\\040b/repo ro - ext4 b rw\n",
            ["unmount /repo", "unmount /repo", "mount /repo"],
        ),
        (ALL.replace("repo ro -", "repo rw -"), ["settle /repo"]),
        (ALL.replace("repo ro -", "repo ro shared:7 -"), ["settle /repo"]),
        (ALL.replace("size=8k", "size=16k"), ["settle /builds"]),
        # a person's own mount beside ours
        (ALL + "16 10 8:4 / /s/roots/a\\040b/mnt rw - ext4 c rw\n", []),
    ],
)
def test_plan(text: str, changes: list[str]) -> None:
    assert planned(text) == changes
    current = mountinfo(text)
    after = applied(current, _mount_plan.plan(current, DESIRED, ROOT, KNOWN))
    # The model above hangs every mount on the host's; what the kernel tells is in tests/root.
    at = {each.target: each for each in after}
    for mount in DESIRED:
        assert (at[ROOT + mount.target].device, at[ROOT + mount.target].root) in (
            KNOWN.get(mount.source),
            *((each.device, each.root) for each in current if each.target == ROOT + mount.target and not mount.source),
            ("0:99", "/"),
        )


def test_unmounted_leaves_the_file_system_that_the_root_is() -> None:
    disk = "5 1 8:9 / /s/roots/a\\040b rw - ext4 c rw\n"
    itself = "10 5 8:9 / /s/roots/a\\040b rw - ext4 c rw\n"
    proc = "11 10 0:9 / /s/roots/a\\040b/proc rw - proc proc rw\n"
    changes = _mount_plan.unmounted(mountinfo(HOST + disk + itself + proc), ROOT)
    assert [change.old.id for change in changes if change.old] == [11, 10]
    assert _mount_plan.unmounted(mountinfo(HOST + disk), ROOT) == []


@pytest.mark.parametrize(
    ("held", "targets"),
    [
        ([], ["/s/roots/a b", "/s/roots/a b/proc", "/s/roots/c/proc", "/s/variants/t/.x.root/dev"]),
        (["/s/roots/a b"], ["/s/roots/c/proc", "/s/variants/t/.x.root/dev"]),
        (["/s/roots/c", "/s/variants/t"], ["/s/roots/a b", "/s/roots/a b/proc"]),
        (["/s/roots/a"], ["/s/roots/a b", "/s/roots/a b/proc", "/s/roots/c/proc", "/s/variants/t/.x.root/dev"]),
    ],
)
def test_leaks(held: list[str], targets: list[str]) -> None:
    text = (
        HOST
        + "3 1 8:5 / /s/roots rw - ext4 d rw\n"  # a disk for the roots, and one for one root: no leaks
        + "4 3 8:6 / /s/roots/c rw - ext4 e rw\n"
        + "10 3 8:5 /a\\040b /s/roots/a\\040b rw - ext4 d rw\n"
        + "11 10 0:9 / /s/roots/a\\040b/proc rw - proc proc rw\n"
        + "12 4 0:9 / /s/roots/c/proc rw - proc proc rw\n"
        + "13 1 0:5 / /s/variants/t/.x.root/dev rw - devtmpfs dev rw\n"
        + "14 1 8:1 /y /s/rootsy rw - ext4 a rw\n"
    )
    assert [each.target for each in _mount_plan.leaks(mountinfo(text), "/s", held)] == targets


def test_after() -> None:
    current = mountinfo(ALL)
    lines = [f"{each.target}\n" for each in _mount_plan.below(current, ROOT)]
    assert _mount_plan.after(lines, _mount_plan.unmounted(current, ROOT)) == []
    changes = _mount_plan.plan(mountinfo(HOST), DESIRED, ROOT, KNOWN)
    assert _mount_plan.after([], changes) == lines


def test_a_change_in_a_line() -> None:
    mount = Mount("/repo", "bind", "/r", ("ro", "nosuid"))
    assert str(_mount_plan.Change("mount", "/root/repo", new=mount)) == "mount /root/repo: /r ro,nosuid"
    gone = dataclasses.replace(mountinfo(HOST)[0], target="/x y")
    assert str(_mount_plan.Change("unmount", "/x y", old=gone)) == "unmount /x y"
