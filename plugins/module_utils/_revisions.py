# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which revision the host's ebuild repositories are at, as cheaply as it can be known.

Two files at most are read of each: listing a whole Gentoo repository takes a second, which these facts haven't got.
Nothing is read that lies on a network mount, since a server that is gone would hold us for ever.
"""

from __future__ import annotations

import os
import re
import typing as t

#: Types of /proc/self/mountinfo (proc(5)) behind which another machine answers.
NETWORK = re.compile(r"(nfs\d?|cifs|smb\d?|smbfs|9p|afs|ceph|glusterfs|lustre|coda|ncpfs|virtiofs|autofs|fuse\..+)\Z")
#: What rsync and snapshots of Gentoo's repository leave; the first line says when or what it is.
TIMESTAMPS = ("metadata/timestamp.commit", "metadata/timestamp.chk", "metadata/timestamp")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z")


def network_mounts(mountinfo: str) -> list[str]:
    """Return the mount points whose file system is another machine's, from the text of /proc/self/mountinfo."""
    found = []
    for line in mountinfo.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split()
        if dash and len(fields) > 4 and NETWORK.match(after.split(" ")[0]):
            found.append(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4]))
    return found


def all_of(repositories: t.Mapping[str, str], mountinfo: str) -> dict[str, dict[str, str]]:
    """Return ``{name: {"kind", "revision"}}``; kind is ``git``, ``timestamp``, ``none`` or ``network`` (not read)."""
    mounts = network_mounts(mountinfo)
    return {
        name: {"kind": "network", "revision": ""} if _is_below(location, mounts) else of(location)
        for name, location in sorted(repositories.items())
    }


def _is_below(path: str, mounts: t.Iterable[str]) -> bool:
    return any(path == mount or path.startswith(mount.rstrip("/") + "/") for mount in mounts)


def of(location: str) -> dict[str, str]:
    """Return kind and revision of one repository: git's commit, else its timestamp, else nothing."""
    commit = _git(os.path.join(location, ".git"))
    if commit:
        return {"kind": "git", "revision": commit}
    for name in TIMESTAMPS:
        text = _first_line(os.path.join(location, name))
        if text:
            return {"kind": "timestamp", "revision": text}
    return {"kind": "none", "revision": ""}


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            return lines.readline(4096).strip()
    except OSError:
        return ""


def _git(place: str) -> str:
    """Return the commit that HEAD is at (gitrepository-layout(5)), empty if it can't be told from two small files."""
    if os.path.isfile(place):  # of a worktree or a submodule: "gitdir: PATH"
        place = os.path.join(os.path.dirname(place), _first_line(place).partition("gitdir: ")[2])
    head = _first_line(os.path.join(place, "HEAD"))
    if not head.startswith("ref: "):
        return head if _COMMIT.match(head) else ""
    name = head[5:]
    common = os.path.join(place, _first_line(os.path.join(place, "commondir")))
    commit = _first_line(os.path.join(common, name)) or _packed(os.path.join(common, "packed-refs"), name)
    return commit if _COMMIT.match(commit) else ""


def _packed(path: str, name: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            return next((line.split()[0] for line in lines if line.rstrip("\n").endswith(f" {name}")), "")
    except OSError:
        return ""
