# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a test of a race tries its luck."""

from __future__ import annotations

import os


def repeats(few: int, many: int) -> int:
    """Return ``many`` in ``make test-long`` and ``few`` otherwise; BINHOST_REPEAT, a number, beats both."""
    return int(os.environ.get("BINHOST_REPEAT") or (many if os.environ.get("BINHOST_LONG") == "1" else few))
