# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages that Portage fetched, which it leaves in the binrepo's ``location`` for ever: those nobody needs go."""

from __future__ import annotations

import contextlib
import os
import time
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _local, _paths
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

#: Portage's default for a binrepo of our name.  Source: portage.5, binrepos.conf, location.
PLACE: t.Final = "/var/cache/binhost/binhost"
_SUFFIXES: t.Final = (".gpkg.tar", ".xpak", ".tbz2", ".partial")
#: Seconds that what was fetched stays, for an emerge that may still run with it.
AGE: t.Final = 3 * 86400


def clean(state: str = STATE, place: str | None = None, *, now: float | None = None) -> list[str]:
    """Remove packages that no generation which is here has, and those that were fetched days ago; return their paths.

    What is installed stays installed, and what is needed again is fetched again.  A machine that isn't the one whose
    Portage fetches there (a state folder elsewhere, a test's) removes nothing unless told where.
    """
    folder = place or (PLACE if state == STATE else "")
    if not os.path.isdir(folder):
        return []
    wanted, now = needed(state), time.time() if now is None else now
    gone = []
    for path in _packages(folder):
        status = os.lstat(path)
        relative = os.path.relpath(path, folder)
        old = now - status.st_ctime > AGE
        # Not one that is being fetched now: its size says nothing yet.
        partial = path.endswith(".partial")
        if old or (not partial and wanted.get(relative) != status.st_size):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            gone.append(path)
    _rid_of_empty(folder)
    return gone


def needed(state: str = STATE) -> dict[str, int]:
    """Return path to size, in bytes, of the packages of all generations that are here, the one before included."""
    root = os.path.join(state, "generations")
    names = os.listdir(root) if os.path.isdir(root) else []
    places = [Place(name, state) for name in names if _paths.TARGET_NAME.match(name)]
    seals = [_local.sealed(place, number) for place in places for number in place.numbers()]
    return {path: package.size for seal in seals if seal for path, package in seal.packages.items()}


def _packages(folder: str) -> t.Iterator[str]:
    for where, _folders, names in os.walk(folder):
        yield from (os.path.join(where, name) for name in sorted(names) if name.endswith(_SUFFIXES))


def _rid_of_empty(folder: str) -> None:
    for where, _folders, _names in os.walk(folder, topdown=False):
        if where != folder:
            with contextlib.suppress(OSError):
                os.rmdir(where)
