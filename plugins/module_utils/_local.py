# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a slave has of its target's generations.

::

    STATE/generations/T/41/
        Packages            the master's index with ``URI:`` of the transport that answered, and a TIMESTAMP of its own
        excluded.json       path to the reason of what is left out of that because this machine can't run it
        Packages.sealed     the master's index, if anything is left out
        seal.json           as it was fetched, and the signature that was verified then
        seal.json.asc       empty if it was not
        highest             the highest number that was ever here: what is offered may not be below
        repos/NAME -> ../../../../repos/NAME-REVISION
    STATE/repos/NAME-REVISION/
        .verified           if a seal whose signature was verified named its archive
    STATE/current -> generations/T/41

Portage reads the index as ``file://STATE/current`` and copies it into its cache if its TIMESTAMP is greater than the
cached one's, else it silently goes on with what it has (portage dbapi/bintree.py, _populate_remote).  So every index
that comes to stand there, an older generation or another URI included, gets a TIMESTAMP greater than the one before.
"""

from __future__ import annotations

import json
import os
import typing as t
from dataclasses import asdict, dataclass, field, replace

from ansible_collections.larry.binhost.plugins.module_utils import (
    _durable,
    _files,
    _generation,
    _packages,
    _seal,
    _transport,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._unfit import Reason

_SEALED: t.Final = "Packages.sealed"
_EXCLUDED: t.Final = "excluded.json"


@dataclass(frozen=True)
class Here:
    """What stands here for a target."""

    number: int | None
    seal: _seal.Seal | None
    uri: str | None  # that its index names
    timestamp: int  # of the index that Portage reads now, whichever target's; 0 if there is none
    complete: bool  # whether Portage reads this one, unchanged, with all its repositories
    highest: int | None = None  # the highest number that was ever here, which may have been left for a pinned one
    verified: bool = False  # whether its signature was verified when it came
    excluded: t.Mapping[str, Reason] = field(default_factory=dict)  # what its index lacks


@dataclass(frozen=True)
class Sealed:
    """A generation's seal, as it is to stand here."""

    seal: _seal.Seal
    raw: bytes  # as it was fetched
    signature: bytes  # of these bytes; empty if it was not verified
    highest: int


@dataclass(frozen=True)
class Own:
    """How the master's index has to stand here."""

    uri: str
    timestamp: int
    excluded: t.Mapping[str, Reason]  # PATH to why it is left out


def find(place: Place) -> Here:
    """Return what is here: what Portage reads if it is this target's, else the target's highest number."""
    reads, numbers = reading(place.state), place.numbers()
    ours = reads is not None and reads[0] == place.target and int(reads[1]) in numbers
    number = int(reads[1]) if reads and ours else max(numbers, default=None)
    timestamp = _timestamp(os.path.join(place.state, "current"))
    if number is None:
        return Here(None, None, None, timestamp, complete=False)
    folder, seal = place.generation(number), sealed(place, number)
    highest, signed = _highest(folder, number), verified(place, number)
    broken = Here(number, None, None, timestamp, complete=False, highest=highest, verified=signed)
    try:
        data, excluded = _generation.read(os.path.join(folder, "Packages")), _excluded(folder)
    except (BinhostError, OSError):
        seal = None
    if seal is None:
        return broken
    uri = _transport.from_portage(_header(data).get("URI", "")) or None
    intact = _generation.file_of(sealed_index(folder, seal)) == seal.index and _derived(folder, data, excluded)
    complete = reads == (place.target, str(number)) and intact and _has_repositories(place, seal)
    return replace(broken, seal=seal, uri=uri, complete=complete, excluded=excluded)


def sealed_index(folder: str, seal: _seal.Seal) -> bytes:
    """Return the master's index, of a generation that is here.  Raises ``OSError``."""
    path = os.path.join(folder, _SEALED)
    if os.path.exists(path):
        return _generation.read(path)
    index = _packages.parse(_generation.read(os.path.join(folder, "Packages")))
    master = _packages.with_header(index, {"URI": None, "TIMESTAMP": str(seal.timestamp)})
    return _packages.dump(master).encode("utf-8", "surrogateescape")


def _derived(folder: str, data: bytes, excluded: t.Mapping[str, Reason]) -> bool:
    """Return whether the index is the master's without what is excluded."""
    path = os.path.join(folder, _SEALED)
    if not os.path.exists(path):
        return not excluded
    header = _header(data)
    own = Own(_transport.from_portage(header.get("URI", "")), _number(header), excluded)
    return own_index(_generation.read(path), own) == data


def excluded(folder: str) -> dict[str, Reason]:
    """Return what was left out of the index in a folder; nothing where nobody knows."""
    try:
        return _excluded(folder)
    except (BinhostError, OSError):
        return {}


def _excluded(folder: str) -> dict[str, Reason]:
    """Return what was left out of a generation's index.  Raises ``BinhostError``."""
    path = os.path.join(folder, _EXCLUDED)
    try:
        return {name: Reason(**why) for name, why in json.loads(_files.read(path)).items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as exc:
        raise BinhostError(f"{path}: expected what is left out of the index, found {exc}") from None


def sealed(place: Place, number: int) -> _seal.Seal | None:
    """Return the seal of a generation that is here, ``None`` if there is none that is whole."""
    path = os.path.join(place.generation(number), _seal.NAME)
    try:
        return _seal.parse(_generation.read(path), where=path)
    except (BinhostError, OSError):
        return None


def verified(place: Place, number: int) -> bool:
    """Return whether a generation that is here had its signature verified when it came."""
    path = os.path.join(place.generation(number), _seal.SIGNATURE)
    return os.path.isfile(path) and os.path.getsize(path) > 0


def _highest(folder: str, number: int) -> int:
    """Return the highest number that had ever been here when this generation came; its own if it doesn't say."""
    try:
        text = _generation.read(os.path.join(folder, "highest")).decode("ascii", "replace").strip()
    except OSError:
        return number
    return int(text) if text.isascii() and text.isdigit() else number


def reading(state: str) -> tuple[str, str] | None:
    """Return target and number that ``current`` points to, ``None`` if it is absent or points elsewhere."""
    try:
        parts = os.readlink(os.path.join(state, "current")).split("/")
    except OSError:
        return None
    return (parts[1], parts[2]) if len(parts) == 3 and parts[0] == "generations" and parts[2].isdigit() else None


def own_index(data: bytes, own: Own) -> bytes:
    """Return the master's index as it has to stand here."""
    index = _packages.parse(data)
    changes = {"URI": _transport.for_portage(own.uri), "TIMESTAMP": str(own.timestamp), "TTL": None}
    if own.excluded:
        index = _packages.without(index, own.excluded)
        changes["PACKAGES"] = str(len(index.stanzas))
    return _packages.dump(_packages.with_header(index, changes)).encode("utf-8", "surrogateescape")


def settle(place: Place, what: Sealed, index: bytes, own: Own) -> None:
    """Write a generation whose repositories are here, and let it be what Portage reads; ``index`` is the master's."""
    seal = what.seal
    final = place.generation(seal.number)
    fresh = not os.path.isdir(final)
    folder = _durable.draft(final) if fresh else final
    _files.directory(os.path.join(folder, "repos"))
    for name, repository in seal.repositories.items():
        _files.link(os.path.join(folder, "repos", name), f"../../../../repos/{repository.folder(name)}")
    _write_index(folder, index, own)
    _durable.write(os.path.join(folder, "highest"), f"{what.highest}\n".encode("ascii"))
    _durable.write(os.path.join(folder, _seal.SIGNATURE), what.signature)
    _durable.write(os.path.join(folder, _seal.NAME), what.raw)  # last: it is what says that the rest is there
    if fresh:
        _durable.finish(folder, final)
    _files.link(os.path.join(place.state, "current"), f"generations/{place.target}/{seal.number}")


def _write_index(folder: str, index: bytes, own: Own) -> None:
    """Write the index and what it was made from."""
    reasons = {path: asdict(why) for path, why in own.excluded.items()}
    _durable.write(os.path.join(folder, "Packages"), own_index(index, own))
    for name, data, needed in (
        (_SEALED, index, own.excluded),
        (_EXCLUDED, (json.dumps(reasons, indent=1) + "\n").encode(), own.excluded),
    ):
        if needed:
            _durable.write(os.path.join(folder, name), data)
        else:
            _files.remove(os.path.join(folder, name))


def clean(place: Place) -> None:
    """Remove what a crash left unfinished."""
    for folder in (place.folder, os.path.join(place.state, "repos")):
        for leftover in _durable.drafts(folder):
            _durable.remove(leftover)


def prune(state: str, keep: t.Container[tuple[str, str] | None]) -> None:
    """Remove all generations but these (target, number), and the repositories that none of these needs."""
    root = os.path.join(state, "generations")
    used: set[str] = set()
    for target in os.listdir(root):
        for number in os.listdir(os.path.join(root, target)):
            folder = os.path.join(root, target, number)
            if (target, number) in keep:
                used.update(_repositories(folder))
            else:
                _durable.discard(folder)
        if not os.listdir(os.path.join(root, target)):
            os.rmdir(os.path.join(root, target))
    store = os.path.join(state, "repos")
    for name in os.listdir(store) if os.path.isdir(store) else []:
        if name not in used:
            _durable.discard(os.path.join(store, name))


def _repositories(folder: str) -> set[str]:
    """Return the snapshots that a generation's links name."""
    links = os.path.join(folder, "repos")
    return {os.path.basename(os.readlink(os.path.join(links, name))) for name in os.listdir(links)}


def _timestamp(folder: str) -> int:
    """Return the TIMESTAMP of the index in a folder, 0 if there is none."""
    try:
        return _number(_header(_generation.read(os.path.join(folder, "Packages"))))
    except OSError:
        return 0


def _header(data: bytes) -> dict[str, str]:
    """Return the header of an index."""
    return _packages.parse(data.partition(b"\n\n")[0]).header.values()


def _number(header: t.Mapping[str, str]) -> int:
    stamp = header.get("TIMESTAMP", "")
    return int(stamp) if stamp.isascii() and stamp.isdigit() else 0


def _has_repositories(place: Place, seal: _seal.Seal) -> bool:
    """Return whether every repository's link leads to its snapshot."""
    links = os.path.join(place.generation(seal.number), "repos")
    store = os.path.join(place.state, "repos")
    return all(
        os.path.realpath(os.path.join(links, name)) == os.path.realpath(os.path.join(store, repository.folder(name)))
        and os.path.isdir(os.path.join(links, name))
        for name, repository in seal.repositories.items()
    )
