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
