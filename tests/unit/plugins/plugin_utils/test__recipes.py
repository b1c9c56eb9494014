# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.plugin_utils import _inventory, _plan

from .fleet import all_facts, fleet, variables


def problems(cycles: t.Any) -> list[str]:
    """Return what is wrong with an inventory whose target declares these."""
    hosts = variables()
    for own in hosts.values():
        own["binhost_targets"]["laptops"]["cycles"] = cycles
    return _inventory.problems(fleet(hosts))


def test_the_plan_has_them() -> None:
    hosts = variables()
    for own in hosts.values():
        own["binhost_targets"]["laptops"]["cycles"] = [
            {"atom": "x/a", "use": "-doc"},
            {"atom": "x/b:2", "use": ["-x", "y"]},
        ]
    plan = _plan.plan(fleet(hosts), all_facts())
    assert plan["targets"]["laptops"]["cycles"] == [
        {"atom": "x/a", "use": "-doc"},
        {"atom": "x/b:2", "use": "-x y"},
    ]


@pytest.mark.parametrize(
    ("cycles", "expected"),
    [
        ({}, "all hosts: binhost_targets.laptops: cycles: expected a list, found {}"),
        ([{"atom": "x/a"}], "cycles[0]: expected atom and use, found {'atom': 'x/a'}"),
        ([{"atom": "a", "use": "-doc"}], "cycles[0]: 'a' is no package atom: expected category/name"),
        ([{"atom": "@world", "use": "-doc"}], "cycles[0]: '@world' names a set: expected one package"),
        ([{"atom": "x/a", "use": "!doc"}], "cycles[0]: package.use, x/a: expected a USE flag, found '!doc'"),
        ([{"atom": "x/a", "use": 1}], "cycles[0]: use: expected text or a list of texts, found 1"),
        ([{"atom": "x/a", "use": " "}], "cycles[0].use: expected the flags to build it with first, found none"),
    ],
)
def test_bad_ones(cycles: t.Any, expected: str) -> None:
    (problem,) = problems(cycles)
    assert problem.endswith(expected)
