# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of this machine decides which packages it can run (see ``_unfit``)."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _cpu_host, _paths, _sigill
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._unfit import Machine


def here(state: str = _paths.STATE, *, cpuinfo: str = "/proc/cpuinfo", check: bool = False) -> Machine:
    """Return this machine, after a look into its kernel's log for what it couldn't run; what can't be known is empty.

    In check mode what that finds isn't written down.
    """
    try:
        cpu = _cpu_host.read(cpuinfo)
        arch, features = cpu.arch, frozenset(cpu.features)
    except BinhostError:
        arch, features = "x86", frozenset()
    crashed = _sigill.sources(_sigill.watch(state, check=check).crashes)
    return Machine(features, os.uname().release, glibc(), crashed, arch)


def glibc() -> str:
    """Return the version of the C library that runs this; empty if it is another one (gnu_get_libc_version(3))."""
    try:
        name, _space, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (ValueError, OSError):
        return ""
    return version if name == "glibc" else ""


def of_facts(facts: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return what a plan keeps of a machine, from the facts of a host."""
    name, _dash, version = str(facts.get("libc", "")).partition("-")
    return {
        "arch": str(facts["cpu"].get("arch", "x86")),
        "features": sorted(facts["cpu"]["features"]),
        "kernel": str(facts.get("kernel", "")),
        "glibc": version if name == "glibc" else "",
    }


def planned(values: t.Mapping[str, t.Any]) -> Machine:
    """Return the machine that ``of_facts`` was made from."""
    return Machine(frozenset(values["features"]), values["kernel"], values["glibc"], arch=values["arch"])
