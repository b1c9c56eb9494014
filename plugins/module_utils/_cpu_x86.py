# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel, Gentoo, the psABI and GCC call the features of an x86 CPU.

Sources: cpuid2cpuflags 17 (src/x86.c) and Gentoo's profiles/desc/cpu_flags_x86.desc for Gentoo's names; Linux 6.12
``arch/x86/include/asm/cpufeatures.h`` for the kernel's; the x86-64 psABI for the levels; Linux
``arch/x86/kernel/cpu/cpuid-deps.c`` and GCC 12 to 15 ``gcc/common/config/i386/i386-common.cc`` for what needs what.
2026-11.
"""

from __future__ import annotations

VARIABLE = "CPU_FLAGS_X86"

_SAME = """
3dnow 3dnowext aes amx_bf16 amx_int8 amx_tile avx avx2 avx512_4fmaps avx512_4vnniw avx512_bf16 avx512_bitalg
avx512_fp16 avx512_vbmi2 avx512_vnni avx512_vp2intersect avx512_vpopcntdq avx512bw avx512cd avx512dq avx512er avx512f
avx512ifma avx512pf avx512vbmi avx512vl avx_vnni bmi1 bmi2 f16c fma4 mmx popcnt rdrand sse sse2 sse4_1 sse4_2 sse4a
ssse3 vpclmulqdq xop
"""

#: Gentoo's flag -> alternatives, each of them the kernel's names that have to be there together.
FLAGS: dict[str, tuple[tuple[str, ...], ...]] = {
    **{name: ((name,),) for name in _SAME.split()},
    "fma3": (("fma",),),
    "mmxext": (("mmxext",), ("sse",)),  # SSE contains AMD's MMX extensions
    "padlock": (("phe",),),
    "pclmul": (("pclmulqdq",),),
    "sha": (("sha_ni",),),
    "sse3": (("pni",),),
}

_UNNAMED = """
abm adx amx_complex amx_fp16 avx_ifma avx_ne_convert avx_vnni_int16 avx_vnni_int8 cmpccxadd cx16 gfni lwp movbe
rdseed rtm sha512 sm3 sm4 tbm vaes
"""

#: Instruction sets that a user might look for among the flags and that Gentoo has no flag for.
UNNAMED: tuple[str, ...] = tuple(_UNNAMED.split())

#: psABI level -> the kernel's names that it adds to the level before. LZCNT is what the kernel calls abm.
LEVELS: dict[str, tuple[str, ...]] = {
    "x86-64-v1": ("cmov", "cx8", "fpu", "fxsr", "mmx", "syscall", "sse", "sse2"),
    "x86-64-v2": ("cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"),
    "x86-64-v3": ("avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"),
    "x86-64-v4": ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
}

#: The kernel's name -> the names that a CPU, the kernel or GCC's -m option needs below it.
NEEDS: dict[str, tuple[str, ...]] = {
    "3dnow": ("mmx",),
    "3dnowext": ("3dnow",),
    "mmxext": ("mmx",),
    "sse": ("fxsr",),
    "sse2": ("sse", "mmx"),
    "pni": ("sse2",),
    "ssse3": ("pni",),
    "sse4_1": ("ssse3",),
    "sse4_2": ("sse4_1", "popcnt"),  # GCC's -msse4.2 uses popcnt
    "sse4a": ("pni",),
    "aes": ("sse2",),
    "pclmulqdq": ("sse2",),
    "sha_ni": ("sse2",),
    "gfni": ("sse2",),
    "xsaveopt": ("xsave",),
    "xsavec": ("xsave",),
    "xsaves": ("xsave",),
    "pku": ("xsave",),
    "lwp": ("xsave",),
    "avx": ("sse4_2", "xsave"),
    "avx2": ("avx",),
    "f16c": ("avx",),
    "fma": ("avx",),
    "fma4": ("avx", "sse4a"),
    "xop": ("fma4",),
    "vaes": ("avx", "aes"),
    "vpclmulqdq": ("avx", "pclmulqdq"),
    "avx_vnni": ("avx2",),
    "avx_ifma": ("avx2",),
    "avx_ne_convert": ("avx2",),
    "avx_vnni_int8": ("avx2",),
    "avx_vnni_int16": ("avx2",),
    "sha512": ("avx2",),
    "sm3": ("avx",),
    "sm4": ("avx2",),
    "avx512f": ("avx2", "fma", "f16c"),
    "avx512bw": ("avx512f",),
    "avx512cd": ("avx512f",),
    "avx512dq": ("avx512f",),
    "avx512vl": ("avx512f",),
    "avx512er": ("avx512f",),
    "avx512pf": ("avx512f",),
    "avx512ifma": ("avx512f",),
    "avx512vbmi": ("avx512bw",),
    "avx512_vbmi2": ("avx512bw", "avx512vl"),
    "avx512_vnni": ("avx512f", "avx512vl"),
    "avx512_bitalg": ("avx512bw", "avx512vl"),
    "avx512_vpopcntdq": ("avx512f",),  # Knights Mill has it without avx512vl
    "avx512_4vnniw": ("avx512f",),
    "avx512_4fmaps": ("avx512f",),
    "avx512_vp2intersect": ("avx512dq", "avx512vl"),
    "avx512_bf16": ("avx512bw", "avx512vl"),
    "avx512_fp16": ("avx512bw", "avx512dq", "avx512vl"),
    "amx_tile": ("xsave",),
    "amx_bf16": ("amx_tile",),
    "amx_int8": ("amx_tile",),
    "amx_fp16": ("amx_tile",),
    "amx_complex": ("amx_tile",),
}

#: GCC's option -> the kernel's name of what it enables. Left out: options for what the kernel has no name for (ptwrite,
#: Key Locker, hreset and the like); GCC uses none of that unasked.
OPTIONS: dict[str, str] = {
    "-mmmx": "mmx",
    "-m3dnow": "3dnow",
    "-m3dnowa": "3dnowext",
    "-mfxsr": "fxsr",
    "-msse": "sse",
    "-msse2": "sse2",
    "-msse3": "pni",
    "-mssse3": "ssse3",
    "-msse4": "sse4_2",
    "-msse4.1": "sse4_1",
    "-msse4.2": "sse4_2",
    "-mcrc32": "sse4_2",
    "-msse4a": "sse4a",
    "-mcx16": "cx16",
    "-msahf": "lahf_lm",
    "-mpopcnt": "popcnt",
    "-mabm": "abm",
    "-mlzcnt": "abm",
    "-mbmi": "bmi1",
    "-mbmi2": "bmi2",
    "-mtbm": "tbm",
    "-mmovbe": "movbe",
    "-madx": "adx",
    "-maes": "aes",
    "-mpclmul": "pclmulqdq",
    "-msha": "sha_ni",
    "-mgfni": "gfni",
    "-mvaes": "vaes",
    "-mvpclmulqdq": "vpclmulqdq",
    "-mrdrnd": "rdrand",
    "-mrdseed": "rdseed",
    "-mxsave": "xsave",
    "-mxsaveopt": "xsaveopt",
    "-mxsavec": "xsavec",
    "-mxsaves": "xsaves",
    "-mfsgsbase": "fsgsbase",
    "-mprfchw": "3dnowprefetch",
    "-mclflushopt": "clflushopt",
    "-mclwb": "clwb",
    "-mclzero": "clzero",
    "-mrdpid": "rdpid",
    "-mpku": "pku",
    "-msgx": "sgx",
    "-mhle": "hle",
    "-mrtm": "rtm",
    "-mlwp": "lwp",
    "-mmwaitx": "mwaitx",
    "-mwbnoinvd": "wbnoinvd",
    "-mpconfig": "pconfig",
    "-mwaitpkg": "waitpkg",
    "-mcldemote": "cldemote",
    "-mmovdiri": "movdiri",
    "-mmovdir64b": "movdir64b",
    "-menqcmd": "enqcmd",
    "-mserialize": "serialize",
    "-mtsxldtrk": "tsxldtrk",
    "-mshstk": "user_shstk",
    "-mavx": "avx",
    "-mf16c": "f16c",
    "-mfma": "fma",
    "-mfma4": "fma4",
    "-mxop": "xop",
    "-mavx2": "avx2",
    "-mavxvnni": "avx_vnni",
    "-mavxifma": "avx_ifma",
    "-mavxneconvert": "avx_ne_convert",
    "-mavxvnniint8": "avx_vnni_int8",
    "-mavxvnniint16": "avx_vnni_int16",
    "-mcmpccxadd": "cmpccxadd",
    "-msha512": "sha512",
    "-msm3": "sm3",
    "-msm4": "sm4",
    "-mavx512f": "avx512f",
    "-mavx512bw": "avx512bw",
    "-mavx512cd": "avx512cd",
    "-mavx512dq": "avx512dq",
    "-mavx512vl": "avx512vl",
    "-mavx512er": "avx512er",
    "-mavx512pf": "avx512pf",
    "-mavx512ifma": "avx512ifma",
    "-mavx512vbmi": "avx512vbmi",
    "-mavx512vbmi2": "avx512_vbmi2",
    "-mavx512vnni": "avx512_vnni",
    "-mavx512bitalg": "avx512_bitalg",
    "-mavx512vpopcntdq": "avx512_vpopcntdq",
    "-mavx512vp2intersect": "avx512_vp2intersect",
    "-mavx512bf16": "avx512_bf16",
    "-mavx512fp16": "avx512_fp16",
    "-mavx5124vnniw": "avx512_4vnniw",
    "-mavx5124fmaps": "avx512_4fmaps",
    "-mamx-tile": "amx_tile",
    "-mamx-bf16": "amx_bf16",
    "-mamx-int8": "amx_int8",
    "-mamx-fp16": "amx_fp16",
    "-mamx-complex": "amx_complex",
}

_TARGET_OPTIONS = """
-mavx -mavx2 -mbmi -mbmi2 -mf16c -mfma -mlzcnt -mmovbe -msse4a -mfma4 -mxop -mtbm -mpclmul -maes -msha -madx
-mrdrnd -mrdseed -mgfni -mvaes -mvpclmulqdq -mavxvnni -mavx512ifma -mavx512vbmi -mavx512vbmi2 -mavx512vnni
-mavx512bitalg -mavx512vpopcntdq -mavx512bf16
"""

#: Features beyond a level that a target's code is compiled for. Left out: 3dnow (it spoils floating point), what GCC
#: uses only when told (see EXPLICIT), and options that a GCC of 11 doesn't know.
TARGET_OPTIONS: tuple[str, ...] = tuple(_TARGET_OPTIONS.split())

_OWN_OPTIONS = """
-mmmx -mfxsr -msse -msse2 -msse3 -mssse3 -msse4.1 -msse4.2 -mpopcnt -mcx16 -msahf -mavx512f -mavx512cd -mavx512bw
-mavx512dq -mavx512vl
"""

#: What of the lower levels a machine may have beyond its name, for what it compiles itself.
OWN_OPTIONS: tuple[str, ...] = (*_OWN_OPTIONS.split(), *TARGET_OPTIONS)

_EXPLICIT = """
cldemote clwb clzero enqcmd hle lwp movdir64b movdiri mwaitx pconfig pku rtm serialize sgx tsxldtrk user_shstk
waitpkg wbnoinvd xsaves
"""

#: What code has only where its author asked for it by name, or what only a kernel may execute: a CPU without it runs
#: what is compiled for a name of GCC's that includes it.
EXPLICIT: frozenset[str] = frozenset(_EXPLICIT.split())

#: Of these, what does no harm anywhere: a hint that other CPUs pass over, or an instruction that a program can't use
#: without a kernel that offers it.
HARMLESS: frozenset[str] = frozenset({"cldemote", "hle", "pconfig", "sgx", "user_shstk", "wbnoinvd", "xsaves"})
