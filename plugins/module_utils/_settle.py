# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose worlds go into one root together.

Worlds of several machines need not resolve in one: ``!!`` blockers, two versions of one slot, lib[a] against lib[-a].
Portage then refuses all of it, and --keep-going is of no help. It says yes or no and not who is to blame, so the
machines are added one by one.
"""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

#: Of these machines' worlds together: why Portage refuses them, empty if it doesn't.
Refusal = t.Callable[[t.Sequence[str]], str]


def apart(slaves: Sequence[str], refusal: Refusal) -> dict[str, str]:
    """Return those whose worlds do not go with the others', each with Portage's words.

    Who comes first stays in. One that conflicts with many would keep all of them out, so those who didn't get in may
    go first in a second attempt, and what leaves fewer out counts; that is no proof that none leaves fewer out still.
    """
    if not refusal(slaves):
        return {}
    out = _one_by_one(slaves, refusal)
    if len(out) < 2:
        return out
    other = _one_by_one([*out, *(slave for slave in slaves if slave not in out)], refusal)
    return other if len(other) < len(out) else out


def _one_by_one(slaves: Sequence[str], refusal: Refusal) -> dict[str, str]:
    together: list[str] = []
    out: dict[str, str] = {}
    for slave in slaves:
        words = refusal([*together, slave])
        if words:
            out[slave] = words
        else:
            together.append(slave)
    return out
