# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _cpu
from ansible_collections.larry.binhost.plugins.module_utils._cpu_x86 import FLAGS, LEVELS, NEEDS
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


def test_march_below_the_first_level_is_refused() -> None:
    expected = "CPU features: expected at least x86-64-v1, which lacks sse2: declare the target's cflags yourself"
    with pytest.raises(BinhostError, match=f"^{re.escape(expected)}$"):
        _cpu.march(V1 - {"sse2"})


@given(MACHINES, st.sets(NAMES))
def test_a_further_machine_never_adds_a_feature(machines: list[set[str]], further: set[str]) -> None:
    assert _cpu.common([*machines, further]) <= _cpu.common(machines)


@given(MACHINES)
def test_what_is_common_is_had_by_all_and_closed(machines: list[set[str]]) -> None:
    common = _cpu.common(machines)
    assert all(common <= machine for machine in machines)
    assert _cpu.common([common]) == common == _cpu.common(reversed(machines))
