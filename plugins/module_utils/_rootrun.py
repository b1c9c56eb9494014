# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command in a build root, in mount and pid namespaces of its own: whatever ends it, no mount and no process
stays behind.

Nothing is mounted on the host. The root is bound onto itself first, since Portage's own sandboxes need a mount point
to pivot on.
"""

from __future__ import annotations

import os
import shlex
import typing as t
from dataclasses import dataclass


@dataclass(frozen=True)
class Bind:
    """One folder or file of the host that is seen in the root."""

    source: str  # absolute path on the host
    target: str  # absolute path in the root; made there if missing
    writable: bool = False


#: Nothing of the caller's environment reaches a build.
ENVIRONMENT: t.Final[t.Mapping[str, str]] = {
    "HOME": "/root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "TERM": "dumb",
}
#: --kill-child: when unshare is killed, the first process of the pid namespace is too, and with it all the others.
NAMESPACES: t.Final = ("unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child")


#: Before the chroot a link in the root leads where it would on the host: nothing is made or mounted through one.
_CONFINED: t.Final = """\
here=$(pwd -P)
confined() {
    test "$(realpath -m -- "$1")" = "$here/$1" && return
    echo "$here/$1: expected a place in the build root, found a link to $(realpath -m -- "$1")" >&2
    exit 1
}"""


def script(root: str, binds: t.Iterable[Bind]) -> str:
    """Return the shell script that mounts what a command in ``root`` needs; its arguments are then run there."""
    place = shlex.quote(root)
    lines = [
        "set -e",
        f"mount --bind {place} {place}",
        f"cd {place}",
        _CONFINED,
        "for each in proc sys dev run tmp; do confined $each; mkdir -p $each; done",
        "mount -t proc proc proc",
        "mount --rbind /sys sys",
        "mount --rbind /dev dev",
        "mount -t tmpfs -o mode=755 tmpfs run",
        "mkdir -p run/lock",
    ]
    for bind in binds:
        lines += _bind(bind)
    return "\n".join([*lines, 'exec chroot . "$@"', ""])


def _bind(bind: Bind) -> list[str]:
    """Return the lines that make the place and mount there; a link that stands for a file (resolv.conf) goes."""
    inside = bind.target.lstrip("/")
    target, parent = shlex.quote(inside), shlex.quote(os.path.dirname(inside) or ".")
    if os.path.isdir(bind.source):
        made = [f"confined {target}", f"mkdir -p {target}"]
    else:
        made = [f"confined {parent}", f"mkdir -p {parent}", f"test ! -L {target} || rm {target}", f"touch {target}"]
    mounted = [*made, f"mount --bind {shlex.quote(bind.source)} {target}"]
    return mounted if bind.writable else [*mounted, f"mount -o remount,bind,ro {target}"]


def argv(root: str, binds: t.Iterable[Bind], command: t.Sequence[str], environment: t.Mapping[str, str]) -> list[str]:
    """Return the command line that runs ``command`` in ``root`` with exactly ENVIRONMENT and ``environment``."""
    variables = [f"{name}={value}" for name, value in {**ENVIRONMENT, **environment}.items()]
    return [*NAMESPACES, "sh", "-c", script(root, binds), "sh", "/usr/bin/env", "-i", *variables, *command]
