# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file per machine, composed for this project; its first line says what is right for it."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _cpu, _cpu_native, _cpu_x86

FIXTURES: t.Final = sorted((Path(__file__).parent / "fixtures/cpuinfo").iterdir())


def expected(path: Path) -> dict[str, str]:
    """Return what the first line says: ``# arch=x86 march=NAME level=LEVEL flags=a,b``, perhaps ``uneven=c``."""
    line = path.read_text(encoding="utf-8").splitlines()[0]
    return dict(word.split("=", 1) for word in line.lstrip("# ").split())


def facts(path: Path) -> dict[str, t.Any]:
    with path.open(encoding="utf-8", newline="") as lines:
        return _cpu.facts(_cpu.parse(lines.read().split("\n", 1)[1], source=str(path)))


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.name)
def test_a_machine(path: Path) -> None:
    right, found = expected(path), facts(path)
    assert {
        "arch": found["arch"],
        "march": found["march"],
        "level": found["level"] or "none",
        "flags": ",".join(found["flags"]),
        **({"uneven": ",".join(found["uneven"])} if found["uneven"] else {}),
    } == right


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.name)
def test_what_a_machine_compiles_itself_it_runs(path: Path) -> None:
    found = facts(path)
    words = _cpu.own_cflags(found, gcc=15).split()
    if found["arch"] != "x86":
        assert words and words[0].startswith(("-march=", "-mcpu="))
        return
    name = words[0].partition("=")[2]
    off = {_cpu_x86.OPTIONS[f"-m{word[5:]}"] for word in words if word.startswith("-mno-")}
    on = {_cpu_x86.OPTIONS[word] for word in words[1:] if not word.startswith("-mno-")}
    instructions = set(_cpu_x86.OPTIONS.values())
    assert ((_cpu_native.enabled(name) - off) | on) & instructions <= set(found["features"])
    assert not off & set(found["features"])


@pytest.mark.parametrize(
    ("name", "gcc", "march"),
    [
        ("zen5", 12, "-march=znver4"),
        ("zen5", 11, "-march=znver3"),
        ("zen5", 14, "-march=znver5"),
        ("graniterapids", 12, "-march=sapphirerapids"),
        ("sierraforest", 12, "-march=alderlake"),
        ("cortex-a76", 12, "-mcpu=cortex-a76"),
        ("cortex-a76", 8, "-march=armv8.2-a+crypto+fp16+rcpc+dotprod"),
        ("cortex-a55-a76", 12, "-march=armv8.2-a+crypto+fp16+rcpc+dotprod"),
        ("power9", 12, "-mcpu=power9"),
    ],
)
def test_own_cflags_of_a_compiler(name: str, gcc: int, march: str) -> None:
    path = next(path for path in FIXTURES if path.name == name)
    assert _cpu.own_cflags(facts(path), gcc=gcc).split()[0] == march


def test_own_cflags_of_an_uneven_or_masked_cpu() -> None:
    path = next(path for path in FIXTURES if path.name == "excavator")
    assert _cpu.own_cflags(facts(path)) == "-march=bdver4 -mno-rdrnd -mno-lwp"
