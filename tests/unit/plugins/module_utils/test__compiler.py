# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fixtures/gcc holds what a GCC 12.2 printed with -Q --help=target, for the options that each name says."""

from __future__ import annotations

import shutil
import subprocess
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _compiler, _cpu, _cpu_native, _cpu_x86
from ansible_collections.larry.binhost.plugins.module_utils._cpu_x86_march import MARCH

V1 = frozenset(_cpu_x86.LEVELS["x86-64-v1"])
V3 = V1.union(*(_cpu_x86.LEVELS[name] for name in ("x86-64-v2", "x86-64-v3")))


def said(name: str) -> str:
    return (Path(__file__).parent / f"fixtures/gcc/gcc12-{name}.txt").read_text(encoding="utf-8")


def test_options() -> None:
    options = _compiler.options(said("x86-64-v3"))
    assert (options["-march="], options["-mavx2"], options["-maes"]) == ("x86-64-v3", "[enabled]", "[disabled]")


def test_enabled() -> None:
    assert _compiler.enabled(said("x86-64-v3")) == V3 - {"cmov", "cx8", "fpu", "syscall"}
    assert "lahf_lm" not in _compiler.enabled(said("m32-core2"))
    assert _compiler.enabled(said("unknown-name")) == frozenset()


def test_flags_that_all_members_run() -> None:
    assert _compiler.check("-O2 -march=x86-64-v3", said("x86-64-v3"), {"a": V3, "b": V3 | {"aes"}}) == []


def test_each_member_that_lacks_something_is_named() -> None:
    flags = "-O2 -march=x86-64-v3"
    assert _compiler.check(flags, said("x86-64-v3"), {"b": V3 - {"movbe", "bmi2"}, "a": V3 - {"abm"}, "c": V3}) == [
        f"{flags}: they make the compiler use what a lacks: abm",
        f"{flags}: they make the compiler use what b lacks: bmi2, movbe",
    ]


def test_what_does_no_harm_is_no_problem() -> None:
    haswell = V3 | {"pclmulqdq", "fsgsbase", "rdrand", "xsaveopt"}
    assert _compiler.check("-march=haswell", said("haswell"), {"a": haswell}) == []
    assert _compiler.check("-march=haswell", said("haswell"), {"a": haswell - {"rdrand"}}) == [
        "-march=haswell: they make the compiler use what a lacks: rdrand"
    ]


def test_what_the_compiler_does_not_know() -> None:
    assert _compiler.check("-march=znver9", said("unknown-name"), {"a": V3}) == [
        "-march=znver9: the compiler refuses them: bad value 'znver9' for '-march=' switch"
    ]
    assert _compiler.check("-mbar", said("unknown-option"), {}) == [
        "-mbar: the compiler refuses them: unrecognized command-line option '-mbar'"
    ]
    assert _compiler.check("-O2", "", {}) == ["-O2: expected the compiler's list of options, found nothing of the kind"]


@pytest.mark.parametrize(
    ("flags", "problems"),
    [
        ("-O2 -pipe -march=x86-64-v2 -mno-avx", []),
        (
            "-O2 -march=native",
            ["-march=native: expected a named target, since native is whatever machine compiles"],
        ),
        ("-mtune=native", ["-mtune=native: expected a named target, since native is whatever machine compiles"]),
        (
            "--param l1-cache-size=32 --param=l2-cache-size=512 --param inline-unit-growth=20",
            [
                "--param l1-cache-size=32: expected no parameter of one machine's caches",
                "--param l2-cache-size=512: expected no parameter of one machine's caches",
            ],
        ),
        (
            "-march=znver3 -mno-fma4 -mno-xop -mno-avx512f -mno-hle -mno-lwp -mno-pku -mno-rtm -mno-sgx -mno-tbm "
            "-mno-gfni -mno-3dnow -mno-mwaitx",
            [
                "-mno-fma4 -mno-xop -mno-avx512f …: expected the features that all slaves have, found 12 that are "
                "switched off, which is what -march=native was resolved to on one machine"
            ],
        ),
        (
            "-O2 'unbalanced -march=native",
            ["-march=native: expected a named target, since native is whatever machine compiles"],
        ),
    ],
)
def test_what_is_one_machines_is_refused(flags: str, problems: list[str]) -> None:
    assert _compiler.refused(flags) == problems


def test_verify_asks_about_what_decides_alone() -> None:
    asked: list[list[str]] = []

    def run(args: list[str]) -> tuple[int, str, str]:
        asked.append(args)
        return 0, said("x86-64-v3"), ""

    flags = "-O2 -pipe -march=x86-64-v3 --param l1-cache-size=32 -Wall -DX=1"
    assert _compiler.verify(run, flags, {"a": V3}) == [
        "--param l1-cache-size=32: expected no parameter of one machine's caches"
    ]
    assert asked == [["gcc", "-O2", "-march=x86-64-v3", "--param", "l1-cache-size=32", "-Q", "--help=target"]]


def test_verify_without_a_compiler() -> None:
    def run(args: list[str]) -> tuple[int, str, str]:
        raise FileNotFoundError(2, "No such file or directory", args[0])

    assert _compiler.verify(run, "-O2", {}, compiler="x86_64-pc-linux-gnu-gcc") == [
        "x86_64-pc-linux-gnu-gcc: expected a compiler that can be asked about -O2, found: No such file or directory"
    ]


def gcc(*flags: str) -> str | None:
    """Return what this machine's compiler says, None where it doesn't know the flags."""
    done = subprocess.run(["gcc", *flags, "-Q", "--help=target"], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def is_x86() -> bool:
    return bool(shutil.which("gcc")) and "-mavx2" in (gcc() or "")


@pytest.mark.skipif(not is_x86(), reason="no gcc for x86 here")
class TestAgainstTheCompiler:
    """What the tables say, held against the compiler of this machine where it knows it."""

    @pytest.mark.parametrize("name", [name for name in MARCH if "lm" in _cpu_native.enabled(name)])
    def test_a_name_enables_what_the_table_says(self, name: str) -> None:
        output = gcc(f"-march={name}")
        if output is None:
            pytest.skip("unknown to this gcc")
        spare = {"rocketlake": {"sgx"}, "sapphirerapids": {"avx512_vp2intersect"}, "alderlake": {"cldemote"}}
        instructions = frozenset(_cpu_x86.OPTIONS.values())
        assert (_compiler.enabled(output) ^ (_cpu_native.enabled(name) & instructions)) <= spare.get(name, set())

    @pytest.mark.parametrize("option", _cpu_x86.OPTIONS)
    def test_an_option_needs_what_the_table_says(self, option: str) -> None:
        output, base = gcc("-march=x86-64", option), _compiler.enabled(t.cast(str, gcc("-march=x86-64")))
        if output is None:
            pytest.skip("unknown to this gcc")
        needed = {_cpu_x86.OPTIONS[option]}
        while not needed >= (more := {need for name in needed for need in _cpu_x86.NEEDS.get(name, ())}):
            needed |= more
        # AMD's ABM is LZCNT and POPCNT; the kernel's abm is the former alone.
        assert _compiler.enabled(output) - base <= needed | ({"popcnt"} if option == "-mabm" else set())

    @pytest.mark.parametrize("name", _cpu_x86.LEVELS)
    def test_a_targets_flags_enable_what_its_members_have(self, name: str) -> None:
        features = frozenset[str]().union(*list(_cpu_x86.LEVELS.values())[: list(_cpu_x86.LEVELS).index(name) + 1])
        everything = features | {_cpu_x86.OPTIONS[option] for option in _cpu_x86.TARGET_OPTIONS}
        for members in (features, _cpu.common([everything])):
            flags = _cpu.march(members)
            assert _compiler.check(flags, gcc(*flags.split()) or "", {"a": members}) == []
