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
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
Module = t.Callable[..., dict[str, t.Any]]
#: Its arguments: the module's name and its options as JSON.
MAIN = """
import importlib, json, sys
from ansible.module_utils.testing import patch_module_args
with patch_module_args(json.loads(sys.argv[2])):
    importlib.import_module(f"ansible_collections.larry.binhost.plugins.modules.{sys.argv[1]}").main()
"""


@pytest.fixture
def module(tmp_path: Path) -> Module:
    """Return ``run(name, args, check=False)``, which returns what the module returned; ``failed`` tells a failure."""

    def run(name: str, args: Mapping[str, t.Any], *, check: bool = False) -> dict[str, t.Any]:
        options = {**args, "_ansible_check_mode": check, "_ansible_diff": True}
        done = subprocess.run(
            [sys.executable, "-c", MAIN, name, json.dumps(options)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "collections")},
            cwd=tmp_path,
            check=False,
        )
        if not done.stdout:
            raise AssertionError(done.stderr)
        result: dict[str, t.Any] = json.loads(done.stdout)
        # What the controller makes of it (ansible.module_utils.common.messages).
        result["warnings"] = [each["event"]["msg"] for each in result.get("warnings", [])]
        return result

    return run


@pytest.fixture
def task(tmp_path: Path) -> Module:
    """Return the same for a module with an action of its own: run by Ansible, as a playbook does."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
        "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
        "ANSIBLE_LOCAL_TEMP": str(tmp_path / "ansible-local"),
        "ANSIBLE_REMOTE_TEMP": str(tmp_path / "ansible-remote"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.json",
    }

    def run(name: str, args: Mapping[str, t.Any], *, check: bool = False) -> dict[str, t.Any]:
        command = [str(Path(sys.executable).parent / "ansible"), "localhost", "-i", "localhost,", "-c", "local"]
        command += ["-e", f"ansible_python_interpreter={sys.executable}", "-m", f"larry.binhost.{name}"]
        command += ["-a", json.dumps(args), "--diff", *(["--check"] if check else [])]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
        if not done.stdout:
            raise AssertionError(done.stderr)
        result: dict[str, t.Any] = json.loads(done.stdout)["plays"][0]["tasks"][0]["hosts"]["localhost"]
        return result

    return run
