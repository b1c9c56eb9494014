# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run Ansible's programs as somebody with an empty home folder, in an empty folder, without an ansible.cfg."""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

ROOT: t.Final = Path(__file__).resolve().parents[2]
Run = t.Callable[..., str]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return ``run(program, *words, **variables)``, which returns stdout; who fails or warns fails the test."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("elsewhere")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment = {**kept, "HOME": str(home), "ANSIBLE_NOCOLOR": "1"}

    def run(program: str, *words: str | Path, **variables: str) -> str:
        command = [str(Path(sys.executable).parent / program), *map(str, words)]
        done = subprocess.run(
            command, cwd=folder, env={**environment, **variables}, capture_output=True, text=True, check=False
        )
        if done.returncode or "WARNING" in done.stderr:
            pytest.fail(f"{' '.join(command)}\nstatus {done.returncode}\n{done.stdout}{done.stderr}", pytrace=False)
        return done.stdout

    return run


@pytest.fixture(scope="session")
def artifact(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tarball of the collection, built from this checkout."""
    folder = tmp_path_factory.mktemp("artifact")
    run("ansible-galaxy", "collection", "build", "--output-path", folder, ROOT)
    (found,) = folder.glob("*.tar.gz")
    return found


@pytest.fixture(scope="session")
def installed(run: Run, artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the value of ANSIBLE_COLLECTIONS_PATH where the tarball is installed."""
    folder = tmp_path_factory.mktemp("installed")
    path = str(folder)
    run("ansible-galaxy", "collection", "install", "--offline", artifact, ANSIBLE_COLLECTIONS_PATH=path)
    return path
