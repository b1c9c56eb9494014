# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""shared_packages packs as a job; what it packs, and how: test__quickpkg.py and tests/root/test_shared.py."""

from __future__ import annotations

import json
import platform
import shutil
import typing as t
from pathlib import Path

import pytest

Module = t.Callable[..., dict[str, t.Any]]


@pytest.mark.skipif(shutil.which("gcc") is None or platform.machine() != "x86_64", reason="needs a gcc for x86-64")
def test_what_is_to_do_is_a_job(module: Module, tmp_path: Path) -> None:
    state, repository = tmp_path / "state", tmp_path / "lab"
    (repository / "profiles").mkdir(parents=True)
    args = {
        "name": "laptops",
        "repositories": {"lab": str(repository)},
        "members": {"amd": ["cmov", "cx8", "fpu", "fxsr", "mmx", "syscall", "sse", "sse2"]},
        "chost": "x86_64-pc-linux-gnu",
        "cflags": "-O2 -march=x86-64",
        "state_dir": str(state),
    }
    assert not module("shared_packages", args, check=True).get("failed")
    assert not state.exists()
    result = module("shared_packages", args)
    # It is the job that failed: nothing is installed with packages here.
    job = state / "jobs/pack-laptops"
    assert json.loads((job / "request.json").read_text())["kind"] == "pack"
    assert result["failed"] and "expected a package to publish, found none" in result["msg"]
    assert (state / "run/build-laptops.lock").read_text() != ""
