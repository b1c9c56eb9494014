# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of GCC's names for x86 CPUs enables what, since which GCC, and which CPUs carry the name.

Sources: GCC 12.2 itself (``-march=NAME -Q --help=target``, -m32 for the older ones), GCC 13 to 15
``gcc/config/i386/i386.h`` (PTA_*) and ``gcc/common/config/i386/cpuinfo.h`` (families and models), the release notes of
GCC 4.9 to 15 for the versions; compared with archspec 0.2.5's microarchitectures. 2026-11.
"""

from __future__ import annotations

import typing as t


class Row(t.NamedTuple):
    """One name that ``-march`` takes."""

    parent: str  # whose features it has too; empty for none
    line: str  # names of one line are ordered by what they can: one stands in for the next
    since: int  # GCC's major version, 0 for those that every GCC in use knows
    adds: str  # the kernel's names; "?" before one that the kernel may hide though the CPU is of this kind


MARCH: dict[str, Row] = {
    "i386": Row("", "any", 0, ""),
    "i586": Row("i386", "any", 0, "fpu cx8"),
    "i686": Row("i586", "any", 0, "cmov"),
    "pentium-mmx": Row("i586", "core", 0, "mmx"),
    "pentium2": Row("i686", "core", 0, "mmx fxsr"),
    "pentium3": Row("pentium2", "core", 0, "sse"),
    "pentium4": Row("pentium3", "core", 0, "sse2"),
    "pentium-m": Row("pentium3", "mobile", 0, "sse2"),
    "prescott": Row("pentium4", "core", 0, "pni"),
    "k6": Row("i586", "amd", 0, "mmx"),
    "k6-2": Row("k6", "amd", 0, "3dnow"),
    "athlon": Row("i686", "amd", 0, "mmx 3dnow 3dnowext"),
    "athlon-xp": Row("athlon", "amd", 0, "fxsr sse"),
    "geode": Row("i586", "geode", 0, "mmx 3dnow 3dnowext"),
    "c3": Row("i386", "via", 0, "mmx 3dnow"),
    "c3-2": Row("i686", "via", 0, "mmx fxsr sse"),
    "c7": Row("c3-2", "via", 0, "sse2 pni"),
    # Intel's CPUs have SYSCALL only for 64-bit programs: a 32-bit kernel doesn't name it.
    "x86-64": Row("i686", "any", 0, "fxsr mmx sse sse2 lm ?syscall"),
    "x86-64-v2": Row("x86-64", "any", 11, "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3"),
    "x86-64-v3": Row("x86-64-v2", "any", 11, "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"),
    "x86-64-v4": Row("x86-64-v3", "any", 11, "avx512f avx512bw avx512cd avx512dq avx512vl"),
    "nocona": Row("x86-64", "core", 0, "pni cx16"),
    "core2": Row("nocona", "core", 0, "ssse3 lahf_lm"),
    "nehalem": Row("core2", "core", 0, "sse4_1 sse4_2 popcnt"),
    "westmere": Row("nehalem", "core", 0, "pclmulqdq"),
    "sandybridge": Row("westmere", "core", 0, "avx xsave xsaveopt"),
    "ivybridge": Row("sandybridge", "core", 0, "fsgsbase rdrand f16c"),
    "haswell": Row("ivybridge", "core", 0, "avx2 bmi1 bmi2 abm fma movbe hle"),
    "broadwell": Row("haswell", "core", 0, "adx rdseed 3dnowprefetch"),
    "skylake": Row("broadwell", "core", 0, "aes clflushopt xsavec xsaves sgx"),
    "skylake-avx512": Row("skylake", "core", 0, "avx512f avx512cd avx512vl avx512bw avx512dq pku clwb"),
    "cascadelake": Row("skylake-avx512", "core", 9, "avx512_vnni"),
    "cooperlake": Row("cascadelake", "core", 10, "avx512_bf16"),
    "cannonlake": Row(
        "skylake", "core", 8, "avx512f avx512cd avx512vl avx512bw avx512dq pku avx512vbmi avx512ifma sha_ni"
    ),
    "icelake-client": Row(
        "cannonlake",
        "core",
        8,
        "avx512_vnni gfni vaes avx512_vbmi2 vpclmulqdq avx512_bitalg rdpid avx512_vpopcntdq",
    ),
    "rocketlake": Row("icelake-client", "rocketlake", 11, ""),
    "icelake-server": Row("icelake-client", "server", 8, "pconfig wbnoinvd clwb"),
    "tigerlake": Row("icelake-client", "core", 10, "movdiri movdir64b clwb avx512_vp2intersect"),
    "sapphirerapids": Row(
        "icelake-server",
        "server",
        11,
        "movdiri movdir64b enqcmd cldemote waitpkg serialize tsxldtrk amx_tile amx_int8 amx_bf16 avx_vnni avx512_fp16 "
        "avx512_bf16 ?avx512_vp2intersect",  # GCC 12 has it, the CPU hasn't
    ),
    "graniterapids": Row("sapphirerapids", "server", 13, "amx_fp16"),
    "graniterapids-d": Row("graniterapids", "server", 13, "amx_complex"),
    "bonnell": Row("core2", "atom", 0, "movbe"),
    "silvermont": Row("westmere", "atom", 0, "movbe rdrand 3dnowprefetch"),
    "goldmont": Row("silvermont", "atom", 9, "aes sha_ni xsave rdseed xsavec xsaves clflushopt xsaveopt fsgsbase"),
    "goldmont-plus": Row("goldmont", "atom", 9, "rdpid sgx"),
    "tremont": Row("goldmont-plus", "atom", 9, "clwb gfni movdiri movdir64b cldemote waitpkg"),
    "alderlake": Row(
        "goldmont-plus",
        "hybrid",
        11,
        "clwb gfni movdiri movdir64b waitpkg adx avx avx2 bmi1 bmi2 f16c fma abm pconfig pku vaes vpclmulqdq serialize "
        "avx_vnni ?cldemote",
    ),
    "arrowlake": Row("alderlake", "hybrid", 14, "avx_ifma avx_vnni_int8 avx_ne_convert cmpccxadd"),
    "arrowlake-s": Row("arrowlake", "hybrid", 14, "avx_vnni_int16 sha512 sm3 sm4"),
    "pantherlake": Row("arrowlake-s", "hybrid", 15, ""),
    "sierraforest": Row("arrowlake", "atom", 13, "cldemote enqcmd"),
    "grandridge": Row("sierraforest", "atom", 13, ""),
    "clearwaterforest": Row("sierraforest", "atom", 14, "avx_vnni_int16 sha512 sm3 sm4"),
    "knl": Row("broadwell", "phi", 5, "avx512f avx512cd avx512er avx512pf"),
    "knm": Row("knl", "phi", 8, "avx512_4vnniw avx512_4fmaps avx512_vpopcntdq"),
    "k8": Row("x86-64", "amd", 0, "3dnow 3dnowext"),
    "k8-sse3": Row("k8", "amd", 0, "pni"),
    "amdfam10": Row("k8-sse3", "amd", 0, "sse4a cx16 abm popcnt lahf_lm 3dnowprefetch"),
    "btver1": Row("x86-64", "cat", 0, "pni ssse3 sse4a abm popcnt cx16 lahf_lm 3dnowprefetch ?xsave"),
    "btver2": Row("btver1", "cat", 0, "sse4_1 sse4_2 aes pclmulqdq avx bmi1 f16c movbe xsave xsaveopt"),
    "bdver1": Row(
        "x86-64",
        "amd",
        0,
        "pni sse4a cx16 popcnt abm ssse3 sse4_1 sse4_2 aes pclmulqdq avx fma4 xop lwp lahf_lm 3dnowprefetch xsave",
    ),
    "bdver2": Row("bdver1", "amd", 0, "bmi1 tbm f16c fma"),
    "bdver3": Row("bdver2", "amd", 0, "xsaveopt fsgsbase"),
    "bdver4": Row("bdver3", "amd", 0, "avx2 bmi2 movbe mwaitx ?rdrand"),
    "znver1": Row(
        "x86-64-v3",
        "amd",
        6,
        "sse4a aes pclmulqdq 3dnowprefetch xsaveopt fsgsbase rdrand mwaitx adx rdseed clzero clflushopt xsavec xsaves "
        "sha_ni",
    ),
    "znver2": Row("znver1", "amd", 9, "clwb rdpid wbnoinvd"),
    "znver3": Row("znver2", "amd", 10, "vaes vpclmulqdq pku"),
    "znver4": Row(
        "znver3",
        "amd",
        12,  # 12.3
        "avx512f avx512dq avx512ifma avx512cd avx512bw avx512vl avx512_bf16 avx512vbmi avx512_vbmi2 gfni avx512_vnni "
        "avx512_bitalg avx512_vpopcntdq",
    ),
    "znver5": Row("znver4", "amd", 14, "avx_vnni movdiri movdir64b avx512_vp2intersect"),
}

#: Vendor (as the kernel prints it) -> the lines in which a CPU of an unknown model is looked for.
LINES: dict[str, tuple[str, ...]] = {
    "GenuineIntel": ("core", "server", "hybrid"),
    "AuthenticAMD": ("amd",),
    "HygonGenuine": ("amd",),
    "CentaurHauls": ("via",),
    "  Shanghai  ": (),
}

_INTEL6 = {
    "pentium-m": "09 0d",
    "core2": "0f 16 17 1d",
    "nehalem": "1a 1e 1f 2e",
    "westmere": "25 2c 2f",
    "sandybridge": "2a 2d",
    "ivybridge": "3a 3e",
    "haswell": "3c 3f 45 46",
    "broadwell": "3d 47 4f 56",
    "skylake": "4e 5e 8e 9e a5 a6",
    "cooperlake": "55",
    "cannonlake": "66",
    "icelake-client": "7e 7d 9d",
    "icelake-server": "6a 6c",
    "rocketlake": "a7",
    "tigerlake": "8c 8d",
    "alderlake": "97 9a b7 ba be bf aa ac",
    "arrowlake": "b5 c5",
    "arrowlake-s": "c6 bd",
    "pantherlake": "cc d5",
    "sapphirerapids": "8f cf",
    "graniterapids": "ad",
    "graniterapids-d": "ae",
    "bonnell": "1c 26 27 35 36",
    "silvermont": "37 4a 4d 5d 4c 5a 75",
    "goldmont": "5c 5f",
    "goldmont-plus": "7a",
    "tremont": "86 96 9c",
    "sierraforest": "af",
    "grandridge": "b6",
    "clearwaterforest": "dd",
    "knl": "57",
    "knm": "85",
}

#: (vendor, family, model) -> its name; model None stands for all models of the family.
MODELS: dict[tuple[str, int, int | None], str] = {
    **{("GenuineIntel", 6, int(model, 16)): name for name, models in _INTEL6.items() for model in models.split()},
    ("AuthenticAMD", 5, 10): "geode",
    ("AuthenticAMD", 20, None): "btver1",
    ("AuthenticAMD", 22, None): "btver2",
}
