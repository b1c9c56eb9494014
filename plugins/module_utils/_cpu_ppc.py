# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel, Gentoo and GCC call the features of a POWER or PowerPC CPU.

/proc/cpuinfo names the processor and AltiVec alone; the rest follows from the name. Sources: cpuid2cpuflags 17
(src/ppc.c) for Gentoo's flags; Linux 6.12 ``arch/powerpc/kernel/cpu_specs_*.h`` for the names and what they have;
GCC 12 ``gcc/config/rs6000/rs6000-cpus.def`` for GCC's. 2026-11.
"""

from __future__ import annotations

VARIABLE = "CPU_FLAGS_PPC"

#: Gentoo's flag -> alternatives; the names are Gentoo's own, since the kernel prints none.
FLAGS: dict[str, tuple[tuple[str, ...], ...]] = {
    name: ((name,),) for name in ("altivec", "vsx", "vsx2", "vsx3", "vsx4")
}
UNNAMED: tuple[str, ...] = ()
NEEDS: dict[str, tuple[str, ...]] = {
    "vsx": ("altivec",),
    "vsx2": ("vsx",),
    "vsx3": ("vsx2",),
    "vsx4": ("vsx3",),
}

#: How a name begins (the longest that fits counts) -> GCC's -mcpu, the GCC that knows it, its features.
CPUS: dict[str, tuple[str, int, str]] = {
    "POWER3": ("power3", 0, ""),
    "POWER4": ("power4", 0, ""),
    "POWER5": ("power5", 0, ""),
    "POWER6": ("power6", 0, "altivec"),
    "POWER7": ("power7", 0, "altivec vsx"),
    "POWER8": ("power8", 0, "altivec vsx vsx2"),
    "POWER9": ("power9", 6, "altivec vsx vsx2 vsx3"),
    "POWER10": ("power10", 11, "altivec vsx vsx2 vsx3 vsx4"),
    "POWER11": ("power11", 15, "altivec vsx vsx2 vsx3 vsx4"),
    "PPC970": ("970", 0, "altivec"),
    "Cell": ("cell", 0, "altivec"),
    "PA6T": ("", 0, "altivec"),
    "e6500": ("e6500", 0, "altivec"),
    "e5500": ("e5500", 0, ""),
    "e500": ("", 0, ""),
    "601": ("601", 0, ""),
    "603": ("603", 0, ""),
    "604": ("604", 0, ""),
    "740": ("750", 0, ""),
    "745/": ("750", 0, ""),
    "750": ("750", 0, ""),
    "74": ("7400", 0, "altivec"),
    "744": ("7450", 0, "altivec"),
    "745": ("7450", 0, "altivec"),
    "440": ("440", 0, ""),
    "460": ("464", 0, ""),
}
