# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a checkout's virtual machines are called, where they stand, and what qemu is told of each.

Their network is a namespace of its own, so that its addresses are always the same and meet nobody else's::

    larry-binhost-HASH              network namespace (in /run/netns), with a bridge and one tap per guest
    STATE/larry-binhost/HASH-vm/    key, known_hosts, ssh; per guest its disk, its pid and what it said
    CHECKOUT/lab/vm/inventory/group_vars/all/lab.yml
"""

from __future__ import annotations

import json
import shlex
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from lab.hosts.names import STAGE_ON_MASTER, Lab, LabError, Stage, identity, lab_of, mac, ssh_options

INVENTORY: t.Final = "lab/vm/inventory"
#: What lab.hosts leaves to virtual machines. The first address is this machine's.
NETWORK: t.Final = IPv4Network("10.77.0.0/24")
BRIDGE: t.Final = "lab"
MASTER: t.Final = "desktop"
SYSTEMD: t.Final = "/sbin/init"
OPENRC: t.Final = "/sbin/openrc-init"
QEMU: t.Final = "qemu-system-x86_64"
#: What is emulated is slow to check and clear what a bug or an attacker might use. The clock is a device: how fast the
#: CPU's own counter is a kernel measures while it boots, wrong where the machine beneath is busy (16 times was seen).
_FAST: t.Final = ("mitigations=off", "init_on_alloc=0", "lsm=capability", "audit=0", "clocksource=hpet", "nowatchdog")
_KERNEL: t.Final = (
    *_FAST,
    *("console=ttyS0", "quiet", "net.ifnames=0", "panic=10", "systemd.unit=multi-user.target"),
    *("systemd.show_status=0", "systemd.default_timeout_start_sec=1800"),
)


@dataclass(frozen=True)
class Machine:
    """What a guest is."""

    octet: int
    """The last of its address."""
    cpu: str
    """A model of qemu's; what TCG can't emulate of it is not there."""
    init: str = SYSTEMD
    cpus: int = 1
    memory: int = 768  # MiB


HOSTS: t.Final[Mapping[str, Machine]] = {
    MASTER: Machine(10, "Haswell", cpus=2, memory=1536),
    "phenom": Machine(11, "phenom"),
    "nehalem": Machine(12, "Nehalem"),
    "openrc": Machine(13, "Opteron_G3", init=OPENRC),
}


class Guests(Lab):
    """The names and places of one checkout's virtual machines."""

    @property
    def variables(self) -> Path:
        """Return the inventory file that says where the guests are."""
        return self.checkout / INVENTORY / "group_vars/all/lab.yml"

    @property
    def namespace(self) -> Path:
        """Return the file that stands for the network namespace."""
        return Path("/run/netns") / self.name

    @property
    def ssh(self) -> Path:
        """Return the program that is ssh from within the namespace."""
        return self.state / "ssh"

    def disk(self, host: str) -> Path:
        """Return the guest's disk: what it wrote, over an image that stays as it is."""
        return self.state / f"{host}.qcow2"

    def pid(self, host: str) -> Path:
        """Return the file with the number of the guest's process; it is gone when the guest is."""
        return self.state / f"{host}.pid"

    def console(self, host: str) -> Path:
        """Return what the guest's kernel and service manager said since it was switched on."""
        return self.state / f"{host}.console"


def guests_of(checkout: Path, environment: Mapping[str, str]) -> Guests:
    """Return the virtual machines of ``checkout``."""
    lab = lab_of(checkout, environment)
    return Guests(lab.checkout, lab.state.with_name(f"{identity(lab.checkout)}-vm"))


def known(hosts: Sequence[str]) -> tuple[str, ...]:
    """Return ``hosts``, each once; raises ``LabError`` if there is no such guest."""
    for host in hosts:
        if host not in HOSTS:
            raise LabError(f"lab: expected one of the guests {', '.join(HOSTS)}, found {host!r}")
    return tuple(dict.fromkeys(hosts))


def address(host: str) -> IPv4Address:
    """Return the address a guest always has."""
    return NETWORK[HOSTS[host].octet]


def inside(guests: Guests, *words: str) -> list[str]:
    """Return the command line that runs ``words`` in the guests' network."""
    return ["nsenter", f"--net={guests.namespace}", *words]


def kernel_words(host: str) -> str:
    """Return the guest's kernel command line: it learns its name and address from it."""
    names = (f"systemd.hostname={host}", f"lab.host={host}", f"lab.address={address(host)}")
    return " ".join([*_KERNEL, f"lab_init={HOSTS[host].init}", *names])


def qemu(guests: Guests, host: str, image: Path) -> list[str]:
    """Return the command line that switches a guest on; ``image`` is the folder with kernel and initrd.

    What a guest has flushed is on its disk, what it hasn't may be lost when qemu is killed, as with a real one.
    """
    machine = HOSTS[host]
    return [
        *(QEMU, "-accel", "tcg,thread=multi", "-cpu", machine.cpu),
        *("-smp", str(machine.cpus), "-m", str(machine.memory)),
        *("-kernel", str(image / "vmlinuz"), "-initrd", str(image / "initrd"), "-append", kernel_words(host)),
        *("-drive", f"file={guests.disk(host)},format=qcow2,if=virtio,cache=writeback"),
        *("-netdev", f"tap,id=net,ifname={host},script=no,downscript=no"),
        *("-device", f"virtio-net-pci,netdev=net,mac={mac(address(host))}"),
        *("-display", "none", "-monitor", "none", "-serial", f"file:{guests.console(host)}", "-nodefaults"),
        *("-name", f"{guests.name}-{host}", "-daemonize", "-pidfile", str(guests.pid(host))),
    ]


def ssh(guests: Guests, host: str, *words: str) -> list[str]:
    """Return the command line that runs ``words`` on a guest, or a shell if there are none."""
    return [str(guests.ssh), "-i", str(guests.key), *_options(guests), f"root@{address(host)}", *words]


def _options(guests: Guests) -> list[str]:
    """Return ssh's options; guests under emulation, several at a time, take long to answer."""
    slow = {"ConnectTimeout": 60, "ServerAliveInterval": 15, "ServerAliveCountMax": 8, "LogLevel": "ERROR"}
    kept = {"ControlMaster": "auto", "ControlPersist": 600}
    words = [word for name, value in (slow | kept).items() for word in ("-o", f"{name}={value}")]
    return [*words, *ssh_options(guests)]  # of each the first value counts


def known_hosts(key: str) -> str:
    """Return a known_hosts file; ``key`` is the text of the public host key that the image gives all of them."""
    return "".join(f"{address(host)} {' '.join(key.split()[:2])}\n" for host in HOSTS)


def variables(guests: Guests, stage: Stage, more: Mapping[str, object] | None = None) -> str:
    """Return the text of lab.yml, with ``more`` in it.  Values are JSON, which is YAML."""
    values: dict[str, object] = {
        "lab_addresses": {host: str(address(host)) for host in HOSTS},
        "ansible_host": "{{ lab_addresses[inventory_hostname] | default(inventory_hostname) }}",
        "ansible_user": "root",
        "ansible_ssh_executable": str(guests.ssh),
        "ansible_ssh_transfer_method": "piped",
        "ansible_ssh_private_key_file": str(guests.key),
        "ansible_ssh_args": "",
        "ansible_ssh_common_args": shlex.join(_options(guests)),
        "ansible_ssh_timeout": 60,
        "ansible_python_interpreter": "/usr/bin/python3",
        "binhost_networks": [str(NETWORK)],
        "master_stage_source": f"{STAGE_ON_MASTER}/{stage.tarball}",
        "master_stage_key": f"{STAGE_ON_MASTER}/release-key.asc",
        "master_stage_fingerprint": stage.fingerprint,
        **(more or {}),
    }
    lines = "".join(f"{name}: {json.dumps(value)}\n" for name, value in values.items())
    return f"---\n# yamllint disable\n# The virtual machines. Written by lab/vms up, removed by lab/vms down.\n{lines}"
