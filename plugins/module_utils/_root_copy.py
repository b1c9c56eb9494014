# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of a build root: throw-away clones, and snapshots that it can be put back to.

Snapshots stand beside the root, so that they share its blocks where the file system can, and putting one back is one
exchange of two names::

    roots/T                           the root
    roots/.T.snapshots/NAME           complete, as it was
    roots/.T.snapshots/.new-NAME      being copied when something ended it: goes with the next call
    roots/.T.snapshots/replaced-TIME  what stood there before a snapshot was put back

A copy that is about to be put back has the name that the root will then have, and a file in it that says so: where
that is still in ``replaced-TIME``, the exchange never happened.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import platform
import re
import sys
import time
import typing as t
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _durable, _files, _mountinfo, _removal
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._portage_query import Run

#: In a root that was put back: the name of the snapshot, then of what stood there before.
MARK: t.Final = ".larry-binhost-restored"
REPLACED: t.Final = "replaced-"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
#: renameat2(2), which neither Python nor every libc has.
_NUMBERS: t.Final = {"x86_64": 316, "i686": 353, "aarch64": 276, "riscv64": 276, "ppc64": 357, "ppc64le": 357}
#: A copy must not go on when who waits for it is killed (prctl(2), PR_SET_PDEATHSIG): the next run removes it.
_WITH_PARENT: t.Final = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); "
    "os.getppid() == int(sys.argv[1]) or os._exit(1); os.execvp(sys.argv[2], sys.argv[2:])"
)
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD, RENAME_EXCHANGE


@dataclass(frozen=True)
class Snapshot:
    """One copy of a root."""

    name: str
    path: str
    made: float  # seconds since the epoch


def folder(root: str) -> str:
    """Return where a root's snapshots are."""
    parent, name = os.path.split(os.path.abspath(root))
    return os.path.join(parent, f".{name}.snapshots")


def listing(root: str) -> list[Snapshot]:
    """Return the complete snapshots, the oldest first."""
    top = folder(root)
    names = os.listdir(top) if os.path.isdir(top) else []
    found = [Snapshot(name, os.path.join(top, name), _made(top, name)) for name in names if _NAME.match(name)]
    kept = [each for each in found if not _only_prepared(each.path)]
    return sorted(kept, key=lambda each: (each.made, each.name))


def _made(top: str, name: str) -> float:
    return os.stat(os.path.join(top, name)).st_ctime


def _only_prepared(path: str) -> bool:
    """Return whether this is a copy that was to be put back and never was."""
    name = os.path.basename(path)
    mark = os.path.join(path, MARK)
    return name.startswith(REPLACED) and os.path.exists(mark) and _files.read(mark).splitlines()[1:] == [name]


def recover(root: str) -> None:
    """Remove what a killed call left; what stands at ``root`` and all complete snapshots stay."""
    top = folder(root)
    left = _durable.drafts(top)
    if os.path.isdir(top):
        left += [path for name in sorted(os.listdir(top)) if _only_prepared(path := os.path.join(top, name))]
    for path in left:
        _removal.tree(path)


def clone(run: Run, source: str, path: str) -> None:
    """Copy a root, sharing blocks where the file system can; nothing that is mounted in it is in the copy.

    Raises ``BinhostError`` if it cannot be copied; then nothing stands at ``path``.
    """
    _removal.tree(path)
    copy = [sys.executable, "-I", "-c", _WITH_PARENT, str(os.getpid()), "cp"]
    try:
        status, _stdout, stderr = run([*copy, "-a", "-x", "--reflink=auto", "--", source, path])
    except BaseException:
        _removal.tree(path)
        raise
    if status != 0:
        _removal.tree(path)
        raise BinhostError(f"{path}: expected a copy of {source}, found: {stderr.strip()}")


def snapshot(run: Run, root: str, name: str) -> Snapshot:
    """Keep the root as it is now under this name.  Raises ``BinhostError`` if the name is taken."""
    path = _place(root, name)
    check_root(root)
    recover(root)
    if os.path.lexists(path):
        raise BinhostError(f"{path}: expected no snapshot of that name, found one; choose another, or delete it")
    _private(folder(root))
    clone(run, root, _durable.draft(path))
    _unmark(_durable.draft(path))
    _durable.finish(_durable.draft(path), path)
    return Snapshot(name, path, _made(folder(root), name))


def restore(run: Run, root: str, name: str) -> str:
    """Put the root back to a snapshot, which stays, and return where what stood there is now ("" if nothing did).

    Whatever ends it, either is at ``root``, whole. Raises ``BinhostError``.
    """
    path = _place(root, name)
    recover(root)
    if not os.path.isdir(path):
        known = ", ".join(each.name for each in listing(root)) or "none"
        raise BinhostError(f"{path}: expected a snapshot to put back, found none of that name; there are: {known}")
    before = _free(os.path.join(folder(root), REPLACED + time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())))
    if os.path.lexists(root):
        check_root(root)
    clone(run, path, _durable.draft(before))
    _files.write(os.path.join(_durable.draft(before), MARK), f"{name}\n{os.path.basename(before)}\n")
    _durable.finish(_durable.draft(before), before)
    if not os.path.lexists(root):
        _durable.finish(before, root)
        return ""
    exchange(before, root)
    return before


def _free(path: str) -> str:
    """Return a path that nothing stands at."""
    numbered = (f"{path}-{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain([path], numbered) if not os.path.lexists(each))


def delete(root: str, name: str) -> None:
    """Delete a snapshot; that it is gone already is no error."""
    path = _place(root, name)
    if os.path.lexists(path):
        _durable.discard(path)


def restored(root: str) -> str:
    """Return the name of the snapshot that this root was put back to; empty if it never was."""
    mark = os.path.join(root, MARK)
    return _files.read(mark).partition("\n")[0] if os.path.exists(mark) else ""


def exchange(one: str, other: str) -> None:
    """Swap two names in one step.  Raises ``BinhostError`` where the file system can't."""
    number = _NUMBERS.get(platform.machine())
    if number is None:
        raise BinhostError(f"{other}: expected a kind of machine whose renameat2 is known, found {platform.machine()}")
    libc = ctypes.CDLL(None, use_errno=True)
    names = [ctypes.c_char_p(os.fsencode(path)) for path in (one, other)]
    if libc.syscall(ctypes.c_long(number), _HERE, names[0], _HERE, names[1], ctypes.c_uint(_EXCHANGE)) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise BinhostError(f"{other}: expected to put {one} in its place, found: {reason}. Both are as they were.")
    for path in (one, other):
        _durable.sync_folder(os.path.dirname(path))


def _place(root: str, name: str) -> str:
    if not _NAME.match(name):
        raise BinhostError(f"expected a snapshot's name of letters, digits, '.', '_' and '-', found {name!r}")
    return os.path.join(folder(root), name)


def check_root(root: str) -> None:
    """Refuse a root that isn't one, or in which somebody is at work."""
    if not os.path.isdir(root) or os.path.islink(root):
        raise BinhostError(f"{root}: expected a build root, found none")
    mounted: Sequence[str] = [each.target for each in _mountinfo.below(_mountinfo.read(), os.path.realpath(root))]
    if os.path.realpath(root) in mounted:
        raise BinhostError(
            f"{root}: expected a folder, found a mount point, which cannot be exchanged: "
            "mount the file system above the root"
        )
    if mounted:
        raise BinhostError(f"{root}: expected nothing mounted in it, found {', '.join(mounted)}")


def _private(path: str) -> None:
    """A stage's old setuid programs are for nobody but root."""
    _files.directory(path)
    os.chmod(path, 0o700)


def _unmark(path: str) -> None:
    _files.remove(os.path.join(path, MARK))
