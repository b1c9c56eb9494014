# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CPU can run, read from the kernel's /proc/cpuinfo, and what several CPUs can run together.

The kernel's word is the safe one: it has already taken away what the firmware, a hypervisor or a boot option forbids.
Features are compared under the kernel's names and only then written as flags; flags are never merged as strings.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils._cpu_table import GCC_OPTIONS, LEVELS, NEEDS, RENAMED, SAME
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: CPU_FLAGS_X86 of cpuid2cpuflags takes POPCNT from AMD's ABM, which those CPUs have had since before POPCNT had a bit
#: of its own.
_AMD = ("AuthenticAMD", "HygonGenuine")


@dataclass(frozen=True)
class Cpu:
    """One machine's processors."""

    vendor: str  # "GenuineIntel"; empty where the kernel names none
    model_name: str
    features: frozenset[str]  # the kernel's names, of all processors alike
    uneven: frozenset[str]  # what some processors have and others lack


def parse(text: str, *, source: str = "/proc/cpuinfo") -> Cpu:
    """Return the CPU that the text of a cpuinfo file describes.

    Raises ``BinhostError`` where no processor with a line ``flags`` is found: an empty, cut or foreign file.
    """
    lines = [line.partition(":") for line in text.splitlines() if ":" in line]
    pairs = [(key.strip(), value.strip()) for key, _colon, value in lines]
    first: dict[str, str] = {}
    for key, value in pairs:
        first.setdefault(key, value)
    # "vmx flags" is another key: the whole word counts.
    processors = [frozenset(value.split()) for key, value in pairs if key == "flags"]
    if not processors:
        found = ", ".join(sorted(first)[:4]) or "nothing of the form 'key: value'"
        raise BinhostError(f"{source}: expected x86 processors with a line 'flags', found {found}")
    common = frozenset.intersection(*processors)
    return Cpu(
        vendor=first.get("vendor_id", ""),
        model_name=first.get("model name", ""),
        features=_with_popcnt(common, first.get("vendor_id", "")),
        uneven=frozenset.union(*processors) - common,
    )


def _with_popcnt(features: frozenset[str], vendor: str) -> frozenset[str]:
    return features | {"popcnt"} if vendor in _AMD and "abm" in features else features


def common(machines: t.Iterable[t.Iterable[str]]) -> frozenset[str]:
    """Return the features that all machines have, less those that need one that is gone.

    No machine at all has no feature in common. A feature without what it needs (avx2 without avx) would be a promise
    that neither
    Portage's REQUIRED_USE nor GCC keeps.
    """
    sets = [frozenset(features) for features in machines]
    features = frozenset.intersection(*sets) if sets else frozenset[str]()
    while True:
        kept = frozenset(name for name in features if all(need in features for need in NEEDS.get(name, ())))
        if kept == features:
            return features
        features = kept


def cpu_flags(features: t.Collection[str]) -> list[str]:
    """Return the sorted value of CPU_FLAGS_X86, in Gentoo's names."""
    renamed = {flag for flag, names in RENAMED.items() if any(name in features for name in names)}
    return sorted(renamed | {flag for flag in SAME if flag in features})


def level(features: t.Collection[str]) -> str | None:
    """Return the highest psABI level whose features are all there, or None below x86-64-v1."""
    reached = None
    for name, needed in LEVELS.items():
        if any(feature not in features for feature in needed):
            break
        reached = name
    return reached


def why_not(features: t.Collection[str]) -> dict[str, list[str]]:
    """Return, for each level above the CPU's own, the features (the kernel's names, sorted) that are missing for it."""
    missing: dict[str, list[str]] = {}
    lacking: list[str] = []
    for name, needed in LEVELS.items():
        lacking = sorted({*lacking, *(feature for feature in needed if feature not in features)})
        if lacking:
            missing[name] = lacking
    return missing


def march(features: t.Collection[str]) -> str:
    """Return GCC's options for code that any CPU with these features runs: the level, then what is there beyond it.

    Raises ``BinhostError`` below x86-64-v1, for which there is no such name.
    """
    base = level(features)
    if base is None:
        lacking = " ".join(why_not(features)["x86-64-v1"])
        raise BinhostError(
            f"CPU features: expected at least x86-64-v1, which lacks {lacking}: declare the target's cflags yourself"
        )
    names = list(LEVELS)
    brought = {feature for name in names[: names.index(base) + 1] for feature in LEVELS[name]}
    extra = [option for feature, option in GCC_OPTIONS.items() if feature in features and feature not in brought]
    return " ".join([f"-march={base}", *extra, "-mtune=generic"])
