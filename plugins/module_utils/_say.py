# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the program tells the person who runs it; a module never says anything this way."""

from __future__ import annotations

import sys


def tell(text: str) -> None:
    """Write a line to stdout."""
    sys.stdout.write(f"{text}\n")


def warn(text: str) -> None:
    """Write a line to stderr."""
    sys.stderr.write(f"{text}\n")
