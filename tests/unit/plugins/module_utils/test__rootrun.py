# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
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


@pytest.mark.skipif(os.geteuid() != 0, reason="a mount namespace needs root")
def test_a_command_sees_its_root_and_leaves_nothing_behind(tmp_path: Path) -> None:
    root, seen = tmp_path / "a root's", tmp_path / "seen"
    seen.mkdir()
    (seen / "file").write_text("here")
    for folder in ("usr", "bin", "lib", "lib64", "sbin"):
        if Path(f"/{folder}").is_symlink():
            (root / folder).parent.mkdir(exist_ok=True)
            (root / folder).symlink_to(os.readlink(f"/{folder}"))
    binds = [Bind("/usr", "/usr"), Bind(str(seen), "/mnt/seen")]
    script = "cat /mnt/seen/file; echo; echo $$; touch /mnt/seen/new 2>/dev/null || echo read-only"
    root.mkdir(exist_ok=True)
    before = Path("/proc/self/mountinfo").read_text()
    done = subprocess.run(
        _rootrun.argv(str(root), binds, ["sh", "-c", script], {}), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    text, _pid, written = done.stdout.splitlines()
    assert (text, written) == ("here", "read-only")
    assert Path("/proc/self/mountinfo").read_text() == before
