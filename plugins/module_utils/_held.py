# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which roots running jobs hold: a job runs as long as its supervisor locks ``jobs/NAME/lock`` (see ``_jobs``)."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping

from ansible_collections.larry.binhost.plugins.module_utils import _files
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE


def roots(state: str = STATE) -> dict[str, str]:
    """Return each path that a running job holds, without links, with the job's name."""
    folder = os.path.join(state, "jobs")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return {
        os.path.realpath(path): name
        for name in names
        if _runs(os.path.join(folder, name, "lock"))
        for path in _holds(os.path.join(folder, name, "state.json"))
    }


def _runs(lock: str) -> bool:
    try:
        with open(lock, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _holds(path: str) -> list[str]:
    try:
        holds = json.loads(_files.read(path)).get("holds", [])
    except (OSError, ValueError):
        return []
    return [holds] if isinstance(holds, str) else list(holds)


def free(root: str, held: Mapping[str, str]) -> None:
    """Raise ``BinhostError`` if a running job holds ``root``."""
    job = held.get(os.path.realpath(root))
    if job:
        raise BinhostError(f"{root}: expected no running job there, found {job}; wait for it or cancel it")
