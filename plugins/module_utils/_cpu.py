# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CPU can run, and what several CPUs can run together.

The kernel's word is the safe one: it has already taken away what the firmware, a hypervisor or a boot option forbids.
Features are compared under the kernel's names and only then written as flags; flags are never merged as strings.
"""

from __future__ import annotations

import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _cpu_arm, _cpu_native, _cpu_ppc, _cpu_x86, _cpuinfo
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

Cpu = _cpuinfo.Cpu
parse = _cpuinfo.parse
native_march = _cpu_native.native_march
own_cflags = _cpu_native.own_cflags


class Table(t.Protocol):
    """What is known of an architecture; its modules ``_cpu_ARCH`` are tables."""

    VARIABLE: str
    FLAGS: dict[str, tuple[tuple[str, ...], ...]]
    UNNAMED: tuple[str, ...]
    NEEDS: dict[str, tuple[str, ...]]


TABLES: dict[str, Table] = {"x86": _cpu_x86, "arm": _cpu_arm, "ppc": _cpu_ppc}


def table(arch: str) -> Table:
    """Return what is known of ``x86``, ``arm`` or ``ppc``. Raises ``BinhostError`` for anything else."""
    if arch not in TABLES:
        raise BinhostError(f"CPU architecture: expected one of {', '.join(TABLES)}, found {arch}")
    return TABLES[arch]


def common(machines: t.Iterable[t.Iterable[str]], *, arch: str = "x86") -> frozenset[str]:
    """Return the features that all machines have, less those that need one that is gone.

    No machine at all has no feature in common. A feature without what it needs (avx2 without avx) would be a promise
    that neither Portage's REQUIRED_USE nor GCC keeps.
    """
    needs = table(arch).NEEDS
    sets = [frozenset(features) for features in machines]
    features = frozenset.intersection(*sets) if sets else frozenset[str]()
    while True:
        kept = frozenset(name for name in features if all(need in features for need in needs.get(name, ())))
        if kept == features:
            return features
        features = kept


def cpu_flags(features: t.Collection[str], *, arch: str = "x86") -> list[str]:
    """Return the sorted value of CPU_FLAGS_X86, CPU_FLAGS_ARM or CPU_FLAGS_PPC, in Gentoo's names."""
    return sorted(
        flag
        for flag, alternatives in table(arch).FLAGS.items()
        if any(all(name in features for name in names) for names in alternatives)
    )


def unknown(features: t.Collection[str], *, arch: str = "x86") -> list[str]:
    """Return those features, sorted, that one might look for among the flags and that Gentoo has no flag for."""
    return sorted(name for name in table(arch).UNNAMED if name in features)


def level(features: t.Collection[str]) -> str | None:
    """Return the highest psABI level whose features are all there, or None below x86-64-v1."""
    reached = None
    for name, needed in _cpu_x86.LEVELS.items():
        if any(feature not in features for feature in needed):
            break
        reached = name
    return reached


def why_not(features: t.Collection[str]) -> dict[str, list[str]]:
    """Return, for each level above the CPU's own, the features (the kernel's names, sorted) that are missing for it."""
    missing: dict[str, list[str]] = {}
    lacking: list[str] = []
    for name, needed in _cpu_x86.LEVELS.items():
        lacking = sorted({*lacking, *(feature for feature in needed if feature not in features)})
        if lacking:
            missing[name] = lacking
    return missing


def march(features: t.Collection[str]) -> str:
    """Return GCC's options for code that any CPU with these features runs: the level, then what is there beyond it.

    A GCC of 11 knows them all. Raises ``BinhostError`` below x86-64-v1, for which there is no such name.
    """
    base = level(features)
    if base is None:
        lacking = " ".join(why_not(features)["x86-64-v1"])
        raise BinhostError(
            f"CPU features: expected at least x86-64-v1, which lacks {lacking}: declare the target's cflags yourself"
        )
    names = list(_cpu_x86.LEVELS)
    brought = {feature for name in names[: names.index(base) + 1] for feature in _cpu_x86.LEVELS[name]}
    there = common([features]) - brought
    extra = [option for option in _cpu_x86.TARGET_OPTIONS if _cpu_x86.OPTIONS[option] in there]
    name = "x86-64" if base == names[0] else base  # GCC has no x86-64-v1
    return " ".join([f"-march={name}", *extra, "-mtune=generic"])


def facts(cpu: Cpu) -> dict[str, t.Any]:
    """Return what the modules tell of a CPU."""
    x86 = cpu.arch == "x86"
    name, since = _cpu_native.best(cpu.features, cpu.vendor, cpu.family, cpu.model, arch=cpu.arch, name=cpu.model_name)
    return {
        "arch": cpu.arch,
        "vendor": cpu.vendor,
        "model_name": cpu.model_name,
        "family": cpu.family,
        "model": cpu.model,
        "stepping": cpu.stepping,
        "flags_variable": table(cpu.arch).VARIABLE,
        "flags": cpu_flags(cpu.features, arch=cpu.arch),
        "level": level(cpu.features) if x86 else None,
        "why_not": why_not(cpu.features) if x86 else {},
        "march": name,
        "march_gcc": since,
        "unknown": unknown(cpu.features, arch=cpu.arch),
        "features": sorted(cpu.features),
        "uneven": sorted(cpu.uneven),
    }
