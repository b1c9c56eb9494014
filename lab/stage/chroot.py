# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands inside the root that is being made."""

from __future__ import annotations

import typing as t
from pathlib import Path

from lab.stage.cache import Cache

ENV: t.Final = ("HOME=/root", "LANG=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "SHELL=/bin/bash", "TERM=dumb")

# The root is bound on itself because Portage's sandboxes want a mount point to make private.
MOUNT: t.Final = r"""
set -e
root=$1; shift
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755,size=1m dev "$root/dev"
for node in full null random tty urandom zero; do
    touch "$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
mount -t tmpfs -o mode=755 run "$root/run"
mkdir "$root/run/lock"
exec chroot "$root" "$@"
"""


def run(cache: Cache, root: Path, *argv: str) -> None:
    """Run a program in the root, in mount, process and network namespaces of its own that end with it."""
    unshare = ("unshare", "--mount", "--pid", "--net", "--ipc", "--fork", "--kill-child")
    cache.run(*unshare, "sh", "-c", MOUNT, "sh", root, "env", "-i", *ENV, *argv)
