# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fleet's CPUs can run, alone and together.

Only features that decide what is compiled count: those of a psABI level, and those with a CPU flag of Gentoo's. The
rest of what a kernel lists (mitigations, power, virtualisation) changes with the kernel and must move no host.
Machines are many and their kinds few: everything is worked out once per set of features.
"""

from __future__ import annotations

import functools
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.larry.binhost.plugins.module_utils import _cpu

Features = frozenset[str]  # the kernel's names
#: Feature -> one that contains it. Kernels name the first on AMD alone; told apart, every Intel would seem to lack it.
_CONTAINED: t.Final[Mapping[str, str]] = {"mmxext": "sse"}


@functools.cache
def counts(feature: str) -> bool:
    """Return whether a feature (the kernel's name) decides what is compiled."""
    return bool(_cpu.cpu_flags([feature])) or any(feature in names for names in _cpu.why_not(()).values())


@functools.lru_cache(maxsize=4096)
def closed(features: Features) -> Features:
    """Return the features that have what they need below them."""
    return _cpu.common([features])


@functools.lru_cache(maxsize=4096)
def flags(features: Features) -> frozenset[str]:
    """Return the features as Gentoo names them."""
    return frozenset(_cpu.cpu_flags(features))


@functools.lru_cache(maxsize=4096)
def names(features: Features) -> tuple[str, ...]:
    """Return the features' names, sorted."""
    return tuple(sorted(features))


@functools.lru_cache(maxsize=4096)
def level(features: Features) -> str | None:
    """Return the highest psABI level, or None below x86-64-v1."""
    return _cpu.level(features)


class Cpus:
    """The CPUs of the hosts that were seen."""

    def __init__(self, facts: Mapping[str, Mapping[str, t.Any]]) -> None:
        kinds: dict[Features, Features] = {}  # every set once: equal ones are compared by identity
        self._own: dict[str, Features] = {}
        for host, known in facts.items():
            features = frozenset(filter(counts, known["cpu"]["features"]))
            features -= {small for small, large in _CONTAINED.items() if large in features}
            self._own[host] = kinds.setdefault(features, closed(features))

    def own(self, host: str) -> Features:
        """Return what a host can run."""
        return self._own[host]

    def common(self, hosts: Iterable[str]) -> Features:
        """Return what all of these hosts can run; nothing for no host."""
        return together(self._own[host] for host in hosts)


def together(sets: Iterable[Features]) -> Features:
    """Return what machines with these features can all run."""
    kinds = set(sets)
    return closed(frozenset.intersection(*kinds)) if kinds else frozenset()
