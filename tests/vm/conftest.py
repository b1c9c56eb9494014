# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One virtual machine that is a slave, with its master behind a cable in a network namespace of it."""

from __future__ import annotations

import io
import json
import shlex
import subprocess
import tarfile
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _program, _publication
from ansible_collections.larry.binhost.plugins.plugin_utils import _inventory, _serving, _transports

from lab.vm import guest as guests
from tests.e2e.harness import CHECKOUT
from tests.unit.plugins.conftest import Master

MASTER: t.Final = "10.78.0.1"
SLAVE: t.Final = "10.78.0.2"
TARGET: t.Final = "laptops"
EXPORT: t.Final = f"{_transports.EXPORT}/{_transports.PACKAGES}"
STATE: t.Final = "/var/lib/larry-binhost"
PROGRAM: t.Final = f"{STATE}/larry-binhost.pyz"
#: Seconds until something is said to hang. What waits for an absent server ends after 12; an emulated machine, and what
#: works beside it, multiply what else there is to do.
HANGS: t.Final = 300
VARIABLES: t.Final[dict[str, t.Any]] = {
    "desktop": {"ansible_host": MASTER, "master_nfs": True},
    "laptop": {"ansible_host": SLAVE, "slave_transports": ["nfs"]},
}
#: The master: a network and a file system of its own, so that what the slave mounts isn't seen where it is served.
SERVER: t.Final = f"""\
modprobe -a nfsd nfsv4 veth
ip netns add master
ip link add cable type veth peer name eth0 netns master
ip address add {SLAVE}/24 dev cable
ip link set cable up
ip -n master link set lo up
ip -n master address add {MASTER}/24 dev eth0
ip -n master link set eth0 up
mkdir -p {EXPORT} /srv/master /etc/exports.d /var/lib/nfs
touch /etc/exports /var/lib/nfs/etab /var/lib/nfs/rmtab
cat >/root/server <<'END'
mount --bind /srv/master {EXPORT}
mount -t nfsd nfsd /proc/fs/nfsd
exportfs -ra
rpc.nfsd --no-nfs-version 3 --grace-time 10 --lease-time 10 4
echo Y >/proc/fs/nfsd/v4_end_grace || true  # it may be over already
exec rpc.mountd --foreground --no-nfs-version 3
END
apart="unshare --mount --propagation=private nsenter --net=/run/netns/master"
systemd-run --quiet --unit=master $apart sh -eu /root/server
"""


class Laptop:
    """The slave, and the cable to its master."""

    def __init__(self, guest: guests.Guest, folder: Path) -> None:
        self.guest = guest
        self.master = Master(folder / "state")
        hosts = _inventory.Fleet(["desktop"], ["laptop"], VARIABLES)
        facts = {"service_mgr": "systemd"}
        self.mount = _transports.mounts("laptop", hosts, ["desktop"], facts)[0]
        # To begin mount takes an emulated machine long, the more so where others work beside it.
        self.options = self.mount["opts"].replace("x-systemd.mount-timeout=15", "x-systemd.mount-timeout=90")
        self.folder = folder
        self.ways = _transports.ladder("laptop", hosts, ["desktop"], lambda _server: "")
        self.exports = _serving.exports([SLAVE], [_transports.EXPORT, EXPORT], variable="binhost_networks")

    def run(self, command: str, **how: t.Any) -> str:
        """Run a line of shell there and return what it printed."""
        return str(self.guest.run(command, **how).stdout)

    def lay(self, files: dict[str, bytes]) -> None:
        """Write files there, by their absolute paths."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            for path, data in files.items():
                member = tarfile.TarInfo(path.lstrip("/"))
                member.size, member.mode = len(data), 0o755 if path == PROGRAM else 0o644
                archive.addfile(member, io.BytesIO(data))
        self.run("tar -x -C /", stdin=stream.getvalue())

    def publish(self, *packages: str) -> int:
        """Publish these packages on the master, beside those of before; return the number of the generation."""
        if not self.master.built:
            self.master.ebuild("profiles/repo_name", "lab\n")
        self.master.build(*packages)
        found = _publication.publish(self.master.place, self.master.snapshot())
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            archive.add(self.master.state / "generations", arcname=".")
        self.run("tar -x -C /srv/master", stdin=stream.getvalue())
        return found.number

    def sync(self, *words: str) -> str:
        """Run binhost-sync there; return what it said and its status."""
        return self.run(f"{PROGRAM} binhost-sync {' '.join(words)} 2>&1; echo status $?")

    def line(self, options: str) -> str:
        """Return the line of fstab that mounts what the master exports."""
        return " ".join([self.mount["src"], self.mount["path"], self.mount["fstype"], options, "0", "0\n"])

    def set_up(self) -> None:
        """Let the master serve, and the slave know it."""
        self.booted_with = self.run("cat /etc/fstab")
        unit = f'"$(systemd-escape --path {EXPORT}).automount"'
        # Stopped, since master and slave are one machine here: the server's own folder would be waited for, too.
        self.automount = self.run(f"systemctl is-active {unit} || true; systemctl stop {unit}").strip()
        program = self.folder / _program.NAME
        _program.present(str(program), state=str(self.folder))
        orders = {
            "version": 1,
            "target": TARGET,
            "timeout": 60.0,
            "pinned": None,
            "verify": False,
            "sources": self.ways,
        }
        self.lay(
            {
                "/etc/exports.d/larry-binhost.exports": self.exports.encode(),
                "/etc/fstab": self.line(self.options).encode(),
                PROGRAM: program.read_bytes(),
                f"{STATE}/sync.json": (json.dumps(orders) + "\n").encode(),
            }
        )
        self.run(f"set -eu; {SERVER}")
        self.run(
            f"set -eu; systemctl daemon-reload; systemctl start {unit}; "
            "until ip netns exec master ss -Hltn | grep -q :2049; do sleep 0.5; done"
        )

    def ansible(self, module: str) -> subprocess.CompletedProcess[str]:
        """Run a module of ours there, as from any controller."""
        words = " ".join(shlex.quote(word) for word in self.guest.options)
        told = {
            "ansible_host": "127.0.0.1",
            "ansible_ssh_args": "",
            "ansible_ssh_common_args": words,
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        argv = ["ansible", "laptop", "-i", "laptop,", "-m", f"larry.binhost.{module}", "-e", json.dumps(told)]
        return subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, timeout=HANGS, check=False)

    def looked_at(self) -> None:
        """Look at what is exported until it is mounted."""
        self.run(f"until ls {EXPORT}/{TARGET} 2>/dev/null; do sleep 1; done", timeout=HANGS)

    def cable(self, state: t.Literal["up", "down"]) -> None:
        """Put the cable in, or pull it."""
        self.run(f"ip -n master link set eth0 {state}")


@pytest.fixture(scope="session")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """Return the machine, booted, with its master up."""
    folder = tmp_path_factory.mktemp("vm")
    with guests.booted(folder) as guest:
        made = Laptop(guest, folder)
        made.set_up()
        yield made
