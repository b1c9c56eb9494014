# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets that stand on another one."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _inventory, _plan

from tests.unit.plugins.plugin_utils import fleet

WHERE: t.Final = "all hosts: binhost_targets.stack"


def declared(**stack: t.Any) -> _inventory.Fleet:
    """Return the fleet, whose intel's target stands on the laptops'."""
    variables = fleet.variables()
    for own in variables.values():
        own["binhost_targets"]["laptops"].update({"repos_conf": {"lab": {"priority": "1"}}, "cflags": "-O1"})
        own["binhost_targets"]["stack"] = {"base": "laptops", **stack}
    variables["intel"]["binhost_target"] = "stack"
    return fleet.fleet(variables)


def planned(**stack: t.Any) -> dict[str, t.Any]:
    """Return the plan's targets."""
    return t.cast(dict[str, t.Any], _plan.plan(declared(**stack), fleet.all_facts())["targets"])


def test_it_says_what_its_base_says_and_its_own_besides() -> None:
    found = planned(use=["-X"], package_use={"app-misc/hello": ["nls"]}, cflags="-O3")
    files = found["stack"]["files"]
    assert 'USE="${USE} unicode -X"\n' in files["make.conf/01-target.conf"]
    assert "app-arch/lz4 static-libs\napp-misc/hello nls\n" in files["package.use/01-target"]
    assert found["stack"]["cpu"]["cflags"].startswith("-O3 ")
    assert found["laptops"]["cpu"]["cflags"].startswith("-O1 ")
    assert found["stack"]["links"] == found["laptops"]["links"]
    assert "app-misc/hello" not in found["laptops"]["files"]["package.use/01-target"]


def test_what_the_plan_says_of_it() -> None:
    found = planned()
    assert {name: (each["base"], each["depclean"], each["members"]) for name, each in found.items()} == {
        "laptops": ("", True, ["amd"]),
        "stack": ("laptops", False, ["intel"]),
    }


def test_its_slaves_run_what_the_base_was_made_for() -> None:
    facts = fleet.all_facts()
    facts["intel"]["cpu"]["features"].remove("sse4_2")
    with pytest.raises(BinhostError) as info:
        _plan.plan(declared(), facts)
    words = "intel: binhost_target: expected a CPU that runs the packages of laptops, on which stack stands, found one "
    assert str(info.value).startswith(f"{words}without ")
    assert "sse4_2" in str(info.value)


def test_the_base_needs_a_slave_of_its_own() -> None:
    variables = declared()
    variables.variables["amd"]["binhost_target"] = "stack"  # type: ignore[index]
    with pytest.raises(BinhostError) as info:
        _plan.plan(variables, fleet.all_facts())
    assert str(info.value) == (
        f"{WHERE}.base: expected a target with a slave that names it (and not by auto), found 'laptops'"
    )


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ({"base": "nobody", "profile": "lab:x"}, f"{WHERE}.base: expected another target (laptops), found 'nobody'"),
        ({"base": "stack", "profile": "lab:x"}, f"{WHERE}.base: expected another target (laptops), found 'stack'"),
        ({"base": 7, "profile": "lab:x"}, f"{WHERE}: base: expected text, found 7"),
        ({"mode": "shared"}, f"{WHERE}.mode: expected chroot, as it stands on laptops, found 'shared'"),
    ],
)
def test_problems(stack: dict[str, t.Any], expected: str) -> None:
    assert expected in _inventory.problems(declared(**stack))


def test_no_problem() -> None:
    assert _inventory.problems(declared(repositories=["lab"])) == []


def test_a_base_stands_on_none_itself() -> None:
    variables = declared()
    for own in variables.variables.values():
        own["binhost_targets"]["third"] = {"base": "stack", "profile": "lab:default/linux/amd64"}
    assert _inventory.problems(variables) == [
        "all hosts: binhost_targets.third.base: expected a target that stands on none itself, found 'stack'"
    ]
