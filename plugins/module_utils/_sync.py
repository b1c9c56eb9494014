# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a slave at its target's newest generation: ask for the seal, compare, and bring what it names (see _bring)."""

from __future__ import annotations

import contextlib
import os
import typing as t
from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import (
    _bring,
    _fetch,
    _generation,
    _local,
    _lock,
    _seal,
    _servers,
    _unfit,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._servers import Offer, Request, Trouble

PATIENCE: t.Final = 60  # seconds to wait for another synchronisation


@dataclass(frozen=True)
class Answer:
    """What asking the servers brought."""

    uri: str | None = None  # the first that answered with anything usable
    offer: Offer | None = None
    message: str = ""  # why there is no offer
    remarks: Sequence[str] = ()  # what a person should know although all is well: who was passed over, and why


@dataclass(frozen=True)
class Result:
    """What was, or in check mode would be, brought about."""

    here: _local.Here  # before
    answer: Answer
    number: int | None
    timestamp: int
    changed: bool = field(default=False)


def check(request: Request) -> Result:
    """Return what ``run`` would do; only seals are fetched and nothing is written."""
    return _first(request, lambda _here, _offer: None)


def run(request: Request, *, wait: float = PATIENCE) -> Result:
    """Bring the wanted generation here if it isn't, from the first server that has it as it must be.

    No answer from any server is no error.  Raises ``BinhostError`` if what they answer is wrong, a number lower than
    what was here, or another generation of the same number; what is here then stays.
    """
    with _lock.held("sync", state=request.place.state, wait=wait):
        return _first(request, lambda here, offer: _install(request, here, offer))


_Act = t.Callable[[_local.Here, Offer], t.Optional[int]]


def _first(request: Request, act: _Act) -> Result:
    """Go through the servers until one's offer is here or was acted on; ``act`` returns the new index's TIMESTAMP."""
    _refuse_master(request.place.state)
    here = _local.find(request.place)
    passed: list[Trouble] = []
    for answer in _servers.answers(request, here):
        if isinstance(answer, Trouble):
            passed.append(answer)
            continue
        found = Answer(answer.uri, answer, remarks=(*_texts(passed), *_remarks(request, answer)))
        if _settled(request, here, answer):
            return Result(here, found, here.number, here.timestamp)
        try:
            timestamp = act(here, answer)
        except _TroubleError as exc:
            passed.append(exc.trouble)
            continue
        return Result(here, found, answer.seal.number, timestamp or here.timestamp, changed=True)
    return _alone(request, here, _nobody(request, here, passed), act)


def _alone(request: Request, here: _local.Here, answer: Answer, act: _Act) -> Result:
    """Let what is here be right for this machine, whose kernel may be another now, though nobody has anything newer."""
    known = _offer(request.place, here) if here.seal and here.complete and here.uri else None
    if known is None or here.excluded == _servers.unfit(request, known.seal):
        return Result(here, answer, here.number, here.timestamp)
    timestamp = act(here, known)
    return Result(here, answer, here.number, timestamp or here.timestamp, changed=True)


def _offer(place: Place, here: _local.Here) -> Offer | None:
    """Return what is here as what was offered then."""
    folder = place.generation(str(here.number))
    base = str(here.uri).rpartition(f"/{place.target}/")[0]
    raw, signature = (_generation.read(os.path.join(folder, name)) for name in (_seal.NAME, _seal.SIGNATURE))
    return Offer(base, here.seal, raw, signature) if here.seal else None


class _TroubleError(Exception):
    """A server whose seal was right could not bring what it names."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.text)
        self.trouble = trouble


def _install(request: Request, here: _local.Here, offer: Offer) -> int:
    """Bring an offer and let Portage read it; return the index's TIMESTAMP.  Raises ``_TroubleError``."""
    least = 0 if request.allow_older else _servers.floor(request, here) or 0
    highest = max(least, offer.seal.number)
    with _cleaning(request.place):
        try:
            index = _bring.bring(request.place, here, offer, timeout=request.timeout)
        except _fetch.Unanswered as exc:
            raise _TroubleError(Trouble(offer.uri, "silent", str(exc))) from exc
        except BinhostError as exc:
            raise _TroubleError(Trouble(offer.uri, "wrong", str(exc))) from exc
        excluded = _servers.unfit(request, offer.seal)
        return _bring.install(request.place, here, offer, index, highest=highest, excluded=excluded)


@contextlib.contextmanager
def _cleaning(place: Place) -> t.Iterator[None]:
    """Leave nothing unfinished behind, above all where the disk is full; a kill leaves it to the next run."""
    try:
        yield
    except OSError as exc:
        _local.clean(place)
        raise BinhostError(
            f"{place.folder}: expected to store a generation, found: {exc}; what was here stays"
        ) from exc
    except (BinhostError, _TroubleError):
        _local.clean(place)
        raise


def _nobody(request: Request, here: _local.Here, passed: Sequence[Trouble]) -> Answer:
    """Return the answer if no server had anything to use.

    Raises ``BinhostError`` unless that can be because some are off: a mirror that lags is no fault while the master,
    which has newer, is silent.
    """
    kinds = {trouble.kind for trouble in passed}
    message = "; ".join(trouble.text for trouble in passed) or "no server to ask"
    if "wrong" in kinds or ("stale" in kinds and "silent" not in kinds):
        raise BinhostError(f"{message}. What is here stays in use: {_here(here)}")
    there = next((trouble.uri for trouble in passed if trouble.kind == "empty"), None)
    if there and request.pinned and here.number != request.pinned and "silent" not in kinds:
        raise BinhostError(
            f"slave_pinned_generation: expected a generation that is served, found {message}. What is here stays in "
            f"use: {_here(here)}. playbooks/generations.yml tells which there are"
        )
    return Answer(there, message=message)


def _here(here: _local.Here) -> str:
    return f"generation {here.number}" if here.number else "nothing yet"


def _texts(passed: Sequence[Trouble]) -> list[str]:
    """Return a sentence for each server that was passed over."""
    words = {"silent": "does not answer", "empty": "has nothing", "stale": "is behind", "wrong": "answers wrongly"}
    return [f"{trouble.uri} {words[trouble.kind]} and was passed over: {trouble.text}" for trouble in passed]


def _remarks(request: Request, offer: Offer) -> list[str]:
    """Return what is unusual about an offer that is taken."""
    found = []
    if request.pinned:
        late = _servers.expired(offer.seal)
        found.append(
            f"pinned to generation {request.pinned} (slave_pinned_generation): newer ones are not looked for"
            + (f"; its seal expired {offer.seal.expires}" if late else "")
        )
    if request.trust is None:
        found.append(f"nothing is verified (slave_verify: false): whoever answers at {offer.uri} is believed")
    return found


def _settled(request: Request, here: _local.Here, offer: Offer) -> bool:
    """Return whether the offer is what is here already, verified if it is to be."""
    believed = here.verified or request.trust is None
    same = here.seal == offer.seal and here.complete and here.uri == offer.place and believed
    return same and here.excluded == _servers.unfit(request, offer.seal)


def _refuse_master(state: str) -> None:
    """Raise on a machine that publishes: its generations and snapshots are not ours to clean up."""
    root = os.path.join(state, "generations")
    for target in sorted(os.listdir(root)) if os.path.isdir(root) else []:
        if os.path.islink(os.path.join(root, target, "current")):
            raise BinhostError(f"{root}/{target}: expected a slave, found a master that publishes {target}")


def excluded(request: Request, result: Result) -> t.Mapping[str, _unfit.Reason]:
    """Return PATH to the reason of what the index lacks afterwards."""
    if not result.changed:
        return result.here.excluded
    offer = result.answer.offer
    seal = offer.seal if offer else result.here.seal
    return _servers.unfit(request, seal) if seal else {}


def describe(result: Result) -> tuple[str, str]:
    """Return before and after as text, for a diff."""
    here, offer = result.here, result.answer.offer
    before = _text(here.number, here.uri, here.seal)
    return before, _text(result.number, offer.place, offer.seal) if offer and result.changed else before


def revisions(result: Result) -> dict[str, str]:
    """Return repository to revision, as they are afterwards."""
    seal = result.answer.offer.seal if result.answer.offer and result.changed else result.here.seal
    return seal.revisions() if seal else {}


def _text(number: int | None, uri: str | None, seal: _seal.Seal | None) -> str:
    """Return one state in lines."""
    lines = [f"generation {number} from {uri}" if number else "no generation"]
    lines += [f"repository {name} {revision[:12]}" for name, revision in (seal.revisions() if seal else {}).items()]
    return "".join(line + "\n" for line in lines)
