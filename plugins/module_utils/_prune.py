# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a target may go: generations beyond those that are kept, and packages that nobody needs any more.

A package stays while a slave has it installed, a slave's plan wants it, or a kept generation holds it.
"""

from __future__ import annotations

import contextlib
import os
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import (
    _durable,
    _generation,
    _pool,
    _repository,
    _seal,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place


@dataclass(frozen=True)
class Kept:
    """Which generations stay; the current one, and the one that it went back to, always do."""

    newest: int = 5  # how many
    pinned: t.Collection[int] = ()  # that slaves are pinned to


def surplus(numbers: t.Sequence[int], current: int, restores: int, kept: Kept) -> list[int]:
    """Return the generations that go, of these numbers (ascending)."""
    stay = {*numbers[-kept.newest :], *kept.pinned, current, restores}
    return [number for number in numbers if number not in stay]


def generations(place: Place, kept: Kept) -> None:
    """Remove the surplus, and from pool and snapshots what none of the others needs."""
    served = os.readlink(place.generation("current"))
    restores = _generation.seal_of(place.generation("current")).restores
    for number in surplus(place.numbers(), int(served), restores, kept):
        _durable.discard(place.generation(number))
    seals = _seals(place.generation(number) for number in place.numbers())
    _pool.prune(place.pool, {path for seal in seals for path in seal.packages})
    _repository.prune(_served_snapshots(place.state), place.state)


def _served_snapshots(state: str) -> set[str]:
    """Return the snapshots that the current generation of any target was made of."""
    folder = os.path.join(state, "generations")
    seals = _seals(os.path.join(folder, target, "current") for target in os.listdir(folder))
    names = {repository.folder(name) for seal in seals for name, repository in seal.repositories.items()}
    return {os.path.join(state, "repos", name) for name in names}


def _seals(folders: t.Iterable[str]) -> list[_seal.Seal]:
    """Return the seals of these generations; one without a good seal needs nothing kept for it."""
    seals = []
    for folder in folders:
        with contextlib.suppress(BinhostError, OSError):
            seals.append(_generation.seal_of(folder))
    return seals
