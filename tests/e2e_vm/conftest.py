# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same virtual machines for all tests, which run in the order of their files.

They are fresh at their begin and removed at their end.  With BINHOST_LAB_KEEP=1 they are used as they stand, and stay.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e.conftest import Site
from tests.e2e.harness import Run, play
from tests.e2e_vm.harness import INVENTORY, RUN_TIMEOUT_S, Guests, guests_of_checkout


@pytest.fixture(scope="session")
def lab() -> Iterator[Guests]:
    """Return the virtual machines, all of them up."""
    keep = os.environ.get("BINHOST_LAB_KEEP") == "1"
    guests = guests_of_checkout()
    if not keep:
        guests.down()
    guests.up()
    yield guests
    if not keep:
        guests.down()


@pytest.fixture(scope="session")
def site(lab: Guests, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return the function that runs site.yml on them."""
    folder = tmp_path_factory.mktemp("runs")
    number = itertools.count(1)

    def run(
        *args: str,
        inventory: Path | str = INVENTORY,
        env: Mapping[str, str] | None = None,
        playbook: str = "site.yml",
        timeout_s: float = RUN_TIMEOUT_S,
    ) -> Run:
        words = [playbook, "-i", str(inventory), *args]
        return play(folder / f"{next(number)}.jsonl", words, env or {}, timeout_s)

    return run
