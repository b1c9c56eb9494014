# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By what a master serves what it publishes, and to whom."""

from __future__ import annotations

import re
import typing as t
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ansible_collections.larry.binhost.plugins.module_utils import _exports
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._exports import Client, Export

if t.TYPE_CHECKING:
    import netaddr
    from ansible_collections.larry.binhost.plugins.plugin_utils._inventory import Fleet, Variables

#: What servers offer beside targets, by names that no target can have then.
RESERVED: t.Final = ("distfiles", "packages", "restricted", "tree")
#: Variable of a master -> the words it can be.
WORDS: t.Final[Mapping[str, Sequence[str]]] = {
    "master_nfs_share": ("packages", "tree"),
    "master_nfs_clients": ("networks", "slaves"),
}
VERSIONS: t.Final = (3, 4)
_NAME: t.Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_TLS: t.Final = ("master_http_tls_certificate", "master_http_tls_key")
#: Files and folders that others have renamed or removed stay readable only as far as they are in what is exported: the
#: file system that it is on has more (exports(5), subtree_check).
_OPTIONS: t.Final = ("ro", "root_squash", "subtree_check", "sec=sys")
_HEADER: t.Final = (
    "Written by larry.binhost from the inventory; change master_nfs and {variable} there. Changes made here are undone."
)


def problems(fleet: Fleet) -> Iterator[str]:
    """Yield what is wrong with what masters say of how they serve, and with names that servers need themselves."""
    for name in fleet.targets if isinstance(fleet.targets, Mapping) else ():
        if name in RESERVED:
            yield f"all hosts: binhost_targets.{name}: expected another name, since servers offer something else by it"
    for host in fleet.masters:
        yield from _master(host, fleet.variables[host])


def _master(host: str, variables: Variables) -> Iterator[str]:
    for name, words in WORDS.items():
        if variables.get(name, words[0]) not in words:
            yield f"{host}: {name}: expected {' or '.join(words)}, found {variables[name]!r}"
    said = variables.get("master_nfs_versions", [4])
    if isinstance(said, (list, tuple)) and (not said or any(version not in VERSIONS for version in said)):
        yield f"{host}: master_nfs_versions: expected 3, 4 or both, found {said!r}"
    there = [name for name in _TLS if variables.get(name)]
    if len(there) == 1:
        (missing,) = set(_TLS) - set(there)
        yield f"{host}: {missing}: expected a file, since {there[0]} is said, found nothing"


def encrypted(variables: Variables) -> bool:
    """Return whether a server serves by HTTPS."""
    return bool(variables.get(_TLS[0]))


def merged(networks: Iterable[str]) -> list[str]:
    """Return addresses and networks as the fewest networks that are the same, an address without its length.

    Raises ``BinhostError`` for what is neither, and for more than a fleet's own.
    """
    import netaddr  # here, so that the documentation can be read without it

    try:
        found = netaddr.cidr_merge([netaddr.IPNetwork(str(network)) for network in networks])
    except (netaddr.AddrFormatError, ValueError, TypeError) as exc:
        raise BinhostError(f"expected networks such as 192.168.1.0/24, found: {exc}") from None
    for network in found:
        if _exports.everybody(str(network)):
            raise BinhostError(f"expected the fleet's own networks, found {network}: everybody's")
    return [_shown(network) for network in found]


def _shown(network: netaddr.IPNetwork) -> str:
    return str(network.ip) if network.size == 1 else str(network)


def exports(clients: Iterable[str], paths: Sequence[str], *, root: str = "", variable: str) -> str:
    """Return the text of exports(5): each path for each client, that is an address, a network or a host's name.

    The first path holds the others, which are file systems of their own; ``root`` is what the machine has made the root
    of all that NFSv4 shows.  Raises ``BinhostError`` for clients that are everybody, and for paths nobody would see.
    """
    if root and not f"{paths[0]}/".startswith(f"{root.rstrip('/')}/"):
        raise BinhostError(
            f"master_nfs: expected no other root of what NFSv4 shows, found {root} exported with fsid=0, so that "
            f"nobody finds {paths[0]}: drop fsid=0 there, which NFSv4 no longer needs, or say master_nfs_versions: [3]"
        )
    who = _clients(clients)
    if not who:
        raise BinhostError(f"{variable}: expected somebody to export to, found nobody")
    each = [
        Export(
            path,
            tuple(
                Client(client, (*_OPTIONS, *(("nohide",) if number else ()), f"fsid={_fsid(path)}")) for client in who
            ),
        )
        for number, path in enumerate(paths)
    ]
    return _exports.dump(each, _HEADER.format(variable=variable))


def _clients(said: Iterable[str]) -> list[str]:
    """Return names as they are and addresses merged, each once, in an order that depends on nothing else."""
    names = sorted({str(client) for client in said})
    addresses = [client for client in names if _is_network(client)]
    hosts = [client for client in names if client not in addresses]
    for host in hosts:
        if not _NAME.match(host):
            raise BinhostError(f"master_nfs_clients: expected a host's address or name, found {host!r}")
    return [*merged(addresses), *hosts]


def _is_network(text: str) -> bool:
    import netaddr

    try:
        netaddr.IPNetwork(text)
    except (netaddr.AddrFormatError, ValueError):
        return False
    return True


def _fsid(path: str) -> str:
    """Return what the server calls a file system by: the same on every run, and nobody else's."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"larry.binhost:{path}"))
