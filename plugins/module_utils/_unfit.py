# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages of a generation a machine can't run, and why: Portage looks at none of this before it installs them.

What decides is in the seal: CFLAGS against the CPU, the ABI note against the kernel, symbols against the C library.
Where nobody knows what a machine has, or what an option enables, nothing is left out.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import _cflags_x86, _compiler, _cpu, _seal

GLIBC: t.Final = "sys-libs/glibc/"
# 6.12.1-gentoo-dist, 2.38-r5
_NUMBERS = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
# sys-libs/glibc/glibc-2.38-r5-1.gpkg.tar
_GLIBC_FILE = re.compile(re.escape(GLIBC) + r"glibc-(?P<version>\d[^-]*)")


@dataclass(frozen=True)
class Machine:
    """What of a machine decides."""

    features: frozenset[str] = frozenset()  # the kernel's names of what its CPU has; none: nobody knows
    kernel: str = ""  # its release, such as "6.12.1-gentoo-dist"; "" if nobody knows
    glibc: str = ""  # such as "2.38"; "" if nobody knows, or it is another C library
    crashed: t.Mapping[str, _seal.Source] = field(default_factory=dict)  # PATH to the build that did (see _sigill)
    arch: str = "x86"  # as ``_cpu.TABLES`` has it


@dataclass(frozen=True)
class Reason:
    """Why a package is left out."""

    kind: str  # cpu, kernel, glibc or crashed
    text: str  # expected, found


def reasons(seal: _seal.Seal, machine: Machine) -> dict[str, Reason]:
    """Return PATH to the reason of each package that the machine can't run, sorted by PATH."""
    lacking: dict[str, str] = {}
    found: dict[str, Reason] = {}
    for path, package in seal.packages.items():
        why = _crashed(machine, path, package) or _cpu_of(machine, package, lacking) or _kernel(machine, package)
        if why:
            found[path] = why
    there = _newest_glibc(machine, (path for path in seal.packages if path not in found))
    for path, package in seal.packages.items():
        if path not in found and not path.startswith(GLIBC) and there and numbers(package.glibc) > there:
            words = f"its programs ask for glibc {package.glibc}, the newest to be had is {_dotted(there)}"
            found[path] = Reason("glibc", words)
    return dict(sorted(found.items()))


def floor(seal: _seal.Seal) -> str:
    """Return the oldest kernel that all packages start on; empty if none of them says."""
    return max((package.kernel for package in seal.packages.values()), key=numbers, default="")


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers that a release of Linux or glibc begins with, three of them; none of what is none."""
    found = _NUMBERS.match(version)
    return tuple(int(part or 0) for part in found.groups()) if found else ()


def _dotted(version: t.Sequence[int]) -> str:
    return ".".join(map(str, version if version[2] else version[:2]))


def _crashed(machine: Machine, path: str, package: _seal.Package) -> Reason | None:
    if machine.crashed.get(path) != package.source:
        return None
    return Reason("crashed", "it was stopped by an instruction that the CPU lacks, and was not rebuilt since")


def _cpu_of(machine: Machine, package: _seal.Package, known: dict[str, str]) -> Reason | None:
    """Return why the CPU can't run it; ``known`` keeps the answer about each set of flags."""
    if machine.arch != "x86" or not machine.features:
        return None
    if package.cflags not in known:
        known[package.cflags] = _flags(package.cflags, machine.features)
    words = known[package.cflags]
    missing = _cpu.why_not(machine.features).get(package.isa, []) if not words and package.isa else []
    if missing:
        words = f"its programs say that they need {package.isa}, of which the CPU lacks: {', '.join(missing)}"
    return Reason("cpu", words) if words else None


def _flags(cflags: str, features: frozenset[str]) -> str:
    """Return why a CPU can't run what was compiled with these; empty if it can."""
    strange = _compiler.refused(cflags)
    if strange:
        return strange[0]
    lacking = sorted(_cflags_x86.needed(cflags) - features)
    return f"{cflags}: they make the compiler use what the CPU lacks: {', '.join(lacking)}" if lacking else ""


def _kernel(machine: Machine, package: _seal.Package) -> Reason | None:
    runs = numbers(machine.kernel)
    if not runs or numbers(package.kernel) <= runs:
        return None
    return Reason("kernel", f"its programs start on Linux {package.kernel} or newer, the machine runs {machine.kernel}")


def _newest_glibc(machine: Machine, paths: t.Iterable[str]) -> tuple[int, ...]:
    """Return the newest glibc that is here or comes with these packages; none where nobody knows."""
    here = numbers(machine.glibc)
    found = (_GLIBC_FILE.match(path) for path in paths)
    return max([here, *(numbers(each["version"]) for each in found if each)]) if here else ()
