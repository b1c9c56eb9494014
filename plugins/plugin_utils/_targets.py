# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who belongs to which target.

A slave names a declared target, or says ``auto`` (``auto:NAME``): then it shares that declaration's configuration, and
the plan chooses for which CPU its packages are made.

- Newcomers join the automatic target of theirs that takes most of their features and loses none by them; those whom
  none fits get one new target together. The first plan therefore makes one target of all.
- A host stays where the last plan had it, whatever changes, until ``binhost_regroup`` makes it a newcomer again.
- A target's name comes from what it was when it was made, and stays.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import _fingerprint
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils._cpus import Cpus, Features
from ansible_collections.larry.binhost.plugins.plugin_utils._inventory import Fleet

Facts = t.Mapping[str, t.Any]
Plan = t.Mapping[str, t.Any]
#: Digits of the digest in an automatic target's name; more where that name is taken.
DIGITS: t.Final = 4


@dataclass
class Group:
    """One target and the slaves that belong to it."""

    declared: str  # the name in binhost_targets
    automatic: bool
    master: str
    members: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)  # never seen: not planned for


def groups(fleet: Fleet, facts: Mapping[str, Facts], cpus: Cpus, previous: Plan | None) -> dict[str, Group]:
    """Return the targets that have a member, by name, sorted.

    Raises ``BinhostError`` for a master that was never seen, another CHOST, or a name that is taken.
    """
    choices = {slave: fleet.declaration(slave) for slave in sorted(fleet.slaves)}
    found = _named(choices, fleet, facts)
    before = (previous or {}).get("targets", {})
    choosing: dict[str, list[str]] = {}
    for slave, (name, automatic) in choices.items():
        if automatic:
            choosing.setdefault(name, []).append(slave)
    for name, slaves in choosing.items():
        found.update(_automatic(name, slaves, fleet, facts, cpus, before))
    # A target none of whose slaves was ever seen would be built for the master's CPU alone, and once more for theirs.
    groups = {name: group for name, group in sorted(found.items()) if group.members}
    _same_chost(groups.values(), facts)
    return groups


def _named(choices: Mapping[str, tuple[str, bool]], fleet: Fleet, facts: Mapping[str, Facts]) -> dict[str, Group]:
    found: dict[str, Group] = {}
    for slave, (name, automatic) in choices.items():
        if not automatic:
            group = found.setdefault(name, Group(name, False, master(name, fleet)))
            (group.members if slave in facts else group.unseen).append(slave)
    for name, group in found.items():
        if group.members:
            _seen(group.master, name, facts)
    return found


def master(declared: str, fleet: Fleet) -> str:
    """Return the master that builds what shares this declaration."""
    return str(fleet.targets[declared].get("master") or fleet.masters[0])


def _seen(host: str, target: str, facts: Mapping[str, Facts]) -> None:
    if host not in facts:
        raise BinhostError(
            f"{host}: never seen: expected the facts of target {target}'s master. "
            "Switch it on and run once without --limit."
        )


def _automatic(
    declared: str, slaves: Sequence[str], fleet: Fleet, facts: Mapping[str, Facts], cpus: Cpus, before: Plan
) -> dict[str, Group]:
    """Return the automatic targets of one declaration."""
    builder = master(declared, fleet)
    found, newcomers = _kept(declared, slaves, fleet, facts, before)
    if not newcomers and not any(group.members for group in found.values()):
        return {}
    _seen(builder, declared, facts)
    takes = {
        name: _takes(before[name]["cpu"]["features"], [builder, *group.members], cpus)
        for name, group in found.items()
        if group.members
    }
    homeless = []
    for slave in newcomers:
        fitting = [(-len(features), name) for name, features in takes.items() if features <= cpus.own(slave)]
        if fitting:
            found[min(fitting)[1]].members.append(slave)
        else:
            homeless.append(slave)
    if homeless:
        features = cpus.common([builder, *homeless])
        level = cpus.isa(builder).level(features)
        name = _name(declared, level, str(facts[builder]["portage"]["chost"]), features, {*fleet.targets, *takes})
        found[name] = Group(declared, True, builder, homeless)
    for group in found.values():
        group.members.sort()
    return found


def _kept(
    declared: str, slaves: Sequence[str], fleet: Fleet, facts: Mapping[str, Facts], before: Plan
) -> tuple[dict[str, Group], list[str]]:
    """Return the targets of the last plan with those who stay in them, and the newcomers that were seen."""
    found: dict[str, Group] = {}
    where: dict[str, str] = {}
    for name, target in before.items():
        if target["automatic"] and target["declared"] == declared:
            if name in fleet.targets:
                raise BinhostError(
                    f"all hosts: binhost_targets.{name}: expected another name, "
                    f"since an automatic target of {declared} has it"
                )
            found[name] = Group(declared, True, master(declared, fleet))
            where.update(dict.fromkeys([*target["members"], *target["unseen"]], name))
    newcomers = []
    for slave in slaves:
        if slave in where and not fleet.regroups(slave):
            group = found[where[slave]]
            (group.members if slave in facts else group.unseen).append(slave)
        elif slave in facts:
            newcomers.append(slave)
    return found, newcomers


def _takes(last: Sequence[str], stay: Sequence[str], cpus: Cpus) -> Features:
    """Return what a newcomer must be able to run to lower nothing."""
    return cpus.isa(stay[0]).together([frozenset(last), cpus.common(stay)])


def _name(declared: str, level: str | None, chost: str, features: Features, taken: set[str]) -> str:
    digest = _fingerprint.digest([declared, chost, sorted(features)])
    base = f"{declared}-{level or chost.partition('-')[0]}".lower()
    return next(name for digits in range(DIGITS, len(digest)) if (name := f"{base}-{digest[:digits]}") not in taken)


def _same_chost(groups: t.Iterable[Group], facts: Mapping[str, Facts]) -> None:
    wrong = [line for group in groups for line in _other_chosts(group, facts)]
    if wrong:
        raise BinhostError("\n".join(wrong))


def _other_chosts(group: Group, facts: Mapping[str, Facts]) -> Iterator[str]:
    expected = facts[group.master]["portage"]["chost"]
    for slave in group.members:
        found = facts[slave]["portage"]["chost"]
        if found != expected:
            yield f"{slave}: CHOST: expected {expected}, as on {group.master}, found {found}"
