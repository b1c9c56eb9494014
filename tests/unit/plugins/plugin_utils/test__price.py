# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sharing costs, as numbers and as sentences, and what changes cost."""

from __future__ import annotations

import typing as t

from ansible_collections.larry.binhost.plugins.plugin_utils import _changes, _plan, _plan_text, _price
from ansible_collections.larry.binhost.plugins.plugin_utils._cpus import Cpus

from .fleet import COMMON, V2, V3, all_facts, facts, fleet, variables

Facts = dict[str, dict[str, t.Any]]
V3_ONLY = sorted(V3 - V2)


def price(master: set[str], **members: set[str]) -> dict[str, t.Any]:
    """Return the price of a target with these members."""
    return _price.price(
        "m", sorted(members), Cpus({host: facts(own) for host, own in {"m": master, **members}.items()})
    )


def test_machines_alike_cost_nothing() -> None:
    assert price(V3, a=V3, b=V3) == {"lost": {}, "blame": {}, "keeps": {}, "master": [], "second": None}


def test_what_only_amd_names_and_all_have_is_no_loss() -> None:
    assert price(V3, a=V3 | {"mmxext"}, b=V3)["lost"] == {}


def test_who_is_to_blame_and_what_a_second_target_would_win() -> None:
    assert price(V3, a=V3 - {"movbe", "bmi2"}, b=V3, c=V3) == {
        "lost": dict.fromkeys("bc", {"level": "x86-64-v3", "features": ["bmi2", "movbe"], "flags": ["bmi2"]}),
        "blame": {"bmi2": ["a"], "movbe": ["a"]},
        "keeps": {"a": {"level": "x86-64-v3", "lacks": ["bmi2", "movbe"], "also": []}},
        "master": [],
        "second": {
            "members": ["b", "c"],
            "level": "x86-64-v3",
            "features": ["bmi2", "movbe"],
            "flags": ["bmi2"],
            "rest": [],
        },
    }


def test_each_lacks_what_the_other_has() -> None:
    found = price(V3 | {"aes"}, a=V3 - {"movbe"}, b=V3 - {"bmi2"}, c=V3 | {"aes"})
    assert found["blame"] == {"aes": ["a", "b"], "bmi2": ["b"], "movbe": ["a"]}
    assert found["keeps"]["a"] == {"level": "x86-64-v3", "lacks": ["movbe"], "also": ["aes"]}
    assert found["second"]["members"] == ["c"]


def test_a_weak_master_is_the_one_to_blame() -> None:
    found = price(V2, a=V3, b=V3)
    assert (found["master"], found["second"]) == (V3_ONLY, None)
    assert found["keeps"] == {"m": {"level": "x86-64-v3", "lacks": V3_ONLY, "also": []}}
    assert found["blame"] == dict.fromkeys(V3_ONLY, ["m"])


TEXT = """\
target laptops: x86-64-v2, built by desktop
  CFLAGS         -O2 -pipe -march=x86-64-v2 -mavx -mbmi -mf16c -mfma
                 -mlzcnt -mmovbe -mtune=generic
  CPU_FLAGS_X86  avx bmi1 f16c fma3 mmx mmxext popcnt sse sse2 sse3
                 sse4_1 sse4_2 ssse3
  RUSTFLAGS      -C target-cpu=x86-64-v2
  GOAMD64        v2
  slave  own best   loses
  amd    x86-64-v2  -
  intel  x86-64-v3  avx2 bmi2
  A second target for intel would win x86-64-v3: avx2 bmi2.

amd keeps the target laptops from x86-64-v3: lacks avx2, bmi2
desktop can run all that it builds for others
intel gets packages for x86-64-v2, though it could run x86-64-v3: loses
  avx2, bmi2 because of amd. Declare a second target and name it as
  binhost_target of intel to win avx2, bmi2

new was never seen: the plan does without it.
"""


def test_text() -> None:
    assert _plan_text.text(_plan.plan(fleet(), all_facts()), [], ["new"]) == TEXT


def test_text_of_machines_alike() -> None:
    known = {host: facts(V3) for host in ("desktop", "amd", "intel")}
    assert _plan_text.text(_plan.plan(fleet(), known), [], []).splitlines()[-5:] == [
        "  intel  x86-64-v3  -",
        "",
        "amd gets all that its CPU can run",
        "desktop can run all that it builds for others",
        "intel gets all that its CPU can run",
    ]


def test_text_of_a_weak_master() -> None:
    known = {**dict.fromkeys(("amd", "intel"), facts(V2 | {"aes", "sha_ni"})), "desktop": facts(V2)}
    assert _plan_text.text(_plan.plan(fleet(), known), [], []).splitlines()[-6:] == [
        "  All its slaves could run aes, sha_ni; desktop, which builds, cannot.",
        "",
        "amd gets packages for x86-64-v2: loses aes, sha_ni because of desktop",
        "desktop keeps the target laptops from aes, sha_ni: lacks them. Only",
        "  another master could build for them",
        "intel gets packages for x86-64-v2: loses aes, sha_ni because of desktop",
    ]


def changes(
    now: dict[str, t.Any], before: dict[str, t.Any], own: dict[str, dict[str, t.Any]] | None = None
) -> list[str]:
    """Return what is told of a change of facts."""
    previous = _plan.plan(fleet(own), before)
    return _changes.sentences(_plan.plan(fleet(own), now, previous), previous, now)


def test_a_first_plan_changes_nothing() -> None:
    assert _changes.sentences(_plan.plan(fleet(), all_facts()), None, all_facts()) == []


def test_a_new_board() -> None:
    known = {host: facts(V3, installed=["a/b-1", f"x/{host}-1"]) for host in ("desktop", "amd", "intel")}
    now = {**known, "amd": facts(V2, installed=["a/b-1"])}
    assert changes(now, known) == [
        "amd: its CPU is another one than at the last plan: "
        "lost abm, avx, avx2, bmi1, bmi2, f16c, fma, movbe and 1 more",
        "target laptops is compiled again, 2 packages installed on 2 slaves: "
        "amd cannot run abm, avx, avx2, bmi1, bmi2, f16c, fma, movbe and 1 more",
        "target laptops: x86-64-v3 becomes x86-64-v2",
    ]


def test_what_is_compiled_again_is_listed() -> None:
    before = _plan.plan(fleet(), all_facts())
    now = {**all_facts(), "amd": facts(V2, installed=["b/b-1", "a/a-1"])}
    after = _plan.plan(fleet(), now, before)
    assert _changes.rebuilds(after, before, now) == {"laptops": ["a/a-1", "b/b-1"]}


def test_a_newcomer_that_lowers_a_named_target() -> None:
    known = {host: facts(V3) for host in ("desktop", "amd")}
    assert changes({**known, "intel": facts(V3 - {"movbe"})}, known) == [
        "target laptops is compiled again, 0 packages installed on 2 slaves: intel cannot run movbe",
        "target laptops: x86-64-v3 becomes x86-64-v2",
    ]


def test_a_microcode_update_that_takes_nothing_compiled_for_away() -> None:
    known = {host: facts(V3 | {"ibrs"}) for host in ("desktop", "amd", "intel")}
    assert changes({**known, "amd": facts(V3)}, known) == []


def test_other_options() -> None:
    previous = _plan.plan(fleet(), all_facts())
    own = variables()
    for host in own.values():
        host["binhost_targets"]["laptops"]["cflags"] = "-O3"
    assert _changes.sentences(_plan.plan(fleet(own), all_facts(), previous), previous, all_facts()) == [
        "target laptops is compiled again, 0 packages installed on 2 slaves: its compilers are told something else"
    ]


def test_an_automatic_target_has_a_way_out() -> None:
    own = {**variables(), **{host: {**COMMON, "binhost_target": "auto"} for host in ("amd", "intel")}}
    known = {host: facts(V3) for host in ("desktop", "amd", "intel")}
    told = changes({**known, "amd": facts(V3 - {"movbe"})}, known, own)
    assert told[1].endswith("amd cannot run movbe (binhost_regroup: true for amd finds another target)")


def test_a_move_and_a_new_target() -> None:
    previous = _plan.plan(fleet(), all_facts())
    own = variables()
    own["amd"]["binhost_target"] = "auto"
    after = _plan.plan(fleet(own), all_facts(), previous)
    name = after["hosts"]["amd"]["target"]
    assert _changes.sentences(after, previous, all_facts())[-2:] == [
        f"amd moves from target laptops to {name}: its packages are installed again",
        f"target {name} is new, for amd: all its packages are compiled",
    ]
