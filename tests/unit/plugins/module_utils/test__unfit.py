# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages a machine can't run."""

from __future__ import annotations

import dataclasses
import subprocess
import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import (
    _cflags_x86,
    _compiler,
    _cpu,
    _cpu_native,
    _cpu_x86,
    _seal,
    _unfit,
)
from ansible_collections.larry.binhost.plugins.module_utils._cpu_x86_march import MARCH
from ansible_collections.larry.binhost.plugins.module_utils._unfit import Machine, Reason

PATH = "app-misc/foo/foo-1.2-1.gpkg.tar"
SOURCE = _seal.Source(2, "b" * 32, "")
V2 = frozenset(name for level in ("x86-64-v1", "x86-64-v2") for name in _cpu_x86.LEVELS[level])
OLD = Machine(V2, "6.1.0-18-amd64", "2.36")


def package(**how: t.Any) -> _seal.Package:
    return dataclasses.replace(_seal.Package("a" * 128, 3, "", "-O2", "3.2.0", "2.34", "", SOURCE), **how)


def seal(packages: t.Mapping[str, _seal.Package]) -> _seal.Seal:
    nothing = _seal.File("0" * 128, 0)
    return _seal.Seal("laptops", 1, _seal.utc(0), _seal.utc(0), 0, "", 0, nothing, {}, packages)


CPU = "they make the compiler use what the CPU lacks:"
REASONS: list[tuple[dict[str, t.Any], dict[str, t.Any], Reason | None]] = [
    ({}, {}, None),
    ({"cflags": "-O2 -march=x86-64-v2"}, {}, None),
    ({"cflags": "-O2 -march=x86-64-v2 -mavx"}, {}, Reason("cpu", f"-O2 -march=x86-64-v2 -mavx: {CPU} avx, xsave")),
    ({"cflags": "-O2 -march=x86-64-v2 -mavx"}, {"features": V2 | {"avx", "xsave"}}, None),
    (
        {"cflags": "-O2 -march=native"},
        {},
        Reason("cpu", "-march=native: expected a named target, since native is whatever machine compiles"),
    ),
    ({"cflags": "-O2 -march=of-2030"}, {}, None),  # nobody knows
    ({"cflags": "-O2 -march=haswell"}, {"features": frozenset()}, None),  # of a machine that nothing is known of
    ({"cflags": "-O2 -march=armv8-a+crypto"}, {"arch": "arm"}, None),
    ({"isa": "x86-64-v2"}, {}, None),
    (
        {"isa": "x86-64-v3"},
        {},
        Reason(
            "cpu",
            "its programs say that they need x86-64-v3, of which the CPU lacks: abm, avx, avx2, bmi1, bmi2, f16c, "
            "fma, movbe, xsave",
        ),
    ),
    ({"kernel": "6.1.0"}, {}, None),
    (
        {"kernel": "6.1.1"},
        {},
        Reason("kernel", "its programs start on Linux 6.1.1 or newer, the machine runs 6.1.0-18-amd64"),
    ),
    ({"kernel": "6.1.1"}, {"kernel": "6.10"}, None),  # no comparison of texts
    ({"kernel": "6.1.1"}, {"kernel": ""}, None),
    ({"glibc": "2.36"}, {}, None),
    ({"glibc": "2.4"}, {}, None),
    (
        {"glibc": "2.38"},
        {},
        Reason("glibc", "its programs ask for glibc 2.38, the newest to be had is 2.36"),
    ),
    ({"glibc": "2.38"}, {"glibc": ""}, None),  # musl
    ({}, {"crashed": {PATH: SOURCE}}, Reason("crashed", "it was stopped by an instruction that the CPU lacks, "
     "and was not rebuilt since")),
    ({}, {"crashed": {PATH: dataclasses.replace(SOURCE, md5="c" * 32)}}, None),  # rebuilt since
]  # fmt: skip


@pytest.mark.parametrize(("of_package", "of_machine", "expected"), REASONS)
def test_reasons(of_package: dict[str, t.Any], of_machine: dict[str, t.Any], expected: Reason | None) -> None:
    found = _unfit.reasons(seal({PATH: package(**of_package)}), dataclasses.replace(OLD, **of_machine))
    assert found == ({PATH: expected} if expected else {})


def test_glibc_may_come_with_the_generation() -> None:
    """But only one that is going to be installed."""
    path = "sys-libs/glibc/glibc-2.38-r5-1.gpkg.tar"
    glibc = package(glibc="2.38")
    asking = {PATH: package(glibc="2.38"), "x/new/new-1-1.gpkg.tar": package(glibc="2.39")}
    found = _unfit.reasons(seal({**asking, path: glibc}), OLD)
    assert list(found) == ["x/new/new-1-1.gpkg.tar"]
    assert found["x/new/new-1-1.gpkg.tar"].text.endswith("the newest to be had is 2.38")
    found = _unfit.reasons(seal({**asking, path: dataclasses.replace(glibc, kernel="6.6.0")}), OLD)
    assert {name: reason.kind for name, reason in found.items()} == {
        PATH: "glibc",
        path: "kernel",
        "x/new/new-1-1.gpkg.tar": "glibc",
    }
    assert list(found) == sorted(found)


def test_floor() -> None:
    kernels = ["", "3.2.0", "6.10.0", "6.9.1"]
    assert _unfit.floor(seal({f"x/{each}/y": package(kernel=each) for each in kernels})) == "6.10.0"
    assert _unfit.floor(seal({})) == ""


FLAGS = [
    *(f"-O2 -march={name}" for name in MARCH),
    "-O2 -march=x86-64-v3 -mno-avx",
    "-mno-avx -march=haswell",
    "-march=haswell -mno-sse4.2 -march=x86-64-v2",
    "-march=x86-64 -msse4.2 -maes -mfma -mno-avx",
    "-O2 -mtune=haswell",
]


def test_the_compiler_says_the_same() -> None:
    """Of this machine's GCC, which may not know the newest names; what it only may use if told doesn't count."""
    brought = {"cmov", "cx8", "fpu"}  # GCC has no option for them
    compared = 0
    for flags in FLAGS:
        done = subprocess.run(
            ["gcc", *flags.split(), "-Q", "--help=target"], capture_output=True, text=True, check=False
        )
        if done.returncode != 0 or "march" not in flags:
            continue
        names = [word.partition("=")[2] for word in flags.split() if word.startswith("-march=")]
        hidden = _cpu_native.enabled(names[-1]) - _cpu_native.required(names[-1])
        said = _compiler.enabled(done.stdout) - _cpu_x86.EXPLICIT - hidden
        assert _cflags_x86.needed(flags) - brought == said, flags
        compared += 1
    assert compared > 30


def test_every_target_of_ours_fits_its_machines() -> None:
    for features in (V2, V2 | set(_cpu_x86.LEVELS["x86-64-v3"]) | {"aes", "pclmulqdq", "sha_ni"}):
        assert _cflags_x86.needed(f"-O2 -pipe {_cpu.march(features)}") <= features
