# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ebuild repositories of a target's generations, unpacked, for those who read a generation where it lies.

::

    STATE/generations/T/
        repos/NAME-REVISION/                        once, for all generations that have it
        41/repos/NAME -> ../../repos/NAME-REVISION
        41/repos/NAME.tar.xz                        the same as one file, which the seal names

They are derived: nothing that is fetched over a network comes from them, and a missing one is made again.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _archive, _durable, _files, _repository, _seal
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

_STORE: t.Final = "repos"
#: What emerge --sync asks a server for first, and gives up without (portage's sync/modules/rsync/rsync.py). Empty, it
#: says nothing of older or newer: a generation that was gone back to is synced, too.
_TIMESTAMP: t.Final = "metadata/timestamp.chk"


def store(place: Place) -> str:
    """Return the folder of a target's repositories."""
    return os.path.join(place.folder, _STORE)


def bring(place: Place, folder: str, seal: _seal.Seal) -> None:
    """Let the generation in ``folder``, whose archives are there and checked, have its repositories unpacked, too."""
    for name, repository in sorted(seal.repositories.items()):
        path = os.path.join(store(place), repository.folder(name))
        if not os.path.isdir(path):
            _make(path, os.path.join(place.state, "repos", repository.folder(name)), folder, repository)
        _answering(path)
        _files.link(os.path.join(folder, _STORE, name), f"../../{_STORE}/{repository.folder(name)}")


def _make(path: str, snapshot: str, folder: str, repository: _seal.Repository) -> None:
    draft = _durable.draft(path)
    _durable.remove(draft)
    if os.path.isdir(snapshot):
        _files.directory(draft)
        _repository.link(snapshot, draft)
    else:
        _files.directory(os.path.dirname(path))
        _archive.unpack(os.path.join(folder, repository.archive), draft)
    _durable.finish(draft, path)


def _answering(path: str) -> None:
    """Let rsync's clients among Portage's find what they look for; a repository that was synced itself has it."""
    file = os.path.join(path, _TIMESTAMP)
    if not os.path.lexists(file) and not os.path.islink(os.path.dirname(file)):
        _files.directory(os.path.dirname(file))
        _files.write(file, "")


def check(folder: str, seal: _seal.Seal) -> None:
    """Raise ``BinhostError`` for the first repository that the generation in ``folder`` lacks."""
    for name in sorted(seal.repositories):
        path = os.path.join(folder, _STORE, name)
        if not os.path.isdir(path):
            raise BinhostError(f"{path}: expected the ebuild repository, unpacked, found none")


def prune(place: Place, seals: t.Iterable[_seal.Seal]) -> None:
    """Remove the repositories that none of these generations has."""
    keep = {repository.folder(name) for seal in seals for name, repository in seal.repositories.items()}
    top = store(place)
    for name in sorted(os.listdir(top)) if os.path.isdir(top) else []:
        path = os.path.join(top, name)
        if name.startswith(_durable.DRAFT):
            _durable.remove(path)
        elif name not in keep:
            _durable.discard(path)
