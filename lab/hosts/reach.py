# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reach a host: through ssh as Ansible does, or through podman whether or not its ssh answers."""

from __future__ import annotations

import os
import subprocess
import time
import typing as t
from collections.abc import Sequence
from ipaddress import IPv4Network

from lab.hosts.names import Lab, LabError, address, known, ssh_options
from lab.hosts.podman import configure, environment, network, states

#: How long a host may take from its start to its first ssh answer.
BOOT_TIMEOUT_S: t.Final = 90


def present(lab: Lab, host: str, *expected: str) -> str:
    """Return the state of a host's container; raises ``LabError`` unless it is one of ``expected`` (none: any)."""
    known([host])
    configure(lab)
    state = states(lab).get(host, ("absent", ""))[0]
    if state == "absent" or (expected and state not in expected):
        wanted = " or ".join(expected) or "there"
        raise LabError(f"{host}: expected a host that is {wanted}, found it {state}; see lab/lab addresses")
    return state


def own_network(lab: Lab) -> IPv4Network:
    """Return the lab's network; raises ``LabError`` if there is none."""
    subnet = network(lab)
    if subnet is None:
        raise LabError(f"lab: expected the network {lab.name}, found none; run lab/lab up")
    return subnet


def addresses(lab: Lab) -> dict[str, str]:
    """Return {host: address} of the hosts that are there, stopped or not."""
    configure(lab)
    return {host: str(address(own_network(lab), host)) for host in states(lab)}


def ssh(lab: Lab, host: str, subnet: IPv4Network, *words: str) -> list[str]:
    """Return the command line that runs ``words`` on a host, or a shell if there are none."""
    return ["ssh", "-i", str(lab.key), *ssh_options(lab), f"root@{address(subnet, host)}", *words]


def wait(lab: Lab, host: str, subnet: IPv4Network) -> None:
    """Return once a host runs a command over ssh; raises ``LabError`` when it takes too long."""
    deadline = time.monotonic() + BOOT_TIMEOUT_S
    argv = ssh(lab, host, subnet, "-o", "BatchMode=yes", "true")
    while (done := subprocess.run(argv, capture_output=True, text=True, check=False)).returncode != 0:
        if time.monotonic() > deadline:
            found = f"{done.stderr.strip()!r}; see lab/lab exec {host} -- journalctl -b"
            raise LabError(f"{host}: expected ssh to answer within {BOOT_TIMEOUT_S} s, found {found}")
        time.sleep(0.2)


def disconnect(lab: Lab, host: str) -> None:
    """Close the connection that ssh keeps open to a host, which would outlive it and hang."""
    subnet = network(lab)
    if subnet is not None and (lab.state / f"control-{address(subnet, host)}").exists():
        subprocess.run(ssh(lab, host, subnet, "-O", "exit"), capture_output=True, check=False)


def connect(lab: Lab, host: str, words: Sequence[str]) -> list[str]:
    """Return the command line that runs ``words`` on a running host through ssh."""
    present(lab, host, "running")
    return ssh(lab, host, own_network(lab), *words)


def execute(lab: Lab, host: str, words: Sequence[str], *, terminal: bool = False) -> list[str]:
    """Return the command line that runs ``words`` on a host through podman, whether or not its ssh answers."""
    present(lab, host, "running")
    flags = ["--interactive", *(["--tty"] if terminal else [])]
    return ["podman", "exec", *flags, lab.container(host), *(words or ["/bin/bash", "--login"])]


def become(argv: Sequence[str], lab: Lab) -> t.NoReturn:
    """Turn this process into ``argv``, so that signals, output and exit status are its own."""
    os.execvpe(argv[0], list(argv), environment(lab))
