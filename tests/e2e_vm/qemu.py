# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What qemu itself says a CPU model has, asked over its own protocol (QMP), and Gentoo's names for that."""

from __future__ import annotations

import json
import subprocess
import typing as t
from collections.abc import Mapping

from lab.vm.names import QEMU

#: qemu's property (target/i386/cpu.c) -> the flag of cpu_flags_x86.desc.
GENTOO: t.Final[Mapping[str, str]] = {
    **{name: name for name in ("mmx", "mmxext", "3dnow", "3dnowext", "sse", "sse2", "sse3", "ssse3", "sse4a")},
    **{name: name for name in ("popcnt", "aes", "avx", "avx2", "f16c", "fma4", "xop", "bmi1", "bmi2", "rdrand")},
    "sse4.1": "sse4_1",
    "sse4.2": "sse4_2",
    "pclmulqdq": "pclmul",
    "fma": "fma3",
    "sha-ni": "sha",
}
_ASK: t.Final = (QEMU, "-accel", "tcg", "-M", "none", "-nodefaults", "-display", "none", "-S", "-qmp", "stdio")


def promised(model: str) -> list[str]:
    """Return CPU_FLAGS_X86 of a model as TCG emulates it, sorted."""
    asked = [
        ("qmp_capabilities", {}),
        ("query-cpu-model-expansion", {"type": "full", "model": {"name": model}}),
        ("query-cpu-definitions", {}),
        ("quit", {}),
    ]
    lines = "".join(json.dumps({"execute": name, "arguments": how}) + "\n" for name, how in asked)
    done = subprocess.run(_ASK, input=lines, capture_output=True, text=True, timeout=120, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    _greeted, expansion, models, *_quit = [answer["return"] for answer in answers if "return" in answer]
    props = expansion["model"]["props"]
    lacking = next(each["unavailable-features"] for each in models if each["name"] == model)
    flags = {flag for name, flag in GENTOO.items() if props[name] is True and name not in lacking}
    # On Intel's CPUs SSE has what AMD called MMXEXT first (cpuid2cpuflags, src/x86.c).
    return sorted(flags | ({"mmxext"} if "sse" in flags else set()))
