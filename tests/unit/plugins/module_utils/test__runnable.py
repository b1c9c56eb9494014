# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re
import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _runnable
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

X86 = "x86_64-pc-linux-gnu"
CFLAGS = "-O2 -pipe -march=x86-64-v2"
MEMBERS = {"amd": ["pni", "ssse3"]}


class Gcc:
    """Says that -mavx2 and -march=haswell enable avx2, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def __call__(self, args: list[str], /) -> tuple[int, str, str]:
        self.asked.append(args)
        avx2 = "enabled" if {"-mavx2", "-march=haswell", "-march=native"} & set(args) else "disabled"
        return 0, f"  -mssse3                     \t\t[enabled]\n  -mavx2                     \t\t[{avx2}]\n", ""


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ([], ""),
        ([CFLAGS], ""),
        (["-O3 -flto"], ""),
        (["-O2 -mtune=haswell"], ""),
        (["-O2 -march=haswell"], "-O2 -march=haswell: they make the compiler use what amd lacks: avx2"),
        ([CFLAGS, "-O2 -mavx2"], "-O2 -mavx2: they make the compiler use what amd lacks: avx2"),
        (None, "expected a package that Portage can read, found none"),
    ],
)
def test_why_not(flags: list[str] | None, reason: str) -> None:
    assert _runnable.Judge(Gcc(), X86, CFLAGS, MEMBERS).why_not(flags) == reason


def test_native_is_one_machines_own() -> None:
    why = _runnable.Judge(Gcc(), X86, CFLAGS, MEMBERS).why_not(["-O2 -march=native"])
    assert why.startswith("-march=native: expected a named target, since native is whatever machine compiles; ")


def test_the_compiler_is_asked_once_about_the_same_flags() -> None:
    gcc = Gcc()
    judge = _runnable.Judge(gcc, X86, CFLAGS, MEMBERS)
    for _time in range(3):
        judge.why_not(["-O2 -march=haswell"])
        judge.why_not([CFLAGS])
    assert len(gcc.asked) == 1


def test_of_other_cpus_only_the_targets_own_options_are_taken() -> None:
    judge = _runnable.Judge(Gcc(), "aarch64-unknown-linux-gnu", "-O2 -march=armv8-a", {"pi": []})
    assert judge.why_not(["-O3 -march=armv8-a"]) == ""
    assert judge.why_not(["-O2 -mcpu=native"]) == "-O2 -mcpu=native: expected the target's options, found -mcpu=native"


def test_a_target_that_a_slave_cannot_run_is_an_error() -> None:
    judge = _runnable.Judge(Gcc(), X86, "-O2 -march=haswell", MEMBERS)
    message = "-O2 -march=haswell: they make the compiler use what amd lacks: avx2"
    with pytest.raises(BinhostError, match=f"^{re.escape(message)}$"):
        judge.target("-O2 -march=haswell")


def test_recorded() -> None:
    asked: list[t.Any] = []

    def run(args: list[str], /) -> tuple[int, str, str]:
        asked.append(args)
        said = {path: None if "bad" in path else ["-O2\n", "-O2 "] for path in args[3:]}
        return 0, f"a warning\n{json.dumps(said)}\n", ""

    paths = [f"/p/{number}.gpkg.tar" for number in range(600)]
    assert _runnable.recorded(run, [*paths, "/p/bad"]) == {**dict.fromkeys(paths, ["-O2"]), "/p/bad": None}
    assert [len(args) for args in asked] == [3 + 500, 3 + 101]
    assert _runnable.recorded(run, []) == {}
    assert len(asked) == 2
