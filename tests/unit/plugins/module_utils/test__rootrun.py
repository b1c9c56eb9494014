# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _rootrun
from ansible_collections.larry.binhost.plugins.module_utils._rootrun import Bind


def test_argv_carries_the_environment_and_nothing_else() -> None:
    command = _rootrun.argv("/a root", [], ["emerge", "@world"], {"FEATURES": "buildpkg"})
    assert command[: len(_rootrun.NAMESPACES)] == list(_rootrun.NAMESPACES)
    assert command[command.index("/usr/bin/env") :] == [
        *(
            "/usr/bin/env",
            "-i",
            "HOME=/root",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "TERM=dumb",
        ),
        *("FEATURES=buildpkg", "emerge", "@world"),
    ]


NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="a mount namespace needs root")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root that has this machine's programs, once /usr is bound there."""
    place = tmp_path / "a root's"
    place.mkdir()
    for folder in ("bin", "lib", "lib64", "sbin"):
        if Path(f"/{folder}").is_symlink():
            (place / folder).symlink_to(os.readlink(f"/{folder}"))
    return place


def run(root: Path, binds: list[Bind], script: str) -> subprocess.CompletedProcess[str]:
    command = _rootrun.argv(str(root), [Bind("/usr", "/usr"), *binds], ["sh", "-c", script], {})
    return subprocess.run(command, capture_output=True, text=True, check=False)


@NEEDS_ROOT
def test_a_command_sees_its_root_and_leaves_nothing_behind(root: Path, tmp_path: Path) -> None:
    (tmp_path / "seen").mkdir()
    (tmp_path / "seen/file").write_text("here")
    before = Path("/proc/self/mountinfo").read_text()
    done = run(
        root,
        [Bind(str(tmp_path / "seen"), "/mnt/seen")],
        "cat /mnt/seen/file; echo; touch /mnt/seen/new 2>/dev/null || echo read-only; ls /proc | grep -c '^[0-9]'",
    )
    assert (done.returncode, done.stderr) == (0, "")
    text, written, processes = done.stdout.splitlines()
    assert (text, written) == ("here", "read-only")
    assert int(processes) < 10, "it sees its own processes only"
    assert Path("/proc/self/mountinfo").read_text() == before


@NEEDS_ROOT
def test_a_link_that_stands_for_a_file_is_replaced_and_not_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.1")
    (root / "etc").mkdir()
    (root / "etc/resolv.conf").symlink_to(tmp_path / "absent")
    done = run(root, [Bind(str(tmp_path / "resolv.conf"), "/etc/resolv.conf")], "cat /etc/resolv.conf")
    assert (done.stdout, done.stderr) == ("nameserver 192.0.2.1", "")
    assert not (tmp_path / "absent").exists()


@NEEDS_ROOT
def test_nothing_is_made_through_a_link_out_of_the_root(root: Path, tmp_path: Path) -> None:
    (tmp_path / "seen").mkdir()
    (tmp_path / "outside").mkdir()
    (root / "var").symlink_to(tmp_path / "outside")
    done = run(root, [Bind(str(tmp_path / "seen"), "/var/cache")], "true")
    assert done.returncode == 1
    assert done.stderr == (
        f"{root}/var/cache: expected a place in the build root, found a link to {tmp_path}/outside/cache\n"
    )
    assert list((tmp_path / "outside").iterdir()) == []


@NEEDS_ROOT
def test_a_killed_run_leaves_no_process(root: Path, tmp_path: Path) -> None:
    command = _rootrun.argv(str(root), [Bind("/usr", "/usr")], ["sh", "-c", "sleep 1000 & echo begun; wait"], {})
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        inside = subprocess.check_output(
            ["pgrep", "--ns", str(_child(process.pid)), "--nslist", "pid"], text=True
        ).split()
        assert len(inside) >= 2
        process.kill()
    for _attempt in range(100):
        alive = [pid for pid in inside if Path(f"/proc/{pid}").exists()]
        if not alive:
            return
        time.sleep(0.05)
    pytest.fail(f"still there: {alive}")


def _child(pid: int) -> int:
    """Return the first process of the pid namespace that ``unshare`` made."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
