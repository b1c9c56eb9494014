# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _rootrun
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._mounts import Mount

PROC = Mount("/proc", "proc")
USR = Mount("/usr", "bind", "/usr", ("ro",))


def test_argv_carries_the_environment_and_nothing_else() -> None:
    command = _rootrun.argv("/a root", [PROC], ["emerge", "@world"], {"FEATURES": "buildpkg"})
    assert command[:4] == [sys.executable, "-I", "-S", "-c"]
    assert command[5:] == [
        *(
            "/usr/bin/env",
            "-i",
            "HOME=/root",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "TERM=dumb",
        ),
        *("FEATURES=buildpkg", "emerge", "@world"),
    ]


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("mirror:8080", ("mirror", 8080)),
        ("192.0.2.1:80", ("192.0.2.1", 80)),
        ("[2001:db8::1]:80", ("2001:db8::1", 80)),
        ("mirror.example.org:65535", ("mirror.example.org", 65535)),
    ],
)
def test_address(network: str, expected: tuple[str, int]) -> None:
    assert _rootrun.address(network) == expected


@pytest.mark.parametrize("network", ["", "mirror", "mirror:", ":80", "mirror:0", "mirror:65536", "a b:80", "None"])
def test_no_address(network: str) -> None:
    with pytest.raises(
        BinhostError, match=f"^{re.escape(f'network: expected none, host or HOST:PORT, found {network!r}')}$"
    ):
        _rootrun.argv("/root", [PROC], ["true"], {}, network=network)


@pytest.mark.parametrize(
    ("mount", "found"),
    [
        (Mount("/sys", "rbind", "/sys", ("ro",)), "ro"),
        (Mount("/sys", "bind", "/sys", ("ro", "size=1")), "ro,size=1"),
    ],
)
def test_a_bind_that_cannot_be(mount: Mount, found: str) -> None:
    expected = f"/sys: expected a bind with ro, nosuid, nodev, noexec, noatime, found {found}"
    with pytest.raises(BinhostError, match=f"^{re.escape(expected)}$"):
        _rootrun.argv("/root", [PROC, mount], ["true"], {})


NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="a mount namespace needs root")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root that has this machine's programs, once /usr is bound there."""
    place = tmp_path / "a root's\nplace"
    place.mkdir()
    for folder in ("bin", "lib", "lib64", "sbin"):
        if Path(f"/{folder}").is_symlink():
            (place / folder).symlink_to(os.readlink(f"/{folder}"))
    return place


def run(root: Path, mounts: list[Mount], script: str) -> subprocess.CompletedProcess[str]:
    command = _rootrun.argv(str(root), [PROC, USR, *mounts], ["sh", "-c", script], {})
    return subprocess.run(command, capture_output=True, text=True, check=False)


@NEEDS_ROOT
def test_a_command_sees_its_root_and_leaves_nothing_behind(root: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen\nor not"
    seen.mkdir()
    (seen / "file").write_text("here")
    before = Path("/proc/self/mountinfo").read_text()
    done = run(
        root,
        [Mount("/mnt/to be\nseen", "bind", str(seen), ("ro",)), Mount("/mnt/open", "bind", str(seen))],
        'cd "/mnt/to be\nseen"; cat file; echo; touch new 2>&- || echo read-only; ls /mnt; echo $$; '
        "echo written >/mnt/open/new",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "here\nread-only\nopen\nto be\nseen\n2\n"
    assert (seen / "new").read_text() == "written\n"
    assert Path("/proc/self/mountinfo").read_text() == before


@NEEDS_ROOT
@pytest.mark.parametrize(("script", "status"), [("exit 3", 3), ("kill -TERM $$", 143), ("kill -KILL $$", 137)])
def test_its_status_is_the_commands(root: Path, script: str, status: int) -> None:
    assert run(root, [], script).returncode == status


@NEEDS_ROOT
def test_a_link_that_stands_for_a_file_is_replaced_and_not_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.1")
    (root / "etc").mkdir()
    (root / "etc/resolv.conf").symlink_to(tmp_path / "absent")
    mount = Mount("/etc/resolv.conf", "bind", str(tmp_path / "resolv.conf"), ("ro",), is_file=True)
    done = run(root, [mount], "cat /etc/resolv.conf")
    assert (done.stdout, done.stderr) == ("nameserver 192.0.2.1", "")
    assert not (tmp_path / "absent").exists()


@NEEDS_ROOT
def test_nothing_is_made_through_a_link_out_of_the_root(root: Path, tmp_path: Path) -> None:
    (tmp_path / "seen").mkdir()
    (tmp_path / "outside").mkdir()
    (root / "var").symlink_to(tmp_path / "outside")
    done = run(root, [Mount("/var/cache", "bind", str(tmp_path / "seen"))], "true")
    assert done.returncode == 1
    assert done.stderr == f"{root}/var: expected a place in the build root, found a link to {tmp_path}/outside\n"
    assert list((tmp_path / "outside").iterdir()) == []


@NEEDS_ROOT
@pytest.mark.parametrize(
    ("mounts", "error"),
    [
        ([Mount("/mnt", "bind", "/absent")], "{root}/mnt: expected /absent to be mounted there, found: {absent}\n"),
        (
            [Mount("/mnt", "tmpfs", options=("size=x",))],
            "{root}/mnt: expected tmpfs to be mounted there, found: {bad}\n",
        ),
    ],
)
def test_a_mount_that_fails_is_named(root: Path, mounts: list[Mount], error: str) -> None:
    done = run(root, mounts, "true")
    words = {"root": root, "absent": "No such file or directory", "bad": "Invalid argument"}
    assert (done.returncode, done.stderr) == (1, error.format(**words))


@NEEDS_ROOT
def test_no_root(tmp_path: Path) -> None:
    done = run(tmp_path / "none", [], "true")
    assert done.stderr == f"{tmp_path}/none: expected a build root, found: No such file or directory\n"


@NEEDS_ROOT
def test_it_is_started_by_whom_it_was_made_for(root: Path) -> None:
    command = _rootrun.argv(str(root), [PROC, USR], ["true"], {}, parent=1)
    assert subprocess.run(command, check=False).returncode == 137
    command = _rootrun.argv(str(root), [PROC, USR], ["true"], {}, parent=0)
    assert subprocess.run(command, check=False).returncode == 0
