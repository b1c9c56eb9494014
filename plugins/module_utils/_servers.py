# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask servers in turn for a target's seal, and take one only if it is signed, valid and no step back.

The first server that answers so is used. One that is silent, has nothing, is behind or lies is passed over with a
remark, so that neither a mirror that was off nor one that was broken into keeps a slave from the others.
"""

from __future__ import annotations

import os
import tempfile
import time
import typing as t
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import (
    _fetch,
    _local,
    _openpgp,
    _probe,
    _seal,
    _transport,
    _unfit,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

_LARGEST_SEAL: t.Final = 1 << 26  # bytes; 40,000 packages make 12 MB
_LARGEST_SIGNATURE: t.Final = 1 << 16  # bytes

Kind = t.Literal["silent", "empty", "stale", "wrong"]


@dataclass(frozen=True)
class Trust:
    """Whose signatures count."""

    run: _openpgp.Run
    keys: str  # a file with all trusted public keys, armored


@dataclass(frozen=True)
class Request:
    """What is wanted."""

    place: Place
    sources: Sequence[_transport.Source]
    timeout: float = 5  # seconds per attempt
    allow_older: bool = False
    pinned: int | None = None  # exactly this generation, None for the current one
    trust: Trust | None = None  # None believes whoever answers
    machine: _unfit.Machine | None = None  # whose index lacks what it can't run; None leaves nothing out

    @property
    def wanted(self) -> str:
        """The folder of the generation that is asked for."""
        return str(self.pinned or "current")


@dataclass(frozen=True)
class Offer:
    """What a server has."""

    uri: str  # the server's base
    seal: _seal.Seal
    raw: bytes  # the seal as it was fetched
    signature: bytes = b""

    @property
    def place(self) -> str:
        """The URI of the generation."""
        return f"{self.uri}/{self.seal.target}/{self.seal.number}"


@dataclass(frozen=True)
class Trouble:
    """Why a server was passed over."""

    uri: str
    kind: Kind
    text: str


def unfit(request: Request, seal: _seal.Seal) -> dict[str, _unfit.Reason]:
    """Return PATH to the reason of what is left out of the index."""
    return _unfit.reasons(seal, request.machine) if request.machine else {}


class StaleError(BinhostError):
    """What a server offers was right once."""


def answers(request: Request, here: _local.Here) -> Iterator[Offer | Trouble]:
    """Yield what each server in turn offers, or why nothing of it is to be used."""
    uris = [_transport.base(source.uri) for source in request.sources]
    # One way alone is as well asked at once.
    quiet = _probe.silent(uris, request.place.target) if len(uris) > 1 else {}
    for uri in uris:
        try:
            if uri in quiet:
                raise _fetch.Unanswered(quiet[uri])
            offer = _ask(request, uri)
            _fits(request, here, offer)
        except _fetch.Absent:
            yield Trouble(uri, "empty", _nothing(request, uri))
        except _fetch.Unanswered as exc:
            yield Trouble(uri, "silent", str(exc))
        except StaleError as exc:
            yield Trouble(uri, "stale", str(exc))
        except BinhostError as exc:
            yield Trouble(uri, "wrong", str(exc))
        else:
            yield offer


def _nothing(request: Request, uri: str) -> str:
    target = request.place.target
    return f"no generation {request.pinned} of target {target} at {uri}" if request.pinned else nothing(target, uri)


def nothing(target: str, uri: str) -> str:
    """Return what to say of a server that serves nothing of the target yet."""
    return f"nothing published yet for target {target} at {uri}"


def _ask(request: Request, uri: str) -> Offer:
    """Return what a server offers once its signature is verified.  Raises ``BinhostError`` and what ``_fetch`` does."""
    target = request.place.target
    url = f"{uri}/{target}/{request.wanted}/seal.json"
    raw = _fetch.text(url, timeout=request.timeout, most=_LARGEST_SEAL, state=request.place.state)
    seal = _seal.parse(raw, where=url)
    if seal.target != target:
        raise BinhostError(f"{url}: expected the seal of target {target}, found that of {seal.target}")
    if request.pinned not in (None, seal.number):
        raise BinhostError(f"{url}: expected the seal of generation {request.pinned}, found that of {seal.number}")
    # By number: "current" may become another one between two questions.
    signature = _signature(request, f"{uri}/{target}/{seal.number}/{_seal.SIGNATURE}") if request.trust else b""
    if request.trust:
        _verify(request.trust, url, raw, signature)
    return Offer(uri, seal, raw, signature)


def _signature(request: Request, url: str) -> bytes:
    """Return the seal's signature, which has to be there."""
    try:
        return _fetch.text(url, timeout=request.timeout, most=_LARGEST_SIGNATURE, state=request.place.state)
    except _fetch.Absent:
        raise BinhostError(
            f"{url}: expected the seal's signature, found none: what is not signed is not taken. Run site.yml with the "
            "master on: it signs what it publishes"
        ) from None


def _verify(trust: Trust, url: str, raw: bytes, signature: bytes) -> None:
    """Raise ``BinhostError`` unless one of the trusted keys signed the seal."""
    if not os.path.isfile(trust.keys):
        raise BinhostError(
            f"{trust.keys}: expected the master's public key, found no such file: nothing can be verified. "
            "Run site.yml with the master on, which brings the key"
        )
    with tempfile.TemporaryDirectory(prefix="larry-binhost-seal-") as folder:
        paths = [os.path.join(folder, name) for name in (_seal.NAME, _seal.SIGNATURE)]
        for path, data in zip(paths, (raw, signature)):  # noqa: B905  (Python 3.9)
            with open(path, "wb") as file:
                file.write(data)
        try:
            _openpgp.verify_file(trust.run, paths[0], paths[1], trust.keys)
        except BinhostError as exc:
            raise BinhostError(str(exc).replace(paths[1], f"{url}.asc").replace(paths[0], url)) from None


def _fits(request: Request, here: _local.Here, offer: Offer) -> None:
    """Raise unless the offer may replace what is here."""
    where = f"{offer.uri}/{request.place.target}/{request.wanted}/seal.json"
    number = offer.seal.number
    hint = "if the master was set up anew, slave_allow_older takes it"
    if request.pinned is None:
        least = floor(request, here)
        if least is not None and number < least and not request.allow_older:
            raise StaleError(f"{where}: expected generation {least} or later, found {number}; {hint}")
        late = expired(offer.seal)
        if late:
            raise StaleError(f"{where}: {late}")
    counts = request.trust is None or _local.verified(request.place, number)
    known = _local.sealed(request.place, number) if counts else None
    if known and known != offer.seal and not request.allow_older:
        raise BinhostError(f"{where}: expected generation {number} as it is here, found another one; {hint}")


def floor(request: Request, here: _local.Here) -> int | None:
    """Return the number below which nothing is taken.

    What came unverified, while slave_verify was off, must not keep away what is signed.
    """
    return here.highest if request.trust is None or here.verified else None


def expired(seal: _seal.Seal, now: float | None = None) -> str:
    """Return why a seal is no longer good, with both clocks; empty if it is."""
    now = time.time() if now is None else now
    if seal.left(now) > 0:
        return ""
    return (
        f"expected a seal that is still valid, found that of generation {seal.number} expired: by the master's clock "
        f"it was made {seal.time} and is good until {seal.expires}, by this machine's it is {_seal.utc(now)}. Run "
        "site.yml with the master on, which seals anew; or set the clock that is wrong"
    )
