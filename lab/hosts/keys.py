# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of the lab: one for the person who connects, one for every host, so that nobody trusts on first use."""

from __future__ import annotations

import io
import tarfile
from ipaddress import IPv4Network

from lab.hosts.names import HOSTS, Lab, known_hosts
from lab.hosts.podman import command


def make(lab: Lab) -> None:
    """Make the keys that aren't there yet."""
    for path in (lab.key, *(lab.state / f"host-{host}" for host in HOSTS)):
        if not path.with_suffix(".pub").exists():
            path.unlink(missing_ok=True)
            command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{lab.name} {path.name}", "-f", str(path))


def trust(lab: Lab, subnet: IPv4Network) -> None:
    """Write the known_hosts file."""
    keys = {host: (lab.state / f"host-{host}.pub").read_text() for host in HOSTS}
    (lab.state / "known_hosts").write_text(known_hosts(subnet, keys))


def archive(lab: Lab, host: str) -> bytes:
    """Return a tar archive, to be unpacked at the root of a host, of the keys that make it reachable."""
    private = lab.state / f"host-{host}"
    files = {
        "etc/ssh/ssh_host_ed25519_key": (0o600, private.read_bytes()),
        "etc/ssh/ssh_host_ed25519_key.pub": (0o644, private.with_suffix(".pub").read_bytes()),
        "root/.ssh/authorized_keys": (0o600, lab.key.with_suffix(".pub").read_bytes()),
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        folder = tarfile.TarInfo("root/.ssh")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o700
        tar.addfile(folder)
        for name, (mode, content) in files.items():
            member = tarfile.TarInfo(name)
            member.mode, member.size = mode, len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
