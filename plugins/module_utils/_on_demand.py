# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fstab has for a path and nobody mounts by itself: on OpenRC whoever wants a package does.

Nothing here looks at the path: where a server is gone, that may take long.
"""

from __future__ import annotations

import os
import typing as t
from collections.abc import Iterable

from ansible_collections.larry.binhost.plugins.module_utils import _files, _fstab, _mountinfo

FSTAB: t.Final = "/etc/fstab"
_AUTOMOUNT: t.Final = "x-systemd.automount"


def command(path: str, *, fstab: str = FSTAB, mountinfo: str = _mountinfo.MOUNTINFO) -> list[str]:
    """Return what mounts the place that holds a path; empty if it is mounted, or is no place of ours."""
    try:
        entries = _fstab.parse(_files.read(fstab)).entries
        mounted = {mount.target for mount in _mountinfo.parse(_files.read(mountinfo))}
    except OSError:
        return []
    place = wanted(entries, path)
    return ["mount", place] if place and place not in mounted else []


def wanted(entries: Iterable[_fstab.Entry], path: str) -> str:
    """Return where the line of ours that holds a path mounts, if nobody does so by itself; empty if there is none."""
    ours = [
        entry.target.rstrip("/")
        for entry in entries
        if _fstab.MARK in entry.options and "noauto" in entry.options and _AUTOMOUNT not in entry.options
    ]
    holding = [place for place in ours if f"{os.path.normpath(path)}/".startswith(f"{place}/")]
    return max(holding, key=len, default="")
