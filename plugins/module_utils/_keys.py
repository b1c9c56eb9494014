# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys that a master signs with."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

PUBLIC = "public.asc"


@dataclass(frozen=True)
class Key:
    """The key that signs now."""

    home: str  # its GnuPG home
    fingerprint: str  # of its primary key
    passphrase_file: str | None  # None: it has none, or an agent of that home knows it
    expires: int | None  # seconds since the epoch; None: never


def folder(state: str = STATE) -> str:
    """Return where the keys of a master are; nothing below it is ever seen in a build root."""
    return os.path.join(state, "keys")


def public_path(state: str = STATE) -> str:
    """Return the file of all keys that slaves are to know: current, still trusted, and revoked ones as revoked."""
    return os.path.join(folder(state), PUBLIC)


def current(state: str = STATE) -> Key | None:
    """Return the key that signs now, None if none was made yet.

    Raises ``BinhostError`` if what is there isn't whole.
    """
    raise NotImplementedError(state)


def public(state: str = STATE) -> str:
    """Return the text of ``public_path``; empty if there is none."""
    raise NotImplementedError(state)
