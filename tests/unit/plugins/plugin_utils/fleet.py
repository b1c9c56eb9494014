# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small fleet, as inventory and as facts, for the tests of this folder."""

from __future__ import annotations

import copy
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _cpu
from ansible_collections.larry.binhost.plugins.plugin_utils._inventory import Fleet

V2 = set(_cpu.why_not(())["x86-64-v2"])
V3 = set(_cpu.why_not(())["x86-64-v3"])
COMMON: dict[str, t.Any] = {
    "binhost_networks": ["10.0.0.0/24"],
    "binhost_targets": {
        "laptops": {
            "profile": "lab:default/linux/amd64",
            "use": ["unicode"],
            "package_use": {"app-arch/lz4": ["static-libs"]},
        }
    },
}
VARIABLES: dict[str, dict[str, t.Any]] = {
    "desktop": {**COMMON, "ansible_host": "10.0.0.1"},
    "amd": {
        **COMMON,
        "ansible_host": "10.0.0.2",
        "binhost_target": "laptops",
        "slave_world": ["app-text/tree", "app-misc/hello"],
    },
    "intel": {
        **COMMON,
        "ansible_host": "10.0.0.3",
        "binhost_target": "laptops",
        "slave_world": ["app-misc/hello"],
        "slave_make_conf": {"VIDEO_CARDS": "intel"},
        "slave_package_use": {"app-misc/hello": ["-nls"]},
    },
}


def variables() -> dict[str, dict[str, t.Any]]:
    """Return the inventory's variables, to be changed at will."""
    return copy.deepcopy(VARIABLES)


def fleet(
    changed: dict[str, dict[str, t.Any]] | None = None,
    *,
    masters: tuple[str, ...] = ("desktop",),
    mirrors: tuple[str, ...] = (),
) -> Fleet:
    """Return the fleet that these variables make."""
    hosts = changed or variables()
    slaves = [host for host in hosts if host not in ("desktop", *mirrors)]
    return Fleet(masters=list(masters), slaves=slaves, variables=hosts, mirrors=list(mirrors))


def facts(features: set[str], **changed: t.Any) -> dict[str, t.Any]:
    """Return what host_facts says of a machine with these CPU features."""
    return {
        "cpu": {"features": sorted(features), "flags": _cpu.cpu_flags(features)},
        "portage": {"chost": "x86_64-pc-linux-gnu", "repositories": {"lab": "/var/db/repos/lab"}},
        "world": [],
        "configuration": {"make.conf/00-adopted": "A=1\n"},
        **changed,
    }


def all_facts() -> dict[str, dict[str, t.Any]]:
    """Return the facts of the whole fleet."""
    return {"desktop": facts(V3), "amd": facts(V3 - {"avx2", "bmi2"}), "intel": facts(V3, world=["app-editors/ed"])}
