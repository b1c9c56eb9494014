# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many compilers a machine has room for."""

from __future__ import annotations

import typing as t

#: What one compiler of C++ may take (Gentoo handbook, "Configuring compile options": at least 2 GiB per job).
PER_JOB: t.Final = 2 * 1024**3  # bytes


def makeopts(facts: t.Mapping[str, t.Any], packages: int = 1) -> str:
    """Return MAKEOPTS for a host that builds so many packages at a time.

    Processors can be shared, the load limit sees to that; memory can't. Facts that an older version kept may lack
    either: then one job, and then memory, is no matter.
    """
    processors = max(1, int(facts.get("processors") or 1))
    memory = facts.get("memory_bytes")
    room = int(memory) // PER_JOB // max(1, packages) if memory else processors
    return f"-j{max(1, min(processors, room))} -l{processors}"
