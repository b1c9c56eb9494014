# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that the plan and the reports need to know of a host, in one dictionary."""

from __future__ import annotations

import os
import platform
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _cpu_host,
    _exports,
    _fingerprint,
    _fstab,
    _host,
    _mirror_link,
    _paths,
    _portage_lacks,
    _portage_query,
    _revisions,
    _sigill,
    _ssh_access,
    _tree,
)

#: Seconds until Portage, which reads its repositories, is given up: one of them may lie on a server that is gone.
PATIENCE = 120
#: What the ways to the packages, and their serving, need: a person may have it from elsewhere than Portage.
PROGRAMS = ("exportfs", "mount.nfs", "nginx", "rsync", "ssh")
_FOLDERS = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")


def facts(run: _portage_query.Run, *, cpuinfo: str = "/proc/cpuinfo", root: str = "/") -> dict[str, t.Any]:
    """Return the facts of the host whose root is ``root``. Raises ``BinhostError``."""
    cpu = _cpu_host.facts(cpuinfo, run=run)
    portage = _portage_query.ask(lambda args: run(["timeout", "-s", "KILL", str(PATIENCE), *args]))
    ours = _tree.owned_paths(root)
    return {
        "cpu": cpu,
        "portage": {**portage, "lacks": _portage_lacks.lacks(portage["version"])},
        "revisions": _revisions.all_of(portage["repositories"], _read("/proc/self/mountinfo")),
        "world": _host.world(root),
        "world_sets": _host.lines(os.path.join(root, _host.WORLD_SETS)),
        "installed": _host.installed(root),
        "configuration": _host.configuration(root, ours=ours),
        "configuration_unread": _host.unread(root, ours=ours),
        "owners": _tree.owners(root),
        "configuration_digest": digest(portage, root),
        "kernel": platform.release(),
        "libc": "-".join(platform.libc_ver()),
        "python": platform.python_version(),
        "processors": os.cpu_count() or 1,
        "memory_bytes": _host.memory_bytes(_read("/proc/meminfo")),
        "service_mgr": _host.service_manager(root),
        "crashed": _sigill.told(_sigill.here(root=root, check=True)),
        "programs": programs(root),
        "ssh_key": _mirror_link.public_key(os.path.join(root, _paths.STATE.lstrip("/"))),
        "fstab": _fstab.ours(root),
        "nfs_root": _exports.root(_exports.files(root).values()),
        "ssh_slaves": _ssh_access.hosts(),
        "free_bytes": _host.free_bytes(_paths.STATE),
    }


def programs(root: str = "/") -> list[str]:
    """Return which of ``PROGRAMS`` are there, sorted."""
    return [name for name in PROGRAMS if any(os.access(os.path.join(root, each, name), os.X_OK) for each in _FOLDERS)]


def digest(portage: t.Mapping[str, t.Any], root: str) -> str:
    """Return the SHA-256 of the effective configuration: Portage's settings, profile included, and /etc/portage."""
    settings = {key: portage.get(key, "") for key in ("settings", "profile")}
    return _fingerprint.digest({**settings, "files": _fingerprint.files(os.path.join(root, "etc/portage"))})


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            return lines.read()
    except OSError:
        return ""
