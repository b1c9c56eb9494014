# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a root to what its worlds want, over circles of dependencies and major upgrades."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from ansible_collections.larry.binhost.plugins.module_utils import (
    _cycle,
    _fresh,
    _isolate,
    _major,
    _root_world,
    _say,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._merge_world import FailedError, Options, Place
from ansible_collections.larry.binhost.plugins.module_utils._target import Result

_ANEW: t.Final[Options] = {"emptytree": True, "usepkg": True}
#: In what Portage says of slot conflicts and of blockers.
_CONFLICT: t.Final = " pulled in by"


def bring(
    place: Place,
    options: Options,
    result: Result,
    *,
    anew: bool,
    before: t.Collection[str] = (),
    said: str | None = None,
) -> list[str]:
    """Build what is pending and return what was compiled; tell the result of circles, major upgrades and a new root.

    ``anew``: nothing was built here before; ``before``: the slaves that were apart at the last build; ``said``: what
    emerge says that it would do, where it was asked. Raises ``FailedError`` if not all is built, ``UnresolvedError`` if
    Portage finds no way.
    """
    if not anew and _is_in_the_way(place, result, before):
        words = f"{', '.join(result.apart)}: what is installed in {place.root} keeps their worlds out of it"
        _fresh.keep(place, ["fresh-root"])
        try:
            return _anew(place, result, words, apart=len(result.apart) - 1)
        except BinhostError as exc:
            _say.tell(_fresh.explained(words, exc))
            said = None  # of that there may be more packages now
    circles = _cycle.opened(place, options, said)
    result.cycles = circles.told
    if not anew:
        upgrades = _major.upgrades(circles.merges, circles.said)
        result.major = [asdict(each) for each in upgrades]
        for each in upgrades:
            _say.tell(str(each))
        if upgrades:
            _fresh.keep(place, [each.cpv.partition("/")[2] for each in upgrades])
    try:
        built = circles.built + _isolate.bring(place, circles.options(options), merges=circles.merges)
    except FailedError as exc:
        exc.outcome.source[:0] = circles.built
        return _instead(place, result, exc)
    _cycle.prove(place, circles)
    return built


def _instead(place: Place, result: Result, failed: FailedError) -> list[str]:
    """Return what was compiled in all, after a new root took over; else raise the failure."""
    touched = [cpv for each in result.major for cpv in (each["package"], *each["rebuilds"])]
    outcome = failed.outcome
    broken = [*outcome.failed, *(each.cpv for each in outcome.dropped)]
    if not _fresh.concerned(broken, touched) or not _fresh.possible(place.target):
        raise failed
    try:
        return [*outcome.source, *_anew(place, result, str(failed), apart=len(result.apart))]
    except BinhostError as exc:
        raise FailedError(_fresh.explained(str(failed), exc), outcome) from None


def _anew(place: Place, result: Result, why: str, *, apart: int) -> list[str]:
    """Build everything in a root made of the stage, which then takes over; at most so many slaves may be apart there.

    Raises ``BinhostError``.
    """
    _say.tell(f"a root made of the stage is to take the place of {place.root}: {why}")

    def work(there: Place) -> tuple[list[str], dict[str, str], list[dict[str, t.Any]]]:
        out, said = _root_world.settle(there, _ANEW, result.unsatisfiable, ())
        if len(out) > apart:
            raise BinhostError(f"{there.root}: expected at most {apart} slaves apart, found {', '.join(out)}")
        circles = _cycle.opened(there, _ANEW, said)
        built = circles.built + _isolate.bring(there, circles.options(_ANEW), merges=circles.merges)
        _cycle.prove(there, circles)
        return built, out, circles.told

    built, result.apart, told = _fresh.take_over(place, work)
    result.cycles = [*result.cycles, *(each for each in told if each not in result.cycles)]
    result.fresh = why
    return built


def _is_in_the_way(place: Place, result: Result, before: t.Collection[str]) -> bool:
    """Return whether no slave's world is left in the root, since now, because of what can be old installed packages."""
    if not result.apart or set(result.apart) <= set(before) or len(result.apart) < len(place.target.variants):
        return False
    return all(_CONFLICT in words for words in result.apart.values()) and _fresh.possible(place.target)
