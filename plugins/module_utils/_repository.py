# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ebuild repositories: which revision one is at, and a copy of it that no later change reaches.

A revision comes from names, sizes and mtimes alone: reading a whole Gentoo repository takes minutes, listing it a
second.  Version control is not asked, so a tree with local changes, or without any history, has a revision too.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import time
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _durable, _files, _lock, _seal
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

#: Never part of a repository.  Source: portage lib/portage/const.py, VCS_DIRS.
VCS: t.Final = frozenset({".bzr", ".git", ".hg", ".svn", "CVS", "RCS", "SCCS"})
#: What may stand beside categories without belonging to them: the first two are where distfiles and packages once
#: were (rsync leaves them out too), then a half-finished sync of Portage's, then what a file system of its own has.
BESIDE: t.Final = frozenset({"distfiles", "packages", ".tmp-unverified-download-quarantine", "lost+found"})
#: A snapshot's folder: repository, first 12 digits of the revision.
_SNAPSHOT = re.compile(r"(?P<name>[A-Za-z0-9_][A-Za-z0-9_-]*)-(?P<revision>[0-9a-f]{12})\Z")
_LONGEST_COPY = 3600  # seconds that one snapshot waits for another


class Entry(t.NamedTuple):
    """One thing in a repository."""

    path: str  # relative to the repository
    mode: int  # type and permissions, as of stat(2)
    size: int  # bytes
    mtime_ns: int
    target: str | None  # of a link


def entries(location: str) -> list[Entry]:
    """Return files, links and folders sorted by path, each folder before what it holds; no version control.

    Raises ``BinhostError`` for what cannot be part of a repository: devices, sockets, links that lead out of it.
    """
    try:
        return sorted(_walk(location, ""), key=lambda entry: entry.path.split("/"))
    except OSError as exc:
        raise BinhostError(f"{exc.filename}: expected a readable ebuild repository, found: {exc.strerror}") from None


def revision(location: str) -> str:
    """Return the SHA-256 (64 hexadecimal digits) of the sorted list of path, size and mtime, or path and link target.

    The mtime counts in nanoseconds; folders count by name.  Equal trees that were copied without their mtimes differ.
    Raises ``BinhostError`` if the folder can't be read.
    """
    total = hashlib.sha256()
    for entry in entries(location):
        total.update(os.fsencode(f"{entry.path}\0{_fact(entry)}\0"))
    return total.hexdigest()


def snapshot(name: str, location: str, state: str = STATE) -> str:
    """Return the path of a copy of the repository as it is now, ``STATE/repos/NAME-REVISION``, made if it is absent.

    Copies carry mtimes and no version control, are readable for all, and appear only when they are complete. The
    folder's own mtime says when it was asked for last, which tells ``prune`` what a build that runs now may read.
    What is pinned (see ``_pins``) is a snapshot already.
    Raises ``BinhostError`` if the repository changes while it is read.
    """
    found = pinned(name, location, state)
    if found:
        os.utime(found)
        return found
    if not _seal.repository_name(name):
        raise BinhostError(f"expected the name of an ebuild repository, found {name!r}")
    before = revision(location)
    path = os.path.join(state, "repos", f"{name}-{before[:12]}")
    with _lock.held("repos", state=state, wait=_LONGEST_COPY):
        if not os.path.isdir(path):
            _copy(location, path, before)
        else:
            os.utime(path)
    return path


def digits(name: str, location: str, state: str = STATE) -> str:
    """Return the 12 digits by which the repository's snapshot is named, or will be once it is made."""
    found = pinned(name, location, state)
    return revision_of(name, found) if found else revision(location)[:12]


def pinned(name: str, location: str, state: str = STATE) -> str:
    """Return the snapshot that ``location`` is a link to; empty if it is anything else."""
    path = os.path.realpath(location) if os.path.islink(location) else ""
    match = _SNAPSHOT.match(os.path.basename(path))
    inside = os.path.dirname(path) == os.path.realpath(os.path.join(state, "repos"))
    return path if inside and match and match["name"] == name and os.path.isdir(path) else ""


def pins(state: str = STATE) -> set[str]:
    """Return the snapshots that repositories are pinned to."""
    folder = os.path.join(state, "pins")
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return {path for name in names if (path := pinned(name, os.path.join(folder, name), state))}


def newest(state: str = STATE) -> dict[str, str]:
    """Return for each repository the path of the snapshot that was asked for last (the folder's own mtime)."""
    found: dict[str, tuple[int, str]] = {}
    for name, path in snapshots(state):
        found[name] = max(found.get(name, (0, "")), (os.stat(path).st_mtime_ns, path))
    return {name: path for name, (_mtime, path) in sorted(found.items())}


def snapshots(state: str = STATE) -> list[tuple[str, str]]:
    """Return name and path of every complete snapshot, sorted."""
    folder = os.path.join(state, "repos")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    parsed = ((_SNAPSHOT.match(entry), os.path.join(folder, entry)) for entry in names)
    return [(match["name"], path) for match, path in parsed if match and os.path.isdir(path)]


def revision_of(name: str, path: str) -> str:
    """Return the 12 digits that a snapshot's folder is named by.

    It need not be there yet.  Raises ``BinhostError`` if the path is no snapshot's of that repository.
    """
    match = _SNAPSHOT.match(os.path.basename(path))
    if not match or match["name"] != name:
        raise BinhostError(f"repository {name}: expected a snapshot {name}-<12 hexadecimal digits>, found {path}")
    return match["revision"]


def prune(keep: t.Container[str], state: str = STATE, *, age: float = 86400) -> list[str]:
    """Remove snapshots older than ``age`` seconds that are neither in ``keep`` nor pinned nor the newest of their name.

    A younger one may be what a build that runs now reads.  Returns the removed paths.
    """
    spared = {*newest(state).values(), *pins(state)}
    old = [path for _name, path in snapshots(state) if path not in keep and path not in spared]
    gone = [path for path in old if os.stat(path).st_mtime < time.time() - age]
    for path in gone:
        _durable.discard(path)
    return gone


def _walk(location: str, below: str) -> t.Iterator[Entry]:
    """Yield everything below a folder of the repository, in no order."""
    with os.scandir(os.path.join(location, below) if below else location) as found:
        for item in found:
            path = os.path.join(below, item.name)
            if item.name in VCS or (not below and item.name in BESIDE):
                continue
            status, target = item.stat(follow_symlinks=False), os.readlink(item.path) if item.is_symlink() else None
            entry = Entry(path, status.st_mode, status.st_size, status.st_mtime_ns, target)
            _check(location, entry)
            yield entry
            if item.is_dir(follow_symlinks=False):
                yield from _walk(location, path)


def _check(location: str, entry: Entry) -> None:
    """Raise if the entry could not be carried to another machine."""
    where = os.path.join(location, entry.path)
    mode = entry.mode
    if entry.target is not None and leads_out(entry.path, entry.target):
        raise BinhostError(f"{where}: expected links that stay inside the repository, found one to {entry.target}")
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)):
        raise BinhostError(f"{where}: expected a file, folder or link, found {stat.filemode(mode)}")


def leads_out(path: str, target: str) -> bool:
    """Return whether a link at relative ``path`` points to something outside the tree."""
    reached = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return os.path.isabs(target) or reached == ".." or reached.startswith("../")


def _fact(entry: Entry) -> str:
    """Return what makes this entry different from one of the same name."""
    if entry.target is not None:
        return f"-> {entry.target}"
    return "/" if stat.S_ISDIR(entry.mode) else f"{entry.size} {entry.mtime_ns}"


def _copy(location: str, path: str, before: str) -> None:
    """Make the snapshot ``path`` of a repository whose revision is ``before``."""
    _files.directory(os.path.dirname(path))
    for leftover in _durable.drafts(os.path.dirname(path)):
        _durable.remove(leftover)
    draft = _durable.draft(path)
    fill(location, draft, before, path)
    _durable.finish(draft, path)


def fill(location: str, draft: str, before: str, path: str) -> None:
    """Copy a repository whose revision is ``before`` to a new folder, which will be ``path``; gone where that fails."""
    _files.directory(draft)
    try:
        for entry in entries(location):
            _copy_entry(entry, os.path.join(location, entry.path), os.path.join(draft, entry.path))
    except OSError as exc:
        _durable.remove(draft)
        raise BinhostError(f"{location}: expected to copy it to {path}, found: {exc}") from None
    if revision(location) != before:
        _durable.remove(draft)
        raise BinhostError(f"{location}: expected it to stay as it is while it is copied, found it changed; run again")


def link(snapshot: str, folder: str) -> None:
    """Fill an empty folder with a snapshot's files, which are never written again: they are shared, or else copied."""
    for entry in entries(snapshot):
        source, path = os.path.join(snapshot, entry.path), os.path.join(folder, entry.path)
        if stat.S_ISREG(entry.mode):
            _durable.link(source, path)
        else:
            _copy_entry(entry, source, path)


def _copy_entry(entry: Entry, source: str, path: str) -> None:
    """Copy one entry; its folder is there already."""
    if entry.target is not None:
        os.symlink(entry.target, path)
    elif stat.S_ISDIR(entry.mode):
        _files.directory(path)
    else:
        _durable.copy(source, path, sync=False)
