# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one run of emerge did, from what Portage wrote down of it."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _emerge_log


@dataclass(frozen=True)
class Outcome:
    """What one run of emerge did."""

    binary: list[str]  # installed from a binary package, in order
    source: list[str]  # compiled and installed
    failed: list[str]  # begun and not completed
    removed: list[str]


def outcome(log: str) -> Outcome:
    """Return what the part of emerge.log in ``log`` says.

    An upgrade's own removal of the old version counts as removed.
    """
    told = list(_emerge_log.events(log.splitlines()))

    def found(kind: str) -> list[str]:
        return list(dict.fromkeys(event.cpv for event in told if event.kind == kind))

    completed, binary = found("completed"), set(found("binary"))
    return Outcome(
        binary=[cpv for cpv in completed if cpv in binary],
        source=[cpv for cpv in completed if cpv not in binary],
        failed=[cpv for cpv in found("begun") if cpv not in completed],
        removed=found("removed"),
    )
