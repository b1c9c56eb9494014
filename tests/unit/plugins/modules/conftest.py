# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module of ours in a process of its own, with Ansible's own argument handling around it.

That Ansible finds, ships and starts the modules is shown where it does: on the lab's hosts.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import traceback
import typing as t
from collections.abc import Mapping
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

Module = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def module(tmp_path: Path) -> Module:
    """Return ``run(name, args, check=False)``, which returns what the module returned; ``failed`` tells a failure."""

    def run(name: str, args: Mapping[str, t.Any], *, check: bool = False) -> dict[str, t.Any]:
        answer = tmp_path / "answer.json"
        ours = importlib.import_module(f"ansible_collections.larry.binhost.plugins.modules.{name}")
        child = os.fork()
        if child == 0:
            _child(ours.main, {**args, "_ansible_check_mode": check, "_ansible_diff": True}, answer, tmp_path)
        os.waitpid(child, 0)
        result: dict[str, t.Any] = json.loads(answer.read_text())
        answer.unlink()
        # What the controller makes of it (ansible.module_utils._internal._json).
        result["warnings"] = [each["event"]["msg"] for each in result.get("warnings", [])]
        return result

    return run


def _child(main: t.Callable[[], None], args: dict[str, t.Any], answer: Path, folder: Path) -> t.NoReturn:
    """Run a module whose words go to ``answer``; nothing of pytest goes on in this process."""
    try:
        os.chdir(folder)
        os.dup2(os.open(answer, os.O_WRONLY | os.O_CREAT), 1)
        with open(1, "w", closefd=False) as out, contextlib.redirect_stdout(out), patch_module_args(args):
            main()
    except SystemExit:
        pass
    except BaseException:
        answer.write_text(traceback.format_exc())
    finally:
        os._exit(0)
