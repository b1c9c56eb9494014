# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _cpu, _cpu_x86
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _cpus, _plan

from .fleet import COMMON, V3, facts, fleet

BOARD: t.Final = """\
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU part\t: 0xd08
"""
ARM: t.Final = sorted(_cpu.parse(BOARD).features)


def test_what_counts() -> None:
    x86, arm = _cpus.Isa("x86"), _cpus.Isa("arm")
    assert [name for name in ("avx2", "movbe", "gfni", "ibrs", "vmx") if x86.counts(name)] == ["avx2", "movbe", "gfni"]
    assert arm.counts("anything")


@pytest.mark.parametrize("option", _cpu_x86.TARGET_OPTIONS)
def test_every_option_of_a_target_comes_from_what_counts(option: str) -> None:
    assert _cpus.Isa("x86").counts(_cpu_x86.OPTIONS[option])


def test_what_a_feature_needs_goes_with_it() -> None:
    cpus = _cpus.Cpus({"a": facts(V3), "b": facts(V3 - {"avx"})})
    assert not {"avx", "avx2", "fma", "f16c"} & cpus.common(["a", "b"])


def arm_plan(features: list[str], spec: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
    """Return the target of a fleet of ARM machines."""
    own = facts(set())
    own = {**own, "cpu": {"arch": "arm", "features": features}, "portage": {**own["portage"], "chost": "aarch64-linux"}}
    common = {**COMMON, "binhost_targets": {"boards": {"profile": "lab:default", **(spec or {})}}}
    inventory = {"desktop": common, "pi": {**common, "binhost_target": "auto"}}
    ((name, target),) = _plan.plan(fleet(inventory), {"desktop": own, "pi": own})["targets"].items()
    assert name.startswith("boards-aarch64-")
    return t.cast("dict[str, t.Any]", target)


def test_arm() -> None:
    text = arm_plan(ARM)["files"]["make.conf/01-target.conf"]
    assert 'CPU_FLAGS_ARM="' in text
    assert re.search(r'^CFLAGS="-O2 -pipe -march=armv8-a\S*"$', text, re.MULTILINE)
    assert not re.search("CPU_FLAGS_X86|RUSTFLAGS|GOAMD64", text)


def test_no_march_follows() -> None:
    expected = "CPU features: no -march follows from those of arm: declare the target's cflags"
    with pytest.raises(BinhostError, match=f"^{re.escape(expected)}$"):
        arm_plan([])
    assert arm_plan([], {"cflags": "-O2 -mcpu=cortex-a72"})["cpu"]["cflags"] == "-O2 -mcpu=cortex-a72"
