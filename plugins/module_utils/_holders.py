# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes keep a mount from being unmounted: by working folder, root, program, open or mapped file (proc(5)).

The number of the mount decides, not the path: a build in a namespace of its own has the same paths and holds nothing
here.
"""

from __future__ import annotations

import contextlib
import os
import re
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _mountinfo
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._mountinfo import Mounted

_LINKS: t.Final = ("cwd", "root", "exe")
_MOUNT_ID = re.compile(r"^mnt_id:\s*([0-9]+)$", re.MULTILINE)


def told(mount: Mounted) -> str:
    """Return the words for a mount that is busy."""
    found = [f"process {pid} ({command})" for pid, command in holders(mount)]
    return f"held by {', '.join(found)}" if found else "busy, by no process (a swap file, a loop device, an export?)"


def holders(mount: Mounted) -> list[tuple[int, str]]:
    """Return number and command line of each process that holds the mount, by number."""
    pids = sorted(int(name) for name in os.listdir("/proc") if name.isdecimal())
    return [(pid, _command(pid)) for pid in pids if _holds(f"/proc/{pid}", mount)]


def _holds(process: str, mount: Mounted) -> bool:
    """Return whether the process holds it; one that ended meanwhile doesn't."""
    links = [f"{process}/{name}" for name in _LINKS] + _names(f"{process}/map_files")
    return any(_leads_into(link, mount) for link in links) or any(
        _is_open_in(info, mount) for info in _names(f"{process}/fdinfo")
    )


def _names(folder: str) -> list[str]:
    try:
        return [os.path.join(folder, name) for name in os.listdir(folder)]
    except OSError:
        return []


def _leads_into(link: str, mount: Mounted) -> bool:
    """Return whether a link of /proc ends in the mount.

    The text of the link is looked at first: to open one that leads to a dead NFS server could take for ever.
    """
    with contextlib.suppress(OSError, BinhostError):
        if _mountinfo.is_below(os.readlink(link), mount.target):
            handle = os.open(link, os.O_PATH | os.O_CLOEXEC)
            try:
                return _mountinfo.mount_id(handle) == mount.id
            finally:
                os.close(handle)
    return False


def _is_open_in(info: str, mount: Mounted) -> bool:
    try:
        with open(info, encoding="utf-8", errors="replace") as file:
            found = _MOUNT_ID.search(file.read())
    except OSError:
        return False
    return found is not None and int(found[1]) == mount.id


def _command(pid: int) -> str:
    """Return a process' command line, of a kernel's thread its name."""
    for name in ("cmdline", "comm"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/{name}", "rb") as file:
            words = file.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
            if words:
                return words
    return "ended meanwhile"
