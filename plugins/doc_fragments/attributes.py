# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation of every module says of itself in the same words."""

from __future__ import annotations


class ModuleDocFragment:
    """A module adds ``support`` to ``check_mode`` and ``diff_mode``, and ``details`` where it isn't full."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Run with C(--check), says what it would do and changes nothing.
  diff_mode:
    description: Run with C(--diff), shows what is different afterwards.
  platform:
    description: The systems that it works on.
    platforms: linux
    support: full
    details: On managed hosts, Gentoo or what has its Portage, with Python 3.9 or later.
"""
