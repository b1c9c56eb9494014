# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the builder is at, and what came of each target."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils._waiting import Waiting


@dataclass(frozen=True)
class Outcome:
    """What came of a target."""

    target: str
    state: str  # "unchanged", "published", "partial" (without what failed), "failed" or "waiting"
    message: str = ""  # what went wrong
    number: int | None = None  # of the generation that is current now
    built: int = 0  # packages
    waits: str = ""  # for what


@dataclass
class Course:
    """What is going on, as the status has it."""

    doing: str = "idle"  # or "building" or "waiting"
    target: str = ""
    remark: str = ""  # what went wrong before any target
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    waiting: dict[str, Waiting] = field(default_factory=dict)
