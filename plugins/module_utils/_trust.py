# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys a slave believes: its target's master's, for Portage and for us."""

from __future__ import annotations

import os

from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE


def trusted_path(state: str = STATE) -> str:
    """Return the file of the keys that this machine believes, for ``_openpgp.verify_file``; absent if none is."""
    return os.path.join(state, "trusted.asc")
