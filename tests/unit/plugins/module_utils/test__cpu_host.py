# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _cpu_host
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

FIXTURES: t.Final = Path(__file__).parent / "fixtures"
HASWELL: t.Final = str(FIXTURES / "cpuinfo/haswell")
FLAGS: t.Final = "aes avx avx2 bmi1 bmi2 f16c fma3 mmx mmxext pclmul popcnt rdrand sse sse2 sse3 sse4_1 sse4_2 ssse3"


def host(**programs: str) -> _cpu_host.Run:
    """Return a host with these programs and what they print."""

    def run(args: list[str]) -> tuple[int, str, str]:
        if args[0] not in programs:
            raise FileNotFoundError(2, "No such file or directory", args[0])
        return 0, programs[args[0]], ""

    return run


def test_without_witnesses_nobody_disagrees() -> None:
    assert _cpu_host.facts(HASWELL)["disagreements"] == []
    assert _cpu_host.facts(HASWELL, run=host())["disagreements"] == []


def test_the_witnesses_agree() -> None:
    gcc = (FIXTURES / "gcc/gcc12-haswell.txt").read_text(encoding="utf-8")
    gcc = re.sub(r"(-maes\s+)\[disabled\]", r"\1[enabled]", gcc)
    found = _cpu_host.facts(HASWELL, run=host(cpuid2cpuflags=f"CPU_FLAGS_X86: {FLAGS}\n", gcc=gcc))
    assert found["disagreements"] == []


def test_the_kernels_word_counts() -> None:
    gcc = (FIXTURES / "gcc/gcc12-x86-64-v3.txt").read_text(encoding="utf-8")
    gcc = re.sub(r"(-mavx512f\s+)\[disabled\]", r"\1[enabled]", gcc)
    flags = FLAGS.replace("rdrand", "avx512f")
    found = _cpu_host.facts(HASWELL, run=host(cpuid2cpuflags=f"CPU_FLAGS_X86: {flags}\n", gcc=gcc))
    assert found["flags"] == FLAGS.split()
    assert found["disagreements"] == [
        {"witness": "cpuid2cpuflags", "adds": ["avx512f"], "lacks": ["rdrand"]},
        {"witness": "gcc", "adds": ["avx512f"], "lacks": ["aes", "pclmulqdq", "rdrand"]},
    ]
    assert _cpu_host.sentence(found["disagreements"][0]) == (
        "cpuid2cpuflags disagrees with the kernel about the CPU, whose word counts: "
        "it also has avx512f, it lacks rdrand"
    )


@pytest.mark.parametrize("name", ["cortex-a53", "power9"])
def test_the_compiler_is_no_witness_elsewhere(name: str) -> None:
    run = host(gcc="anything", cpuid2cpuflags="CPU_FLAGS_X86: sse")
    assert _cpu_host.facts(str(FIXTURES / "cpuinfo" / name), run=run)["disagreements"] == []


def test_a_witness_that_fails_says_nothing() -> None:
    assert _cpu_host.facts(HASWELL, run=lambda args: (1, "CPU_FLAGS_X86: sse", "broken"))["disagreements"] == []


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    for path, found in ((f"{tmp_path}/none", "No such file or directory"), (str(tmp_path), "Is a directory")):
        expected = f"{path}: expected a readable cpuinfo file, found: {found}"
        with pytest.raises(BinhostError, match=f"^{re.escape(expected)}$"):
            _cpu_host.read(path)
