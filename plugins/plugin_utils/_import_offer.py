# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to write of machines that were imported, and what to tell their owner."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils._own_config import Found
from ansible_collections.larry.binhost.plugins.plugin_utils import _import, _import_files, _import_shared

_PLEASE: t.Final = "Edit it as you like; another import leaves it alone."
_PROPOSED: t.Final = "A proposal. Copy what you want into the inventory; the next import writes it anew."


@dataclass
class Offer:
    """Files, by absolute path, and lines for a person."""

    files: dict[str, str] = field(default_factory=dict)
    advice: list[str] = field(default_factory=list)


def offer(
    inventory_dir: str,
    found: Mapping[str, Found],
    targets: Mapping[str, str | None],
    declared: Sequence[str],
) -> Offer:
    """Return what to write of the machines in ``found``.

    ``targets`` has each one's target where the inventory names one already, ``declared`` are the targets there are.
    """
    proposals = {host: _import.proposal(config) for host, config in sorted(found.items())}
    result = Offer()
    for host, proposal in proposals.items():
        _whole(result, inventory_dir, host, proposal, targets[host], declared)
    groups: dict[str, list[str]] = {}
    for host in proposals:
        groups.setdefault(_chosen(targets[host], declared) or "common", []).append(host)
    _shared(result, inventory_dir, {name: hosts for name, hosts in groups.items() if len(hosts) > 1}, proposals)
    return result


def _chosen(target: str | None, declared: Sequence[str]) -> str:
    """Return which declared target a machine belongs, or is to belong, to; empty if nobody can say."""
    if target:
        name = target.partition(":")[2] or target
        return name if name in declared else declared[0] if len(declared) == 1 else ""
    return declared[0] if len(declared) == 1 else ""


def _whole(
    result: Offer,
    inventory_dir: str,
    host: str,
    proposal: _import.Proposal,
    target: str | None,
    declared: Sequence[str],
) -> None:
    """Offer all that one machine is, in its own variables."""
    missing = {} if target else {"binhost_target": _chosen(target, declared)}
    notes = list(proposal.notes)
    if missing and not missing["binhost_target"]:
        missing = {}
        notes.append(f"binhost_target: name one of the targets ({', '.join(declared) or 'none is declared yet'})")
    if proposal.profile:
        notes.append(f"its profile is {proposal.profile}; a target's profile is what counts from now on")
    is_new = not _import_files.has_variables(inventory_dir, host)
    own = _import_files.own_file(inventory_dir, host)
    path = own if is_new else _import_files.proposed_file(inventory_dir, "host_vars", f"{host}.yml")
    if not is_new and any(
        _import_files.is_text(own, _import_files.as_yaml(_head(host, _PLEASE, notes), {**named, **proposal.variables}))
        for named in ({}, {"binhost_target": target})
    ):
        return  # an earlier import wrote it
    if not is_new:
        result.advice.append(f"{host} has variables already, and they are left alone: compare them with {path}")
    head = _head(host, _PLEASE if is_new else _PROPOSED, notes)
    result.files[path] = _import_files.as_yaml(head, {**missing, **proposal.variables})
    result.advice += [f"{host}: {note}" for note in notes]


def _head(host: str, please: str, notes: Sequence[str]) -> list[str]:
    return [f"{host} as it is: its /etc/portage and world, imported by larry.binhost. {please}", *notes]


def _shared(
    result: Offer,
    inventory_dir: str,
    groups: Mapping[str, Sequence[str]],
    proposals: Mapping[str, _import.Proposal],
) -> None:
    """Offer what the machines of each target have in common as that target's, and the rest as their own."""
    targets: dict[str, t.Any] = {}
    head = [
        "What the imported machines of a target have in common: the same in its build root and on all its slaves.",
        f"{_PROPOSED} Into binhost_targets, together with host_vars beside this file instead of the whole ones.",
    ]
    for name, hosts in groups.items():
        target, rest = _import_shared.split({host: proposals[host].variables for host in hosts})
        profiles = {proposals[host].profile for host in hosts}
        if len(profiles) == 1 and "" not in profiles:
            target = {"profile": profiles.pop(), **target}
        else:
            head.append(f"{name}: the machines' profiles differ: {', '.join(sorted(profiles))}")
        targets[name] = target
        for host, variables in rest.items():
            path = _import_files.proposed_file(inventory_dir, "shared", "host_vars", f"{host}.yml")
            what = f"{host} without what it has in common with {', '.join(one for one in hosts if one != host)}."
            result.files[path] = _import_files.as_yaml([what, _PROPOSED], variables)
    if targets:
        path = _import_files.proposed_file(inventory_dir, "shared", "targets.yml")
        result.files[path] = _import_files.as_yaml(head, {"binhost_targets": targets})
        result.advice.append(f"what they have in common is offered in {path}")
