# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests' network: a namespace with a bridge and a tap for each, that nothing leaves."""

from __future__ import annotations

import os
import signal
import typing as t
from collections.abc import Sequence
from contextlib import suppress

from lab.hosts.podman import command
from lab.vm.names import BRIDGE, HOSTS, NETWORK, Guests, address, inside

#: Lines of ip(8)'s -batch.
_BRIDGE: t.Final = (
    "link set lo up",
    f"link add {BRIDGE} type bridge stp_state 0 forward_delay 0",
    f"address add {NETWORK[1]}/{NETWORK.prefixlen} dev {BRIDGE}",
    f"link set {BRIDGE} up",
)


def make(guests: Guests) -> None:
    """Make what isn't there of it.  Raises ``LabError``."""
    if not guests.namespace.exists():
        command("ip", "netns", "add", guests.name)
    links = command("ip", "-netns", guests.name, "-brief", "link").splitlines()
    there = {line.split()[0] for line in links}
    lines = [] if BRIDGE in there else list(_BRIDGE)
    for host in HOSTS.keys() - there:
        lines += [f"tuntap add {host} mode tap", f"link set {host} master {BRIDGE} up"]
    command("ip", "-netns", guests.name, "-batch", "-", stdin="\n".join(lines).encode())


def cable(guests: Guests, host: str, state: t.Literal["up", "down"]) -> None:
    """Put a guest's cable in, or pull it.  Raises ``LabError``."""
    command("ip", "-netns", guests.name, "link", "set", host, state)


def wall(guests: Guests, host: str, ports: Sequence[int]) -> None:
    """Let nothing come to a guest from the others but what is for these TCP ports; no ports, no wall."""
    rules = [f"-A FORWARD -d {address(host)} -p tcp --dport {port} -j ACCEPT" for port in ports]
    rules += [f"-A FORWARD -d {address(host)} -j DROP"] if ports else []
    text = "\n".join(["*filter", ":FORWARD ACCEPT [0:0]", *rules, "COMMIT", ""])
    # What a bridge forwards is asked about where this is set, in this namespace alone.
    asked = "/proc/sys/net/bridge/bridge-nf-call-iptables"
    script = f"[ -e {asked} ] || modprobe br_netfilter; echo {int(bool(ports))} >{asked}"
    command(*inside(guests, "sh", "-ec", script))
    command(*inside(guests, "iptables-restore"), stdin=text.encode())


def remove(guests: Guests) -> None:
    """Remove the namespace, and end what runs in it: qemu, and the connections that ssh keeps."""
    if not guests.namespace.exists():
        return
    for word in command("ip", "netns", "pids", guests.name).split():
        with suppress(ProcessLookupError):
            os.kill(int(word), signal.SIGKILL)
    command("ip", "netns", "delete", guests.name)
