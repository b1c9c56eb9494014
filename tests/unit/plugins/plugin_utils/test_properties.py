# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every fleet."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable

from ansible_collections.larry.binhost.plugins.module_utils import _cpu
from ansible_collections.larry.binhost.plugins.plugin_utils import _changes, _cpus, _plan, _plan_text
from hypothesis import given, settings
from hypothesis import strategies as st

from .fleet import COMMON, V2, V3, facts, fleet

Hosts = dict[str, tuple[str, frozenset[str]]]  # slave -> its binhost_target, its features
Plan = dict[str, t.Any]
V1 = frozenset(_cpu.why_not(())["x86-64-v1"])
#: Some that need each other, some that stand alone, and one that is no matter of a compiler's.
LOOSE = sorted({*V3, "aes", "sha_ni", "avx_vnni", "vpclmulqdq", "pclmulqdq", "ibrs"} - V1)
_features = st.one_of(
    st.sampled_from([frozenset(V2), frozenset(V3), frozenset(V3) - {"movbe"}, frozenset(V3) | {"aes"}]),
    st.frozensets(st.sampled_from(LOOSE)).map(lambda some: V1 | some),
)
_slave = st.tuples(st.sampled_from(["laptops", "auto:laptops", "auto:servers"]), _features)
_fleets = st.dictionaries(st.sampled_from("abcdefgh"), _slave, min_size=1, max_size=8)
TARGETS = {"binhost_targets": dict.fromkeys(("laptops", "servers"), COMMON["binhost_targets"]["laptops"])}
MASTER = frozenset(V3) | {"aes", "sha_ni"}


def plan(hosts: Hosts, previous: Plan | None = None, master: frozenset[str] = MASTER) -> Plan:
    """Return the plan for these slaves, in the order given."""
    inventory = {"desktop": {**COMMON, **TARGETS}}
    inventory |= {host: {**COMMON, **TARGETS, "binhost_target": target} for host, (target, _features) in hosts.items()}
    known = {host: facts(set(features)) for host, (_target, features) in hosts.items()}
    return _plan.plan(fleet(inventory), {**known, "desktop": facts(set(master))}, previous)


def slow(test: Callable[..., None]) -> Callable[..., None]:
    """A busy machine is no failure, and the same fleets are tried each time."""
    return settings(deadline=None, derandomize=True, max_examples=60)(test)


@slow
@given(_fleets, _features)
def test_a_target_has_only_what_every_member_and_the_master_can_run(hosts: Hosts, master: frozenset[str]) -> None:
    for target in plan(hosts, master=master)["targets"].values():
        features = set(target["cpu"]["features"])
        assert all(features <= hosts[slave][1] for slave in target["members"])
        assert features <= master
        assert _cpu.common([features]) == features


@slow
@given(_fleets, _fleets, _slave)
def test_a_newcomer_adds_no_feature_and_moves_nobody(before: Hosts, hosts: Hosts, new: tuple[str, t.Any]) -> None:
    previous = plan(before)
    without, joined = plan(hosts, previous), plan({**hosts, "new": new}, previous)
    for host in hosts:
        place = without["hosts"][host]["target"]
        if place in previous["targets"] or not without["targets"][place]["automatic"]:
            assert joined["hosts"][host]["target"] == place
    for name in set(without["targets"]) & set(joined["targets"]):
        had, has = (set(one["targets"][name]["cpu"]["features"]) for one in (without, joined))
        assert has <= had
    after = plan({**hosts, "new": new}, without)
    for name, target in without["targets"].items():
        assert after["targets"][name]["members"] in (target["members"], sorted([*target["members"], "new"]))
        assert set(after["targets"][name]["cpu"]["features"]) <= set(target["cpu"]["features"])
        if target["automatic"]:
            assert after["targets"][name]["compile"] == target["compile"]


@slow
@given(_fleets, _fleets)
def test_the_plan_is_a_fixed_point(before: Hosts, hosts: Hosts) -> None:
    for previous in (None, plan(before)):
        made = plan(hosts, previous)
        assert plan(hosts, made) == made
        assert plan(hosts, json.loads(json.dumps(made))) == made
        assert _changes.sentences(made, made, {}) == []


@slow
@given(_fleets, _fleets, st.randoms(use_true_random=False))
def test_the_order_of_hosts_does_not_matter(before: Hosts, hosts: Hosts, dice: t.Any) -> None:
    shuffled = list(hosts.items())
    dice.shuffle(shuffled)
    previous = plan(before)
    assert json.dumps(plan(dict(shuffled), previous)) == json.dumps(plan(hosts, previous))


@slow
@given(_fleets, _features)
def test_the_price_adds_up(hosts: Hosts, master: frozenset[str]) -> None:
    made = plan(hosts, master=master)
    for target in made["targets"].values():
        price, has = target["price"], set(target["cpu"]["features"])
        for slave in target["members"]:
            own = set(made["cpus"][slave]["features"])
            assert set(price["lost"].get(slave, {"features": []})["features"]) == own - has
        for feature, hosts_lacking in price["blame"].items():
            assert hosts_lacking
            assert all(feature not in made["cpus"][host]["features"] for host in hosts_lacking)
        if price["second"]:
            assert set(price["second"]["members"]) < set(target["members"])
            assert price["second"]["features"] or price["second"]["rest"]


@slow
@given(_fleets, _fleets)
def test_every_plan_can_be_told(before: Hosts, hosts: Hosts) -> None:
    previous = plan(before)
    made = plan(hosts, previous)
    known: dict[str, dict[str, t.Any]] = {host: {} for host in made["cpus"]}
    text = _plan_text.text(made, _changes.sentences(made, previous, known), [])
    assert all(any(line.startswith(f"{host} ") for line in text.splitlines()) for host in made["cpus"])


@slow
@given(
    st.frozensets(
        st.sampled_from([*LOOSE, *_cpu.why_not(())["x86-64-v4"], "avx512_fp16", "fma4", "xop", "vaes", "gfni"])
    )
)
def test_what_is_left_out_is_needed_by_nothing(features: frozenset[str]) -> None:
    x86 = _cpus.Isa("x86")
    counted = frozenset(filter(x86.counts, features))
    assert x86.closed(counted) == frozenset(filter(x86.counts, _cpu.common([features])))
