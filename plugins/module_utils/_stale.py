# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which services and programs still run code from files that are gone: they use an old version until they restart.

proc(5): a line of /proc/PID/maps ends in ``(deleted)`` where its file has no name any more.  A service is known by the
process's cgroup (/proc/PID/cgroup): systemd's ``NAME.service``, OpenRC's ``/openrc.NAME`` (version 2) or
``name=openrc:/NAME`` (version 1).
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass

# 7f1c-7f2d r-xp 00000000 08:01 123    /usr/lib/libz.so.1.3 (deleted)
_DELETED = re.compile(rb"^\S+ ..x. \S+ \S+ \d+ +(/.+) \(deleted\)$", re.MULTILINE)
#: Of the kernel's and of programs that make code: never a package's.
_NO_FILES = re.compile(r"/(?:memfd:|dev/|SYSV|run/|tmp/|var/tmp/|proc/|\[|anon_hugepage|drm\b|i915\b)")
_SERVICE = re.compile(r"(?:/|^)(?:openrc\.(?P<openrc>[^/\n]+)|(?P<systemd>[^/\n]+\.service)(?=/|$))", re.MULTILINE)
_OPENRC_1 = re.compile(r"^\d+:name=openrc:/(?P<name>[^/\n]+)", re.MULTILINE)


@dataclass(frozen=True)
class Stale:
    """A service, or a program that belongs to none, that uses files that are gone."""

    service: str  # "sshd.service", "sshd"; empty for a program of no service
    command: str  # the program's name
    pids: list[int]
    files: list[str]  # a few of them

    @property
    def name(self) -> str:
        """What a person knows it by."""
        return self.service or self.command


#: Files of one service that are told.
_FEW = 5


def look(proc: str = "/proc") -> list[Stale]:
    """Return what uses deleted files in this pid namespace, services first, by name."""
    found: dict[tuple[str, str], Stale] = {}
    for pid in sorted(int(name) for name in os.listdir(proc) if name.isdecimal()):
        files = deleted(_read(proc, pid, "maps"))
        if files and _is_ours(proc, pid):
            service = service_of(_read(proc, pid, "cgroup").decode("utf-8", "replace"))
            command = _read(proc, pid, "comm").decode("utf-8", "replace").strip()
            stale = found.setdefault((service, "" if service else command), Stale(service, command, [], []))
            stale.pids.append(pid)
            stale.files[:] = list(dict.fromkeys([*stale.files, *files]))[:_FEW]
    return sorted(found.values(), key=lambda each: (not each.service, each.name))


def deleted(maps: bytes) -> list[str]:
    """Return the files of which a process runs code although they are gone."""
    if b"(deleted)" not in maps:
        return []
    paths = [match.decode("utf-8", "replace") for match in _DELETED.findall(maps)]
    return [path for path in dict.fromkeys(paths) if not _NO_FILES.match(path)]


def service_of(cgroup: str) -> str:
    """Return the innermost service of a process's cgroups; empty if it is in none."""
    first = _OPENRC_1.search(cgroup)
    if first:
        return first["name"]
    found = list(_SERVICE.finditer(cgroup))
    return (found[-1]["systemd"] or found[-1]["openrc"]) if found else ""


def _is_ours(proc: str, pid: int) -> bool:
    try:
        return os.readlink(f"{proc}/{pid}/ns/pid") == os.readlink(f"{proc}/self/ns/pid")
    except OSError:
        return not os.path.exists(f"{proc}/self")


def _read(proc: str, pid: int, name: str) -> bytes:
    """Return a file of a process; nothing if it has ended."""
    with contextlib.suppress(OSError), open(f"{proc}/{pid}/{name}", "rb") as handle:
        return handle.read()
    return b""
