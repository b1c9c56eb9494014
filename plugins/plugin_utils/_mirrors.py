# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who serves what: the mirrors of each target, and the order in which a slave asks the servers of its own."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

if t.TYPE_CHECKING:
    from ansible_collections.larry.binhost.plugins.plugin_utils._inventory import Fleet

Plan = dict[str, t.Any]


def problems(fleet: Fleet) -> Iterator[str]:
    """Yield what is wrong with the group ``mirrors`` and with what slaves say of servers."""
    for group, others in (("masters", fleet.masters), ("slaves", fleet.slaves)):
        for host in sorted(set(fleet.mirrors) & set(others)):
            yield f"{host}: groups: expected {group} or mirrors, found both"
    for host in fleet.mirrors:
        yield from _unknown(f"{host}: mirror_targets", fleet.variables[host].get("mirror_targets"), list(fleet.targets))
    for host in fleet.slaves:
        named = fleet.variables[host].get("slave_servers")
        if isinstance(named, (list, tuple)) and not named:
            yield f"{host}: slave_servers: expected at least one host, found none"
        yield from _unknown(f"{host}: slave_servers", named, [*fleet.masters, *fleet.mirrors])
        pinned = fleet.variables[host].get("slave_pinned_generation")
        if isinstance(pinned, int) and pinned < 1:
            yield f"{host}: slave_pinned_generation: expected the number of a generation, found {pinned}"


def _unknown(where: str, named: t.Any, known: Sequence[str]) -> Iterator[str]:
    strange = [str(name) for name in named if name not in known] if isinstance(named, (list, tuple)) else []
    if strange:
        yield f"{where}: expected some of {', '.join(map(str, known))}, found {', '.join(strange)}"


def of_target(fleet: Fleet, declared: str) -> list[str]:
    """Return the mirrors that have a declared target, in the order of the inventory."""
    said = {host: fleet.variables[host].get("mirror_targets") for host in fleet.mirrors}
    return [host for host, names in said.items() if names is None or declared in names]


def part(fleet: Fleet, targets: Mapping[str, Plan], uri: t.Callable[[str], str]) -> Plan:
    """Return the plan's ``mirrors``: where each serves, and which targets it brings from which master."""
    return {
        host: {
            "uri": uri(host),
            "targets": {name: target["master"] for name, target in targets.items() if host in target["mirrors"]},
        }
        for host in sorted(fleet.mirrors)
    }


def servers(slave: str, fleet: Fleet, target: Plan) -> list[str]:
    """Return the hosts that a slave asks, in order: its own say, else the master and then the target's mirrors.

    Raises ``BinhostError`` for one that hasn't got the slave's target.
    """
    there = [target["master"], *target["mirrors"]]
    named = list(fleet.variables[slave].get("slave_servers") or there)
    without = [host for host in named if host not in there]
    if without:
        raise BinhostError(
            f"{slave}: slave_servers: expected some of {', '.join(there)}, which have its packages, "
            f"found {', '.join(without)}"
        )
    return named


def pinned(fleet: Fleet, members: Sequence[str]) -> list[int]:
    """Return the generations that a target's slaves are pinned to, ascending: those stay."""
    said = {fleet.variables[slave].get("slave_pinned_generation") for slave in members}
    return sorted(number for number in said if number is not None)
