# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""shell.yml and teardown.yml, on this machine as the master; its own state is out of sight."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _mountinfo
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

from tests.root.namespace import of_its_own, sh

PROJECT: t.Final = Path(__file__).parents[2]
ROOT: t.Final = f"{STATE}/roots/laptops"


def inventory(folder: Path) -> Path:
    """Return an inventory of two masters, with the plan of one target that the first one builds."""
    variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_user": "root"}
    hosts = {name: {**variables, "master_distdir": f"{STATE}/d"} for name in ("desktop", "other")}
    (folder / "hosts.yml").write_text(json.dumps({"all": {"children": {"masters": {"hosts": hosts}}}}))
    target = {"master": "desktop", "root": ROOT, "repositories": {"lab": "/srv/a lab", "gentoo": "/srv/gentoo"}}
    (folder / ".binhost").mkdir()
    (folder / ".binhost/plan.json").write_text(json.dumps({"targets": {"laptops": target}}))
    return folder


def play(place: Path, name: str, *words: str) -> tuple[int, dict[str, dict[str, t.Any]]]:
    """Run a playbook and return its status, and of each task what it said of the target's master."""
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(place), f"playbooks/{name}.yml"]
    settings = {"ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.json", "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")}
    done = subprocess.run(
        [*command, *words], capture_output=True, text=True, cwd=PROJECT, env={**os.environ, **settings}, check=False
    )
    assert done.stdout, done.stderr
    tasks = json.loads(done.stdout)["plays"][0]["tasks"]
    return done.returncode, {task["task"]["name"]: task["hosts"].get("desktop", {}) for task in tasks}


@of_its_own
def test_shell_and_teardown(tmp_path: Path) -> None:
    place = inventory(tmp_path)
    named: tuple[str, ...] = ("-e", "binhost_target_name=laptops")
    for hidden in ("/var/lib", "/srv"):
        sh("mount", "-t", "tmpfs", "tmpfs", hidden)
    for folder in (f"{ROOT}/etc", f"{STATE}/pkgdir/laptops", f"{STATE}/d", "/srv/a lab", "/srv/gentoo"):
        os.makedirs(folder)
    before = _mountinfo.read()

    for playbook in ("shell", "teardown"):
        status, said = play(place, playbook)
        assert status == 2
        assert said["The target is named"]["msg"].startswith("binhost_target_name: expected the name of a target")

    status, said = play(place, "shell", *named)
    assert (status, said["The command is told"]["msg"]) == (
        0,
        f"{STATE}/larry-binhost.pyz shell --distdir={STATE}/d '--repository=lab=/srv/a lab' "
        "--repository=gentoo=/srv/gentoo laptops",
    )
    assert _mountinfo.read() == before

    status, said = play(place, "shell", *named, "-e", "binhost_mounts=mounted")
    assert said["The command is told"]["msg"].startswith(f"chroot {ROOT} /usr/bin/env -i HOME=/root ")
    assert len(_mountinfo.read()) > len(before) + 10
    status, said = play(place, "teardown", *named, "--limit", "desktop")
    assert status == 2
    assert said["Nothing of the target is left"]["msg"].startswith(f"{ROOT}: expected nothing mounted below")
    assert os.path.exists(f"{ROOT}/etc")
    status, said = play(place, "shell", *named, "-e", "binhost_mounts=unmounted")
    assert (status, _mountinfo.read()) == (0, before)

    # Both masters are this machine: only one of them at a time.
    named = (*named, "--limit", "desktop")
    status, said = play(place, "teardown", *named, "--check", "--diff")
    assert said["Nothing of the target is left"]["diff"]["before"].startswith(f"{ROOT}: ")
    assert os.path.exists(f"{ROOT}/etc")
    status, said = play(place, "teardown", *named)
    assert [part["path"] for part in said["How much that is"]["msg"]] == [ROOT, f"{STATE}/pkgdir/laptops"]
    assert (status, os.listdir(f"{STATE}/roots"), os.path.exists("/srv/a lab")) == (0, [], True)
    status, said = play(place, "teardown", *named)
    assert (status, said["Nothing of the target is left"]["changed"]) == (0, False)
