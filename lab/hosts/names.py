# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a checkout's lab is called, where its hosts stand and what its files say.

Everything of a lab carries a name made of its checkout's path, so that two checkouts run side by side and
each removes only its own::

    larry-binhost-HASH            network, and image:TAG of the stage
    larry-binhost-HASH-HOST       container, and volume with its /var/lib/larry-binhost
    STATE/larry-binhost/HASH/     key, known_hosts, host keys, containers.conf (STATE: $XDG_STATE_HOME, ~/.local/state)
    CHECKOUT/inventory/group_vars/all/lab.yml
"""

from __future__ import annotations

import hashlib
import json
import shlex
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

#: Host -> last octet of its address.  Another host is another entry, and a file in lab/cpuinfo to have its own CPU.
HOSTS: t.Final[Mapping[str, int]] = {"desktop": 10, "laptop-amd": 11, "laptop-intel": 12, "laptop-new": 13}
#: What `up` boots when no host is named.
DEFAULT: t.Final = ("desktop", "laptop-amd", "laptop-intel")
#: The host that sees the stage, at this path.
MASTER: t.Final = "desktop"
STAGE_ON_MASTER: t.Final = "/srv/stage"
PROJECT: t.Final = "larry-binhost"
#: 10.77.0.0/24 is left to virtual machines.
SUBNETS: t.Final = range(1, 251)
#: Below the hard limits of a small machine: runc may not raise a limit, and podman's own defaults are higher.
LIMITS: t.Final[Mapping[str, int]] = {"nofile": 16384, "nproc": 16384}


class LabError(Exception):
    """Something a person can act on; its text says where, what was expected and what was found."""


@dataclass(frozen=True)
class Lab:
    """The names and places of one checkout's lab."""

    checkout: Path
    """Absolute path without links."""
    state: Path
    """Folder of the lab's own files outside the checkout."""

    @property
    def name(self) -> str:
        """Return the name of network and image, and the prefix of all else."""
        return f"{PROJECT}-{identity(self.checkout)}"

    @property
    def variables(self) -> Path:
        """Return the inventory file that says where the hosts are."""
        return self.checkout / "inventory/group_vars/all/lab.yml"

    @property
    def key(self) -> Path:
        """Return the private key that root of every host accepts."""
        return self.state / "id_ed25519"

    def container(self, host: str) -> str:
        """Return the name of a host's container and of its volume."""
        return f"{self.name}-{host}"


@dataclass(frozen=True)
class Stage:
    """The stage that the hosts boot and the master unpacks."""

    folder: Path
    tarball: str
    """File name in ``folder``."""
    fingerprint: str
    """Of the key in ``folder``/release-key.asc, 40 hexadecimal digits."""
    tag: str
    """Differs when the tarball differs."""


def lab_of(checkout: Path, environment: Mapping[str, str]) -> Lab:
    """Return the lab of ``checkout``; its state is below $XDG_STATE_HOME (XDG base directories 0.8)."""
    base = environment.get("XDG_STATE_HOME") or f"{environment['HOME']}/.local/state"
    real = checkout.resolve()
    return Lab(real, Path(base) / PROJECT / identity(real))


def identity(checkout: Path) -> str:
    """Return eight hexadecimal digits that stand for a checkout's path."""
    return hashlib.sha256(str(checkout).encode()).hexdigest()[:8]


def known(hosts: Sequence[str]) -> tuple[str, ...]:
    """Return ``hosts``, each once; raises ``LabError`` if the lab has no such host."""
    for host in hosts:
        if host not in HOSTS:
            raise LabError(f"lab: expected one of the hosts {', '.join(HOSTS)}, found {host!r}")
    return tuple(dict.fromkeys(hosts))


def subnets(checkout: Path) -> Iterator[IPv4Network]:
    """Yield every network a lab may use, first the one that belongs to the checkout's path."""
    start = int(identity(checkout), 16)
    for step in range(len(SUBNETS)):
        yield IPv4Network(f"10.77.{SUBNETS[(start + step) % len(SUBNETS)]}.0/24")


def free_subnet(checkout: Path, taken: Iterable[IPv4Network]) -> IPv4Network:
    """Return the checkout's first network that none of ``taken`` meets; raises ``LabError`` if there is none.

    A network wider than 10.77.0.0/16 (the default route, a VPN's 10.0.0.0/8) is no obstacle: ours is narrower.
    """
    narrow = [network for network in taken if network.prefixlen >= 16]
    for subnet in subnets(checkout):
        if not any(subnet.overlaps(network) for network in narrow):
            return subnet
    raise LabError("lab: expected a free network between 10.77.1.0/24 and 10.77.250.0/24, found all of them in use")


def gateway(subnet: IPv4Network) -> IPv4Address:
    """Return the address of this machine in the lab's network."""
    return subnet[1]


def address(subnet: IPv4Network, host: str) -> IPv4Address:
    """Return the address a host always has."""
    return subnet[HOSTS[host]]


def mac(place: IPv4Address) -> str:
    """Return the hardware address that belongs to an address of the lab.

    Always the same one: a host made anew would wait until its neighbours have forgotten the old one, half a minute.
    """
    return ":".join(f"{byte:02x}" for byte in (0x02, 0x4C, *place.packed))


def containers_conf(hard: Mapping[str, int]) -> str:
    """Return the text of podman's configuration; ``hard`` are this process's hard limits, -1 is none.

    Source: containers.conf(5).  runc, since crun refuses hybrid cgroups; netavark is named since a machine that once
    used CNI would stay with it.
    """
    limits = [f"{name}={value}:{value}" for name, value in _limits(hard)]
    return f"""\
[containers]
base_hosts_file = "none"
default_ulimits = {json.dumps(limits)}
[engine]
runtime = "runc"
[network]
network_backend = "netavark"
"""


def _limits(hard: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    for name, wanted in LIMITS.items():
        yield name, wanted if hard[name] < 0 else min(wanted, hard[name])


def ssh_options(lab: Lab) -> list[str]:
    """Return the options with which ssh reaches a host; nothing of the user's own configuration is read.

    One control socket per host, in the lab's folder: who stops a host can close its connection.
    """
    options = {
        "UserKnownHostsFile": lab.state / "known_hosts",
        "StrictHostKeyChecking": "yes",
        "HostKeyAlgorithms": "ssh-ed25519",
        "IdentitiesOnly": "yes",
        "ControlPath": lab.state / "control-%h",
        "ConnectTimeout": 5,
        "ServerAliveInterval": 5,
        "ServerAliveCountMax": 3,
    }
    return ["-F", "none", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]


def known_hosts(subnet: IPv4Network, keys: Mapping[str, str]) -> str:
    """Return a known_hosts file; ``keys`` is {host: text of its public host key}."""
    return "".join(f"{address(subnet, host)} {' '.join(key.split()[:2])}\n" for host, key in sorted(keys.items()))


def variables(lab: Lab, subnet: IPv4Network, stage: Stage) -> str:
    """Return the text of lab.yml.  Values are JSON, which is YAML.

    It lists every host there can be, booted or not, so that it stays the same as long as the lab stands.
    """
    values: dict[str, object] = {
        "lab_addresses": {host: str(address(subnet, host)) for host in HOSTS},
        "ansible_host": "{{ lab_addresses[inventory_hostname] | default(inventory_hostname) }}",
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(lab.key),
        "ansible_ssh_common_args": shlex.join(ssh_options(lab)),
        "ansible_python_interpreter": "/usr/bin/python3",
        "binhost_networks": [str(subnet)],
        "master_stage_source": f"{STAGE_ON_MASTER}/{stage.tarball}",
        "master_stage_key": f"{STAGE_ON_MASTER}/release-key.asc",
        "master_stage_fingerprint": stage.fingerprint,
    }
    lines = "".join(f"{name}: {json.dumps(value)}\n" for name, value in values.items())
    return f"---\n# yamllint disable\n# The lab's hosts. Written by lab/lab up, removed by lab/lab down.\n{lines}"
