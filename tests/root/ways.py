# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to a server's packages, each with a real one at its other end: sshd, rsyncd, and a folder."""

from __future__ import annotations

import contextlib
import subprocess
import typing as t
from collections.abc import Iterator

from ansible_collections.larry.binhost.plugins.module_utils import (
    _fetch_child,
    _mirror_link,
    _mirror_source,
    _program,
    _ssh_access,
)

from tests.root.house import STATE, House, Server, free_port, service
from tests.root.master import run

#: As the role writes it, but for the networks and what belongs to the system.
RSYNCD: t.Final = """\
port = {port}
address = 127.0.0.1
uid = 0
gid = 0
use chroot = yes
read only = yes
lock file = {conf}.lock
pid file = {conf}.pid
[packages]
path = {folder}/generations
"""
SSHD: t.Final = ("-D", "-e", "-o", "ListenAddress=127.0.0.1", "-o", "UsePAM=no")


def folder(server: Server) -> str:
    """Return the way to it as a mounted folder."""
    return f"file://{server.folder}/generations"


@contextlib.contextmanager
def rsync(house: House, server: Server) -> Iterator[str]:
    """Let rsyncd serve it; yield the way to it."""
    port = free_port()
    conf = house.shared / f"rsyncd-{port}"
    conf.write_text(RSYNCD.format(port=port, folder=server.folder, conf=conf))
    argv = house.argv(house.master, "rsync", "--daemon", "--no-detach", f"--config={conf}")
    with service(argv, port):
        yield f"rsync://127.0.0.1:{port}/packages"


@contextlib.contextmanager
def ssh(house: House, server: Server) -> Iterator[str]:
    """Let the slave in, as the roles do, and run sshd; yield the way to it."""
    port, state = free_port(), str(house.slave / STATE)
    key, there = _mirror_link.make_key(run, "laptop", state), str(server.folder)
    program = _program.path(str(house.state))
    _program.present(program, state=str(house.state))
    file = _ssh_access.File(str(house.master / "root/.ssh/authorized_keys"), 0, 0)
    command = f"{program} --state={there} {_mirror_source.COMMAND}"
    _ssh_access.write(file, _ssh_access.wanted("", {"laptop": key}, command))
    keys = house.master / "etc/ssh"
    for old in keys.glob("ssh_host_*"):
        old.unlink()
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / "ssh_host_ed25519_key")], check=True
    )
    uri = f"ssh://root@127.0.0.1:{port}"
    _mirror_link.remember(_fetch_child.link(uri, state), _ssh_access.host_keys(str(keys)), "")
    argv = ["sh", "-c", 'mkdir -p /run/sshd; exec /usr/sbin/sshd "$@"', "sh", "-p", str(port), *SSHD]
    with service(house.argv(house.master, *argv), port):
        yield uri
