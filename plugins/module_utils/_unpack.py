# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpack a stage tarball beside its root and move it there when it is complete.

::

    ROOT.partial/           a run is at work here, or was killed
        larry-binhost-stage   says that this folder is ours to delete
        root/                 becomes ROOT by one rename
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _durable, _files, _removal
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._openpgp import Run

MARKER = "larry-binhost-stage"
_TAR = (
    "tar",
    "--extract",
    "--numeric-owner",
    "--xattrs",
    "--xattrs-include=*.*",
    "--preserve-permissions",
    "--force-local",
)


def partial(root: str) -> str:
    """Return where the unpacking of a root goes on."""
    return root.rstrip("/") + ".partial"


def unpack(run: Run, tarball: str, root: str, *, record: str, text: str) -> None:
    """Unpack a tarball and put ``text`` into the file ``record`` of it before it becomes ``root``.

    ``root`` must be missing or an empty directory.  Raises ``BinhostError``; then there is no root.
    """
    with alone(root):
        clear(root)
        draft = _begin(root)
        code, _out, words = run([*_TAR, "--file", tarball, "--directory", draft])
        if code != 0:
            raise BinhostError(f"{tarball}: expected to unpack it into {draft}, found: {words.strip()}")
        _files.write(os.path.join(draft, record), text)
        try:
            _durable.finish(draft, root.rstrip("/"))
        except OSError as exc:
            raise BinhostError(f"{root}: expected a place for the unpacked stage, found: {exc.strerror}") from None
        clear(root)


def clear(root: str) -> None:
    """Delete what a killed run left.  Raises ``BinhostError`` for a folder that isn't ours."""
    folder = partial(root)
    names = os.listdir(folder) if os.path.lexists(folder) else []
    if names and MARKER not in names:
        raise BinhostError(f"{folder}: expected to unpack here, found a folder that isn't ours; move it away")
    # The marker goes last: killed here, the rest is still known to be ours.
    for name in names:
        if name != MARKER:
            _removal.tree(os.path.join(folder, name))
    _removal.tree(folder)


def _begin(root: str) -> str:
    folder = partial(root)
    _files.directory(folder)
    _files.write(os.path.join(folder, MARKER), "larry.binhost unpacks a stage here.\n")
    draft = os.path.join(folder, "root")
    _files.directory(draft)
    return draft


@contextlib.contextmanager
def alone(root: str) -> t.Iterator[None]:
    """Let one process at a time unpack into a folder's roots; the kernel drops the lock with its owner."""
    folder = os.path.dirname(root.rstrip("/"))
    _files.directory(folder)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BinhostError(f"{folder}: expected to unpack alone, found another run that unpacks there") from None
        yield
    finally:
        os.close(handle)
