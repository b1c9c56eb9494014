# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ways failed a moment ago: they are tried last, until they answer or minutes have gone by."""

from __future__ import annotations

import contextlib
import json
import os
import time
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _files, _lock
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

REMEMBERED: t.Final = 300.0  # seconds


def _path(state: str) -> str:
    """Return the file, which is gone after a boot as the network may be another then."""
    return os.path.join(os.path.dirname(_lock.lock_path("health", state)), "health.json")


def failing(state: str = STATE, *, now: float | None = None) -> set[str]:
    """Return the ways that failed and didn't answer since."""
    return set(_load(state, time.time() if now is None else now))


def note(uri: str, failed: bool, state: str = STATE, *, now: float | None = None) -> None:
    """Remember how a way did; that this can't be written is no reason to fail."""
    moment = time.time() if now is None else now
    known = _load(state, moment)
    after = {other: since for other, since in known.items() if other != uri}
    if failed:
        after[uri] = moment
    if after.keys() != known.keys() or failed:
        with contextlib.suppress(OSError):
            _files.directory(os.path.dirname(_path(state)))
            _files.write(_path(state), json.dumps(after))


def _load(state: str, now: float) -> dict[str, float]:
    try:
        record = json.loads(_files.read(_path(state)))
        return {str(uri): float(since) for uri, since in record.items() if 0 <= now - float(since) < REMEMBERED}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
