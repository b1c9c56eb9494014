# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: the whole intent as one plain dictionary, computed from the inventory and the hosts' facts.

Everything after it reads it and decides nothing again. Pure and deterministic: it does not depend on the order of
hosts, and made once more from the same it is the same. Its form is in ``_schema`` and in docs/plan.md.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.larry.binhost.plugins.module_utils import _atom, _fingerprint, _machine, _paths
from ansible_collections.larry.binhost.plugins.plugin_utils import (
    _bases,
    _cpus,
    _declared,
    _distfiles,
    _host_files,
    _inventory,
    _mirrors,
    _price,
    _recipes,
    _remarks,
    _repositories,
    _requests,
    _schema,
    _serving,
    _shared,
    _sizes,
    _target_files,
    _targets,
    _transports,
)
from ansible_collections.larry.binhost.plugins.plugin_utils._cpus import Cpus
from ansible_collections.larry.binhost.plugins.plugin_utils._inventory import Fleet, Variables
from ansible_collections.larry.binhost.plugins.plugin_utils._targets import Group

Facts = t.Mapping[str, t.Any]
Plan = dict[str, t.Any]
Files = Mapping[str, str]
#: Among a host's facts: what was asked for on it.
ASKED: t.Final = "requests"
Own = Mapping[str, Files]  # slave -> its fragments that decide what its packages are


def plan(
    fleet: Fleet,
    facts: Mapping[str, Facts],
    previous: Mapping[str, t.Any] | None = None,
    requests: _requests.Requests | None = None,
) -> Plan:
    """Return the plan; ``facts`` lacks the hosts that were never seen, ``previous`` is the last plan if there is one.

    The fleet is one in which ``_inventory.problems`` finds none. Raises ``BinhostError`` with a line for each thing
    that the inventory and the facts contradict each other in.
    """
    facts = {host: facts[host] for host in fleet.hosts if host in facts}
    _schema.check_facts(fleet, facts)
    facts = {host: {**known, ASKED: sorted((requests or {}).get(host, ()))} for host, known in facts.items()}
    cpus = Cpus(facts)
    groups = _targets.groups(fleet, facts, cpus, previous)
    where = {slave: name for name, group in groups.items() for slave in group.members}
    own = {
        slave: _host_files.own(slave, fleet.variables[slave], fleet.targets[groups[name].declared])
        for slave, name in where.items()
    }
    targets = {name: _target(name, group, fleet, facts, cpus, own) for name, group in groups.items()}
    _bases.check(targets, cpus)
    made = {
        "version": _schema.VERSION,
        "cpus": {host: _host_cpu(host, cpus) for host in facts},
        "targets": targets,
        "hosts": {
            slave: _slave(slave, where[slave], targets[where[slave]], fleet, facts[slave], own)
            for slave in sorted(where)
        },
        "mirrors": _mirrors.part(fleet, targets, lambda host: uri(fleet, host)),
    }
    _schema.check_plan(made, "the plan")
    return made


def _target(name: str, group: Group, fleet: Fleet, facts: Mapping[str, Facts], cpus: Cpus, own: Own) -> Plan:
    spec = fleet.targets[group.declared]
    chost = str(facts[group.master]["portage"]["chost"])
    cpu = _target_files.cpu(spec, cpus.isa(group.master), cpus.common([group.master, *group.members]))
    price = _price.price(group.master, group.members, cpus)
    made_of = _repositories.of_target(group, fleet, facts[group.master]["portage"]["repositories"])
    settings = _target_files.settings(spec, chost, cpu)
    files = _target_files.files(name, group.declared, spec, settings, made_of.repos_conf)
    makeopts = _makeopts(fleet.variables[group.master], facts[group.master])
    last = {**_target_files.variant_files(settings, makeopts), **_target_files.last_word(settings)}
    worlds = {slave: _world(fleet.variables[slave], spec, facts[slave]) for slave in group.members}
    return {
        "declared": group.declared,
        "automatic": group.automatic,
        "mode": _inventory.mode(spec),
        "shared": _shared.part(name, group, spec, facts[group.master], {**files, **last}),
        "master": group.master,
        "uri": uri(fleet, group.master),
        "mirrors": _mirrors.of_target(fleet, group.declared),
        "pinned": _mirrors.pinned(fleet, group.members),
        "installed": sorted({cpv for slave in group.members for cpv in facts[slave].get("installed", ())}),
        "chost": chost,
        "cpu": {**cpu, "held_back": {host: loss["flags"] for host, loss in price["lost"].items() if loss["flags"]}},
        "price": price,
        "compile": _fingerprint.digest({key: settings.get(key) for key in _target_files.COMPILE}),
        "members": group.members,
        "unseen": group.unseen,
        "machines": {slave: _machine.of_facts(facts[slave]) for slave in group.members},
        "repositories": made_of.places,
        "pins": made_of.pins,
        "world": _asked(worlds),
        "wishes": _asked({slave: _wishes(worlds[slave], facts[slave]) for slave in group.members}),
        "files": files,
        "build_files": _target_files.build_files(makeopts),
        # Of a root that begins as another's, what its own world doesn't ask for comes back each time.
        "depclean": bool(boolean(spec.get("depclean", True))) and not spec.get(_bases.NAME),
        "base": str(spec.get(_bases.NAME) or ""),
        "publish": str(spec.get("publish", _inventory.WORDS["publish"][0])),
        "links": {"make.profile": _target_files.profile_link(spec["profile"])},
        "root": _paths.below("roots", name),
        "cycles": _recipes.recipes(spec),
        "build_on_slave": _inventory.built_on_slave(spec, {}),
        "variants": [
            {
                **_variant(slave, {**files, **own[slave], **last}, worlds[slave], facts[slave]),
                "build_on_slave": _inventory.built_on_slave(spec, fleet.variables[slave]),
            }
            for slave in group.members
        ],
    }


def _host_cpu(host: str, cpus: Cpus) -> Plan:
    features = cpus.own(host)
    return {"level": cpus.isa(host).level(features), "features": list(_cpus.names(features))}


def uri(fleet: Fleet, server: str) -> str:
    """Return the URL below which a master or a mirror serves its targets."""
    variables = fleet.variables[server]
    host = _inventory.address(variables, server)
    port = variables.get("mirror_http_port" if server in fleet.mirrors else "master_http_port")
    scheme = "https" if _serving.encrypted(variables) else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port or _inventory.HTTP_PORT}"


def _asked(worlds: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return atom -> who asks for it, of host -> what it asks for."""
    found: dict[str, list[str]] = {}
    for host, atoms in worlds.items():
        for atom in atoms:
            found.setdefault(atom, []).append(host)
    return {atom: sorted(found[atom]) for atom in sorted(found)}


def _wishes(declared: Sequence[str], facts: Facts) -> list[str]:
    """Return what a machine's person installed, or somebody asked for there, and the inventory doesn't declare.

    As far as it is packages.
    """
    return sorted({atom for atom in [*facts["world"], *facts[ASKED]] if _atom.is_package(atom)} - set(declared))


def declared_world(variables: Variables, spec: Variables) -> list[str]:
    """Return what the inventory declares for a slave, sorted, each atom once; sets are opened."""
    return _declared.atoms(
        variables.get("slave_world") or (), variables.get("slave_sets") or {}, spec.get("sets") or {}
    )


def _world(variables: Variables, spec: Variables, facts: Facts) -> list[str]:
    """Return what a slave is to have installed: what is declared, and what the ways to its packages need."""
    return sorted({*declared_world(variables, spec), *_transports.needed(variables, facts)})


def _makeopts(variables: Variables, facts: Facts) -> str:
    """Return MAKEOPTS of a master's builds."""
    declared = variables.get("master_makeopts")
    return str(declared) if declared else _sizes.makeopts(facts, int(variables.get("master_jobs") or 1))


def _variant(slave: str, files: Files, world: Sequence[str], facts: Facts) -> Plan:
    """Return a slave with its whole configuration, the person's own files included: what its packages have to fit."""
    return {
        "name": slave,
        "files": {**facts["configuration"], **files},
        "world": list(world),
        "wishes": _wishes(world, facts),
        "features": sorted(facts["cpu"]["features"]),
    }


def _slave(slave: str, name: str, target: Plan, fleet: Fleet, facts: Facts, own: Own) -> Plan:
    variables, servers = fleet.variables[slave], _mirrors.servers(slave, fleet, target)
    world = _world(variables, fleet.targets[target["declared"]], facts)
    sources = _distfiles.client(slave, variables, fleet.targets[target["declared"]], facts, target["uri"])
    files = {**target["files"], **own[slave], **_host_files.client(slave, variables, facts), **sources}
    return {
        "target": name,
        "mode": target["mode"],
        "master": target["master"],
        "servers": servers,
        "transports": _transports.ladder(slave, fleet, servers, lambda server: uri(fleet, server)),
        "mounts": _transports.mounts(slave, fleet, servers, facts),
        "ssh_key": str(facts.get("ssh_key") or ""),
        "pinned": variables.get("slave_pinned_generation"),
        "files": files,
        "links": target["links"],
        "world": world,
        "requests": _requests.open_ones(facts[ASKED], world, facts["world"]),
        "remarks": _remarks.remarks(facts, target, files),
        "build_on_slave": _inventory.built_on_slave(fleet.targets[target["declared"]], variables),
        # The person's own repositories: what changes there changes what emerge would do.
        "overlays": {
            repository: place
            for repository, place in sorted(facts["portage"]["repositories"].items())
            if repository not in target["repositories"]
        },
    }
