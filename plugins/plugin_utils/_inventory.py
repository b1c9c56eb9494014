# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the owner wrote, checked as a whole before any host is touched.

Every function returns sentences of the form ``host: variable: expected ..., found ...``; none at all means that all is
well.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _atom, _fragments, _paths
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

try:
    import netaddr
except ImportError:  # told by problems(), where a person reads it
    NETADDR = False
else:
    NETADDR = True

Variables = t.Mapping[str, t.Any]

#: Variable of a target in binhost_targets -> what it has to be.
TARGET: t.Final[Mapping[str, str]] = {
    "profile": "text",
    "master": "text",
    "cflags": "text",
    "repositories": "list",
    "use": "list",
    "make_conf": "dict",
    "package_use": "dict",
    "package_accept_keywords": "dict",
    "package_license": "dict",
    "package_mask": "list",
    "package_unmask": "list",
}
#: Variable of a slave -> what it has to be.
SLAVE: t.Final[Mapping[str, str]] = {
    "binhost_target": "text",
    "binhost_address": "text",
    "slave_world": "list",
    "slave_use": "list",
    "slave_make_conf": "dict",
    "slave_client_conf": "dict",
    "slave_package_use": "dict",
    "slave_package_accept_keywords": "dict",
    "slave_package_license": "dict",
    "slave_package_mask": "list",
    "slave_package_unmask": "list",
}
MASTER: t.Final[Mapping[str, str]] = {"binhost_address": "text", "master_http_port": "number"}
_SHOWN: t.Final[Mapping[str, str]] = {"text": "text", "list": "a list", "dict": "a mapping", "number": "a number"}
_TYPES: t.Final[Mapping[str, type | tuple[type, ...]]] = {
    "text": str,
    "list": (list, tuple),
    "dict": Mapping,
    "number": int,
}
_PROFILE = re.compile(r"(?P<repository>[A-Za-z0-9_][A-Za-z0-9_-]*):(?P<path>[A-Za-z0-9_.+/-]+)\Z")
#: Options that name the machine that compiles, which is never the machine that runs the result.
_NATIVE = re.compile(r"(?:^|\s)-m(?:arch|tune|cpu)=native(?:\s|$)|target-cpu=native")
HTTP_PORT: t.Final = 8080
#: Variable of a target, and with ``slave_`` before it of a slave, -> what writes it into a file.
RENDERED: t.Final[Mapping[str, t.Callable[[t.Any], str]]] = {
    "make_conf": lambda value: _fragments.make_conf(value, header=""),
    "client_conf": lambda value: _fragments.make_conf(value, header=""),
    "use": lambda value: _fragments.make_conf({"USE": value}, header=""),
    "package_use": lambda value: _fragments.package_use(value, header=""),
    "package_accept_keywords": lambda value: _fragments.package_lines(value, header=""),
    "package_license": lambda value: _fragments.package_lines(value, header=""),
    "package_mask": lambda value: _fragments.package_lines(value, header=""),
    "package_unmask": lambda value: _fragments.package_lines(value, header=""),
}


@dataclass(frozen=True)
class Fleet:
    """The inventory's hosts and their variables."""

    masters: Sequence[str]
    slaves: Sequence[str]
    variables: Mapping[str, Variables]  # host -> its variables

    @property
    def targets(self) -> Mapping[str, Variables]:
        """The declared targets, as any host of the fleet sees them."""
        return t.cast("Mapping[str, Variables]", self._common("binhost_targets", {}))

    @property
    def networks(self) -> Sequence[str]:
        """The declared networks, as any host of the fleet sees them."""
        return t.cast("Sequence[str]", self._common("binhost_networks", []))

    def _common(self, name: str, default: t.Any) -> t.Any:
        found = [self.variables[host][name] for host in [*self.masters, *self.slaves] if name in self.variables[host]]
        return found[0] if found else default


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


def problems(fleet: Fleet) -> list[str]:
    """Return everything that is wrong with the inventory and can be seen without asking a host."""
    networks = _networks(fleet) if NETADDR else ["controller: expected the Python package netaddr, found none"]
    return [*_groups(fleet), *_targets(fleet), *networks, *_masters(fleet), *_slaves(fleet)]


def _groups(fleet: Fleet) -> Iterator[str]:
    if not fleet.masters:
        yield "inventory: group masters: expected the host that builds, found none"
    if not fleet.slaves:
        yield "inventory: group slaves: expected the hosts that are built for, found none"
    for host in sorted(set(fleet.masters) & set(fleet.slaves)):
        yield f"{host}: groups: expected masters or slaves, found both"


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
        if not isinstance(target, Mapping):
            yield f"{where}: expected a mapping, found {target!r}"
        else:
            yield from _target(where, target, fleet)


def _target(where: str, target: Variables, fleet: Fleet) -> Iterator[str]:
    unknown = sorted(set(target) - set(TARGET))
    if unknown:
        yield f"{where}: expected some of {', '.join(TARGET)}, found {', '.join(unknown)}"
    yield from _typed(where, target, TARGET)
    try:
        split_profile(str(target.get("profile", "")))
    except BinhostError as exc:
        yield f"{where}.profile: {exc}"
    master = target.get("master")
    if master is not None and master not in fleet.masters:
        yield f"{where}.master: expected a host of the group masters ({', '.join(fleet.masters)}), found {master!r}"
    if master is None and len(fleet.masters) > 1:
        yield f"{where}.master: expected which of the masters builds it ({', '.join(fleet.masters)}), found nothing"
    yield from _renders(where, target)
    yield from _shared_flags(where, target)


def _shared_flags(where: str, target: Variables) -> Iterator[str]:
    conf = target.get("make_conf")
    texts = {
        "cflags": target.get("cflags"),
        **({f"make_conf.{key}": value for key, value in conf.items()} if isinstance(conf, Mapping) else {}),
    }
    for name, text in texts.items():
        if isinstance(text, str) and _NATIVE.search(text):
            yield f"{where}.{name}: expected options that every slave can run, found {text!r}: native is who compiles"


def _networks(fleet: Fleet) -> Iterator[str]:
    if not isinstance(fleet.networks, (list, tuple)) or not fleet.networks:
        yield f"all hosts: binhost_networks: expected a list of the fleet's networks, found {fleet.networks!r}"
        return
    networks = []
    for network in fleet.networks:
        try:
            networks.append(netaddr.IPNetwork(network))
        except (netaddr.AddrFormatError, ValueError, TypeError):
            yield f"all hosts: binhost_networks: expected networks such as 192.168.1.0/24, found {network!r}"
    for network in networks:
        if network.prefixlen == 0:
            yield f"all hosts: binhost_networks: expected the fleet's own networks, found {network}: everybody's"
    for host in [*fleet.masters, *fleet.slaves]:
        yield from _address(host, fleet.variables[host], networks)


def _address(host: str, variables: Variables, networks: Sequence[netaddr.IPNetwork]) -> Iterator[str]:
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


def _slaves(fleet: Fleet) -> Iterator[str]:
    for host in fleet.slaves:
        variables = fleet.variables[host]
        yield from _typed(host, variables, SLAVE)
        target = variables.get("binhost_target")
        if target not in fleet.targets:
            yield f"{host}: binhost_target: expected one of {', '.join(fleet.targets)}, found {target!r}"
        yield from _world(host, variables.get("slave_world"))
        yield from _renders(host, variables, "slave_")


def _world(host: str, world: t.Any) -> Iterator[str]:
    for atom in world if isinstance(world, (list, tuple)) else ():
        if not isinstance(atom, str):
            yield f"{host}: slave_world: expected package atoms, found {atom!r}"
            continue
        if atom.startswith("@"):
            yield f"{host}: slave_world: expected package atoms, found the set {atom}: list what is in it"
            continue
        try:
            _atom.check(atom)
        except BinhostError as exc:
            yield f"{host}: slave_world: expected package atoms, found {exc}"


def _renders(where: str, variables: Variables, prefix: str = "") -> Iterator[str]:
    """Try each variable that becomes a file: what the file cannot hold is found before any host is asked."""
    for name, write in RENDERED.items():
        value = variables.get(f"{prefix}{name}")
        try:
            if value is not None:
                write(value)
        except BinhostError as exc:
            yield f"{where}: {prefix}{name}: {exc}"
        except (TypeError, AttributeError):
            pass  # not of its type at all, which _typed says
