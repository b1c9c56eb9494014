# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a mirror's generations those of its masters: fetch what is new, check it, flip, and drop what they dropped.

::

    STATE/generations/T/41/       as on the master; files that generations share are links here too, and the ebuild
                                  repositories are unpacked here: only plain files are taken from elsewhere
    STATE/generations/T/current -> 41
    STATE/generations/T/.new-42/  one that is under way; the next run goes on with it

A generation gets its number once all of it is as its signed seal says, and ``current`` becomes it by one rename.
"""

from __future__ import annotations

import contextlib
import os
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import (
    _durable,
    _files,
    _generation,
    _local,
    _lock,
    _mirror_link,
    _mirror_source,
    _openpgp,
    _seal,
    _servers,
    _trees,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._process import Run

_LINKED: t.Final = 20  # rsync takes so many --link-dest
_LOST: t.Final = frozenset({255, 10, 12, 30, 35})  # ssh(1); rsync(1), EXIT VALUES: the connection, not the files
_PATIENCE: t.Final = 60  # seconds to wait for another replication of the target


class NothingError(BinhostError):
    """The master has published nothing of the target yet."""


@dataclass(frozen=True)
class Wish:
    """What a master has of a target, and what has to be done here to have the same."""

    place: Place
    current: int  # the master's
    missing: Sequence[int] = ()  # to fetch, in this order
    gone: Sequence[int] = ()  # to remove

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.missing or self.gone) or self.current != current(self.place)


@dataclass
class Done:
    """What was brought about for a target."""

    number: int | None
    fetched: list[int] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)


def wish(place: Place, offer: t.Any, *, allow_older: bool = False) -> Wish:
    """Compare what a master has of a target with what is here.

    Raises ``BinhostError`` if that would be a step back, or replace a generation by another one of its number, and
    where the master serves nothing: then nothing here is removed either.
    """
    newest, theirs = _offered(place, offer)
    ours, served = {int(number): digest for number, digest in _mirror_source.seals(place).items()}, current(place)
    if not allow_older:
        others = [number for number in ours if number in theirs and theirs[number] != ours[number]]
        _no_step_back(place, newest, served, others)
    wanted = [newest, *(number for number in sorted(theirs, reverse=True) if number != newest)]
    return Wish(
        place,
        newest,
        missing=[number for number in wanted if ours.get(number) != theirs[number]],
        gone=[number for number in place.numbers() if number not in theirs],
    )


def _offered(place: Place, offer: t.Any) -> tuple[int, dict[int, str]]:
    """Return the master's current number, and all of its numbers to the SHA-512 of their seals."""
    newest, numbers = (offer.get("current"), offer.get("numbers")) if isinstance(offer, Mapping) else (None, None)
    if newest is None:
        raise NothingError(_servers.nothing(place.target, "its master"))
    if not isinstance(numbers, Mapping) or not all(str(number).isdigit() for number in numbers):
        raise BinhostError(f"{place.target}: expected the master's generations, found {str(numbers)[:100]!r}")
    found = {int(number): str(digest) for number, digest in numbers.items()}
    if newest not in found:
        raise BinhostError(
            f"{place.target}: expected the master's generation {newest} to be whole and signed by a key that counts, "
            "found that it isn't"
        )
    return newest, found


def _no_step_back(place: Place, newest: int, served: int | None, others: Sequence[int]) -> None:
    hint = "if the master was set up anew, mirror_allow_older takes it"
    if served is not None and newest < served:
        raise BinhostError(
            f"{place.target}: expected generation {served} or later, found {newest} at the master; {hint}"
        )
    if others:
        raise BinhostError(
            f"{place.target}: expected generation {min(others)} as it is here, found another one at the master; {hint}"
        )


def current(place: Place) -> int | None:
    """Return the number that is served here."""
    with contextlib.suppress(OSError, ValueError):
        return int(os.readlink(place.generation("current")))
    return None


def replicate(run: Run, source: _mirror_link.Source, wanted: Wish) -> Done:
    """Bring a target's generations into step with the master's.

    Raises ``BinhostError`` if one isn't as its seal says, ``SilentError`` if the connection is lost; what is whole by
    then stays, and what is served is the one before or the new one.
    """
    place = wanted.place
    done = Done(current(place))
    with _lock.held(f"generation-{place.target}", state=place.state, wait=_PATIENCE):
        _clean(place, wanted)
        for number in wanted.missing:
            _fetch(run, source, place, number)
            _settle(run, source, wanted, number)
            done.fetched.append(number)
        if wanted.current != current(place):
            _files.link(place.generation("current"), str(wanted.current))
        done.number = current(place)
        for number in wanted.gone:
            _durable.discard(place.generation(number))
            done.removed.append(number)
        _trees.prune(place, [seal for seal in (_local.sealed(place, number) for number in place.numbers()) if seal])
    return done


def _clean(place: Place, wanted: Wish) -> None:
    """Remove what a killed run left, but for what is to be fetched still."""
    going_on = {_durable.draft(place.generation(number)) for number in wanted.missing}
    for leftover in _durable.drafts(place.folder):
        if leftover not in going_on:
            _durable.remove(leftover)


def _fetch(run: Run, source: _mirror_link.Source, place: Place, number: int) -> None:
    """Read a generation into its draft; what another one here has as well is linked."""
    draft = _durable.draft(place.generation(number))
    _files.directory(draft)
    known = [f"--link-dest={place.generation(other)}" for other in sorted(place.numbers(), reverse=True)[:_LINKED]]
    rsh = f"--rsh={' '.join(source.ssh())}"
    what = f"{source.name}:{place.target}/{number}/"
    # To the nanosecond: two seals that were made in one second may have one size.
    options = ["-rtpH", "--modify-window=-1", "--delete", "--info=progress2", "--no-inc-recursive"]
    status, _out, err = run(["rsync", *options, *known, rsh, what, f"{draft}/"])
    if _mirror_source.REFUSED in err:
        raise BinhostError(f"{source.name}: {err.strip()}")
    if status in _LOST:
        raise _mirror_link.SilentError(
            f"{source.name}: the connection was lost: {_mirror_link.last(err)}; the next run goes on from there"
        )
    if status != 0:
        raise BinhostError(
            f"{source.name}:{place.target}/{number}: expected rsync to read it, found: {_mirror_link.last(err)}"
        )


def _settle(run: Run, source: _mirror_link.Source, wanted: Wish, number: int) -> None:
    """Give a draft its number if it is what the master sealed, and serve it at once if it is the current one."""
    place = wanted.place
    final = place.generation(number)
    draft = _durable.draft(final)
    try:
        verify(run, draft, place, number, source.file("asc"), late=number != wanted.current)
    except (BinhostError, OSError, EOFError) as exc:
        _durable.remove(draft)
        raise BinhostError(f"{source.name}: {exc}; what is served here stays") from exc
    _trees.bring(place, draft, _generation.seal_of(draft))
    if os.path.isdir(final):
        _durable.discard(final)
    _durable.finish(draft, final)
    if number == wanted.current:
        _files.link(place.generation("current"), str(number))


def verify(run: Run, draft: str, place: Place, number: int, keys: str, *, late: bool) -> None:
    """Raise ``BinhostError`` unless a folder holds generation ``number``, signed and to the last byte as it is sealed.

    ``late`` allows a seal that has expired.  A file that a checked generation has under another name isn't read again.
    """
    path = os.path.join(draft, _seal.NAME)
    _openpgp.verify_file(run, path, os.path.join(draft, _seal.SIGNATURE), keys)
    seal = _generation.check(draft).seal
    if (seal.target, seal.number) != (place.target, number):
        raise BinhostError(
            f"{path}: expected the seal of generation {number} of {place.target}, "
            f"found that of generation {seal.number} of {seal.target}"
        )
    expired = "" if late else _servers.expired(seal)
    if expired:
        raise BinhostError(f"{path}: {expired}")
    files = {name: file.sha512 for name, file in seal.packages.items()}
    files.update((each.archive, each.sha512) for each in seal.repositories.values())
    checked = _checked(place, number)
    for name, sha512 in files.items():
        _verify_content(os.path.join(draft, name), sha512, {known[name] for known in checked if name in known})


def _checked(place: Place, number: int) -> list[dict[str, tuple[int, str]]]:
    """Return, per other generation here, path to inode and SHA-512 of its packages: they were checked when it came."""
    found = []
    for other in place.numbers():
        seal = _local.sealed(place, other) if other != number else None
        paths = seal.packages if seal else {}
        inodes = {path: _inode(os.path.join(place.generation(other), path)) for path in paths}
        found.append({path: (inodes[path], file.sha512) for path, file in paths.items()})
    return found


def _inode(path: str) -> int:
    with contextlib.suppress(OSError):
        return os.stat(path).st_ino
    return 0


def _verify_content(path: str, sha512: str, checked: set[tuple[int, str]]) -> None:
    if (_inode(path), sha512) in checked:
        return
    found = _durable.digests(path, "sha512")["sha512"]
    if found != sha512:
        raise BinhostError(f"{path}: expected SHA-512 {sha512[:16]}… as the seal says, found {found[:16]}…")
