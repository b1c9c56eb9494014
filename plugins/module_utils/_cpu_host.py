# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CPU of the host we run on: what its kernel says, and what other programs there say of it."""

from __future__ import annotations

import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _compiler, _cpu, _cpu_x86
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._portage_query import Run


def read(path: str = "/proc/cpuinfo") -> _cpu.Cpu:
    """Return the CPU that a cpuinfo file describes.

    Raises ``BinhostError`` if the file can't be read, is empty or of another architecture.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            return _cpu.parse(lines.read(), source=path)
    except OSError as exc:
        raise BinhostError(f"{path}: expected a readable cpuinfo file, found: {exc.strerror}") from exc


def facts(path: str = "/proc/cpuinfo", *, run: Run | None = None) -> dict[str, t.Any]:
    """Return the facts of the CPU (see ``_cpu.facts``) with ``disagreements``; without ``run`` no witness is asked.

    Raises ``BinhostError`` as ``read``.
    """
    cpu = read(path)
    return {**_cpu.facts(cpu), "disagreements": disagreements(cpu, run) if run else []}


def disagreements(cpu: _cpu.Cpu, run: Run) -> list[dict[str, t.Any]]:
    """Return what cpuid2cpuflags and GCC, where they exist, say otherwise; the kernel's word is what counts.

    Each is ``{"witness", "adds", "lacks"}``: names (Gentoo's from cpuid2cpuflags, the kernel's from GCC) that it has
    and the kernel hasn't, and the other way round.
    """
    found = [("cpuid2cpuflags", _cpuid2cpuflags(cpu, run)), ("gcc", _gcc(cpu, run))]
    return [
        {"witness": witness, "adds": sorted(said[0]), "lacks": sorted(said[1])}
        for witness, said in found
        if said and (said[0] or said[1])
    ]


def sentence(disagreement: t.Mapping[str, t.Any]) -> str:
    """Return a disagreement as a warning."""
    parts = [
        f"{verb} {' '.join(disagreement[key])}"
        for key, verb in (("adds", "it also has"), ("lacks", "it lacks"))
        if disagreement[key]
    ]
    return f"{disagreement['witness']} disagrees with the kernel about the CPU, whose word counts: {', '.join(parts)}"


Said = t.Optional[tuple[set[str], set[str]]]


def _asked(run: Run, args: list[str]) -> str:
    """Return a witness's answer, empty where there is none."""
    try:
        status, stdout, _stderr = run(args)
    except OSError:
        return ""
    return stdout if status == 0 else ""


def _cpuid2cpuflags(cpu: _cpu.Cpu, run: Run) -> Said:
    variable, colon, value = _asked(run, ["cpuid2cpuflags"]).strip().partition(":")
    if not colon or variable != _cpu.table(cpu.arch).VARIABLE:
        return None
    tool, ours = set(value.split()), set(_cpu.cpu_flags(cpu.features, arch=cpu.arch))
    return tool - ours, ours - tool


def _gcc(cpu: _cpu.Cpu, run: Run) -> Said:
    """Compare what decides about flags and levels; GCC of other architectures answers with a name alone."""
    if cpu.arch != "x86":
        return None
    text = _asked(run, ["gcc", "-march=native", "-Q", "--help=target"])
    options = _compiler.options(text)
    decide = {
        *(name for alternatives in _cpu_x86.FLAGS.values() for names in alternatives for name in names),
        *(name for names in _cpu_x86.LEVELS.values() for name in names),
    }
    known = {_cpu_x86.OPTIONS[option] for option in options if option in _cpu_x86.OPTIONS} & decide
    tool = set(_compiler.enabled(text) & decide)
    return tool - cpu.features, (known & cpu.features) - tool
