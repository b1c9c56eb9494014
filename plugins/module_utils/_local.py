# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a slave has of its target's generations.

::

    STATE/generations/T/41/
        Packages            the master's index with ``URI:`` of the transport that answered, and a TIMESTAMP of its own
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

import os
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.larry.binhost.plugins.module_utils import _durable, _files, _generation, _packages, _seal
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place


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


@dataclass(frozen=True)
class Sealed:
    """A generation's seal, as it is to stand here."""

    seal: _seal.Seal
    raw: bytes  # as it was fetched
    signature: bytes  # of these bytes; empty if it was not verified
    highest: int


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
        index = _packages.parse(_text(folder))
    except (BinhostError, OSError):
        seal = None
    if seal is None:
        return broken
    complete = reads == (place.target, str(number)) and _intact(index, seal) and _has_repositories(place, seal)
    return replace(broken, seal=seal, uri=index.header.values().get("URI"), complete=complete)


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


def own_index(data: bytes, *, uri: str, timestamp: int) -> bytes:
    """Return the master's index as it has to stand here."""
    index = _packages.parse(data.decode("utf-8", "surrogateescape"))
    changes = {"URI": uri, "TIMESTAMP": str(timestamp), "TTL": None}
    return _packages.dump(_packages.with_header(index, changes)).encode("utf-8", "surrogateescape")


def settle(place: Place, what: Sealed, index: bytes) -> None:
    """Write a generation whose repositories are here, and let it be what Portage reads."""
    seal = what.seal
    final = place.generation(seal.number)
    fresh = not os.path.isdir(final)
    folder = _durable.draft(final) if fresh else final
    _files.directory(os.path.join(folder, "repos"))
    for name, repository in seal.repositories.items():
        _files.link(os.path.join(folder, "repos", name), f"../../../../repos/{repository.folder(name)}")
    _durable.write(os.path.join(folder, "Packages"), index)
    _durable.write(os.path.join(folder, "highest"), f"{what.highest}\n".encode("ascii"))
    _durable.write(os.path.join(folder, _seal.SIGNATURE), what.signature)
    _durable.write(os.path.join(folder, _seal.NAME), what.raw)  # last: it is what says that the rest is there
    if fresh:
        _durable.finish(folder, final)
    _files.link(os.path.join(place.state, "current"), f"generations/{place.target}/{seal.number}")


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


def _text(folder: str) -> str:
    """Return the index in a folder.  Raises ``OSError``."""
    return _generation.read(os.path.join(folder, "Packages")).decode("utf-8", "surrogateescape")


def _timestamp(folder: str) -> int:
    """Return the TIMESTAMP of the index in a folder, 0 if there is none."""
    try:
        header = _text(folder).partition("\n\n")[0]
    except OSError:
        return 0
    stamp = _packages.parse(header).header.values().get("TIMESTAMP", "")
    return int(stamp) if stamp.isascii() and stamp.isdigit() else 0


def _intact(index: _packages.Index, seal: _seal.Seal) -> bool:
    """Return whether the index is, but for what ``own_index`` changes, the one that the seal names."""
    master = _packages.with_header(index, {"URI": None, "TIMESTAMP": str(seal.timestamp)})
    return _generation.file_of(_packages.dump(master).encode("utf-8", "surrogateescape")) == seal.index


def _has_repositories(place: Place, seal: _seal.Seal) -> bool:
    """Return whether every repository's link leads to its snapshot."""
    links = os.path.join(place.generation(seal.number), "repos")
    store = os.path.join(place.state, "repos")
    return all(
        os.path.realpath(os.path.join(links, name)) == os.path.realpath(os.path.join(store, repository.folder(name)))
        and os.path.isdir(os.path.join(links, name))
        for name, repository in seal.repositories.items()
    )
