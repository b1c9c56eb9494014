# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import random
import re

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _cpu, _cpu_native
from ansible_collections.larry.binhost.plugins.module_utils._cpu_x86 import FLAGS, LEVELS, NEEDS
from ansible_collections.larry.binhost.plugins.module_utils._cpu_x86_march import MARCH
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from hypothesis import given
from hypothesis import strategies as st

V1 = set(LEVELS["x86-64-v1"])
V2 = V1 | set(LEVELS["x86-64-v2"])
V3 = V2 | set(LEVELS["x86-64-v3"])

NAMES = st.sampled_from(sorted({*FLAGS, *NEEDS, *(name for names in LEVELS.values() for name in names)}))
MACHINES = st.lists(st.sets(NAMES), min_size=1, max_size=5)


def cpuinfo(*processors: str, vendor: str = "GenuineIntel") -> str:
    return "\n".join(
        f"processor\t: {number}\nvendor_id\t: {vendor}\nmodel name\t: A CPU\n"
        f"flags\t\t: {flags}\nvmx flags\t: ept avx512f\n"
        for number, flags in enumerate(processors)
    )


def test_the_features_are_those_of_all_processors() -> None:
    assert _cpu.parse(cpuinfo("sse sse2 avx", "sse sse2")) == _cpu.Cpu(
        vendor="GenuineIntel", model_name="A CPU", features=frozenset({"sse", "sse2"}), uneven=frozenset({"avx"})
    )


def test_amd_had_popcnt_before_it_had_a_bit() -> None:
    assert "popcnt" in _cpu.parse(cpuinfo("abm", vendor="AuthenticAMD")).features
    assert "popcnt" not in _cpu.parse(cpuinfo("abm")).features


def test_an_old_cpu_without_features_is_an_answer() -> None:
    assert _cpu.cpu_flags(_cpu.parse(cpuinfo("fpu vme")).features) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "an empty file"),
        ("once upon a time", "nothing of the form 'key: value'"),
        ("vendor_id\t: IBM/S390\nfeatures\t: esan3 zarch\n", "features, vendor_id"),
        ("cpu\t\t: UltraSparc T5 (Niagara5)\nfpu\t\t: UltraSparc T5\n", "cpu, fpu"),
        ("hart\t: 0\nisa\t: rv64gc\n", "hart, isa"),
        ("vmx flags : ept\n", "vmx flags"),
    ],
)
def test_a_foreign_file_is_an_error(text: str, found: str) -> None:
    expected = f"there: expected processors of x86 with a line 'flags', of ARM or POWER, found {found}"
    with pytest.raises(BinhostError, match=f"^{re.escape(expected)}$"):
        _cpu.parse(text, source="there")


def test_flags_have_gentoos_names() -> None:
    features = {"pni", "fma", "pclmulqdq", "sha_ni", "sse", "vaes", "avx512vnni", "bmi1"}
    assert _cpu.cpu_flags(features) == ["bmi1", "fma3", "mmxext", "pclmul", "sha", "sse", "sse3"]


@pytest.mark.parametrize(
    ("features", "level"),
    [(set(), None), (V1, "x86-64-v1"), (V2, "x86-64-v2"), (V3 - {"movbe"}, "x86-64-v2"), (V3, "x86-64-v3")],
)
def test_level(features: set[str], level: str | None) -> None:
    assert _cpu.level(features) == level


def test_why_not_names_what_each_higher_level_lacks() -> None:
    assert _cpu.why_not(V3 - {"movbe", "bmi2"}) == {
        "x86-64-v3": ["bmi2", "movbe"],
        "x86-64-v4": ["avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl", "bmi2", "movbe"],
    }


def test_what_needs_something_that_is_gone_goes_too() -> None:
    assert "avx2" not in _cpu.common([V3, V3 - {"avx"}])
    assert _cpu.common([]) == frozenset()


def test_march_is_the_level_and_what_is_beyond_it() -> None:
    assert (
        _cpu.march(V3 - {"movbe", "bmi2", "avx2"}) == "-march=x86-64-v2 -mavx -mbmi -mf16c -mfma -mlzcnt -mtune=generic"
    )


def test_march_of_the_first_level_has_gccs_name() -> None:
    assert _cpu.march(V1) == "-march=x86-64 -mtune=generic"


def test_march_promises_nothing_that_needs_what_is_gone() -> None:
    assert _cpu.march(V2 | {"xsave", "avx2", "vaes", "aes"}) == "-march=x86-64-v2 -maes -mtune=generic"


def test_march_below_the_first_level_is_refused() -> None:
    expected = "CPU features: expected at least x86-64-v1, which lacks sse2: declare the target's cflags yourself"
    with pytest.raises(BinhostError, match=f"^{re.escape(expected)}$"):
        _cpu.march(V1 - {"sse2"})


def test_arm_and_power_are_compared_under_their_own_rules() -> None:
    arm = {"v4", "v5", "v6", "v7", "vfp", "vfpv3", "vfpd32", "half", "neon", "thumb"}
    assert _cpu.cpu_flags(_cpu.common([arm, arm - {"vfpv3"}], arch="arm"), arch="arm") == [
        "thumb",
        "thumb2",
        "v4",
        "v5",
        "v6",
        "v7",
        "vfp",
    ]
    assert _cpu.common([{"altivec", "vsx", "vsx2"}, {"vsx", "vsx2"}], arch="ppc") == frozenset()


def test_another_architecture_is_an_error() -> None:
    expected = "CPU architecture: expected one of x86, arm, ppc, found riscv"
    with pytest.raises(BinhostError, match=f"^{re.escape(expected)}$"):
        _cpu.common([{"v"}], arch="riscv")


def test_a_report_of_lscpu_is_read_too() -> None:
    text = (
        "Architecture:        x86_64\nCPU op-mode(s):      32-bit, 64-bit\nVendor ID:           GenuineIntel\n"
        "CPU family:          6\nModel:               58\nModel name:          A CPU\nStepping:            9\n"
        "Flags:               sse sse2\n"
    )
    found = _cpu.parse(text)
    assert (found.vendor, found.family, found.model, found.stepping) == ("GenuineIntel", 6, 58, 9)
    assert found.features == {"sse", "sse2"}
    arm = _cpu.parse("Architecture: aarch64\nOn-line CPU(s) list: 0-3\nVendor ID: ARM\nFlags: fp asimd crc32\n")
    assert (arm.vendor, arm.family, "crc32" in _cpu.cpu_flags(arm.features, arch="arm")) == ("ARM", 8, True)


def test_what_gentoo_has_no_flag_for_is_told() -> None:
    assert _cpu.unknown({"vaes", "gfni", "sse", "vme"}) == ["gfni", "vaes"]


@pytest.mark.parametrize("name", MARCH)
def test_each_name_of_gccs_is_closed(name: str) -> None:
    enabled = _cpu_native.enabled(name)
    assert _cpu.common([enabled]) == enabled
    assert MARCH[name].parent == "" or _cpu_native.required(MARCH[name].parent) <= _cpu_native.required(name)


@pytest.mark.parametrize("arch", _cpu.TABLES)
def test_what_is_needed_needs_nothing_in_circles(arch: str) -> None:
    needs = _cpu.TABLES[arch].NEEDS
    assert _cpu.common([{*needs, *(need for all_of in needs.values() for need in all_of)}], arch=arch) >= set(needs)


VENDORS = st.sampled_from(["GenuineIntel", "AuthenticAMD", "HygonGenuine", "CentaurHauls", ""])


@given(st.sets(NAMES), VENDORS, st.integers(4, 26), st.integers(0, 255), st.sampled_from([None, 11, 12, 14]))
def test_the_best_name_is_one_that_the_cpu_runs(
    features: set[str], vendor: str, family: int, model: int, gcc: int | None
) -> None:
    name = _cpu.native_march(features, vendor, family, model, gcc=gcc)
    assert name is not None
    assert _cpu_native.required(name) <= features
    assert gcc is None or MARCH[name].since <= gcc


@given(MACHINES, st.randoms())
def test_what_is_lost_makes_no_flag_and_no_level_higher(machines: list[set[str]], chance: random.Random) -> None:
    common = _cpu.common(machines)
    less = set(common) - ({chance.choice(sorted(common))} if common else set())
    assert set(_cpu.cpu_flags(less)) <= set(_cpu.cpu_flags(common))
    assert (_cpu.level(less) or "") <= (_cpu.level(common) or "")


@given(MACHINES, st.sets(NAMES))
def test_a_further_machine_never_adds_a_feature(machines: list[set[str]], further: set[str]) -> None:
    assert _cpu.common([*machines, further]) <= _cpu.common(machines)


@given(MACHINES)
def test_what_is_common_is_had_by_all_and_closed(machines: list[set[str]]) -> None:
    common = _cpu.common(machines)
    assert all(common <= machine for machine in machines)
    assert _cpu.common([common]) == common == _cpu.common(reversed(machines))
