# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the owner wrote, checked as a whole before any host is touched.

Every function returns sentences of the form ``host: variable: expected ..., found ...``; none at all means that all is
well.
"""

from __future__ import annotations

import functools
import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.larry.binhost.plugins.module_utils import _paths, _patterns
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import (
    _bases,
    _declarations,
    _declared,
    _distfiles,
    _mirrors,
    _recipes,
    _repositories,
    _serving,
    _transports,
)

if t.TYPE_CHECKING:
    import netaddr

Variables = t.Mapping[str, t.Any]

#: Variable of a target in binhost_targets -> what it has to be.
TARGET: t.Final[Mapping[str, str]] = {
    "profile": "text",
    "master": "text",
    "mode": "text",
    "quickpkg": "flag",
    "quickpkg_config": "text",
    "quickpkg_modified": "flag",
    "cflags": "text",
    "repositories": "list",
    "repos_conf": "dict",
    "make_conf": "dict",
    **dict.fromkeys(_declared.WORDS, "list"),
    **{name: variable.of for name, variable in _declared.VARIABLES.items()},
    "build_on_slave": "list",
    "depclean": "flag",
    _bases.NAME: "text",
    "publish": "text",
    "cycles": "list",
}
#: Variable of a slave -> what it has to be.
SLAVE: t.Final[Mapping[str, str]] = {
    "binhost_address": "text",
    "slave_world": "list",
    "slave_own_cflags": "text",
    "slave_make_conf": "dict",
    "slave_client_conf": "dict",
    **{f"slave_{name}": "list" for name in _declared.WORDS},
    **{f"slave_{name}": variable.of for name, variable in _declared.VARIABLES.items()},
    "slave_build_on_slave": "list",
    "slave_servers": "list",
    "slave_transports": "list",
    "slave_kit_path": "text",
    "slave_without_master": "text",
    "slave_distfiles": "flag",
    "slave_verify": "flag",
    "slave_pinned_generation": "number",
    "slave_sync_timeout": "number",
}
MASTER: t.Final[Mapping[str, str]] = {
    "binhost_address": "text",
    "master_http_port": "number",
    "master_http_tls_certificate": "text",
    "master_http_tls_key": "text",
    "master_rsync": "flag",
    "master_rsync_port": "number",
    "master_ssh": "flag",
    "master_nfs": "flag",
    "master_nfs_share": "text",
    "master_nfs_versions": "list",
    "master_nfs_clients": "text",
    "master_jobs": "number",
    "master_makeopts": "text",
}
MIRROR: t.Final[Mapping[str, str]] = {
    "binhost_address": "text",
    "mirror_http_port": "number",
    "mirror_targets": "list",
}
_SHOWN: t.Final[Mapping[str, str]] = {
    "text": "text",
    "list": "a list",
    "dict": "a mapping",
    "number": "a number",
    "flag": "true or false",
}
_TYPES: t.Final[Mapping[str, type | tuple[type, ...]]] = {
    "text": str,
    "list": (list, tuple),
    "dict": Mapping,
    "number": int,
    "flag": bool,
}
CHROOT: t.Final = "chroot"
#: The master's own installation is the build.
SHARED: t.Final = "shared"
#: Variables of a target -> the words it can be; the first is what it is unless said.
WORDS: t.Final[Mapping[str, Sequence[str]]] = {
    "mode": (CHROOT, SHARED),
    "publish": ("complete", "partial"),
    "quickpkg_config": ("none", "unmodified", "all"),
}
#: What is built on each slave unless a target says otherwise: what a kernel is made of, and modules for the very
#: kernel that runs there.
BUILD_ON_SLAVE: t.Final = (
    "sys-kernel/*-sources",
    "app-emulation/virtualbox-modules",
    "media-video/v4l2loopback",
    "net-wireless/broadcom-sta",
    "sys-fs/zfs-kmod",
    "x11-drivers/nvidia-drivers",
)
#: What a host names as its target where the plan is to choose by CPU; ``auto:NAME`` where several are declared.
AUTO: t.Final = "auto"
#: Of a host: whether its place among automatic targets is chosen anew.
REGROUP: t.Final = "binhost_regroup"
_PROFILE = re.compile(r"(?P<repository>[A-Za-z0-9_][A-Za-z0-9_-]*):(?P<path>[A-Za-z0-9_.+/-]+)\Z")
#: Options that name the machine that compiles, which is never the machine that runs the result.
_ONE_MACHINES: t.Final = {
    re.compile(r"(?:^|\s)-m(?:arch|tune|cpu)=native(?:\s|$)|\btarget-cpu=native\b"): "native is who compiles",
    re.compile(r"--param[= ]l[12]-cache-(?:line-)?size"): "caches are one machine's own",
}
HTTP_PORT: t.Final = 8080


@dataclass(frozen=True)
class Fleet:
    """The inventory's hosts and their variables."""

    masters: Sequence[str]
    slaves: Sequence[str]
    variables: Mapping[str, Variables]  # host -> its variables
    mirrors: Sequence[str] = ()

    @functools.cached_property
    def targets(self) -> Mapping[str, Variables]:
        """The declared targets, as any host of the fleet sees them, each with what its base says."""
        found = self.as_declared
        return _bases.merged(found) if isinstance(found, Mapping) else found

    @functools.cached_property
    def as_declared(self) -> Mapping[str, Variables]:
        """The same as the owner wrote it."""
        return t.cast("Mapping[str, Variables]", self._common("binhost_targets", {}))

    @functools.cached_property
    def networks(self) -> Sequence[str]:
        """The declared networks, as any host of the fleet sees them."""
        return t.cast("Sequence[str]", self._common("binhost_networks", []))

    @functools.cached_property
    def repositories(self) -> Mapping[str, Variables]:
        """The declared ebuild repositories, as any host of the fleet sees them."""
        return t.cast("Mapping[str, Variables]", self._common(_repositories.NAME, {}))

    @functools.cached_property
    def hosts(self) -> Sequence[str]:
        """All hosts that are planned by what they say of themselves, sorted; mirrors aren't."""
        return sorted({*self.masters, *self.slaves})

    def declaration(self, host: str) -> tuple[str, bool]:
        """Return the declared target whose configuration a slave shares, and whether its CPU target is automatic.

        Only for an inventory without problems.
        """
        name = self.variables[host]["binhost_target"]
        if name == AUTO:
            return next(iter(self.targets)), True
        return name.removeprefix(f"{AUTO}:"), name.startswith(f"{AUTO}:")

    def regroups(self, host: str) -> bool:
        """Return whether a host's place among automatic targets is to be chosen anew."""
        return bool(boolean(self.variables[host].get(REGROUP, False)))

    def _common(self, name: str, default: t.Any) -> t.Any:
        own = [self.variables[host] for host in [*self.hosts, *self.mirrors]]
        return next((variables[name] for variables in own if name in variables), default)


def fleet(groups: Mapping[str, Sequence[str]], hostvars: Mapping[str, Variables]) -> Fleet:
    """Return the fleet from Ansible's ``groups`` and ``hostvars``; only variables that the plan reads are looked at."""
    masters, slaves, mirrors = (list(groups.get(name, ())) for name in ("masters", "slaves", "mirrors"))
    general = {"binhost_targets", "binhost_networks", _repositories.NAME, "binhost_target", REGROUP}
    reached = {"ansible_host", "ansible_port", "ansible_user"}
    names = sorted({*general, *reached, *SLAVE, *MASTER, *MIRROR})
    variables = {
        host: {name: hostvars[host][name] for name in names if name in hostvars[host]}
        for host in [*masters, *slaves, *mirrors]
    }
    return Fleet(masters=masters, slaves=slaves, variables=variables, mirrors=mirrors)


def address(variables: Variables, host: str) -> str:
    """Return the address or name under which other hosts reach this one."""
    return str(variables.get("binhost_address") or variables.get("ansible_host") or host)


def split_profile(profile: str) -> tuple[str, str]:
    """Return repository and path of a profile as ``eselect profile list`` shows it.

    Raises ``BinhostError`` for anything else.
    """
    found = _PROFILE.match(profile)
    if found is None or ".." in profile.split("/"):
        raise BinhostError(f"expected repository:path, as in gentoo:default/linux/amd64/23.0, found {profile!r}")
    return found["repository"], found["path"]


def built_on_slave(target: Variables, slave: Variables) -> list[str]:
    """Return the packages that a slave builds itself; of no slave (``{}``), that every slave does."""
    return [*(target.get("build_on_slave", BUILD_ON_SLAVE)), *(slave.get("slave_build_on_slave") or ())]


def problems(fleet: Fleet) -> list[str]:
    """Return everything that is wrong with the inventory and can be seen without asking a host."""
    parts = (_groups, _shared, _targets, _networks, _masters, _slaves)
    found = [problem for part in parts for problem in part(fleet)]
    found += [*_transports.problems(fleet), *_serving.problems(fleet), *_repositories.problems(fleet)]
    return found if not isinstance(fleet.targets, Mapping) else [*found, *_mirrors.problems(fleet)]


def _groups(fleet: Fleet) -> Iterator[str]:
    if not fleet.masters:
        yield "inventory: group masters: expected the host that builds, found none"
    if not fleet.slaves:
        yield "inventory: group slaves: expected the hosts that are built for, found none"
    for host in sorted(set(fleet.masters) & set(fleet.slaves)):
        yield f"{host}: groups: expected masters or slaves, found both"


def _shared(fleet: Fleet) -> Iterator[str]:
    """What is the whole fleet's must not depend on who is asked."""
    common = {"binhost_targets": fleet.as_declared, "binhost_networks": fleet.networks}
    for name, value in {**common, _repositories.NAME: fleet.repositories}.items():
        for host in [*fleet.hosts, *fleet.mirrors]:
            if fleet.variables[host].get(name, value) != value:
                yield f"{host}: {name}: expected the same for every host, found {fleet.variables[host][name]!r}"


def _typed(where: str, variables: Variables, table: Mapping[str, str]) -> Iterator[str]:
    for name, kind in table.items():
        value = variables.get(name)
        if value is not None and not isinstance(value, _TYPES[kind]):
            yield f"{where}: {name}: expected {_SHOWN[kind]}, found {value!r}"


def _targets(fleet: Fleet) -> Iterator[str]:
    if not isinstance(fleet.targets, Mapping) or not fleet.targets:
        yield f"all hosts: binhost_targets: expected at least one target, found {fleet.targets!r}"
        return
    for name, target in fleet.targets.items():
        where = f"all hosts: binhost_targets.{name}"
        if not _paths.TARGET_NAME.match(str(name)):
            yield f"{where}: expected a name of lower-case letters, digits, - and _, found {name!r}"
        if name == AUTO:
            yield f"{where}: expected another name, since a host says {AUTO} where the plan is to choose"
        if name in _distfiles.PATHS:
            yield f"{where}: expected another name, since sources are served as {name}"
        if not isinstance(target, Mapping):
            yield f"{where}: expected a mapping, found {target!r}"
        else:
            yield from _target(where, target, fleet)
    yield from _bases.problems(fleet.targets)
    yield from _one_installation(fleet)


def _target(where: str, target: Variables, fleet: Fleet) -> Iterator[str]:
    unknown = sorted(set(target) - set(TARGET))
    if unknown:
        yield f"{where}: expected some of {', '.join(TARGET)}, found {', '.join(unknown)}"
    yield from _typed(where, target, TARGET)
    yield from _modes(where, target)
    try:
        split_profile(str(target.get("profile", "")))
    except BinhostError as exc:
        yield f"{where}.profile: {exc}"
    master = target.get("master")
    if master is not None and master not in fleet.masters:
        yield f"{where}.master: expected a host of the group masters ({', '.join(fleet.masters)}), found {master!r}"
    if master is None and len(fleet.masters) > 1:
        yield f"{where}.master: expected which of the masters builds it ({', '.join(fleet.masters)}), found nothing"
    yield from _declarations.of_target(where, target)
    yield from _named(f"{where}.build_on_slave", target.get("build_on_slave"))
    yield from _recipes.problems(where, target)
    yield from _shared_flags(where, target)


def _modes(where: str, target: Variables) -> Iterator[str]:
    for name, words in WORDS.items():
        if isinstance(target.get(name), str) and target[name] not in words:
            yield f"{where}.{name}: expected {' or '.join(words)}, found {target[name]!r}"
    only = [name for name in target if str(name).startswith("quickpkg")]
    if only and mode(target) != SHARED:
        yield f"{where}.mode: expected {SHARED}, since {', '.join(sorted(only))} is said, found {mode(target)!r}"


def mode(target: Variables) -> str:
    """Return the mode of a declared target."""
    return str(target.get("mode", CHROOT))


def _one_installation(fleet: Fleet) -> Iterator[str]:
    """A master has one configuration of its own, and so can be one target."""
    found: dict[str, list[str]] = {}
    for name, target in fleet.targets.items():
        if isinstance(target, Mapping) and mode(target) == SHARED:
            found.setdefault(str(target.get("master") or next(iter(fleet.masters), "")), []).append(str(name))
    for master, names in found.items():
        if len(names) > 1:
            yield f"{master}: expected at most one target of mode {SHARED}, found {', '.join(names)}"


def _shared_flags(where: str, target: Variables) -> Iterator[str]:
    conf = target.get("make_conf")
    texts = {
        "cflags": target.get("cflags"),
        **({f"make_conf.{key}": value for key, value in conf.items()} if isinstance(conf, Mapping) else {}),
    }
    for name, text in texts.items():
        words = " ".join(map(str, text)) if isinstance(text, (list, tuple)) else str(text)
        for options, why in _ONE_MACHINES.items():
            if options.search(words):
                yield f"{where}.{name}: expected options that every slave can run, found {text!r}: {why}"


def _networks(fleet: Fleet) -> Iterator[str]:
    if not isinstance(fleet.networks, (list, tuple)) or not fleet.networks:
        yield f"all hosts: binhost_networks: expected a list of the fleet's networks, found {fleet.networks!r}"
        return
    try:
        import netaddr  # here, so that a controller without it is told and the documentation can be read
    except ImportError:
        yield "controller: expected the Python package netaddr, found none: pip install netaddr"
        return
    networks = []
    for network in fleet.networks:
        try:
            networks.append(netaddr.IPNetwork(network))
        except (netaddr.AddrFormatError, ValueError, TypeError):
            yield f"all hosts: binhost_networks: expected networks such as 192.168.1.0/24, found {network!r}"
    try:
        _serving.merged(map(str, networks))
    except BinhostError as exc:
        yield f"all hosts: binhost_networks: {exc}"
    for host in [*fleet.masters, *fleet.slaves, *fleet.mirrors]:
        yield from _address(host, fleet.variables[host], networks)


def _address(host: str, variables: Variables, networks: Sequence[netaddr.IPNetwork]) -> Iterator[str]:
    import netaddr

    where = "binhost_address" if variables.get("binhost_address") else "ansible_host"
    try:
        found = netaddr.IPAddress(address(variables, host))
    except (netaddr.AddrFormatError, ValueError):
        return  # a name: what it resolves to is the network's business
    if not any(found in network for network in networks):
        declared = ", ".join(str(network) for network in networks)
        yield f"{host}: {where}: expected an address in binhost_networks ({declared}), found {found}"


def _masters(fleet: Fleet) -> Iterator[str]:
    for host in fleet.masters:
        yield from _typed(host, fleet.variables[host], MASTER)
    for host in fleet.mirrors:
        yield from _typed(host, fleet.variables[host], MIRROR)


def _slaves(fleet: Fleet) -> Iterator[str]:
    for host in fleet.slaves:
        variables = fleet.variables[host]
        yield from _typed(host, variables, SLAVE)
        try:
            boolean(variables.get(REGROUP, False))
        except TypeError:
            yield f"{host}: {REGROUP}: expected true or false, found {variables[REGROUP]!r}"
        yield from _choice(host, variables.get("binhost_target"), fleet)
        own = variables.get("slave_own_cflags", "target")
        if own not in ("best", "target"):
            yield f"{host}: slave_own_cflags: expected best or target, found {own!r}"
        yield from _declarations.of_slave(host, variables, _spec(host, fleet))
        yield from _named(f"{host}: slave_build_on_slave", variables.get("slave_build_on_slave"))


def _choice(host: str, target: t.Any, fleet: Fleet) -> Iterator[str]:
    declared = ", ".join(fleet.targets)
    if isinstance(target, (list, tuple)):
        yield f"{host}: binhost_target: expected one target, found {len(target)}: {', '.join(map(str, target))}"
    elif target == AUTO:
        if len(fleet.targets) > 1:
            yield f"{host}: binhost_target: expected {AUTO}:NAME with one of {declared}, found {AUTO!r} alone"
        yield from _chosen(host, next(iter(fleet.targets), ""), fleet)
    elif isinstance(target, str) and target.startswith(f"{AUTO}:"):
        if target.removeprefix(f"{AUTO}:") not in fleet.targets:
            yield f"{host}: binhost_target: expected {AUTO}:NAME with one of {declared}, found {target!r}"
        yield from _chosen(host, target.removeprefix(f"{AUTO}:"), fleet)
    elif not isinstance(target, str) or target not in fleet.targets:
        yield f"{host}: binhost_target: expected one of {declared}, found {target!r}"


def _chosen(host: str, name: str, fleet: Fleet) -> Iterator[str]:
    """Of a declaration the plan may make several targets, each for other CPUs; an installation is for one."""
    target = fleet.targets.get(name)
    if isinstance(target, Mapping) and mode(target) == SHARED:
        yield (
            f"{host}: binhost_target: expected {name!r} itself, since it is of mode {SHARED} and its master's "
            f"installation is compiled for one CPU, found {fleet.variables[host]['binhost_target']!r}"
        )


def _named(where: str, patterns: t.Any) -> Iterator[str]:
    for pattern in patterns if isinstance(patterns, (list, tuple)) else ():
        try:
            _patterns.check(str(pattern))
        except BinhostError as exc:
            yield f"{where}: {exc}"


def _spec(host: str, fleet: Fleet) -> Variables:
    """Return the declaration that a slave shares; an empty one where what it names is none."""
    try:
        spec = fleet.targets[fleet.declaration(host)[0]]
    except (KeyError, AttributeError, TypeError, StopIteration):
        return {}
    return spec if isinstance(spec, Mapping) else {}
