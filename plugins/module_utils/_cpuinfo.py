# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the kernel's /proc/cpuinfo of x86, ARM and POWER; a report of lscpu says the same and is read too.

What another architecture or another program writes is an error, never a CPU without features.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.larry.binhost.plugins.module_utils import _cpu_arm, _cpu_ppc
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

Pairs = list[tuple[str, str]]
#: AMD had POPCNT, as a part of ABM, before it had a bit of its own.
_AMD = ("AuthenticAMD", "HygonGenuine")
#: lscpu's words -> the kernel's.
_LSCPU = {
    "Vendor ID": "vendor_id",
    "CPU family": "cpu family",
    "Model": "model",
    "Model name": "model name",
    "Stepping": "stepping",
    "Flags": "flags",
}


@dataclass(frozen=True)
class Cpu:
    """One machine's processors."""

    vendor: str  # "GenuineIntel", "ARM", "IBM"; empty where the kernel names none
    model_name: str
    features: frozenset[str]  # the kernel's names, of all processors alike
    uneven: frozenset[str]  # what some processors have and others lack
    arch: str = "x86"  # or "arm", "ppc"
    family: int | None = None  # of x86; of ARM the architecture's version
    model: int | None = None  # of x86; of ARM the part, None where the parts differ
    stepping: int | None = None  # of x86; of ARM the revision


def parse(text: str, *, source: str = "/proc/cpuinfo") -> Cpu:
    """Return the CPU that the text of a cpuinfo file describes.

    Raises ``BinhostError`` where no processor of a known architecture is found: an empty, cut or foreign file.
    """
    lines = [line.partition(":") for line in text.splitlines() if ":" in line]
    pairs = _from_lscpu([(key.strip(), value.strip()) for key, _colon, value in lines])
    first: dict[str, str] = {}
    for key, value in pairs:
        first.setdefault(key, value)
    if "flags" in first:
        return _x86(pairs, first)
    if "CPU implementer" in first or "CPU architecture" in first or _arm_name(first):
        return _arm(pairs, first)
    if "timebase" in first or "altivec" in first.get("cpu", "") or first.get("cpu", "").startswith("POWER"):
        return _ppc(first)
    nothing = "nothing of the form 'key: value'" if text.strip() else "an empty file"
    found = ", ".join(sorted(first)[:4]) or nothing
    raise BinhostError(f"{source}: expected processors of x86 with a line 'flags', of ARM or POWER, found {found}")


def number(text: str | None) -> int | None:
    """Return the number that begins a text, decimal or after 0x, or None."""
    match = re.match(r"0[xX]([0-9a-fA-F]+)|(\d+)", text or "")
    if not match:
        return None
    return int(match[1], 16) if match[1] else int(match[2])


def _from_lscpu(pairs: Pairs) -> Pairs:
    said = dict(pairs)
    if "CPU op-mode(s)" not in said and "On-line CPU(s) list" not in said:
        return pairs
    machine = said.get("Architecture", "")
    if machine.startswith(("arm", "aarch64")):
        version = "8" if machine == "aarch64" else machine[4:5]
        names = {"Flags": "Features", "Vendor ID": "Vendor ID", "Model name": "Model name"}
        renamed = [(names[key], value) for key, value in pairs if key in names]
        return [*renamed, ("CPU architecture", version)]
    if machine.startswith("ppc"):
        return [("cpu", said.get("Model name", "")), ("timebase", "")]
    return [(_LSCPU.get(key, key), value) for key, value in pairs] if re.fullmatch("x86_64|i.86", machine) else pairs


def _even(sets: t.Sequence[frozenset[str]]) -> tuple[frozenset[str], frozenset[str]]:
    if not sets:
        return frozenset(), frozenset()
    common = frozenset.intersection(*sets)
    return common, frozenset.union(*sets) - common


def _x86(pairs: Pairs, first: t.Mapping[str, str]) -> Cpu:
    vendor = first.get("vendor_id", "")
    # "vmx flags" is another key: the whole word counts.
    sets = [frozenset(value.split()) for key, value in pairs if key == "flags"]
    if vendor in _AMD:
        sets = [one | {"popcnt"} if "abm" in one else one for one in sets]
    features, uneven = _even(sets)
    return Cpu(
        vendor=vendor,
        model_name=first.get("model name", ""),
        features=features,
        uneven=uneven,
        family=number(first.get("cpu family")),
        model=number(first.get("model")),
        stepping=number(first.get("stepping")),
    )


def _arm_name(first: t.Mapping[str, str]) -> str:
    """Return how the kernel calls the processor, from either of the lines it used for that in its history."""
    names = (first.get("Processor", ""), first.get("model name", ""))
    return next((name for name in names if re.search(r"ARM|AArch64|\(v\d", name)), "")


def _arm_version(first: t.Mapping[str, str]) -> int:
    """Return 4 to 8. The name counts first: the line "CPU architecture" of an ARM1176, a v6, says 7."""
    match = re.search(r"\(v(\d)", _arm_name(first))
    if match:
        return min(int(match[1]), 8)
    said = first.get("CPU architecture", "")
    return 8 if "aarch64" in f"{said}{_arm_name(first)}".lower() else min(number(said) or 0, 8)


def _arm(pairs: Pairs, first: t.Mapping[str, str]) -> Cpu:
    version = _arm_version(first)
    sets = [_arm_features(frozenset(value.split()), version) for key, value in pairs if key == "Features"]
    features, uneven = _even(sets or [_arm_features(frozenset(), version)])
    implementers = {number(value) for key, value in pairs if key == "CPU implementer"}
    parts = {number(value) for key, value in pairs if key == "CPU part"}
    implementer = implementers.pop() if len(implementers) == 1 else None
    vendor = first.get("Vendor ID", "") if implementer is None else _cpu_arm.IMPLEMENTERS.get(implementer, "")
    return Cpu(
        arch="arm",
        vendor=vendor,
        model_name=first.get("Model name") or _arm_name(first) or first.get("Hardware", ""),
        features=features,
        uneven=uneven,
        family=version or None,
        model=parts.pop() if len(parts) == 1 else None,
        stepping=number(first.get("CPU revision")),
    )


def _arm_features(named: frozenset[str], version: int) -> frozenset[str]:
    """Return what the kernel names and what goes without saying under its architecture."""
    versions = frozenset(name for name in _cpu_arm.VERSIONS if int(name[1:]) <= version)
    if version < 8 or named & {"swp", "half", "thumb", "vfp", "fastmult"}:  # what only 32-bit programs are told
        return named | versions
    implied = {_cpu_arm.AARCH64, *_cpu_arm.AARCH64_HAS, *(_cpu_arm.ASIMD_HAS if "asimd" in named else ())}
    return named | versions | implied


def ppc_name(text: str) -> str:
    """Return the longest beginning of a POWER or PowerPC CPU's name that the table knows, empty for none."""
    return max((name for name in _cpu_ppc.CPUS if text.startswith(name)), key=len, default="")


def _ppc(first: t.Mapping[str, str]) -> Cpu:
    name = first.get("cpu", "")
    known = _cpu_ppc.CPUS.get(ppc_name(name))
    features = frozenset(known[2].split()) if known else frozenset[str]()
    # The kernel's word: it says nothing of AltiVec where it was switched off.
    features = features | {"altivec"} if "altivec supported" in name else frozenset[str]()
    blank = Cpu(vendor="", model_name=name, features=features, uneven=frozenset(), arch="ppc")
    return replace(blank, vendor="IBM" if name.startswith("POWER") else "", stepping=number(first.get("revision")))
