# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""generations.yml, rollback.yml and prune.yml, on this machine as the master; its own state is out of sight."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE
from ansible_collections.larry.binhost.plugins.plugin_utils import _kept

from tests.root.namespace import of_its_own, sh
from tests.root.publishing import LIB, LIB_AGAIN, Host, build_again
from tests.unit.plugins.plugin_utils import fleet

PROJECT: t.Final = Path(__file__).parents[2]


def inventory(folder: Path) -> Path:
    """Return an inventory of a master and two slaves, one pinned, all of which were seen before."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_user": "root"}
    hosts = fleet.variables()
    hosts["amd"]["slave_pinned_generation"] = 1
    hosts["desktop"]["master_distdir"] = f"{STATE}/distfiles"
    groups = {"masters": {"desktop"}, "slaves": {"amd", "intel"}}
    children = {name: {"hosts": {host: {**hosts[host], **local} for host in group}} for name, group in groups.items()}
    (folder / "hosts.yml").write_text(json.dumps({"all": {"children": children}}))
    for host, facts in fleet.all_facts().items():
        _kept.keep_facts(str(folder), host, {**facts, "installed": ["x/plain-1"]})
    return folder


def play(place: Path, name: str, *words: str, of: str = "desktop") -> tuple[int, dict[str, t.Any]]:
    """Run a playbook and return its status, and of each task what it said of a host, the master unless told."""
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(place), f"playbooks/{name}.yml"]
    settings = {"ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.json", "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")}
    done = subprocess.run(
        [*command, *words], capture_output=True, text=True, cwd=PROJECT, env={**os.environ, **settings}, check=False
    )
    assert done.stdout, done.stderr
    tasks = json.loads(done.stdout)["plays"][0]["tasks"]
    return done.returncode, {task["task"]["name"]: task["hosts"].get(of, {}) for task in tasks}


@of_its_own
def test_list_go_back_and_prune(built: Path, pristine_root: Path, tmp_path: Path) -> None:
    place = inventory(tmp_path)
    sh("mount", "-t", "tmpfs", "tmpfs", "/var/lib")
    host = Host.like(built, Path(STATE), pristine_root)
    host.publish()
    build_again(host)
    host.publish()

    status, said = play(place, "generations")
    target, head, newest, oldest = said["The generations of each target"]["results"][0]["msg"]
    assert (status, target, head.split()[0]) == (0, "target laptops", "number")
    assert newest.startswith("*  2") and "1 rebuilt: x/lib-1; planted " in newest
    assert oldest.startswith("   1") and oldest.endswith("; pinned by amd")
    assert [line["number"] for line in said["What there is"]["results"][0]["generations"]] == [1, 2]

    status, said = play(place, "rollback")
    task = "The generation is named, and one target"
    assert status == 2
    assert said[task]["msg"].startswith(
        "expected a generation's number and one target of laptops, found generation none"
    )
    status, said = play(place, "rollback", "-e", "binhost_generation=7")
    words = said["The target is what it was"]["results"][0]["msg"]
    assert status == 2 and words.endswith(
        "No such file or directory: '" + f"{STATE}/generations/laptops/7/seal.json'; there are 1, 2"
    )

    status, said = play(place, "rollback", "-e", "binhost_generation=1", "--check", "--diff")
    result = said["The target is what it was"]["results"][0]
    assert (status, result["number"], result["removed"], host.generation().seal.number) == (0, 3, [LIB_AGAIN], 2)
    for changed in (True, False):
        status, said = play(place, "rollback", "-e", "binhost_generation=1")
        result = said["The target is what it was"]["results"][0]
        assert (status, result["changed"], result["number"], result["restores"]) == (0, changed, 3, 1)
    assert sorted(host.generation().packages) == sorted(host.generation(1).packages)
    assert (host.verify(), host.verify(number=1)) == ([], [])

    status, said = play(place, "prune", "--check", "--diff")
    result = said["What nobody needs is gone"]["results"][0]
    assert (status, result["packages"], result["generations"]) == (0, [LIB], [])
    assert result["diff"]["before"].startswith(f"{LIB}: ")
    assert (host.state / "pkgdir/laptops" / LIB).exists()
