# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: the whole intent as one plain dictionary, computed from the inventory and the hosts' facts.

Everything after it reads it and decides nothing again. Pure and deterministic: it does not depend on the order of
hosts::

    {"version": 1,
     "targets": {name: {"master", "uri", "chost", "cpu": {"features", "flags", "level", "cflags", "held_back"},
     "compile", "members",
                        "unseen", "repositories": {name: place}, "world": {atom: [host]}, "files", "links", "root",
                        "variants": [{"name", "files", "world"}]}},
     "hosts": {slave: {"target", "uri", "files", "links", "world"}}}
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.larry.binhost.plugins.module_utils import _cpu, _fingerprint, _fragments, _paths
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _inventory
from ansible_collections.larry.binhost.plugins.plugin_utils._inventory import Fleet, Variables

Facts = t.Mapping[str, t.Any]
Plan = dict[str, t.Any]
VERSION: t.Final = 1
#: package.* file -> the variable of a target; a slave's is the same with ``slave_`` before it.
PACKAGE_FILES: t.Final[Mapping[str, str]] = {
    "package.accept_keywords": "package_accept_keywords",
    "package.license": "package_license",
    "package.mask": "package_mask",
    "package.unmask": "package_unmask",
}
#: repos.conf is read in the order of names and the last word counts: the person's own gentoo.conf must not be it.
REPOS_CONF: t.Final = "repos.conf/zz-binhost.conf"
#: A dead master must not hold up a person's own emerge: wget gives up after two attempts of ten seconds.
FETCH: t.Final = 'wget --tries={tries} --timeout=10 --no-verbose -O "${{DISTDIR}}/${{FILE}}" "${{URI}}"'
SETTINGS_OF_THE_CPU: t.Final = ("CHOST", "COMMON_FLAGS", "CPU_FLAGS_X86")


def plan(fleet: Fleet, facts: Mapping[str, Facts]) -> Plan:
    """Return the plan; ``facts`` lacks the hosts that were never seen.

    Raises ``BinhostError`` with a line for each thing that the inventory and the facts contradict each other in.
    """
    # A target none of whose slaves was ever seen would be built for the master's CPU alone, and once more for theirs.
    names = [name for name in sorted(fleet.targets) if any(slave in facts for slave in _members(name, fleet))]
    targets = {name: _target(name, fleet, facts) for name in names}
    hosts = {slave: _slave(slave, fleet, targets) for slave in sorted(fleet.slaves) if slave in facts}
    return {"version": VERSION, "targets": targets, "hosts": hosts}


def _members(target: str, fleet: Fleet) -> list[str]:
    return sorted(slave for slave in fleet.slaves if fleet.variables[slave].get("binhost_target") == target)


def _target(name: str, fleet: Fleet, facts: Mapping[str, Facts]) -> Plan:
    spec = fleet.targets[name]
    master = spec.get("master") or fleet.masters[0]
    if master not in facts:
        raise BinhostError(
            f"{master}: never seen: expected the facts of target {name}'s master. "
            "Switch it on and run once without --limit."
        )
    members = [slave for slave in _members(name, fleet) if slave in facts]
    chost = str(facts[master]["portage"]["chost"])
    _same_chost(chost, master, members, facts)
    cpu = _cpu_target(spec, master, members, facts)
    repositories = _repositories(name, spec, master, facts)
    settings = _target_settings(spec, chost, cpu)
    files = _target_files(name, spec, settings, repositories)
    return {
        "master": master,
        "uri": uri(fleet, master),
        "chost": chost,
        "cpu": cpu,
        "compile": _fingerprint.digest({key: settings[key] for key in SETTINGS_OF_THE_CPU}),
        "members": members,
        "unseen": [slave for slave in _members(name, fleet) if slave not in facts],
        "repositories": repositories,
        "world": _world(members, fleet, facts),
        "files": files,
        "links": {"make.profile": _profile_link(spec["profile"])},
        "root": _paths.below("roots", name),
        "variants": [_variant(slave, files, fleet, facts) for slave in members],
    }


def uri(fleet: Fleet, master: str) -> str:
    """Return the URL below which the master serves its targets."""
    variables = fleet.variables[master]
    host = _inventory.address(variables, master)
    return f"http://{f'[{host}]' if ':' in host else host}:{variables.get('master_http_port') or _inventory.HTTP_PORT}"


def _same_chost(chost: str, master: str, members: Sequence[str], facts: Mapping[str, Facts]) -> None:
    others = {slave: facts[slave]["portage"]["chost"] for slave in members}
    wrong = [
        f"{slave}: CHOST: expected {chost}, as on {master}, found {other}"
        for slave, other in others.items()
        if other != chost
    ]
    if wrong:
        raise BinhostError("\n".join(wrong))


def _cpu_target(spec: Variables, master: str, members: Sequence[str], facts: Mapping[str, Facts]) -> Plan:
    """Return what every member and the master can run, and what that costs each member."""
    own = {host: set(facts[host]["cpu"]["features"]) for host in [master, *members]}
    features = _cpu.common(own.values())
    shared = set(_cpu.cpu_flags(features))
    lost = {slave: sorted(set(_cpu.cpu_flags(_cpu.common([own[slave]]))) - shared) for slave in members}
    return {
        "features": sorted(features),
        "flags": _cpu.cpu_flags(features),
        "level": _cpu.level(features),
        "cflags": f"{spec.get('cflags', '-O2 -pipe')} {_cpu.march(features)}",
        "held_back": {host: flags for host, flags in sorted(lost.items()) if flags},
    }


def _repositories(name: str, spec: Variables, master: str, facts: Mapping[str, Facts]) -> dict[str, str]:
    there = facts[master]["portage"]["repositories"]
    wanted = spec.get("repositories") or sorted(there)
    missing = [repository for repository in wanted if repository not in there]
    if missing:
        found = ", ".join(sorted(there)) or "none"
        raise BinhostError(
            f"{master}: binhost_targets.{name}.repositories: "
            f"expected {', '.join(missing)} in its repos.conf, found {found}"
        )
    return {repository: there[repository] for repository in sorted(wanted)}


def _profile_link(profile: str) -> str:
    repository, path = _inventory.split_profile(profile)
    return f"../..{_paths.REPOSITORIES}/{repository}/profiles/{path}"


def _target_settings(spec: Variables, chost: str, cpu: Plan) -> dict[str, t.Any]:
    common = cpu["cflags"]
    languages = dict.fromkeys(("COMMON_FLAGS", "CFLAGS", "CXXFLAGS", "FCFLAGS", "FFLAGS"), common)
    flags = " ".join(cpu["flags"])
    declared = dict(spec.get("make_conf") or {})
    use = {"USE": list(spec["use"])} if spec.get("use") else {}
    return {"CHOST": chost, **languages, "CPU_FLAGS_X86": flags, "BINPKG_FORMAT": "gpkg", **declared, **use}


def _target_files(
    name: str, spec: Variables, settings: Mapping[str, t.Any], repositories: Mapping[str, str]
) -> dict[str, str]:
    what = f"Target {name}: the same in its build root and on all its slaves."

    def header(variable: str) -> str:
        return _fragments.header(what, f"binhost_targets.{name}.{variable}")

    places = {
        repository: {"location": f"{_paths.REPOSITORIES}/{repository}", "auto-sync": "no"}
        for repository in repositories
    }
    return {
        "make.conf/01-target.conf": _fragments.make_conf(settings, header=header("make_conf")),
        "package.use/01-target": _fragments.package_use(spec.get("package_use") or {}, header=header("package_use")),
        **{
            f"{file}/01-target": _fragments.package_lines(spec[variable], header=header(variable))
            for file, variable in PACKAGE_FILES.items()
            if spec.get(variable)
        },
        REPOS_CONF: _fragments.ini(places, header=header("repositories")),
    }


def _world(members: Sequence[str], fleet: Fleet, facts: Mapping[str, Facts]) -> dict[str, list[str]]:
    """Return atom -> who asks for it: what the inventory declares and what is in the machines' world files."""
    world: dict[str, list[str]] = {}
    for slave in members:
        for atom in {*declared_world(fleet.variables[slave]), *facts[slave]["world"]}:
            world.setdefault(atom, []).append(slave)
    return {atom: sorted(world[atom]) for atom in sorted(world)}


def declared_world(variables: Variables) -> list[str]:
    """Return what the inventory declares for a slave, sorted, each atom once."""
    return sorted(set(variables.get("slave_world") or ()))


def _variant(slave: str, files: Mapping[str, str], fleet: Fleet, facts: Mapping[str, Facts]) -> Plan:
    """Return a slave with its whole configuration, the person's own files included: what its packages have to fit."""
    variables = fleet.variables[slave]
    return {
        "name": slave,
        "files": {**facts[slave]["configuration"], **files, **_host_files(slave, variables)},
        "world": sorted({*declared_world(variables), *facts[slave]["world"]}),
    }


def _slave(slave: str, fleet: Fleet, targets: Mapping[str, Plan]) -> Plan:
    variables = fleet.variables[slave]
    name = variables["binhost_target"]
    target = targets[name]
    return {
        "target": name,
        "uri": target["uri"],
        "files": {**target["files"], **_host_files(slave, variables), **_client_files(slave, variables)},
        "links": target["links"],
        "world": declared_world(variables),
    }


def _host_files(slave: str, variables: Variables) -> dict[str, str]:
    """Return the fragments that make this slave's packages what they are; its variants are built with them."""
    what = f"{slave}'s own."

    def header(variable: str) -> str:
        return _fragments.header(what, variable)

    use = {"USE": list(variables["slave_use"])} if variables.get("slave_use") else {}
    settings = {**(variables.get("slave_make_conf") or {}), **use}
    return {
        "make.conf/02-host.conf": _fragments.make_conf(settings, header=header("slave_make_conf or slave_use")),
        "package.use/02-host": _fragments.package_use(
            variables.get("slave_package_use") or {}, header=header("slave_package_use")
        ),
        **{
            f"{file}/02-host": _fragments.package_lines(
                variables[f"slave_{variable}"], header=header(f"slave_{variable}")
            )
            for file, variable in PACKAGE_FILES.items()
            if variables.get(f"slave_{variable}")
        },
    }


def _client_files(slave: str, variables: Variables) -> dict[str, str]:
    """Return the fragments that make this slave take binaries; no build ever reads them."""
    what = f"How {slave} gets its packages."
    settings = {**(variables.get("slave_client_conf") or {}), "FEATURES": ["getbinpkg"]}
    repository = {
        "priority": "10",
        "sync-uri": f"file://{_paths.below('current')}",
        "fetchcommand": FETCH.format(tries=2),
        "resumecommand": FETCH.format(tries=2).replace(" -O ", " -c -O "),
        # Packages are not signed yet; the index and the trees are verified against the seal.
        "verify-signature": "false",
    }
    return {
        "make.conf/02-client.conf": _fragments.make_conf(settings, header=_fragments.header(what, "slave_client_conf")),
        "binrepos.conf/02-binhost.conf": _fragments.ini(
            {"binhost": repository}, header=_fragments.header(what, "the group masters")
        ),
    }
