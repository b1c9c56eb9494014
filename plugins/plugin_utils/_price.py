# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sharing a target costs: who loses what against its own best, who is to blame, what a second target would win.

Features are the kernel's names, as a person finds them in /proc/cpuinfo; ``flags`` are Gentoo's.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.larry.binhost.plugins.module_utils import _cpu
from ansible_collections.larry.binhost.plugins.plugin_utils._cpus import Cpus, Features, Isa

Price = dict[str, t.Any]
#: CPU -> the members that have it.
Kinds = Mapping[Features, Sequence[str]]


def price(master: str, members: Sequence[str], cpus: Cpus) -> Price:
    """Return the price of a target; its parts are empty where it costs nothing."""
    kinds: dict[Features, list[str]] = {}
    for slave in members:
        kinds.setdefault(cpus.own(slave), []).append(slave)
    builder, isa = cpus.own(master), cpus.isa(master)
    shared = isa.together([builder, *kinds])
    lost = frozenset[str]().union(*kinds) - shared
    everyone = {**kinds, builder: [*kinds.get(builder, ()), master]}
    return {
        "lost": _by_host({kind: _loss(isa, kind, shared) for kind in kinds if kind - shared}, kinds),
        "blame": {name: _lacking(name, everyone) for name in sorted(lost)},
        "keeps": _by_host(_keeps(everyone, lost, _best(isa, kinds)), everyone),
        "master": sorted(isa.together(kinds) - shared),
        "second": _second(isa, builder, kinds, shared, lost),
    }


def _by_host(told: Mapping[Features, t.Any], kinds: Kinds) -> dict[str, t.Any]:
    return {host: told[kind] for host, kind in sorted((host, kind) for kind in told for host in kinds[kind])}


def _loss(isa: Isa, own: Features, shared: Features) -> Price:
    """Return a member's own level, and what it could run and gets nothing made for."""
    return {
        "level": isa.level(own),
        "features": sorted(own - shared),
        "flags": sorted(isa.flags(own) - isa.flags(shared)),
    }


def _lacking(feature: str, kinds: Kinds) -> list[str]:
    return sorted(host for kind, hosts in kinds.items() if feature not in kind for host in hosts)


def _best(isa: Isa, kinds: Iterable[Features]) -> str | None:
    """Return the highest level that one of these CPUs has (their names sort in order)."""
    return max(filter(None, map(isa.level, kinds)), default=None)


def _keeps(kinds: Kinds, lost: Features, best: str | None) -> dict[Features, Price]:
    """Return, for each CPU that others lose by, the level that it keeps them from, and the features it lacks."""
    told = {}
    for kind in kinds:
        if lost - kind:
            missing = _cpu.why_not(kind).get(best or "", [])
            told[kind] = {
                "level": best if missing else None,
                "lacks": sorted(missing),
                "also": sorted(lost - kind - set(missing)),
            }
    return told


def _second(isa: Isa, builder: Features, kinds: Kinds, shared: Features, lost: Features) -> Price | None:
    """Return the best of the targets that would take those who have some lost feature, or None if none wins anything.

    Best is what wins most features, counted once per host, among those who leave and those who stay.
    """
    bits = {name: 1 << place for place, name in enumerate(sorted(lost & builder))}
    masks = {kind: sum(bits[name] for name in kind & lost & builder) for kind in kinds}
    splits: dict[tuple[Features, ...], int] = {}
    for bit in bits.values():
        splits.setdefault(tuple(kind for kind, mask in masks.items() if mask & bit), bit)
    scored = [(_won(bit, masks, kinds), -bit, leaving) for leaving, bit in splits.items()]
    won, _bit, leaving = max(scored, key=lambda one: one[:2], default=(0, 0, ()))
    if not won:
        return None
    theirs = isa.together([builder, *leaving])
    staying = isa.together([builder, *(kind for kind in kinds if kind not in set(leaving))])
    return {
        "members": sorted(host for kind in leaving for host in kinds[kind]),
        "level": isa.level(theirs),
        "features": sorted(theirs - shared),
        "flags": sorted(isa.flags(theirs) - isa.flags(shared)),
        "rest": sorted(staying - shared),
    }


def _won(bit: int, masks: Mapping[Features, int], kinds: Kinds) -> int:
    """Return how many features a split by one of them wins, counted once per host.

    An estimate where a feature needs one that is not common; what is told of the best split is exact.
    """
    total = 0
    for side in (True, False):
        inside = [kind for kind, mask in masks.items() if bool(mask & bit) is side]
        common = -1
        for kind in inside:
            common &= masks[kind]
        if inside:
            total += common.bit_count() * sum(len(kinds[kind]) for kind in inside)
    return total
