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
import json
import os
import time
import typing as t
from dataclasses import replace

from ansible_collections.larry.binhost.plugins.module_utils import (
    _archive,
    _durable,
    _files,
    _generation,
    _intent,
    _lock,
    _packages,
    _pins,
    _pool,
    _prune,
    _seal,
    _trees,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._intent import Plan, Wish
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._signer import Signer

TIMESTAMP_STEP: t.Final = 6  # seconds
_PATIENCE: t.Final = 60  # seconds to wait for another publication of the same target
Look = t.Callable[[str], t.Sequence[str]]


def publish(
    place: Place,
    repositories: t.Mapping[str, str] | None = None,
    *,
    wish: Wish = Wish(),  # noqa: B008
    signer: Signer | None = None,
    look: Look = lambda folder: (),
    kept: _prune.Kept = _prune.Kept(),  # noqa: B008
    record: bytes | None = None,
) -> Plan:
    """Bring about what ``plan`` says, as the only one that does; returns the plan.

    ``record`` is the text of record.json; without one, content that was published before keeps the record it had then.
    Without ``signer`` nothing is signed.  ``look`` returns what is wrong with the folder of a generation that is about
    to become current; ``kept`` says what stays besides it.  Raises ``BinhostError``, with what is served untouched, if
    anything isn't as the index says.
    """
    with _lock.held(f"generation-{place.target}", state=place.state, wait=_PATIENCE, what=f"publishes {place.target}"):
        wanted = _intent.plan(place, repositories, wish, signer)
        if wanted.index is None:
            raise BinhostError(f"{place.pkgdir}/Packages: expected the index of a build, found none; build first")
        if not wanted.repositories:
            raise BinhostError(f"{place.state}/repos: expected a snapshot of an ebuild repository, found none")
        if wanted.changed:
            usable = replace(signer, valid=_intent.valid(wish, signer)) if signer else None
            with _cleaning(place):
                _make(place, wanted, wanted.index, _Making(wish, usable, look, record))
            _prune.generations(place, kept)
        return wanted


class _Making(t.NamedTuple):
    """How a generation is made."""

    wish: Wish
    signer: Signer | None
    look: Look
    record: bytes | None


@contextlib.contextmanager
def _cleaning(place: Place) -> t.Iterator[None]:
    """Leave nothing unfinished behind, above all where the disk is full; a kill leaves it to the next publication."""
    try:
        yield
    except OSError as exc:
        clean(place)
        raise BinhostError(f"{place.folder}: expected to publish, found: {exc}; what is served is unchanged") from exc
    except BinhostError as exc:
        clean(place)
        raise BinhostError(f"{exc}; what is served is unchanged") from exc


def clean(place: Place) -> None:
    """Remove what was never finished."""
    for leftover in _durable.drafts(place.folder):
        _durable.remove(leftover)
    _pool.clean(place.pool)


def _make(place: Place, wanted: Plan, index: _packages.Index, making: _Making) -> None:
    """Make the generation beside the others, look at it, and only then let it be the current one."""
    clean(place)
    files = _files_of(place, wanted, index, making.signer)
    final = place.generation(wanted.number)
    draft = _durable.draft(final)
    _files.directory(draft)
    for path, file in files.items():
        _durable.link(os.path.join(file.folder, path), os.path.join(draft, path))
    now = time.time()
    timestamp = max(int(now), _last_timestamp(place) + TIMESTAMP_STEP)
    amended = _packages.amended(index, {path: file.keys for path, file in files.items() if file.keys})
    seal = _seal.Seal(
        target=place.target,
        number=wanted.number,
        time=_seal.utc(now),
        expires=_seal.utc(now + making.wish.days * _intent.DAY),
        timestamp=timestamp,
        key=making.signer.fingerprint if making.signer else "",
        restores=wanted.restores,
        index=_write_index(draft, amended, timestamp, _commits(place, wanted)),
        repositories=_carry_repositories(place, wanted, draft),
        packages={path: file.package for path, file in files.items()},
        record=_write_record(place, wanted, draft, making.record),
    )
    _write_seal(draft, seal, making.signer)
    _trees.bring(place, draft, seal)
    _pass(draft, making, wanted)
    _durable.finish(draft, final)
    _files.link(place.generation("current"), str(wanted.number))


class _File(t.NamedTuple):
    """A package file of the generation that is made."""

    folder: str  # where it is now
    package: _seal.Package
    keys: t.Mapping[str, str]  # what of its index entry changes


def _files_of(place: Place, wanted: Plan, index: _packages.Index, signer: Signer | None) -> dict[str, _File]:
    """Return PATH to file; what isn't signed yet, or by a key that no longer counts, is signed."""
    entries = _generation.by_path(index, where=wanted.folder)
    ready: dict[str, _File] = {}
    if wanted.restores:
        seal = _generation.seal_of(wanted.folder)
        ready = {
            path: _File(wanted.folder, package, {})
            for path, package in seal.packages.items()
            if signer is None or package.key in signer.valid
        }
    asked = [
        _pool.Wanted(entries[path], wanted.folder, wanted.content[path][1]) for path in entries if path not in ready
    ]
    admitted = _pool.admit(place.pool, asked, signer)
    return {
        path: ready[path] if path in ready else _File(place.pool, admitted[path].package, admitted[path].keys())
        for path in sorted(entries)
    }


def _pass(draft: str, making: _Making, wanted: Plan) -> None:
    """Raise ``BinhostError`` unless the generation may become the current one.

    What has just been signed was verified in the pool, and what was published before is the same file: of the
    signatures only the seal's is looked at here. What is gone back to was looked at when it was new.
    """
    _generation.check(draft)
    if making.signer:
        _generation.check_seal(draft, making.signer)
    wrong = [*_generation.unreadable(draft), *(() if wanted.restores else making.look(draft))]
    if wrong:
        raise BinhostError("\n".join([*wrong, "so it isn't published"]))


def _write_seal(draft: str, seal: _seal.Seal, signer: Signer | None) -> None:
    path, signature = (os.path.join(draft, name) for name in (_seal.NAME, _seal.SIGNATURE))
    _durable.write(path, _seal.dump(seal))
    if signer:
        signer.sign_file(path, signature)
        os.chmod(signature, _durable.FILE_MODE)


def _write_record(place: Place, wanted: Plan, folder: str, record: bytes | None) -> _seal.File | None:
    """Put the record of what the generation was made of into it; return what it is, None where nobody knows."""
    path = os.path.join(folder, _seal.RECORD)
    if record is not None and not wanted.restores:
        _durable.write(path, record)
        return _generation.file_of(record)
    same = wanted.current if wanted.current and wanted.content == wanted.before else None
    old = wanted.folder if wanted.restores else place.generation(same.seal.number) if same else ""
    known = _generation.seal_of(old).record if old else None
    if known:
        _durable.link(os.path.join(old, _seal.RECORD), path)
    return known


def _last_timestamp(place: Place) -> int:
    """Return the newest TIMESTAMP of any generation, 0 if there is none; it is the mtime of its index."""
    stamps = [0]
    for number in place.numbers():
        with contextlib.suppress(OSError):
            stamps.append(int(os.stat(os.path.join(place.generation(number), "Packages")).st_mtime))
    return max(stamps)


def _commits(place: Place, wanted: Plan) -> dict[str, str]:
    """Return the commits that the repositories are at, as far as they are known.

    Portage itself writes REPO_REVISIONS only where git and .git are in the build root, and there they are not; what is
    gone back to has them in its index.
    """
    return _pins.commits(wanted.snapshots, place.state)


def _write_index(folder: str, index: _packages.Index, timestamp: int, commits: t.Mapping[str, str]) -> _seal.File:
    """Write Packages and Packages.gz; return what Packages is."""
    header = {"DOWNLOAD_TIMESTAMP": None, "URI": None, "TTL": None, "TIMESTAMP": str(timestamp)}
    revisions = {"REPO_REVISIONS": json.dumps(commits, sort_keys=True)} if commits else {}
    own = _packages.with_header(index, {**header, **revisions, "PACKAGES": str(len(index.stanzas))})
    data = _packages.dump(own).encode("utf-8", "surrogateescape")
    _durable.write(os.path.join(folder, "Packages"), data, mtime=timestamp)
    _durable.write(os.path.join(folder, "Packages.gz"), gzip.compress(data, mtime=timestamp), mtime=timestamp)
    return _generation.file_of(data)


def _carry_repositories(place: Place, wanted: Plan, folder: str) -> dict[str, _seal.Repository]:
    """Put an archive of every repository into the generation; return what they are."""
    _files.directory(os.path.join(folder, "repos"))
    return {name: _carry(place, wanted, name, folder) for name in sorted(wanted.repositories)}


def _carry(place: Place, wanted: Plan, name: str, folder: str) -> _seal.Repository:
    """Link the archive of a generation that has the same revision, else make a new one."""
    revision = wanted.repositories[name]
    number = wanted.current.seal.number if wanted.current else 0
    for old in [wanted.folder] if wanted.restores else [place.generation(number)] if number else []:
        previous = _generation.seal_of(old).repositories.get(name)
        if previous and previous.revision[:12] == revision:
            _durable.link(os.path.join(old, previous.archive), os.path.join(folder, previous.archive))
            return previous
    archive = f"repos/{name}{_archive.SUFFIX}"
    path = os.path.join(folder, archive)
    _archive.pack(wanted.snapshots[name], path)
    return _seal.Repository(revision, archive, _durable.digests(path, "sha512")["sha512"], os.path.getsize(path))
