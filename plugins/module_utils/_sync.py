# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a slave at its target's newest generation: ask for the seal, compare, and bring what it names (see _bring)."""

from __future__ import annotations

import contextlib
import os
import typing as t
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import (
    _bring,
    _fetch,
    _local,
    _lock,
    _seal,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

_LARGEST_SEAL: t.Final = 1 << 26  # bytes; 40,000 packages make 12 MB
_PATIENCE: t.Final = 60  # seconds to wait for another synchronisation


@dataclass(frozen=True)
class Answer:
    """What asking the servers brought."""

    uri: str | None = None  # the first that answered
    offer: _bring.Offer | None = None
    message: str = ""  # why there is no offer


@dataclass(frozen=True)
class Request:
    """What is wanted."""

    place: Place
    uris: t.Sequence[str]
    timeout: float = 5  # seconds per attempt
    allow_older: bool = False


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
    _refuse_master(request.place.state)
    here = _local.find(request.place)
    answer = ask(request)
    offer = answer.offer
    if offer is None or _settled(request, here, offer):
        return Result(here, answer, here.number, here.timestamp)
    return Result(here, answer, offer.seal.number, here.timestamp, changed=True)


def run(request: Request) -> Result:
    """Bring the newest generation here if it isn't.

    No answer from any server is no error.  Raises ``BinhostError`` for wrong content, a number lower than what is
    here, or another generation of the same number; what is here then stays.
    """
    with _lock.held("sync", state=request.place.state, wait=_PATIENCE):
        wanted = check(request)
        if not wanted.changed or wanted.answer.offer is None:
            return wanted
        try:
            with _cleaning(request.place):
                timestamp = _bring.bring(request.place, wanted.here, wanted.answer.offer, timeout=request.timeout)
        except _fetch.Unanswered as exc:
            return Result(wanted.here, Answer(message=str(exc)), wanted.here.number, wanted.here.timestamp)
        return Result(wanted.here, wanted.answer, wanted.number, timestamp, changed=True)


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
    except BinhostError:
        _local.clean(place)
        raise


def ask(request: Request) -> Answer:
    """Return the seal of the first server that answers.  Raises ``BinhostError`` for an answer that is no seal."""
    silent = []
    for uri in map(_fetch.base, request.uris):
        url = f"{uri}/{request.place.target}/current/seal.json"
        try:
            raw = _fetch.text(url, timeout=request.timeout, most=_LARGEST_SEAL)
        except _fetch.Absent:
            return Answer(uri, message=f"nothing published yet for target {request.place.target} at {uri}")
        except _fetch.Unanswered as exc:
            silent.append(str(exc))
            continue
        return Answer(uri, _bring.Offer(uri, _offered(raw, url, request.place.target), raw))
    return Answer(message="; ".join(silent) or "no server to ask")


def _offered(raw: bytes, url: str, target: str) -> _seal.Seal:
    """Return the seal if it is the target's."""
    seal = _seal.parse(raw, where=url)
    if seal.target != target:
        raise BinhostError(f"{url}: expected the seal of target {target}, found that of {seal.target}")
    return seal


def _settled(request: Request, here: _local.Here, offer: _bring.Offer) -> bool:
    """Return whether the offer is what is here already; raises if it must not replace it."""
    same = here.seal == offer.seal
    if here.number is not None and not request.allow_older:
        where = f"{offer.uri}/{request.place.target}/current/seal.json"
        number = offer.seal.number
        hint = "if the master was set up anew, 'allow_older' takes it"
        if number < here.number:
            raise BinhostError(f"{where}: expected generation {here.number} or later, found {number}; {hint}")
        if number == here.number and here.seal and not same:
            raise BinhostError(f"{where}: expected generation {here.number} as it is here, found another one; {hint}")
    return same and here.complete and here.uri == offer.place


def _refuse_master(state: str) -> None:
    """Raise on a machine that publishes: its generations and snapshots are not ours to clean up."""
    root = os.path.join(state, "generations")
    for target in sorted(os.listdir(root)) if os.path.isdir(root) else []:
        if os.path.islink(os.path.join(root, target, "current")):
            raise BinhostError(f"{root}/{target}: expected a slave, found a master that publishes {target}")


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
