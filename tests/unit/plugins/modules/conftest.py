# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module of ours in a process of its own, with Ansible's own argument handling around it.

That Ansible finds, ships and starts the modules is shown where it does: on the lab's hosts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.unit.plugins.modules import child

ROOT = Path(__file__).parents[4]
Module = t.Callable[..., dict[str, t.Any]]
Tasks = t.Callable[..., list[dict[str, t.Any]]]


@pytest.fixture
def module(tmp_path: Path) -> Module:
    """Return ``run(name, args, check=False)``, which returns what the module returned; ``failed`` tells a failure."""

    def run(name: str, args: Mapping[str, t.Any], *, check: bool = False) -> dict[str, t.Any]:
        options = {**args, "_ansible_check_mode": check, "_ansible_diff": True}
        out, err = child.run(name, options, tmp_path, {**os.environ, "PYTHONPATH": str(ROOT / "collections")})
        if not out:
            raise AssertionError(err)
        result: dict[str, t.Any] = json.loads(out)
        # What the controller makes of it (ansible.module_utils.common.messages).
        result["warnings"] = [each["event"]["msg"] for each in result.get("warnings", [])]
        return result

    return run


@pytest.fixture
def tasks(tmp_path: Path) -> Tasks:
    """Return ``run(name, [(args, check)])`` for a module with an action of its own: run by Ansible, in one playbook.

    It returns what each task returned.
    """
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
        "ANSIBLE_LOCAL_TEMP": str(tmp_path / "ansible-local"),
        "ANSIBLE_REMOTE_TEMP": str(tmp_path / "ansible-remote"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.json",
    }

    def run(name: str, wanted: Sequence[tuple[Mapping[str, t.Any], bool]]) -> list[dict[str, t.Any]]:
        listed = [
            {f"larry.binhost.{name}": args, "check_mode": check, "diff": True, "ignore_errors": True}
            for args, check in wanted
        ]
        playbook = tmp_path / "playbook.json"
        playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": listed}]))
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local"]
        command += ["-e", f"ansible_python_interpreter={sys.executable}", str(playbook)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
        if not done.stdout.startswith("{"):
            raise AssertionError(done.stdout + done.stderr)
        return [each["hosts"]["localhost"] for each in json.loads(done.stdout)["plays"][0]["tasks"]]

    return run
