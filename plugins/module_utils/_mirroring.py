# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All targets of a mirror: what there is to do, and the job that does it.  One target's trouble stops no other."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _mirror, _mirror_link
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._mirror_link import Source
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._process import Run

JOB: t.Final = "mirror"
_PROGRESS = re.compile(r"\s*([0-9.,]+[KMGTP]?)\s+(\d+)%\s+(\S+/s)")


@dataclass(frozen=True)
class State:
    """How a target is here."""

    number: int | None  # that is served
    wanted: int | None = None  # the master's
    fetched: Sequence[int] = ()  # generations that came, or are to come
    removed: Sequence[int] = ()  # generations that went, or are to go
    problem: str = ""  # what is wrong
    message: str = ""  # why nothing came although nothing is wrong

    @property
    def changed(self) -> bool:
        """Whether anything is, or was, to do."""
        return bool(self.fetched or self.removed or (self.wanted is not None and self.wanted != self.number))


def look(
    run: Run, targets: Mapping[str, Source], *, state: str, allow_older: bool = False
) -> tuple[dict[str, State], dict[str, _mirror.Wish]]:
    """Return how each target is here, and what is to do for those whose master tells; each master is asked once."""
    states: dict[str, State] = {}
    wishes: dict[str, _mirror.Wish] = {}
    asked: dict[Source, dict[str, t.Any] | BinhostError] = {}
    for name, source in sorted(targets.items()):
        place = Place(name, state)
        here = _mirror.current(place)
        try:
            if source not in asked:
                asked[source] = _asked(run, source)
            wishes[name] = wish = _mirror.wish(place, _raised(asked[source]).get(name), allow_older=allow_older)
            states[name] = State(here, wish.current, wish.missing, wish.gone)
        except (_mirror_link.SilentError, _mirror.NothingError) as exc:
            states[name] = State(here, message=str(exc))
        except (BinhostError, OSError) as exc:
            states[name] = State(here, problem=str(exc))
    return states, wishes


def _asked(run: Run, source: Source) -> dict[str, t.Any] | BinhostError:
    try:
        return _mirror_link.offers(run, source)
    except BinhostError as exc:
        return exc


def _raised(answer: dict[str, t.Any] | BinhostError) -> dict[str, t.Any]:
    if isinstance(answer, BinhostError):
        raise answer
    return answer


def work(run: Run, parameters: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Bring all targets into step, as a job; return what the module tells of each."""
    targets = {name: Source(**source) for name, source in parameters["targets"].items()}
    states, wishes = look(run, targets, state=parameters["state"], allow_older=parameters["allow_older"])
    for name, wish in wishes.items():
        states[name] = _replicated(run, targets[name], wish)
    changed = any(state.fetched or state.removed for state in states.values())
    return {"changed": changed, "targets": {name: asdict(state) for name, state in states.items()}}


def _replicated(run: Run, source: Source, wish: _mirror.Wish) -> State:
    if not wish.changed:
        return State(wish.current, wish.current)
    try:
        done = _mirror.replicate(run, source, wish)
    except _mirror_link.SilentError as exc:
        return State(_mirror.current(wish.place), wish.current, message=str(exc))
    except (BinhostError, OSError) as exc:
        return State(_mirror.current(wish.place), wish.current, problem=str(exc))
    return State(done.number, wish.current, done.fetched, done.removed)


def doing(line: str) -> str | None:
    """Return what rsync's line of progress says, in a few words."""
    found = _PROGRESS.match(line)
    return f"{found[2]}% of a generation, at {found[3]}" if found else None


def diff(states: Mapping[str, State]) -> dict[str, str]:
    """Return what is served before and after, for a person."""
    before = "".join(f"{name}: {_number(state.number)}\n" for name, state in states.items())
    after = "".join(f"{name}: {_number(state.wanted or state.number)}\n" for name, state in states.items())
    return {"before": before, "after": after}


def _number(number: int | None) -> str:
    return f"generation {number}" if number else "no generation"
