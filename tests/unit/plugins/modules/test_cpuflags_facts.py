# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cpuflags_facts as a playbook sees it."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

Module = t.Callable[..., dict[str, t.Any]]
FIXTURES: t.Final = Path(__file__).parents[1] / "module_utils/fixtures/cpuinfo"


def test_check_and_run(module: Module) -> None:
    for check in (True, False):
        args = {"cpuinfo": str(FIXTURES / "uneven-cores"), "witnesses": False}
        result = module("cpuflags_facts", args, check=check)
        cpu = result["ansible_facts"]["binhost_cpu"]
        assert result["changed"] is False
        assert (cpu["flags_variable"], cpu["march"], cpu["level"]) == ("CPU_FLAGS_X86", "core2", "x86-64-v1")
        assert (cpu["family"], cpu["model"], cpu["stepping"]) == (6, 23, 6)
        assert cpu["why_not"]["x86-64-v2"] == ["popcnt", "sse4_1", "sse4_2"]
        assert result["warnings"] == ["processors differ, so these features don't count: sse4_1"]


@pytest.fixture
def witnesses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put programs first in PATH that know better."""
    for name in ("cpuid2cpuflags", "gcc"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'CPU_FLAGS_X86: mmx sse9'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


def test_a_witness_that_disagrees_is_warned_of(witnesses: None, module: Module) -> None:
    result = module("cpuflags_facts", {"cpuinfo": str(FIXTURES / "pentium-mmx")})
    assert result["ansible_facts"]["binhost_cpu"]["flags"] == ["mmx"]
    assert result["ansible_facts"]["binhost_cpu"]["disagreements"] == [
        {"witness": "cpuid2cpuflags", "adds": ["sse9"], "lacks": []}
    ]
    assert result["warnings"] == [
        "cpuid2cpuflags disagrees with the kernel about the CPU, whose word counts: it also has sse9"
    ]


def test_an_old_cpu_without_flags_is_an_answer(module: Module) -> None:
    result = module("cpuflags_facts", {"cpuinfo": str(FIXTURES / "i486"), "witnesses": False})
    cpu = result["ansible_facts"]["binhost_cpu"]
    assert (cpu["flags"], cpu["level"], cpu["march"]) == ([], None, "i386")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, "expected a readable cpuinfo file, found: No such file or directory"),
        ("", "expected processors of x86 with a line 'flags', of ARM or POWER, found an empty file"),
        (
            "processor\t: 0\nhart\t: 1\nisa\t: rv64imafdc\n",
            "expected processors of x86 with a line 'flags', of ARM or POWER, found hart, isa, processor",
        ),
    ],
)
def test_a_file_that_is_no_cpuinfo_of_ours(module: Module, tmp_path: Path, text: str | None, found: str) -> None:
    path = tmp_path / "cpuinfo"
    if text is not None:
        path.write_text(text)
    result = module("cpuflags_facts", {"cpuinfo": str(path)})
    assert (result["failed"], result["msg"]) == (True, f"{path}: {found}")
