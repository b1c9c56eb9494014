# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs from the last plan and costs something: a CPU that changed, a target that is compiled again, a host that
moves. Told before anything runs.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping

Plan = t.Mapping[str, t.Any]
#: A sentence names the first few of many.
SHOWN: t.Final = 8


def sentences(plan: Plan, previous: Plan | None, facts: Mapping[str, t.Any]) -> list[str]:
    """Return a sentence for each change; none for a first plan."""
    if previous is None:
        return []
    again = rebuilds(plan, previous, facts)
    return [
        *_cpus(plan["cpus"], previous["cpus"]),
        *(line for name in again for line in _target(name, plan, previous, len(again[name]))),
        *_hosts(plan, previous),
    ]


def rebuilds(plan: Plan, previous: Plan | None, facts: Mapping[str, t.Any]) -> dict[str, list[str]]:
    """Return, for each target whose packages are all compiled again, what of it is installed on its slaves."""
    before = (previous or {}).get("targets", {})
    return {
        name: sorted({cpv for slave in target["members"] for cpv in facts[slave].get("installed", ())})
        for name, target in plan["targets"].items()
        if name in before and before[name]["compile"] != target["compile"]
    }


def _cpus(now: Plan, before: Plan) -> Iterator[str]:
    for host in now:
        if host in before and now[host]["features"] != before[host]["features"]:
            has, had = set(now[host]["features"]), set(before[host]["features"])
            told = [f"{verb} {listed(names)}" for verb, names in (("lost", had - has), ("gained", has - had)) if names]
            yield f"{host}: its CPU is another one than at the last plan: {', '.join(told)}"


def _target(name: str, plan: Plan, previous: Plan, packages: int) -> Iterator[str]:
    now, before = plan["targets"][name], previous["targets"][name]
    has, had = set(now["cpu"]["features"]), set(before["cpu"]["features"])
    reasons = []
    if had - has:
        blamed = [host for host in [now["master"], *now["members"]] if had - has - set(plan["cpus"][host]["features"])]
        reasons.append(f"{listed(blamed, sort=False)} cannot run {listed(had - has)}{_way_out(now, blamed)}")
    if has - had:
        reasons.append(f"all can run {listed(has - had)} now")
    if not reasons:
        reasons.append("its compilers are told something else")
    what = f"{count(packages, 'package')} installed on {count(len(now['members']), 'slave')}"
    yield f"target {name} is compiled again, {what}: {'; '.join(reasons)}"
    if now["cpu"]["level"] != before["cpu"]["level"]:
        yield f"target {name}: {before['cpu']['level'] or 'no level'} becomes {now['cpu']['level'] or 'no level'}"


def _way_out(target: Plan, blamed: list[str]) -> str:
    slaves = [host for host in blamed if host != target["master"]]
    if not target["automatic"] or not slaves or slaves != blamed:
        return ""
    return f" (binhost_regroup: true for {listed(slaves)} finds another target)"


def _hosts(plan: Plan, previous: Plan) -> Iterator[str]:
    for host, now in plan["hosts"].items():
        before = previous["hosts"].get(host)
        if before and before["target"] != now["target"]:
            yield f"{host} moves from target {before['target']} to {now['target']}: its packages are installed again"
    for name in plan["targets"]:
        if name not in previous["targets"]:
            members = plan["targets"][name]["members"]
            yield f"target {name} is new, for {listed(members, sort=False)}: all its packages are compiled"


def listed(names: Iterable[str], *, sort: bool = True) -> str:
    """Return the first few of many names."""
    found = sorted(names) if sort else list(names)
    more = len(found) - SHOWN
    return ", ".join(found) if more <= 0 else f"{', '.join(found[:SHOWN])} and {more} more"


def count(number: int, noun: str) -> str:
    """Return a number of things."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
