# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role's variables say reaches the modules: nothing is declared and then forgotten."""

from __future__ import annotations

import importlib
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
OURS = "larry.binhost."
#: Options that no role gives: they are for tests, or for who uses the module by itself.
ALONE = {
    "generation": {"number", "pins", "sign", "state", "state_dir"},
    "stage": {"state_dir"},
    "target_packages": {"load_average", "proof", "state_dir"},
}


def tasks(node: t.Any) -> Iterator[dict[str, t.Any]]:
    """Yield every task of a file, those in blocks too."""
    for task in node or ():
        yield task
        for part in ("block", "rescue", "always"):
            yield from tasks(task.get(part))


def calls() -> Iterator[tuple[str, dict[str, t.Any]]]:
    """Yield the short name of each module of ours that a role uses, and the options it is given."""
    for path in sorted(CHECKOUT.glob("roles/*/tasks/*.yml")):
        for task in tasks(yaml.safe_load(path.read_text())):
            for name in task:
                if name.startswith(OURS):
                    yield name.removeprefix(OURS), task[name] or {}


def options(module: str) -> set[str]:
    """Return the options that a module documents."""
    found = importlib.import_module(f"ansible_collections.larry.binhost.plugins.modules.{module}")
    return set(yaml.safe_load(found.DOCUMENTATION)["options"])


@pytest.mark.parametrize("module", sorted({name for name, _given in calls()}))
def test_a_role_gives_only_options_that_there_are(module: str) -> None:
    given = {option for name, how in calls() if name == module for option in how}
    assert given <= options(module)


@pytest.mark.parametrize("module", sorted(ALONE))
def test_a_role_gives_every_option(module: str) -> None:
    given = {option for name, how in calls() if name == module for option in how}
    assert options(module) - given == ALONE[module]


@pytest.mark.parametrize("role", ["master", "mirror", "slave"])
def test_every_variable_of_a_role_is_used(role: str) -> None:
    spec = yaml.safe_load((CHECKOUT / f"roles/{role}/meta/argument_specs.yml").read_text())
    places = [
        *CHECKOUT.glob("roles/*/[tv]*/*"),
        *CHECKOUT.glob("plugins/plugin_utils/*.py"),
        *CHECKOUT.glob("playbooks/*"),
    ]
    said = "\n".join(path.read_text() for path in places if path.is_file())
    unused = {name for name in spec["argument_specs"]["main"]["options"] if name not in said}
    # The planner finds a slave's variables by what the target's are called.
    assert {name for name in unused if f'"{name.removeprefix("slave_")}"' not in said} == set()
