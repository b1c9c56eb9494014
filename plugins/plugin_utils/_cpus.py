# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fleet's CPUs can run, alone and together.

Of x86 only features that decide what is compiled count: those of a psABI level, with a CPU flag of Gentoo's, or with an
option that a target is compiled with. The rest of what a kernel lists (mitigations, power, virtualisation) changes with
the kernel and must move no host. Of other architectures, which list no such things, all count.
Machines are many and their kinds few: everything is worked out once per set of features.
"""

from __future__ import annotations

import functools
import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _cpu, _cpu_native, _cpu_x86
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

Features = frozenset[str]  # the kernel's names
#: Feature -> one that contains it. Kernels name the first on AMD alone; told apart, every Intel would seem to lack it.
_CONTAINED: t.Final[Mapping[str, str]] = {"mmxext": "sse"}
#: Of x86.
_COUNTED: t.Final = frozenset(
    {name for alternatives in _cpu_x86.FLAGS.values() for names in alternatives for name in names}
    | {name for names in _cpu_x86.LEVELS.values() for name in names}
    | {_cpu_x86.OPTIONS[option] for option in _cpu_x86.TARGET_OPTIONS}
)


@dataclass(frozen=True)
class Isa:
    """An architecture, and what sets of its features mean."""

    arch: str  # "x86", "arm" or "ppc"

    @property
    def flags_variable(self) -> str:
        """Return the variable of make.conf for CPU flags."""
        return _cpu.table(self.arch).VARIABLE

    def counts(self, feature: str) -> bool:
        """Return whether a feature decides what is compiled."""
        return self.arch != "x86" or feature in _COUNTED

    def closed(self, features: Features) -> Features:
        """Return the features that have what they need below them."""
        return _closed(features, self.arch)

    def together(self, sets: Iterable[Features]) -> Features:
        """Return what machines with these features can all run; nothing for no machine."""
        kinds = set(sets)
        return self.closed(frozenset.intersection(*kinds)) if kinds else frozenset()

    def flags(self, features: Features) -> frozenset[str]:
        """Return the features as Gentoo names them."""
        return _flags(features, self.arch)

    def level(self, features: Features) -> str | None:
        """Return the highest psABI level, or None below x86-64-v1 and for other architectures."""
        return _level(features) if self.arch == "x86" else None

    def march(self, features: Features) -> str:
        """Return GCC's options for code that any CPU with these features runs.

        Raises ``BinhostError`` where there are none.
        """
        if self.arch == "x86":
            return _cpu.march(features)
        name = _cpu_native.native_march(features, "", None, None, arch=self.arch)
        if name is None:
            raise BinhostError(
                f"CPU features: no -march follows from those of {self.arch}: declare the target's cflags"
            )
        return f"-march={name}"


@functools.lru_cache(maxsize=4096)
def _closed(features: Features, arch: str) -> Features:
    return _cpu.common([features], arch=arch)


@functools.lru_cache(maxsize=4096)
def _flags(features: Features, arch: str) -> frozenset[str]:
    return frozenset(_cpu.cpu_flags(features, arch=arch))


@functools.lru_cache(maxsize=4096)
def _level(features: Features) -> str | None:
    return _cpu.level(features)


@functools.lru_cache(maxsize=4096)
def names(features: Features) -> tuple[str, ...]:
    """Return the features' names, sorted."""
    return tuple(sorted(features))


class Cpus:
    """The CPUs of the hosts that were seen."""

    def __init__(self, facts: Mapping[str, Mapping[str, t.Any]]) -> None:
        kinds: dict[Features, Features] = {}  # every set once: equal ones are compared by identity
        self._isas = {host: Isa(known["cpu"].get("arch", "x86")) for host, known in facts.items()}
        self._own: dict[str, Features] = {}
        for host, isa in self._isas.items():
            features = frozenset(filter(isa.counts, facts[host]["cpu"]["features"]))
            features -= {small for small, large in _CONTAINED.items() if large in features}
            self._own[host] = kinds.setdefault(features, isa.closed(features))

    def isa(self, host: str) -> Isa:
        """Return a host's architecture."""
        return self._isas[host]

    def own(self, host: str) -> Features:
        """Return what a host can run."""
        return self._own[host]

    def common(self, hosts: Sequence[str]) -> Features:
        """Return what all of these hosts, of one architecture, can run."""
        return self._isas[hosts[0]].together(self._own[host] for host in hosts)
