# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What GCC calls one machine's CPU, for what that machine compiles for itself alone."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _cpu_arm, _cpu_ppc, _cpu_x86, _cpuinfo
from ansible_collections.larry.binhost.plugins.module_utils._cpu_x86_march import LINES, MARCH, MODELS

Best = tuple[t.Optional[str], int]


def native_march(
    features: t.Collection[str],
    vendor: str,
    family: int | None,
    model: int | None,
    *,
    arch: str = "x86",
    gcc: int | None = None,
) -> str | None:
    """Return the best name for GCC's ``-march`` of which the CPU has all, or None where there is none.

    Its own name where it has all that belongs to that (a Celeron or a virtual machine may not), else the most capable
    other one. ``gcc`` is the compiler's major version; without it the newest name.
    """
    return best(features, vendor, family, model, arch=arch, gcc=gcc)[0]


def best(
    features: t.Collection[str],
    vendor: str,
    family: int | None,
    model: int | None,
    *,
    arch: str = "x86",
    gcc: int | None = None,
    name: str = "",
) -> Best:
    """Return ``-march``'s (of POWER ``-mcpu``'s) best name and the first GCC that knows it, 0 for any in use.

    ``name`` is the CPU's own, which is all that is known of a POWER.
    """
    if arch == "arm":
        return _arm(features)
    if arch == "ppc":
        mcpu, since, _features = _cpu_ppc.CPUS.get(_cpuinfo.ppc_name(name), ("", 0, ""))
        return mcpu or None, since
    return _x86(frozenset(features), vendor, family, model, gcc)


@functools.cache
def enabled(march: str) -> frozenset[str]:
    """Return the features, in the kernel's names, that an x86 name enables; "?" is left off."""
    row = MARCH[march]
    own = frozenset(name.lstrip("?") for name in row.adds.split())
    return own | enabled(row.parent) if row.parent else own


@functools.cache
def required(march: str) -> frozenset[str]:
    """Return the features that a CPU needs to run what is compiled for an x86 name."""
    row = MARCH[march]
    own = frozenset(name for name in row.adds.split() if not name.startswith("?")) - _cpu_x86.EXPLICIT
    return own | required(row.parent) if row.parent else own


def _x86(features: frozenset[str], vendor: str, family: int | None, model: int | None, gcc: int | None) -> Best:
    def runs(name: str) -> bool:
        return (gcc is None or MARCH[name].since <= gcc) and required(name) <= features

    own = MODELS.get((vendor, family or 0, model)) or MODELS.get((vendor, family or 0, None))
    if own and runs(own):
        return own, MARCH[own].since
    lines = {"any", *LINES.get(vendor, ()), *((MARCH[own].line,) if own else ())}
    names = [name for name, row in MARCH.items() if row.line in lines and runs(name)]
    # Of two that can do the same the later one, which is the vendor's own.
    name = max(names, key=lambda name: (len(required(name)), list(MARCH).index(name)), default=None)
    return (name, MARCH[name].since) if name else (None, 0)


def _arm(features: t.Collection[str]) -> Best:
    if _cpu_arm.AARCH64 not in features:
        return next((name for name, needs in _cpu_arm.MARCH32 if set(needs) <= set(features)), None), 8
    reached: list[str] = []
    for name, adds in _cpu_arm.LEVELS.items():
        if not set(adds) <= set(features):
            break
        reached.append(name)
    extensions = [
        extension
        for extension, (needs, level) in _cpu_arm.EXTENSIONS.items()
        if set(needs) <= set(features) and level not in reached
    ]
    return ("+".join([reached[-1], *extensions]), 10) if reached else (None, 0)


def own_cflags(cpu: t.Mapping[str, t.Any], *, gcc: int | None = None) -> str:
    """Return GCC's options for what a machine compiles itself, from its facts: what ``-march=native`` should say.

    The best name, then what the CPU has beyond it, then what the name includes and the CPU lacks. Such code is for that
    machine alone. Empty where nothing is known. ``gcc`` is the compiler's major version; without it, 12.
    """
    gcc = 12 if gcc is None else gcc
    if cpu["arch"] == "arm":
        return _own_arm(cpu, gcc)
    name, _since = best(
        cpu["features"], cpu["vendor"], cpu["family"], cpu["model"], arch=cpu["arch"], gcc=gcc, name=cpu["model_name"]
    )
    if name is None:
        return ""
    if cpu["arch"] == "ppc":
        return f"-mcpu={name}"
    has, included = frozenset(cpu["features"]), enabled(name)
    more = [option for option in _cpu_x86.OWN_OPTIONS if _cpu_x86.OPTIONS[option] in has - included]
    less = [f"-mno-{option[2:]}" for option, feature in _cpu_x86.OPTIONS.items() if feature in included - has]
    return " ".join([f"-march={name}", *more, *less])


def _own_arm(cpu: t.Mapping[str, t.Any], gcc: int) -> str:
    mcpu, since, needs = _cpu_arm.CPUS.get((cpu["vendor"], cpu["model"]), ("", 0, ""))
    if mcpu and since <= gcc and set(needs.split()) <= set(cpu["features"]):
        return f"-mcpu={mcpu}"
    name, _since = _arm(cpu["features"])
    return f"-march={name}" if name else ""
