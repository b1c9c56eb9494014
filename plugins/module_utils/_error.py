# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one base of every error a module of this collection reports."""

from __future__ import annotations


class BinhostError(Exception):
    """Something a person can act on; its text says where, what was expected and what was found."""
