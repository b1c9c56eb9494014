# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel, Gentoo and the psABI call the features of an x86 CPU.

Sources: cpuid2cpuflags 17 (src/x86.c) for Gentoo's names and their bits, Linux ``arch/x86/include/asm/cpufeatures.h``
for the kernel's,
the x86-64 psABI for the levels, GCC 12's ``-m`` options and their implications
(``gcc/common/config/i386/i386-common.cc``). 2026-11.
"""

from __future__ import annotations

#: Gentoo's flag -> the kernel's names, each of which is enough. A flag whose names are the same in both is in SAME.
RENAMED: dict[str, tuple[str, ...]] = {
    "fma3": ("fma",),
    "mmxext": ("mmxext", "sse"),  # SSE contains AMD's MMX extensions
    "padlock": ("phe",),
    "pclmul": ("pclmulqdq",),
    "sha": ("sha_ni",),
    "sse3": ("pni",),
}

#: Flags that the kernel and Gentoo spell alike.
SAME: tuple[str, ...] = (
    "3dnow",
    "3dnowext",
    "aes",
    "amx_bf16",
    "amx_int8",
    "amx_tile",
    "avx",
    "avx2",
    "avx512_4fmaps",
    "avx512_4vnniw",
    "avx512_bf16",
    "avx512_bitalg",
    "avx512_fp16",
    "avx512_vbmi2",
    "avx512_vnni",
    "avx512_vp2intersect",
    "avx512_vpopcntdq",
    "avx512bw",
    "avx512cd",
    "avx512dq",
    "avx512er",
    "avx512f",
    "avx512ifma",
    "avx512pf",
    "avx512vbmi",
    "avx512vl",
    "avx_vnni",
    "bmi1",
    "bmi2",
    "f16c",
    "fma4",
    "mmx",
    "popcnt",
    "rdrand",
    "sse",
    "sse2",
    "sse4_1",
    "sse4_2",
    "sse4a",
    "ssse3",
    "vpclmulqdq",
    "xop",
)

#: psABI level -> the kernel's names that it adds to the level before.
LEVELS: dict[str, tuple[str, ...]] = {
    "x86-64-v1": ("cmov", "cx8", "fpu", "fxsr", "mmx", "syscall", "sse", "sse2"),
    "x86-64-v2": ("cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"),
    "x86-64-v3": ("avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"),
    "x86-64-v4": ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
}

#: The kernel's name -> the names that a CPU (and GCC's -m option) needs below it.
NEEDS: dict[str, tuple[str, ...]] = {
    "pni": ("sse2",),
    "ssse3": ("pni",),
    "sse4_1": ("ssse3",),
    "sse4_2": ("sse4_1",),
    "sse4a": ("pni",),
    "aes": ("sse2",),
    "pclmulqdq": ("sse2",),
    "sha_ni": ("sse2",),
    "avx": ("sse4_2", "xsave"),
    "avx2": ("avx",),
    "f16c": ("avx",),
    "fma": ("avx",),
    "fma4": ("avx", "sse4a"),
    "xop": ("fma4",),
    "avx_vnni": ("avx2",),
    "vpclmulqdq": ("avx", "pclmulqdq"),
    "avx512f": ("avx2", "fma", "f16c"),
    "avx512bw": ("avx512f",),
    "avx512cd": ("avx512f",),
    "avx512dq": ("avx512f",),
    "avx512vl": ("avx512f",),
    "avx512er": ("avx512f",),
    "avx512pf": ("avx512f",),
    "avx512ifma": ("avx512f",),
    "avx512vbmi": ("avx512bw",),
    "avx512_vbmi2": ("avx512bw",),
    "avx512_vnni": ("avx512f",),
    "avx512_bitalg": ("avx512bw",),
    "avx512_vpopcntdq": ("avx512f",),
    "avx512_4vnniw": ("avx512f",),
    "avx512_4fmaps": ("avx512f",),
    "avx512_vp2intersect": ("avx512f",),
    "avx512_bf16": ("avx512bw",),
    "avx512_fp16": ("avx512bw", "avx512dq", "avx512vl"),
    "amx_bf16": ("amx_tile",),
    "amx_int8": ("amx_tile",),
}

#: The kernel's name -> GCC's option; only what a level does not bring and what GCC itself puts to use in ordinary code.
GCC_OPTIONS: dict[str, str] = {
    "avx": "-mavx",
    "avx2": "-mavx2",
    "bmi1": "-mbmi",
    "bmi2": "-mbmi2",
    "f16c": "-mf16c",
    "fma": "-mfma",
    "abm": "-mlzcnt",
    "movbe": "-mmovbe",
}
