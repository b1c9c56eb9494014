# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an NFS server is made of, unpacked once: no stage has it, and no container has a kernel for it."""

from __future__ import annotations

import typing as t
from pathlib import Path

from lab.stage import cache as caches
from lab.stage import recipe
from lab.stage.cache import Cache

#: Debian's, with the libraries that the stage lacks.
PACKAGES: t.Final = (
    *("nfs-kernel-server", "libtirpc3", "libtirpc-common", "libnfsidmap1", "libwrap0"),
    *("libgssapi-krb5-2", "libkrb5-3", "libk5crypto3", "libkrb5support0", "libcom-err2", "libkeyutils1"),
)


def programs() -> Path:
    """Return a folder that holds them as a root does; copy it over one.  Raises ``StageError``."""
    name = f"nfs-{recipe.digest(*PACKAGES)}"
    path = caches.folder() / name
    if path.is_dir():
        return path
    with caches.locked(caches.folder(), f"{name}.log") as cache:
        return cache.made(name, lambda into: _unpack(cache, into))


def _unpack(cache: Cache, into: Path) -> None:
    with cache.work() as work:
        cache.run("apt-get", "-qq", "-oAPT::Sandbox::User=root", "download", *PACKAGES, cwd=work)
        for package in sorted(work.glob("*.deb")):
            cache.run("dpkg-deb", "-x", package, into)
