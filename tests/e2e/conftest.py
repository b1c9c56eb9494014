# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab for all end-to-end tests, which run in the order of their files.

It is fresh at their begin and removed at their end.  With BINHOST_LAB_KEEP=1 it is used as it stands, and stays.
"""

from __future__ import annotations

import itertools
import os
import shutil
import typing as t
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.harness import CHECKOUT, RUN_TIMEOUT_S, Machines, Run, machines_of_checkout, play


class Site(t.Protocol):
    """Run ``ansible-playbook site.yml -i INVENTORY ARGS``."""

    def __call__(
        self,
        *args: str,
        inventory: Path | str = ...,
        env: Mapping[str, str] | None = ...,
        playbook: str = ...,
        timeout_s: float = ...,
    ) -> Run:
        """Return what the run said and did; it may have failed."""


@pytest.fixture(scope="session")
def lab() -> Iterator[Machines]:
    """Return the lab, with its three hosts up."""
    keep = os.environ.get("BINHOST_LAB_KEEP") == "1"
    hosts = machines_of_checkout()
    if not keep:
        hosts.down()
    hosts.up()
    yield hosts
    if not keep:
        hosts.down()


@pytest.fixture(scope="session")
def site(lab: Machines, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return the function that runs site.yml against the lab."""
    folder = tmp_path_factory.mktemp("runs")
    number = itertools.count(1)

    def run(
        *args: str,
        inventory: Path | str = "inventory",
        env: Mapping[str, str] | None = None,
        playbook: str = "site.yml",
        timeout_s: float = RUN_TIMEOUT_S,
    ) -> Run:
        words = [playbook, "-i", str(inventory), *args]
        return play(folder / f"{next(number)}.jsonl", words, env or {}, timeout_s)

    return run


@pytest.fixture
def inventory_copy(lab: Machines, tmp_path: Path) -> Path:
    """Return a copy of the inventory, with the lab's addresses and what earlier runs kept there, for a test to edit."""
    return shutil.copytree(CHECKOUT / "inventory", tmp_path / "inventory", symlinks=True)
