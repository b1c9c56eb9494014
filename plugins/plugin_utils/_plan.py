# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: the whole intent as one plain dictionary, computed from the inventory and the hosts' facts.

Everything after it reads it and decides nothing again. Pure and deterministic: it does not depend on the order of
hosts::

    {"version": 1,
     "targets": {name: {"master", "uri", "chost", "cpu": {"features", "flags", "level", "cflags", "held_back"},
                        "compile", "members", "unseen", "repositories": {name: place},
                        "world": {atom: [host]}, "wishes": {atom: [host]}, "files", "links", "root",
                        "variants": [{"name", "files", "world", "wishes"}]}},
     "hosts": {slave: {"target", "uri", "files", "links", "world", "overlays": {name: place}}}}
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.larry.binhost.plugins.module_utils import _atom, _cpu, _fingerprint, _fragments, _paths
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
#: FEATURES doesn't stack between two files unless both say so: a person's FEATURES="ccache" must not be the last word.
CLIENT_CONF: t.Final = "make.conf/zz-binhost.conf"
#: A dead master must not hold up a person's own emerge: wget gives up after two attempts of ten seconds.
FETCH: t.Final = 'wget --no-proxy --tries={tries} --timeout=10 --no-verbose -O "${{DISTDIR}}/${{FILE}}" "${{URI}}"'
#: What decides which CPUs can run a package; the index names none of it but CHOST and CPU_FLAGS_X86.
SETTINGS_OF_THE_CPU: t.Final = (
    "CHOST",
    "COMMON_FLAGS",
    "CFLAGS",
    "CXXFLAGS",
    "FCFLAGS",
    "FFLAGS",
    "LDFLAGS",
    "RUSTFLAGS",
    "GOAMD64",
    "CPU_FLAGS_X86",
)
#: Of these a slave may have its own and the target none.
UNSET: t.Final = ("RUSTFLAGS", "GOAMD64")
#: In a variant the target's say about the CPU is the last: what is built there is published for all.
LAST_WORD: t.Final = "make.conf/zz-target.conf"


def plan(fleet: Fleet, facts: Mapping[str, Facts]) -> Plan:
    """Return the plan; ``facts`` lacks the hosts that were never seen.

    Raises ``BinhostError`` with a line for each thing that the inventory and the facts contradict each other in.
    """
    # A target none of whose slaves was ever seen would be built for the master's CPU alone, and once more for theirs.
    names = [name for name in sorted(fleet.targets) if any(slave in facts for slave in _members(name, fleet))]
    targets = {name: _target(name, fleet, facts) for name in names}
    hosts = {slave: _slave(slave, fleet, facts[slave], targets) for slave in sorted(fleet.slaves) if slave in facts}
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
        "compile": _fingerprint.digest({key: settings.get(key) for key in SETTINGS_OF_THE_CPU}),
        "members": members,
        "unseen": [slave for slave in _members(name, fleet) if slave not in facts],
        "repositories": repositories,
        "world": _asked({slave: declared_world(fleet.variables[slave]) for slave in members}),
        "wishes": _asked({slave: _wishes(fleet.variables[slave], facts[slave]) for slave in members}),
        "files": files,
        "links": {"make.profile": _profile_link(spec["profile"])},
        "root": _paths.below("roots", name),
        "variants": [_variant(slave, files, settings, fleet, facts) for slave in members],
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
    own = {"CHOST": chost, **languages, "CPU_FLAGS_X86": flags, "BINPKG_FORMAT": "gpkg"}
    return {**own, **_with_words(spec.get("make_conf"), "USE", spec.get("use"))}


def _with_words(settings: Variables | None, name: str, words: t.Any) -> dict[str, t.Any]:
    """Return the settings with further words in one of them."""
    found = dict(settings or {})
    there = found.get(name, [])
    further = [*([there] if isinstance(there, str) else there), *(words or [])]
    return {**found, name: further} if further else found


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


def _asked(worlds: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return atom -> who asks for it, of host -> what it asks for."""
    found: dict[str, list[str]] = {}
    for host, atoms in worlds.items():
        for atom in atoms:
            found.setdefault(atom, []).append(host)
    return {atom: sorted(found[atom]) for atom in sorted(found)}


def _wishes(variables: Variables, facts: Facts) -> list[str]:
    """Return what a machine's person installed and the inventory doesn't declare, as far as it is packages."""
    return sorted({atom for atom in facts["world"] if _atom.is_package(atom)} - set(declared_world(variables)))


def declared_world(variables: Variables) -> list[str]:
    """Return what the inventory declares for a slave, sorted, each atom once."""
    return sorted(set(variables.get("slave_world") or ()))


def _variant(
    slave: str,
    files: Mapping[str, str],
    settings: Mapping[str, t.Any],
    fleet: Fleet,
    facts: Mapping[str, Facts],
) -> Plan:
    """Return a slave with its whole configuration, the person's own files included: what its packages have to fit."""
    variables = fleet.variables[slave]
    header = _fragments.header("What every package of this target is compiled for.", "binhost_targets")
    last_word = {name: settings.get(name, "") for name in SETTINGS_OF_THE_CPU if name in settings or name in UNSET}
    return {
        "name": slave,
        "files": {
            **facts[slave]["configuration"],
            **files,
            **_host_files(slave, variables),
            LAST_WORD: _fragments.make_conf(last_word, header=header),
        },
        "world": declared_world(variables),
        "wishes": _wishes(variables, facts[slave]),
    }


def _slave(slave: str, fleet: Fleet, facts: Facts, targets: Mapping[str, Plan]) -> Plan:
    variables = fleet.variables[slave]
    name = variables["binhost_target"]
    target = targets[name]
    return {
        "target": name,
        "uri": target["uri"],
        "files": {**target["files"], **_host_files(slave, variables), **_client_files(slave, variables)},
        "links": target["links"],
        "world": declared_world(variables),
        # The person's own repositories: what changes there changes what emerge would do.
        "overlays": {
            repository: place
            for repository, place in sorted(facts["portage"]["repositories"].items())
            if repository not in target["repositories"]
        },
    }


def _host_files(slave: str, variables: Variables) -> dict[str, str]:
    """Return the fragments that make this slave's packages what they are; its variants are built with them."""
    what = f"{slave}'s own."

    def header(variable: str) -> str:
        return _fragments.header(what, variable)

    settings = _with_words(variables.get("slave_make_conf"), "USE", variables.get("slave_use"))
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
    settings = _with_words(variables.get("slave_client_conf"), "FEATURES", ["getbinpkg"])
    repository = {
        "priority": "10",
        "sync-uri": f"file://{_paths.below('current')}",
        "fetchcommand": FETCH.format(tries=2),
        "resumecommand": FETCH.format(tries=2).replace(" -O ", " -c -O "),
        # Packages and seal are not signed: whoever answers at the master's address is believed.
        "verify-signature": "false",
    }
    return {
        CLIENT_CONF: _fragments.make_conf(settings, header=_fragments.header(what, "slave_client_conf")),
        "binrepos.conf/02-binhost.conf": _fragments.ini(
            {"binhost": repository}, header=_fragments.header(what, "the group masters")
        ),
    }
