# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publish what was built for a target, so that a crash at any moment leaves what is served as it was.

Portage's client wants every TIMESTAMP at least 6 s newer than the last (its portage.util adds 5 to If-Modified-Since),
and over HTTP it looks at the mtime of Packages and Packages.gz instead.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import time
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _archive,
    _durable,
    _files,
    _generation,
    _lock,
    _packages,
    _pool,
    _repository,
    _seal,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

TIMESTAMP_STEP: t.Final = 6  # seconds
_PATIENCE: t.Final = 60  # seconds to wait for another publication of the same target


def publish(
    place: Place,
    repositories: t.Mapping[str, str] | None = None,
    *,
    keep: int = 5,
    withhold: t.Container[str] = (),
) -> _generation.Plan:
    """Bring about what ``plan`` says, as the only one that does; returns the plan.

    ``keep`` generations are left; ``withhold`` as for ``plan``.  Raises ``BinhostError``, with what is
    served untouched, if anything isn't as the index says.
    """
    with _lock.held(f"generation-{place.target}", state=place.state, wait=_PATIENCE):
        wanted = _generation.plan(place, repositories, withhold=withhold)
        if wanted.index is None:
            raise BinhostError(f"{place.pkgdir}/Packages: expected the index of a build, found none; build first")
        if not wanted.repositories:
            raise BinhostError(f"{place.state}/repos: expected a snapshot of an ebuild repository, found none")
        if wanted.changed:
            with _cleaning(place):
                _make(place, wanted, wanted.index)
            _prune(place, keep)
        return wanted


@contextlib.contextmanager
def _cleaning(place: Place) -> t.Iterator[None]:
    """Leave nothing unfinished behind, above all where the disk is full; a kill leaves it to the next publication."""
    try:
        yield
    except OSError as exc:
        _clean(place)
        raise BinhostError(f"{place.folder}: expected to publish, found: {exc}; what is served is unchanged") from exc
    except BinhostError:
        _clean(place)
        raise


def _clean(place: Place) -> None:
    """Remove what was never finished."""
    for leftover in _durable.drafts(place.folder):
        _durable.remove(leftover)


def _make(place: Place, wanted: _generation.Plan, index: _packages.Index) -> None:
    """Make the generation beside the others, look at it, and only then let it be the current one."""
    _clean(place)
    files = _pool.admit(place.pool, place.pkgdir, wanted.packages.values(), _known(wanted))
    final = place.generation(wanted.number)
    draft = _durable.draft(final)
    _files.directory(draft)
    for path in files:
        _durable.link(os.path.join(place.pool, path), os.path.join(draft, path))
    timestamp = max(int(time.time()), _last_timestamp(place) + TIMESTAMP_STEP)
    now = time.time()
    seal = _seal.Seal(
        target=place.target,
        number=wanted.number,
        time=_seal.utc(now),
        expires=_seal.utc(now + 90 * 86400),
        timestamp=timestamp,
        key="",
        restores=0,
        index=_write_index(draft, index, timestamp),
        repositories=_carry_repositories(place, wanted, draft),
        packages=files,
    )
    _durable.write(os.path.join(draft, "seal.json"), _seal.dump(seal))
    _generation.check(draft)
    _durable.finish(draft, final)
    _files.link(place.generation("current"), str(wanted.number))


def _known(wanted: _generation.Plan) -> dict[str, _seal.Package]:
    """Return the files that the current generation was found to hold for the very same entries."""
    if wanted.current is None:
        return {}
    new = set(wanted.added())
    return {path: file for path, file in wanted.current.seal.packages.items() if path not in new}


def _last_timestamp(place: Place) -> int:
    """Return the newest TIMESTAMP of any generation, 0 if there is none; it is the mtime of its index."""
    stamps = [0]
    for number in place.numbers():
        with contextlib.suppress(OSError):
            stamps.append(int(os.stat(os.path.join(place.generation(number), "Packages")).st_mtime))
    return max(stamps)


def _write_index(folder: str, index: _packages.Index, timestamp: int) -> _seal.File:
    """Write Packages and Packages.gz; return what Packages is."""
    header = {"DOWNLOAD_TIMESTAMP": None, "URI": None, "TTL": None, "TIMESTAMP": str(timestamp)}
    own = _packages.with_header(index, {**header, "PACKAGES": str(len(index.stanzas))})
    data = _packages.dump(own).encode("utf-8", "surrogateescape")
    _durable.write(os.path.join(folder, "Packages"), data, mtime=timestamp)
    _durable.write(os.path.join(folder, "Packages.gz"), gzip.compress(data, mtime=timestamp), mtime=timestamp)
    return _generation.file_of(data)


def _carry_repositories(place: Place, wanted: _generation.Plan, folder: str) -> dict[str, _seal.Repository]:
    """Put an archive of every repository into the generation; return what they are."""
    _files.directory(os.path.join(folder, "repos"))
    return {name: _carry(place, wanted, name, folder) for name in sorted(wanted.repositories)}


def _carry(place: Place, wanted: _generation.Plan, name: str, folder: str) -> _seal.Repository:
    """Link the current generation's archive where it is of the same revision, else make a new one."""
    revision = wanted.revisions()[name]
    previous = wanted.current.seal.repositories.get(name) if wanted.current else None
    if wanted.current and previous and previous.revision[:12] == revision:
        old = os.path.join(place.generation(wanted.current.seal.number), previous.archive)
        _durable.link(old, os.path.join(folder, previous.archive))
        return previous
    archive = f"repos/{name}{_archive.SUFFIX}"
    path = os.path.join(folder, archive)
    _archive.pack(wanted.repositories[name], path)
    return _seal.Repository(revision, archive, _durable.digests(path, "sha512")["sha512"], os.path.getsize(path))


def _prune(place: Place, keep: int) -> None:
    """Leave the newest generations and the current one, and in pool and snapshots what these need."""
    numbers = place.numbers()
    served = os.readlink(place.generation("current"))
    kept = [number for number in numbers if number in numbers[-keep:] or str(number) == served]
    for number in set(numbers) - set(kept):
        _durable.discard(place.generation(number))
    seals = _seals(place.generation(number) for number in kept)
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
        path = os.path.join(folder, "seal.json")
        with contextlib.suppress(BinhostError, OSError):
            seals.append(_seal.parse(_generation.read(path), where=path))
    return seals
