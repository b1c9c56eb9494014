# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What asking for a file may come to, whichever way it was asked for."""

from __future__ import annotations

import typing as t

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: Said of a file that came and is another one than it should be.
AS_SEALED: t.Final = "as the seal says, found"


class Unanswered(BinhostError):
    """No complete answer: the server is absent, silent, too slow, or says that it can't answer now."""


class Absent(BinhostError):
    """The server answered that it has no such file."""


class Unchanged(BinhostError):
    """The server answered that the file is not newer than what was asked for."""


def unfinished(url: str, seconds: float) -> Unanswered:
    """Return what to raise where the time is over."""
    return Unanswered(f"{url}: no complete answer within {seconds:g} s")


def too_large(url: str, most: int) -> BinhostError:
    """Return what to raise where more comes than there may be."""
    return BinhostError(f"{url}: expected at most {most} bytes, found more")
