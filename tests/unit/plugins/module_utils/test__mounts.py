# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _mounts
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._mounts import Mount

REPOSITORIES = "/var/lib/larry-binhost/current/repos"


def standard(**how: t.Any) -> list[str]:
    given = {"repositories": {}, "distdir": "/d", "pkgdir": "/p", **how}
    return [f"{each.target} {each.kind} {each.source} {','.join(each.options)}" for each in _mounts.standard(**given)]


def test_standard() -> None:
    assert standard(repositories={"gentoo": "/var/db/repos/gentoo", "a": "/a"}) == [
        "/proc proc  nosuid,nodev,noexec",
        "/sys bind /sys ro",
        "/dev tmpfs  mode=755,nosuid",
        *(f"/dev/{name} bind /dev/{name} " for name in ("null", "zero", "full", "random", "urandom", "tty")),
        "/dev/pts devpts  newinstance,gid=5,mode=620,ptmxmode=666,nosuid,noexec",
        "/dev/shm tmpfs  mode=1777,nosuid,nodev",
        "/run tmpfs  mode=755,nosuid,nodev",
        "/run/lock tmpfs  mode=1777,nosuid,nodev",
        f"{REPOSITORIES}/a bind /a ro",
        f"{REPOSITORIES}/gentoo bind /var/db/repos/gentoo ro",
        "/var/cache/distfiles bind /d ",
        "/var/cache/binpkgs bind /p ",
    ]


def test_standard_without_what_only_builds_need() -> None:
    whole, bare = standard(), standard(distdir=None, pkgdir=None)
    assert bare == [line for line in whole if not line.startswith(("/var/cache/distfiles ", "/var/cache/binpkgs "))]


@pytest.mark.parametrize(
    ("how", "after", "line"),
    [
        ({"cgroup": True}, "/sys ", "/sys/fs/cgroup rbind /sys/fs/cgroup "),
        ({"portage_run": "/state/run"}, "/run/lock ", "/run/portage bind /state/run "),
        ({"tmp_size": 1 << 30}, "/run/lock ", "/var/tmp/portage tmpfs  size=1073741824,mode=775,nosuid,nodev"),
    ],
)
def test_standard_with(how: dict[str, t.Any], after: str, line: str) -> None:
    lines = standard(**how)
    assert lines.index(line) == next(n for n, each in enumerate(lines) if each.startswith(after)) + 1
    assert sorted({*standard(), line}) == sorted(lines)


def test_names_are_resolved_through_the_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path.realpath", lambda path: {"/etc/resolv.conf": "/etc/hostname"}[path])
    assert standard(network=True)[-1] == "/etc/resolv.conf bind /etc/hostname ro"
    monkeypatch.setattr("os.path.realpath", lambda path: "/run/absent")
    assert standard(network=True) == standard()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("proc", "proc"), "mount: expected an absolute path in the root, found 'proc'"),
        (("/a/../../etc", "proc"), "mount: expected an absolute path in the root, found '/a/../../etc'"),
        (("/a", "bind"), "/a: expected an absolute path to be bound there, found ''"),
        (
            ("/a", "rbind", "/b", ("ro",)),
            "/a: expected bind, found rbind with ro: what is mounted below stays writable",
        ),
    ],
)
def test_refused(given: tuple[t.Any, ...], told: str) -> None:
    with pytest.raises(BinhostError, match=f"^{re.escape(told)}$"):
        Mount(*given)
