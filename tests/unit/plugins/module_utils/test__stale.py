# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _stale
from ansible_collections.larry.binhost.plugins.module_utils._stale import Stale

LIB = "/usr/lib64/libz.so.1.3"
MAPS = """\
55f0-55f1 r-xp 00000000 08:01 5                          /usr/bin/sshd
7f1c-7f2d r--p 00000000 08:01 123                        /usr/lib64/libz.so.1.3 (deleted)
7f1d-7f2e r-xp 00000000 08:01 123                        /usr/lib64/libz.so.1.3 (deleted)
7f1e-7f2f r--p 00000000 08:01 124                        /usr/share/locale/locale-archive (deleted)
7f1f-7f30 r-xp 00000000 00:01 9                          /memfd:jit (deleted)
7f1f-7f30 rwxp 00000000 00:01 9                          /dev/zero (deleted)
7f1f-7f30 r-xp 00000000 00:01 9                          /tmp/.gl1 (deleted)
7f1f-7f30 r-xp 00000000 00:01 9                          [vdso]
"""


def test_deleted() -> None:
    assert _stale.deleted(MAPS.encode()) == [LIB]
    assert _stale.deleted(MAPS.replace("(deleted)", "").encode()) == []
    assert _stale.deleted(b"\xff (deleted)\n") == []


@pytest.mark.parametrize(
    ("cgroup", "service"),
    [
        ("0::/system.slice/sshd.service\n", "sshd.service"),
        ("0::/system.slice/system-getty.slice/getty@tty1.service\n", "getty@tty1.service"),
        ("0::/system.slice/sshd.service/sub\n", "sshd.service"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service\n", "foo.service"),
        ("0::/user.slice/user-1000.slice/session-1.scope\n", ""),
        ("2:cpu:/\n1:name=systemd:/system.slice/cron.service\n0::/\n", "cron.service"),
        ("0::/openrc.sshd\n", "sshd"),
        ("0::/openrc/sshd\n", ""),
        ("3:cpu:/sshd\n1:name=openrc:/sshd\n", "sshd"),
        ("0::/\n", ""),
        ("", ""),
    ],
)
def test_service_of(cgroup: str, service: str) -> None:
    assert _stale.service_of(cgroup) == service


def process(proc: Path, pid: int, comm: str, cgroup: str, maps: str = MAPS) -> None:
    (proc / str(pid)).mkdir(parents=True)
    for name, text in (("comm", f"{comm}\n"), ("cgroup", f"0::{cgroup}\n"), ("maps", maps)):
        (proc / str(pid) / name).write_text(text)


def test_look(tmp_path: Path) -> None:
    process(tmp_path, 1, "systemd", "/init.scope", "")
    process(tmp_path, 30, "sshd", "/system.slice/sshd.service")
    process(tmp_path, 4, "sshd-session", "/system.slice/sshd.service", MAPS.replace("libz", "libssl"))
    process(tmp_path, 5, "vim", "/user.slice/session-1.scope")
    process(tmp_path, 6, "vim", "/user.slice/session-2.scope")
    process(tmp_path, 7, "cron", "/system.slice/cron.service")
    (tmp_path / "8").mkdir()  # ended meanwhile
    (tmp_path / "meminfo").touch()
    assert _stale.look(str(tmp_path)) == [
        Stale("cron.service", "cron", [7], [LIB]),
        Stale("sshd.service", "sshd-session", [4, 30], [LIB.replace("libz", "libssl"), LIB]),
        Stale("", "vim", [5, 6], [LIB]),
    ]


def test_another_containers_processes_are_not_ours(tmp_path: Path) -> None:
    for name, namespace in (("self", "pid:[1]"), ("5", "pid:[1]"), ("6", "pid:[2]")):
        if name != "self":
            process(tmp_path, int(name), "some", "/")
        (tmp_path / name / "ns").mkdir(parents=True)
        (tmp_path / name / "ns/pid").symlink_to(namespace)
    assert [each.pids for each in _stale.look(str(tmp_path))] == [[5]]


def test_this_machine() -> None:
    assert isinstance(_stale.look(), list)
