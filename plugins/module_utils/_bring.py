# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetch what a seal names, check it against the seal, and let Portage read it.

What is here stays in use until all of the new one stands beside it.
"""

from __future__ import annotations

import contextlib
import os
import time
import types
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _archive,
    _durable,
    _fetch,
    _files,
    _generation,
    _local,
    _packages,
    _seal,
    _unfit,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._servers import Offer

_VERIFIED: t.Final = ".verified"  # in a repository


def bring(place: Place, here: _local.Here, offer: Offer, *, timeout: float) -> bytes:
    """Fetch and check what the offer names; return its index. Nothing of it is in use yet."""
    _local.clean(place)
    if here.complete and here.seal == offer.seal:
        index = _local.sealed_index(place.generation(offer.seal.number), offer.seal)
    else:
        index = _fetch_index(place, offer, timeout)
    for name in sorted(offer.seal.repositories):
        _fetch_repository(place, offer, name, timeout)
    _fetch_record(place, offer, timeout)
    return index


def install(
    place: Place,
    here: _local.Here,
    offer: Offer,
    index: bytes,
    *,
    highest: int,
    excluded: t.Mapping[str, _unfit.Reason] = types.MappingProxyType({}),
) -> int:
    """Let Portage read what was brought; return the TIMESTAMP of the index as it stands here.

    ``highest`` is the number that no later offer may be below, ``excluded`` what Portage isn't to see.
    """
    before = _local.reading(place.state)
    timestamp = max(offer.seal.timestamp, here.timestamp + 1, int(time.time()))
    sealed = _local.Sealed(offer.seal, offer.raw, offer.signature, highest)
    _local.settle(place, sealed, index, _local.Own(offer.place, timestamp, excluded))
    with contextlib.suppress(FileNotFoundError):
        os.chmod(_record(place), _durable.FILE_MODE)
        os.replace(_record(place), os.path.join(place.generation(offer.seal.number), _seal.RECORD))
    now = (place.target, str(offer.seal.number))
    if before != now:  # else the one before this is what a running emerge may have begun with
        _local.prune(place.state, {before, now})
    return timestamp


def _fetch_index(place: Place, offer: Offer, timeout: float) -> bytes:
    """Return the master's index, which is the sealed one and all of which Portage will read."""
    url, wanted = f"{offer.place}/Packages", offer.seal.index
    path = os.path.join(place.folder, f"{_durable.DRAFT}Packages")
    _files.directory(place.folder)
    _fetch.save(url, path, sha512=wanted.sha512, size=wanted.size, timeout=timeout, state=place.state)
    data = _generation.read(path)
    _durable.remove(path)
    problems = _packages.parse(data.decode("utf-8", "surrogateescape")).problems
    if problems:
        raise BinhostError(f"{url}: {'; '.join(map(str, problems[:5]))}")
    return data


def _fetch_record(place: Place, offer: Offer, timeout: float) -> None:
    """Bring what the generation was made from, which says how long its packages took; it comes without, too."""
    wanted, url, path = offer.seal.record, f"{offer.place}/{_seal.RECORD}", _record(place)
    if wanted is None:
        return
    try:
        _fetch.save(url, path, sha512=wanted.sha512, size=wanted.size, timeout=timeout, state=place.state)
    except BinhostError:
        _durable.remove(path)


def _record(place: Place) -> str:
    return os.path.join(place.folder, f"{_durable.DRAFT}{_seal.RECORD}")


def _fetch_repository(place: Place, offer: Offer, name: str, timeout: float) -> None:
    """Bring one ebuild repository unless it is here at that revision, verified if the offer is.

    A revision is only a name: who was believed unverified may have given it to other content.
    """
    repository = offer.seal.repositories[name]
    path = os.path.join(place.state, "repos", repository.folder(name))
    if os.path.isdir(path) and (not offer.signature or os.path.isfile(os.path.join(path, _VERIFIED))):
        return
    _files.directory(os.path.dirname(path))
    archive = _durable.draft(path) + _archive.SUFFIX
    url = f"{offer.place}/{repository.archive}"
    _fetch.save(url, archive, sha512=repository.sha512, size=repository.size, timeout=timeout, state=place.state)
    _archive.unpack(archive, _durable.draft(path))
    mark = os.path.join(_durable.draft(path), _VERIFIED)
    _durable.remove(mark)  # an archive can't say so itself
    if offer.signature:
        _durable.write(mark, b"", sync=False)
    if os.path.isdir(path):
        _durable.discard(path)
    _durable.finish(_durable.draft(path), path)
    _durable.remove(archive)
