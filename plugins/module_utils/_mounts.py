# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is mounted in a build root, as data: builds take it into a namespace of their own (``_rootrun``), a person's
shell may have it on the host (``_mount_plan``, ``_mounting``).
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _paths
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

PKGDIR: t.Final = "/var/cache/binpkgs"
DISTDIR: t.Final = "/var/cache/distfiles"
#: Sources that no program may fetch; Portage links from DISTDIR to what it finds there (PORTAGE_RO_DISTDIRS).
RESTRICTED: t.Final = "/var/cache/distfiles-restricted"
#: Where PORTAGE_TMPDIR=/var/tmp has its builds.
BUILDS: t.Final = "/var/tmp/portage"
#: Made in the root's /dev once that is mounted: path in the root to what the link says.
DEV_LINKS: t.Final[t.Mapping[str, str]] = {
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
    "/dev/ptmx": "pts/ptmx",
}
_DEVICES: t.Final = ("null", "zero", "full", "random", "urandom", "tty")
Kind = t.Literal["proc", "tmpfs", "devpts", "bind", "rbind"]


@dataclass(frozen=True)
class Mount:
    """One thing that is mounted in a root."""

    target: str  # absolute path in the root, without "." and ".."
    kind: Kind
    source: str = ""  # absolute path on the host, of (r)binds
    options: tuple[str, ...] = ()  # as mount(8) takes them: "ro", "size=<bytes>", "mode=755", "nosuid"
    is_file: bool = False  # the place to mount at is a file and not a folder

    def __post_init__(self) -> None:
        """Refuse a place that isn't one in the root, a bind of nothing, and a promise that the kernel wouldn't keep."""
        if not self.target.startswith("/") or self.target != os.path.normpath(self.target):
            raise BinhostError(f"mount: expected an absolute path in the root, found {self.target!r}")
        if self.kind in ("bind", "rbind") and not self.source.startswith("/"):
            raise BinhostError(f"{self.target}: expected an absolute path to be bound there, found {self.source!r}")
        if self.kind == "rbind" and "ro" in self.options:
            raise BinhostError(
                f"{self.target}: expected bind, found rbind with ro: what is mounted below stays writable"
            )


def standard(
    *,
    repositories: t.Mapping[str, str],
    distdir: str | None = None,
    restricted: str | None = None,
    pkgdir: str | None = None,
    tmp_size: int | None = None,
    portage_run: str | None = None,
    cgroup: bool = False,
    network: bool = False,
) -> list[Mount]:
    """Return what a build root needs, in the order in which it is mounted.

    ``repositories``: name to path on the host; ``distdir``, ``pkgdir``: paths there, None where nothing is fetched,
    built or taken from; ``restricted``: the folder of sources that only persons bring; ``tmp_size``: bytes of memory
    for builds, None leaves them on the root's disk; ``portage_run``: the folder that stands at /run/portage, where
    emerge tells how far it is; ``cgroup``: for FEATURES=cgroup; ``network``: whether names are to be resolved.
    """
    mounts = [*_kernel(cgroup), *_devices(), *_runtime(portage_run)]
    if tmp_size is not None:
        mounts.append(Mount(BUILDS, "tmpfs", options=(f"size={tmp_size}", "mode=775", "nosuid", "nodev")))
    for name, path in sorted(repositories.items()):
        mounts.append(Mount(f"{_paths.REPOSITORIES}/{name}", "bind", path, ("ro",)))
    mounts += [Mount(DISTDIR, "bind", distdir)] if distdir else []
    mounts += [Mount(RESTRICTED, "bind", restricted, ("ro",))] if restricted else []
    mounts += [Mount(PKGDIR, "bind", pkgdir)] if pkgdir else []
    return [*mounts, *_names()] if network else mounts


def _kernel(cgroup: bool) -> list[Mount]:
    mounts = [
        Mount("/proc", "proc", options=("nosuid", "nodev", "noexec")),
        Mount("/sys", "bind", "/sys", ("ro",)),
    ]
    return [*mounts, Mount("/sys/fs/cgroup", "rbind", "/sys/fs/cgroup")] if cgroup else mounts


def _devices() -> list[Mount]:
    """A /dev of the root's own: devtmpfs is one for the whole kernel, what is deleted in it is gone everywhere."""
    return [
        Mount("/dev", "tmpfs", options=("mode=755", "nosuid")),
        *(Mount(f"/dev/{name}", "bind", f"/dev/{name}", is_file=True) for name in _DEVICES),
        Mount("/dev/pts", "devpts", options=("newinstance", "gid=5", "mode=620", "ptmxmode=666", "nosuid", "noexec")),
        Mount("/dev/shm", "tmpfs", options=("mode=1777", "nosuid", "nodev")),
    ]


def _runtime(portage_run: str | None) -> list[Mount]:
    mounts = [
        Mount("/run", "tmpfs", options=("mode=755", "nosuid", "nodev")),
        Mount("/run/lock", "tmpfs", options=("mode=1777", "nosuid", "nodev")),
    ]
    return [*mounts, Mount("/run/portage", "bind", portage_run)] if portage_run else mounts


def _names() -> list[Mount]:
    """The host's resolv.conf, which is often a link into a /run that the root doesn't have."""
    path = os.path.realpath("/etc/resolv.conf")
    return [Mount("/etc/resolv.conf", "bind", path, ("ro",), is_file=True)] if os.path.exists(path) else []
