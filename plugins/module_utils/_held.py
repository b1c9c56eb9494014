# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which places running jobs hold."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ansible_collections.larry.binhost.plugins.module_utils import _jobs
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._mountinfo import is_below
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE


def roots(state: str = STATE) -> dict[str, str]:
    """Return each path that a running job holds, without links, with the job's name."""
    running = (job for job in _jobs.listing(state=state) if job.phase == "running")
    return {os.path.realpath(path): job.name for job in running for path in job.holds}


def free(path: str, held: Mapping[str, str]) -> None:
    """Raise ``BinhostError`` if a running job holds ``path``, something above it or something below."""
    place = os.path.realpath(path)
    job = next((job for other, job in held.items() if is_below(place, other) or is_below(other, place)), None)
    if job:
        raise BinhostError(f"{path}: expected no running job there, found {job}; wait for it or cancel it")
