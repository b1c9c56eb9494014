# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a target may go: generations beyond those that are kept, and packages that nobody needs any more.

A package stays in PKGDIR, and so in what is published next, while a slave has it installed or would install it now.  In
the pool it stays while a kept generation holds it.  PKGDIR's index is written by ourselves: ``emaint binhost --fix``
reads every package again, and where it doesn't trust a signature it leaves the package out (Portage 3.0.83).
"""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import os
import time
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import (
    _durable,
    _fingerprint,
    _generation,
    _job_files,
    _jobs,
    _packages,
    _pool,
    _record,
    _repository,
    _seal,
    _target,
    _trees,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._packages import Package
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

GIB: t.Final = 1 << 30
MOST: t.Final = 1000  # packages that go in one run
_DAY: t.Final = 86400.0


@dataclass(frozen=True)
class Kept:
    """Which generations stay; the current one, and the one that it went back to, always do."""

    newest: int = 5  # how many
    pinned: t.Collection[int] = ()  # that slaves are pinned to


@dataclass(frozen=True)
class Need:
    """Whose packages stay."""

    installed: t.Collection[str]  # CPVs that some slave has
    wanted: t.AbstractSet[tuple[str, int | None]]  # CPV and BUILD_ID of what some slave would install now; None: any

    def covers(self, entry: Package) -> bool:
        """Return whether a package stays."""
        return entry.cpv in self.installed or not self.wanted.isdisjoint(
            ((entry.cpv, entry.build_id), (entry.cpv, None))
        )


def surplus(numbers: t.Sequence[int], current: int, restores: int, kept: Kept) -> list[int]:
    """Return the generations that go, of these numbers (ascending)."""
    stay = {*numbers[-kept.newest :], *kept.pinned, current, restores}
    return [number for number in numbers if number not in stay]


def needless(entries: t.Iterable[Package], need: Need, *, over: int | None, most: int = MOST) -> list[Package]:
    """Return the packages that go, oldest first: nobody needs them.

    ``over``: how many bytes are to be won, None for all that can be; ``most``: how many packages go at most.
    """
    unneeded = [entry for entry in entries if not need.covers(entry)]
    chosen, won = [], 0
    for entry in sorted(unneeded, key=lambda entry: (entry.build_time or 0, entry.path))[:most]:
        if over is not None and won >= over:
            break
        chosen.append(entry)
        won += entry.size or 0
    return chosen


def used(place: Place) -> int:
    """Return the bytes on the disk of what is built and published for a target, each file once."""
    sizes: dict[tuple[int, int], int] = {}
    for top in (place.pkgdir, place.pool, place.folder):
        for folder, _folders, names in os.walk(top):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    status = os.lstat(os.path.join(folder, name))
                    sizes[(status.st_dev, status.st_ino)] = status.st_blocks * 512
    return sum(sizes.values())


def going(place: Place, kept: Kept) -> list[int]:
    """Return the generations that go."""
    link = place.generation("current")
    if not os.path.islink(link):
        return []
    try:
        restores = _generation.seal_of(link).restores
    except (BinhostError, OSError):
        restores = 0
    return surplus(place.numbers(), int(os.readlink(link)), restores, kept)


def generations(place: Place, kept: Kept) -> list[int]:
    """Remove those generations, and from pool and snapshots what none of the others needs; return what went."""
    gone = going(place, kept)
    for number in gone:
        _durable.discard(place.generation(number))
    seals = _seals(place.generation(number) for number in place.numbers())
    _pool.prune(place.pool, {path for seal in seals for path in seal.packages})
    _trees.prune(place, seals)
    _record.prune(place.target, place.state, [place.generation(number) for number in place.numbers()])
    _repository.prune(_served_snapshots(place.state), place.state, age=_age(place.state))
    return gone


def _age(state: str) -> float:
    """Return the seconds after which a snapshot goes: no job reads it that runs now, however long it takes."""
    running = [_job_files.seconds(job.begun) for job in _jobs.listing(state=state) if job.begun and not job.over]
    return max([_DAY, *(time.time() - begun for begun in running)])


def packages(place: Place, paths: t.Collection[str]) -> None:
    """Remove packages from PKGDIR and its index.  Nothing may build there meanwhile.

    The index goes first: what a crash leaves unlisted is listed again by the next build.
    """
    if not paths:
        return
    path = os.path.join(place.pkgdir, "Packages")
    with _portages_lock(place.pkgdir):
        index = _generation.parsed(_generation.read(path), where=path)
        rest = _packages.without(index, set(paths))
        known = _fingerprint.recorded(_done(place))
        same = known.get("packages") == _target.index_state(place.pkgdir)
        now = int(time.time())
        header = {"PACKAGES": str(len(rest.stanzas)), "TIMESTAMP": str(now)}
        data = _packages.dump(_packages.with_header(rest, header)).encode("utf-8", "surrogateescape")
        _durable.write(path, data, mtime=now)
        if os.path.exists(f"{path}.gz"):
            _durable.write(f"{path}.gz", gzip.compress(data, mtime=now), mtime=now)
        if same:  # else the next run would take it for something to build
            _fingerprint.record(_done(place), {**known, "packages": _target.index_state(place.pkgdir)})
        for name in paths:
            if _pool.plain(place.pkgdir, name):  # a build could have made it a way out of PKGDIR
                _durable.remove(os.path.join(place.pkgdir, name))


def _done(place: Place) -> str:
    return os.path.join(place.state, "fingerprints", f"target-{place.target}.json")


@contextlib.contextmanager
def _portages_lock(pkgdir: str) -> t.Iterator[None]:
    """Hold what Portage locks while it writes an index (portage locks.py, ``lockfile`` with ``wantnewlockfile``)."""
    path = os.path.join(pkgdir, ".Packages.portage_lockfile")
    with open(path, "a", encoding="ascii", opener=_no_link) as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BinhostError(f"{path}: expected to be free, found that Portage writes the index; run again") from None
        yield


def _no_link(path: str, flags: int) -> int:
    """Open no link: in PKGDIR a build could have made one to a file of this machine."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o660)


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
        with contextlib.suppress(BinhostError, OSError):
            seals.append(_generation.seal_of(folder))
    return seals
