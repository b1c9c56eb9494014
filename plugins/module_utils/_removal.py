# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delete a tree, but never above a mount point: people have lost disks to that."""

from __future__ import annotations

import os
import re
import shutil

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

MOUNTINFO = "/proc/self/mountinfo"
_ESCAPED = re.compile(r"\\([0-7]{3})")


def mounts_below(path: str, mountinfo: str) -> list[str]:
    """Return the mount points at or below ``path`` of a mountinfo file's text (proc(5): field five)."""
    points = [
        _ESCAPED.sub(lambda match: chr(int(match[1], 8)), line.split(" ")[4]) for line in mountinfo.splitlines() if line
    ]
    return [point for point in points if point == path or point.startswith(path.rstrip("/") + "/")]


def tree(path: str) -> None:
    """Delete ``path`` and all below it; nothing happens if it isn't there.

    Raises ``BinhostError`` and deletes nothing if anything is mounted at or below it.
    """
    if not os.path.lexists(path):
        return
    with open(MOUNTINFO, encoding="utf-8", errors="surrogateescape") as handle:
        mounted = mounts_below(os.path.realpath(path), handle.read())
    if mounted:
        raise BinhostError(f"{path}: expected nothing mounted below what is to be deleted, found {', '.join(mounted)}")
    shutil.rmtree(path)


def empty(path: str) -> None:
    """Delete all below ``path`` and leave it as an empty folder."""
    tree(path)
    os.makedirs(path)
