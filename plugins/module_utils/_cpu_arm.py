# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel, Gentoo and GCC call the features of an ARM CPU, 32 and 64 bit.

Sources: cpuid2cpuflags 17 (src/arm.c) for Gentoo's flags; Linux 6.12 ``arch/arm/kernel/setup.c``,
``arch/arm64/kernel/cpuinfo.c`` and ``arch/arm64/include/asm/cputype.h`` for the kernel's names and the numbers of
implementers and parts; GCC 12 to 15 ``gcc/config/aarch64/aarch64-cores.def`` and ``gcc/config/arm/arm-cpus.in`` for
GCC's. 2026-11.
"""

from __future__ import annotations

VARIABLE = "CPU_FLAGS_ARM"

#: Names of ours beside the kernel's: the architecture's version and that the kernel runs 64-bit programs.
VERSIONS: tuple[str, ...] = ("v4", "v5", "v6", "v7", "v8")
AARCH64 = "aarch64"

#: What a 64-bit kernel needn't name: its hardware always has it, and with asimd the rest.
AARCH64_HAS: tuple[str, ...] = ("edsp", "thumb")
ASIMD_HAS: tuple[str, ...] = ("half", "neon", "vfp", "vfpv3", "vfpv4", "vfpd32")

_SAME = """
aes asimddp asimdfhm asimdhp crc32 edsp i8mm iwmmxt neon sha1 sha2 sm4 sve sve2 thumb v4 v5 v6 v7 v8 vfp vfpv3 vfpv4
"""

#: Gentoo's flag -> alternatives, each of them the kernel's names that have to be there together.
FLAGS: dict[str, tuple[tuple[str, ...], ...]] = {
    **{name: ((name,),) for name in _SAME.split()},
    "asimd": (("asimd",), ("neon", "v8")),
    "neon-fp16": (("neon", "half"),),
    "thumb2": (("v7",),),
    "vfp-d32": (("vfpd32",),),
}

_UNNAMED = """
asimdrdm atomics bf16 bti fcma fphp idiva idivt jscvt lrcpc paca pmull rng sha3 sha512 sm3 sme sme2 sve2p1 sveaes
svebf16 svei8mm
"""

#: Instruction sets that a user might look for among the flags and that Gentoo has no flag for.
UNNAMED: tuple[str, ...] = tuple(_UNNAMED.split())

#: The kernel's name -> the names that a CPU needs below it.
NEEDS: dict[str, tuple[str, ...]] = {
    "v5": ("v4",),
    "v6": ("v5",),
    "v7": ("v6",),
    "v8": ("v7",),
    "aarch64": ("v8",),
    "vfpv3": ("vfp",),
    "vfpv3d16": ("vfpv3",),
    "vfpv4": ("vfpv3",),
    "vfpd32": ("vfpv3",),
    "neon": ("vfpv3",),
    "asimd": ("neon",),
    "asimdhp": ("neon",),
    "asimdrdm": ("neon",),
    "asimddp": ("neon",),
    "asimdfhm": ("asimdhp",),
    "fcma": ("neon",),
    "i8mm": ("neon",),
    "bf16": ("neon",),
    "aes": ("neon",),
    "pmull": ("aes",),
    "sha1": ("neon",),
    "sha2": ("neon",),
    "sha3": ("sha2",),
    "sha512": ("sha2",),
    "sm3": ("neon",),
    "sm4": ("neon",),
    "sve": ("asimdhp",),
    "sve2": ("sve",),
    "sveaes": ("sve2",),
    "svei8mm": ("sve",),
    "svebf16": ("sve",),
    "sve2p1": ("sve2",),
}

#: GCC's name of the 64-bit architecture -> what it adds to the one before.
LEVELS: dict[str, tuple[str, ...]] = {
    "armv8-a": ("aarch64", "asimd"),
    "armv8.1-a": ("crc32", "atomics", "asimdrdm"),
    "armv8.2-a": ("dcpop",),
    "armv8.3-a": ("jscvt", "fcma", "lrcpc", "paca"),
    "armv8.4-a": ("asimddp", "flagm", "uscat", "ilrcpc", "dit"),
    "armv8.5-a": ("sb", "flagm2", "frint", "bti", "dcpodp"),
    "armv8.6-a": ("i8mm", "bf16"),
}

#: GCC's extension of a 64-bit architecture -> what it needs, and the architecture that has it anyway.
EXTENSIONS: dict[str, tuple[tuple[str, ...], str]] = {
    "crc": (("crc32",), "armv8.1-a"),
    "lse": (("atomics",), "armv8.1-a"),
    "crypto": (("aes", "pmull", "sha1", "sha2"), ""),
    "fp16": (("fphp", "asimdhp"), ""),
    "rcpc": (("lrcpc",), "armv8.3-a"),
    "dotprod": (("asimddp",), "armv8.4-a"),
    "sve": (("sve",), ""),
    "sve2": (("sve2",), ""),
    "i8mm": (("i8mm",), "armv8.6-a"),
    "bf16": (("bf16",), "armv8.6-a"),
}

#: GCC's name of a 32-bit architecture with its extensions, best first -> what it needs.
MARCH32: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("armv8-a+crc+crypto", ("v8", "neon", "vfpv4", "crc32", "aes", "pmull", "sha1", "sha2")),
    ("armv8-a+crc+simd", ("v8", "neon", "vfpv4", "crc32")),
    ("armv8-a+simd", ("v8", "neon", "vfpv4")),
    ("armv7ve+neon-vfpv4", ("v7", "idiva", "idivt", "lpae", "neon", "vfpv4")),
    ("armv7-a+neon-vfpv4", ("v7", "neon", "vfpv4")),
    ("armv7-a+neon", ("v7", "neon")),
    ("armv7-a+vfpv3", ("v7", "vfpv3", "vfpd32")),
    ("armv7-a+fp", ("v7", "vfpv3")),
    ("armv7-a", ("v7",)),
    ("armv6+fp", ("v6", "vfp")),
    ("armv6", ("v6",)),
    ("armv5te", ("v5", "edsp", "thumb")),
    ("armv5t", ("v5", "thumb")),
    ("armv4t", ("v4", "thumb")),
    ("armv4", ("v4",)),
)

IMPLEMENTERS: dict[int, str] = {
    0x41: "ARM",
    0x42: "Broadcom",
    0x43: "Cavium",
    0x44: "DEC",
    0x46: "Fujitsu",
    0x48: "HiSilicon",
    0x4D: "Motorola",
    0x4E: "NVIDIA",
    0x50: "APM",
    0x51: "Qualcomm",
    0x53: "Samsung",
    0x56: "Marvell",
    0x61: "Apple",
    0x66: "Faraday",
    0x69: "Intel",
    0x70: "Phytium",
    0xC0: "Ampere",
}

_V8 = "aarch64 asimd"
_CRC = f"{_V8} crc32"
_82 = f"{_CRC} atomics asimdrdm dcpop fphp asimdhp lrcpc asimddp"
_90 = f"{_82} asimdfhm jscvt fcma paca flagm uscat ilrcpc dit sb frint flagm2 bti sve sve2 i8mm bf16"

#: (implementer, part) -> GCC's -mcpu, the GCC that knows it and the kernel's names of what it enables.
CPUS: dict[tuple[str, int], tuple[str, int, str]] = {
    ("ARM", 0xB76): ("arm1176jzf-s", 0, "v6 vfp"),
    ("ARM", 0xC05): ("cortex-a5", 0, "v7 neon"),
    ("ARM", 0xC07): ("cortex-a7", 0, "v7 neon vfpv4 idiva idivt"),
    ("ARM", 0xC08): ("cortex-a8", 0, "v7 neon"),
    ("ARM", 0xC09): ("cortex-a9", 0, "v7 neon"),
    ("ARM", 0xC0D): ("cortex-a12", 0, "v7 neon vfpv4 idiva idivt"),
    ("ARM", 0xC0E): ("cortex-a17", 0, "v7 neon vfpv4 idiva idivt"),
    ("ARM", 0xC0F): ("cortex-a15", 0, "v7 neon vfpv4 idiva idivt"),
    ("ARM", 0xD03): ("cortex-a53", 0, _CRC),
    ("ARM", 0xD04): ("cortex-a35", 0, _CRC),
    ("ARM", 0xD05): ("cortex-a55", 8, _82),
    ("ARM", 0xD07): ("cortex-a57", 0, _CRC),
    ("ARM", 0xD08): ("cortex-a72", 0, _CRC),
    ("ARM", 0xD09): ("cortex-a73", 0, _CRC),
    ("ARM", 0xD0A): ("cortex-a75", 8, _82),
    ("ARM", 0xD0B): ("cortex-a76", 9, _82),
    ("ARM", 0xD0C): ("neoverse-n1", 9, _82),
    ("ARM", 0xD0D): ("cortex-a77", 10, _82),
    ("ARM", 0xD40): (
        "neoverse-v1",
        10,
        f"{_82} asimdfhm jscvt fcma paca flagm uscat ilrcpc dit sve i8mm bf16 aes pmull sha1 sha2",
    ),
    ("ARM", 0xD41): ("cortex-a78", 11, _82),
    ("ARM", 0xD44): ("cortex-x1", 11, _82),
    ("ARM", 0xD47): ("cortex-a710", 12, _90),
    ("ARM", 0xD48): ("cortex-x2", 12, _90),
    ("ARM", 0xD49): ("neoverse-n2", 11, _90),
    ("ARM", 0xD4B): ("cortex-a78c", 11, _82),
    ("ARM", 0xD4D): ("cortex-a715", 14, _90),
    ("ARM", 0xD4E): ("cortex-x3", 14, _90),
    ("ARM", 0xD4F): ("neoverse-v2", 13, _90),
    ("Cavium", 0x0A1): ("thunderx", 0, f"{_CRC} aes pmull sha1 sha2"),
    ("Cavium", 0x0AF): ("thunderx2t99", 7, f"{_CRC} atomics asimdrdm aes pmull sha1 sha2"),
    ("APM", 0x000): ("xgene1", 0, _V8),
    ("HiSilicon", 0xD01): ("tsv110", 9, f"{_CRC} atomics asimdrdm dcpop fphp asimdhp asimddp aes pmull sha1 sha2"),
    ("Fujitsu", 0x001): ("a64fx", 10, f"{_CRC} atomics asimdrdm dcpop fphp asimdhp sve sha1 sha2"),
    ("Ampere", 0xAC3): ("ampere1", 12, f"{_82} jscvt fcma paca flagm uscat ilrcpc dit sb frint flagm2 bti i8mm bf16"),
}
