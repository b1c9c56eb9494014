# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command in a build root, in namespaces of its own: whatever ends it, no mount and no process stays behind.

Nothing is mounted on the host. What runs there sees its root, its own processes and, unless it was asked for, no
network. It is root with fewer capabilities, which keeps builds from the host's files, keys and devices; it is no
prison for a program that is written to break out (CAP_SYS_ADMIN stays, Portage's own sandboxes need it).
"""

from __future__ import annotations

import inspect
import os
import re
import sys
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _enter, _mounts, _relay
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._mounts import Mount

#: Nothing of the caller's environment reaches a build.
ENVIRONMENT: t.Final[t.Mapping[str, str]] = {
    "HOME": "/root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "TERM": "dumb",
}
#: mount(8)'s word -> MS_* of mount(2); all others are the file system's own.
FLAGS: t.Final[t.Mapping[str, int]] = {"ro": 1, "nosuid": 2, "nodev": 4, "noexec": 8, "noatime": 1024}
# mirror:8080, 192.0.2.1:80, [2001:db8::1]:80
_ADDRESS: t.Final = re.compile(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([\w.-]+)):(\d{1,5})", re.ASCII)


def argv(
    root: str,
    mounts: t.Iterable[Mount],
    command: t.Sequence[str],
    environment: t.Mapping[str, str],
    *,
    network: str = "none",
    parent: int | None = None,
) -> list[str]:
    """Return the command line that runs ``command`` in ``root`` with exactly ENVIRONMENT and ``environment``.

    ``network``: ``none`` is a loopback interface, ``host`` the host's network, ``HOST:PORT`` a loopback interface
    with that one server at 127.0.0.1:PORT. A mount at /sys/fs/cgroup becomes a cgroup of the run's own.
    The run ends with the thread that starts it, which has to be one of this process or of ``parent`` (0: whoever it
    is). SIGTERM to it reaches the command.
    Raises ``BinhostError`` for mounts or a network that can't be.
    """
    known = list(mounts)
    host, port = ("", 0) if network in ("none", "host") else address(network)
    request: _enter.Request = {
        "root": os.path.abspath(root),
        "parent": os.getpid() if parent is None else parent,
        "mounts": [_row(mount) for mount in known if mount.target not in ("/", _enter.CGROUPS)],
        "links": sorted(_mounts.DEV_LINKS.items()) if any(mount.target == "/dev" for mount in known) else [],
        "cgroup": any(mount.target == _enter.CGROUPS for mount in known),
        "private_network": network != "host",
        "relay": inspect.getsource(_relay) if host else "",
        "address": (host, port),
    }
    variables = [f"{name}={value}" for name, value in {**ENVIRONMENT, **environment}.items()]
    # The text of the module, which may stand in a zip file; as a literal what it is told needs no parser.
    program = f"{inspect.getsource(_enter)}\nos._exit(main({request!r}, sys.argv[1:]))\n"
    return [sys.executable, "-I", "-S", "-c", program, "/usr/bin/env", "-i", *variables, *command]


def address(network: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``. Raises ``BinhostError``."""
    match = _ADDRESS.fullmatch(network)
    if not match or not 0 < int(match[3]) < 65536:
        raise BinhostError(f"network: expected none, host or HOST:PORT, found {network!r}")
    return match[1] or match[2], int(match[3])


def _row(mount: Mount) -> tuple[str, str, str, int, str, bool]:
    """Return a mount as mount(2) takes it."""
    flags = sum(FLAGS.get(option, 0) for option in mount.options)
    data = ",".join(option for option in mount.options if option not in (*FLAGS, "rw"))
    if mount.kind in ("bind", "rbind") and data:
        raise BinhostError(f"{mount.target}: expected a bind with {', '.join(FLAGS)}, found {','.join(mount.options)}")
    return (mount.target, mount.kind, mount.source, flags, data, mount.is_file)
