# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pool: every package that a kept generation of a target consists of, signed, once.

::

    STATE/pool/T/
        app-misc/foo/foo-1.2-1.gpkg.tar        signed; generations hold it by hard links
        app-misc/foo/foo-1.2-1.gpkg.tar.json   what it is: a ``Kept``
        .new-arrivals/                         what is being signed, or was when a publication was killed

Files stand at their PATH and are never written again, only replaced: a replaced one lives on in the generations that
were published with it.  Before that its record is removed, and the new one is written after: a file without a record,
or with one that doesn't fit, means that a publication was killed in between, and the package is brought again.
"""

from __future__ import annotations

import json
import os
import typing as t
from dataclasses import asdict, dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _durable, _files, _gpkg
from ansible_collections.larry.binhost.plugins.module_utils import _seal as _seals
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._packages import Package
from ansible_collections.larry.binhost.plugins.module_utils._seal import Source
from ansible_collections.larry.binhost.plugins.module_utils._signer import Signer

RECORD: t.Final = ".json"
_ARRIVALS: t.Final = f"{_durable.DRAFT}arrivals"
_ADVICE = "; 'emaint binhost --fix' in the build root makes the index true again"


@dataclass(frozen=True)
class Wanted:
    """A package that is to be in the pool."""

    entry: Package  # what the file below ``folder`` is
    folder: str  # PKGDIR, or a generation that it is taken from
    source: Source  # what was built


@dataclass(frozen=True)
class Kept:
    """A file of the pool."""

    package: _seals.Package
    md5: str
    sha1: str
    mtime_ns: int

    def keys(self) -> dict[str, str]:
        """Return what an index says of the file itself."""
        mtime = str(self.mtime_ns // 10**9)
        return {"SIZE": str(self.package.size), "MD5": self.md5, "SHA1": self.sha1, "MTIME": mtime}


def source(entry: Package) -> Source:
    """Return what was built, according to PKGDIR's index."""
    return Source(entry.size or 0, entry.md5.lower(), entry.sha1.lower())


def admit(pool: str, wanted: t.Iterable[Wanted], signer: Signer | None) -> dict[str, Kept]:
    """Bring into the pool what it lacks, signed; return PATH to what the file there is.

    A file that is there stays unless another was built since or its signature no longer counts.  What arrives is
    checked after it was copied, so that what was checked is what is kept, and all of it is signed at once.  Raises
    ``BinhostError`` for a file that isn't what its index says.
    """
    clean(pool)
    found = {each.entry.path: (each, kept(pool, each.entry.path)) for each in wanted}
    done = {path: have for path, (each, have) in found.items() if have and stays(have.package, each.source, signer)}
    done.update(_others(pool, [each for path, (each, _have) in found.items() if path not in done], signer))
    new = [each for path, (each, _have) in found.items() if path not in done]
    arrivals = os.path.join(pool, _ARRIVALS)
    for each in new:
        _bring(each, arrivals)
    if new and signer:
        _sign([os.path.join(arrivals, each.entry.path) for each in new], signer)
    for each in new:
        done[each.entry.path] = _settle(pool, arrivals, each, signer)
    clean(pool)
    return done


def _others(pool: str, wanted: t.Sequence[Wanted], signer: Signer | None) -> dict[str, Kept]:
    """Take what another target's pool has of these packages, signed, by links: a stack and its base share most."""
    top, own = os.path.split(pool)
    names = sorted(os.listdir(top)) if wanted and os.path.isdir(top) else []
    places = [os.path.join(top, name) for name in names if name != own]
    found: dict[str, Kept] = {}
    for each, place in ((each, place) for each in wanted for place in places):
        path, have = each.entry.path, kept(place, each.entry.path)
        known = have and (each.source.md5 or each.source.sha1) and stays(have.package, each.source, signer)
        if have and known and path not in found:
            for name in (path + RECORD, path):
                _durable.remove(os.path.join(pool, name))
            for name in (path, path + RECORD):
                _durable.link(os.path.join(place, name), os.path.join(pool, name))
            found[path] = have
    return found


def stays(package: _seals.Package, built: Source, signer: Signer | None) -> bool:
    """Return whether a signed package is the one that was built, by a key whose signature counts."""
    return package.source == built and (signer is None or package.key in signer.valid)


def clean(pool: str) -> None:
    """Remove what a killed publication left."""
    for leftover in _durable.drafts(pool):
        _durable.remove(leftover)


def kept(pool: str, path: str) -> Kept | None:
    """Return what the pool has at a PATH; None if there is nothing, or no record that fits it."""
    place = os.path.join(pool, path)
    try:
        record = json.loads(_files.read(place + RECORD))
        status = os.stat(place)
        package = dict(record["package"])
        built = Source(**package.pop("source"))
        have = Kept(_seals.Package(**package, source=built), record["md5"], record["sha1"], record["mtime_ns"])
    except (OSError, BinhostError, ValueError, KeyError, TypeError):
        return None
    return have if (status.st_size, status.st_mtime_ns) == (have.package.size, have.mtime_ns) else None


def _bring(wanted: Wanted, arrivals: str) -> None:
    """Copy a package to the arrivals and check the copy."""
    origin, arrival = (os.path.join(folder, wanted.entry.path) for folder in (wanted.folder, arrivals))
    if os.path.lexists(origin) and not plain(wanted.folder, wanted.entry.path):
        raise BinhostError(f"{origin}: expected a package, found something else, or a link on the way to it")
    _files.directory(os.path.dirname(arrival))
    try:
        _durable.copy(origin, arrival, sync=False)
    except FileNotFoundError:
        raise BinhostError(f"{origin}: expected a package, as the index says, found no such file{_ADVICE}") from None
    differences = _differences(arrival, wanted.entry)
    if differences:
        raise BinhostError(f"{origin}: expected {', '.join(differences)}{_ADVICE}")


def plain(folder: str, path: str) -> bool:
    """Return whether a PATH is a file of its own below a folder: what a build could write there leads nowhere else."""
    place = os.path.join(folder, path)
    return os.path.realpath(place) == os.path.join(os.path.realpath(folder), path) and os.path.isfile(place)


def _sign(paths: t.Sequence[str], signer: Signer) -> None:
    """Sign the arrivals, and see that they are."""
    signer.sign_packages(paths)
    by = signer.verify_packages(paths)
    others = [f"{path} by {by.get(path) or 'nobody'}" for path in paths if by.get(path) != signer.fingerprint]
    if others:
        raise BinhostError(f"expected packages signed by {signer.fingerprint}, found {', '.join(others[:5])}")


def _settle(pool: str, arrivals: str, wanted: Wanted, signer: Signer | None) -> Kept:
    """Put an arrival into its place; return what it is."""
    arrival, place = (os.path.join(folder, wanted.entry.path) for folder in (arrivals, pool))
    facts = _gpkg.facts(arrival)
    os.chmod(arrival, _durable.FILE_MODE)
    sums = _durable.digests(arrival, "sha512", "md5", "sha1")
    status = os.stat(arrival)
    key = signer.fingerprint if signer else ""
    package = _seals.Package(sums["sha512"], status.st_size, key, **asdict(facts), source=wanted.source)
    have = Kept(package, sums["md5"], sums["sha1"], status.st_mtime_ns)
    _files.directory(os.path.dirname(place))
    _durable.remove(place + RECORD)
    os.replace(arrival, place)
    _durable.write(place + RECORD, json.dumps(asdict(have), sort_keys=True).encode(), sync=False)
    return have


def untouched(path: str, entry: Package) -> bool:
    """Return whether the file has the size and the mtime that the index says: a cheap fact, no proof."""
    try:
        status = os.stat(path)
    except OSError:
        return False
    return status.st_size == entry.size and entry.mtime in (None, status.st_mtime_ns // 10**9)


def _differences(path: str, entry: Package) -> list[str]:
    """Return in words what about the file differs from the index."""
    found = {"size": str(os.path.getsize(path)), **_durable.digests(path, "md5", "sha1")}
    wanted = {"size": str(entry.size), "md5": entry.md5.lower(), "sha1": entry.sha1.lower()}
    return [f"{key} {value}, found {found[key]}" for key, value in wanted.items() if value and value != found[key]]


def prune(pool: str, keep: t.Container[str]) -> None:
    """Remove the files whose PATH no kept generation has, what a crash left behind, and folders that are empty then."""
    for place, _folders, names in os.walk(pool, topdown=False):
        for name in names:
            path = os.path.relpath(os.path.join(place, name), pool)
            if path not in keep and not (path.endswith(RECORD) and path[: -len(RECORD)] in keep):
                os.unlink(os.path.join(place, name))
        if place != pool and not os.listdir(place):
            os.rmdir(place)
