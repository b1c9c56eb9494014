# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Automatic targets: who shares one, what it is called, and what stays."""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _plan

from .fleet import COMMON, V2, V3, facts, fleet, variables

Hosts = dict[str, set[str]]
Plan = dict[str, t.Any]
WEAK = V3 - {"movbe"}


def plan(hosts: Hosts, previous: Plan | None = None, own: dict[str, t.Any] | None = None) -> Plan:
    """Return the plan for slaves with these features and automatic targets; ``own``: host to more variables."""
    inventory = {"desktop": variables()["desktop"]}
    inventory |= {host: {**COMMON, "binhost_target": "auto", **(own or {}).get(host, {})} for host in hosts}
    known = {host: facts(features) for host, features in {"desktop": V3 | {"aes"}, **hosts}.items()}
    return _plan.plan(fleet(inventory), known, previous)


def places(made: Plan) -> dict[str, str]:
    """Return where each host is."""
    return {host: one["target"] for host, one in made["hosts"].items()}


def test_the_first_plan_makes_one_target_of_all_named_after_what_it_is() -> None:
    made = plan({"a": V3, "b": WEAK})
    (name,) = made["targets"]
    assert re.fullmatch(r"laptops-x86-64-v2-[0-9a-f]{4}", name)
    assert set(made["targets"][name]["cpu"]["features"]) == WEAK
    assert (made["targets"][name]["declared"], made["targets"][name]["automatic"]) == ("laptops", True)


def test_it_shares_the_declared_configuration_and_says_so() -> None:
    (target,) = plan({"a": V3})["targets"].values()
    text = target["files"]["make.conf/01-target.conf"]
    assert 'USE="${USE} unicode"' in text
    assert "change binhost_targets.laptops.make_conf there" in text


def test_a_newcomer_that_fits_joins() -> None:
    first = plan({"a": WEAK})
    assert places(plan({"a": WEAK, "b": V3 | {"aes"}}, first)) == dict.fromkeys("ab", *first["targets"])


def test_a_newcomer_that_would_lower_it_gets_another_and_moves_nobody() -> None:
    first = plan({"a": V3})
    second = plan({"a": V3, "b": V2}, first)
    assert places(second)["a"] == places(first)["a"] != places(second)["b"]
    assert second["targets"][places(first)["a"]]["compile"] == first["targets"][places(first)["a"]]["compile"]


def test_a_newcomer_takes_what_suits_it_best() -> None:
    second = plan({"a": V3, "b": V2}, plan({"a": V3}))
    third = plan({"a": V3, "b": V2, "c": V3, "d": WEAK}, second)
    assert (places(third)["c"], places(third)["d"]) == (places(third)["a"], places(third)["b"])


def test_a_name_is_kept_when_the_cpu_it_came_from_is_gone() -> None:
    first = plan({"a": V3, "b": WEAK})
    second = plan({"a": V3}, first)
    assert list(second["targets"]) == list(first["targets"])
    assert set(second["targets"][places(first)["a"]]["cpu"]["features"]) == V3


def test_a_name_that_is_taken() -> None:
    first = plan({"a": V3, "b": WEAK})
    third = plan({"a": V3, "c": WEAK}, plan({"a": V3}, first))
    assert places(third)["c"].startswith(places(first)["a"])
    assert places(third)["c"] != places(first)["a"]


def test_a_replaced_machine_lowers_nothing() -> None:
    first = plan({"a": V3, "b": WEAK})
    assert places(plan({"a": V3, "c": WEAK}, first)) == dict.fromkeys("ac", *first["targets"])


def test_a_host_whose_cpu_changed_stays() -> None:
    first = plan({"a": V3, "b": V3})
    second = plan({"a": V2, "b": V3}, first)
    assert places(second) == places(first)
    assert set(second["targets"][places(first)["a"]]["cpu"]["features"]) == V2


def test_a_host_that_is_to_be_regrouped_leaves_alone() -> None:
    first = plan({"a": V3, "b": V3})
    second = plan({"a": V2, "b": V3}, first, {"a": {"binhost_regroup": True}})
    assert places(second)["b"] == places(first)["b"] != places(second)["a"]


def test_all_are_regrouped_from_the_command_line() -> None:
    second = plan({"a": V3, "b": V2}, plan({"a": V3}))
    again = plan({"a": V3, "b": V2}, second, dict.fromkeys("ab", {"binhost_regroup": "true"}))
    assert places(again) == places(plan({"a": V3, "b": V2}))


def test_named_and_automatic_targets_of_one_declaration() -> None:
    made = plan({"a": V3, "b": V2}, own={"b": {"binhost_target": "laptops"}})
    assert places(made)["b"] == "laptops" != places(made)["a"]
    assert made["targets"][places(made)["a"]]["cpu"]["level"] == "x86-64-v3"


def test_the_owner_lowers_a_named_target() -> None:
    named = dict.fromkeys("ab", {"binhost_target": "laptops"})
    first = plan({"a": V3}, own=named)
    assert plan({"a": V3, "b": V2}, first, own=named)["targets"]["laptops"]["cpu"]["level"] == "x86-64-v2"


def test_a_host_that_was_never_seen_has_no_automatic_target() -> None:
    inventory = {**variables(), "new": {**COMMON, "binhost_target": "auto"}}
    made = _plan.plan(fleet(inventory), {"desktop": facts(V3)})
    assert made["targets"] == {}


def test_an_automatic_targets_name_is_not_to_be_declared() -> None:
    first = plan({"a": V3})
    (name,) = first["targets"]
    targets = {"binhost_targets": {**COMMON["binhost_targets"], name: COMMON["binhost_targets"]["laptops"]}}
    expected = f"all hosts: binhost_targets.{name}: expected another name, since an automatic target of laptops has it"
    with pytest.raises(BinhostError, match=f"^{re.escape(expected)}$"):
        inventory = {
            "desktop": {**variables()["desktop"], **targets},
            "a": {**COMMON, **targets, "binhost_target": "auto:laptops"},
        }
        _plan.plan(fleet(inventory), {"desktop": facts(V3), "a": facts(V3)}, first)


def test_what_the_compilers_are_told() -> None:
    (target,) = plan({"a": V3})["targets"].values()
    text = target["files"]["make.conf/01-target.conf"]
    assert 'RUSTFLAGS="-C target-cpu=x86-64-v3"\n' in text
    assert 'GOAMD64="v3"\n' in text


def test_the_owner_has_the_last_word() -> None:
    own = {**COMMON["binhost_targets"]["laptops"], "cflags": "-O3 -march=x86-64", "make_conf": {"GOAMD64": "v1"}}
    common = {**COMMON, "binhost_targets": {"laptops": own}}
    inventory = {"desktop": common, "a": {**common, "binhost_target": "auto"}}
    (target,) = _plan.plan(fleet(inventory), {"desktop": facts(V3), "a": facts(V3)})["targets"].values()
    text = target["files"]["make.conf/01-target.conf"]
    assert 'CFLAGS="-O3 -march=x86-64"\n' in text
    assert 'GOAMD64="v1"\n' in text


@pytest.mark.parametrize(("level", "rust", "go"), [(V3, "x86-64-v3", "v3"), (V2, "x86-64-v2", "v2")])
def test_rust_and_go_know_the_level(level: set[str], rust: str, go: str) -> None:
    (target,) = plan({"a": level})["targets"].values()
    assert (target["cpu"]["rustflags"], target["cpu"]["goamd64"]) == (f"-C target-cpu={rust}", go)
