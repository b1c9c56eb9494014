# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done so that a build root is snapshotted, put back, or a snapshot gone; and doing it."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _fingerprint, _held, _lock, _root_copy
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._portage_query import Run

STATES: t.Final = ("snapshotted", "restored", "forgotten")


@dataclass(frozen=True)
class Step:
    """One thing to do with a root's snapshots."""

    target: str
    root: str
    state: str  # of STATES
    name: str
    changes: bool  # whether it isn't so already

    def __str__(self) -> str:
        """Say it in a line."""
        words = {"snapshotted": "kept as", "restored": "put back to", "forgotten": "forgets"}
        return f"{self.root}: {words[self.state]} {self.name}"


def plan(target: str, state_wanted: str, name: str | None, *, state: str = STATE) -> Step:
    """Return what is to be done.  Raises ``BinhostError`` where that can't be known or isn't possible."""
    root = Place(target, state).root
    known = [each.name for each in _root_copy.listing(root)]
    chosen = name or _newest(root, state_wanted, known)
    there = chosen in known
    if state_wanted == "restored" and not there:
        raise BinhostError(f"{root}: expected a snapshot {chosen}, found {', '.join(known) or 'none'}")
    changes = {
        "snapshotted": not there,
        "forgotten": there,
        "restored": there and _state(root) != _state(os.path.join(_root_copy.folder(root), chosen)),
    }
    return Step(target, root, state_wanted, chosen, changes[state_wanted])


def _newest(root: str, state_wanted: str, known: t.Sequence[str]) -> str:
    made = [name for name in known if not name.startswith(_root_copy.REPLACED)]
    if state_wanted != "restored" or not made:
        found = f"no name, and there is {', '.join(known) or 'none'}" if state_wanted == "restored" else "none"
        raise BinhostError(f"{root}: expected the name of a snapshot, found {found}")
    return made[-1]


def _state(root: str) -> str:
    return _fingerprint.digest(_fingerprint.root_state(root))


def apply(run: Run, step: Step, *, state: str = STATE) -> str:
    """Do it and return where what stood at the root before is now; empty if it stands there still.

    Raises ``BinhostError`` if a build or another job works in the root.
    """
    _held.free(step.root, _held.roots(state))
    with _lock.held(f"build-{step.target}", state=state):
        if step.state == "restored":
            return _root_copy.restore(run, step.root, step.name)
        if step.state == "forgotten":
            _root_copy.delete(step.root, step.name)
        else:
            _root_copy.snapshot(run, step.root, step.name)
    return ""
