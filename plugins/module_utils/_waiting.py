# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a build can't go on until a person has done something: how that is known, and how it is seen that it was done.

A package that fails is none of these: it is tried again when what decides it has changed (see ``_failed``).
"""

from __future__ import annotations

import contextlib
import os
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import (
    _failure_words,
    _fingerprint,
    _keys,
    _last_plan,
    _place,
    _repository,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: What the message of a package that failed says -> what is waited for, as a person is told it. The first that fits.
_OF_PACKAGES: t.Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(_failure_words.NO_SPACE, re.I), "room on the disk"),
    (re.compile(r"may not be fetched by a program|no program may fetch"), "a file that a person has to fetch"),
)
KEY: t.Final = "the key that signs"
#: The same, of any other message.
_WORDS: t.Final = (
    *_OF_PACKAGES,
    (re.compile(r"for the unpacked stage, found"), "room on the disk"),
    (
        re.compile(
            r"passphrase|key to sign with|one that can sign|expected to sign it|expected the private key of|"
            r"expected the key that signed|expected the record of this master's keys"
        ),
        KEY,
    ),
    (re.compile(r"REQUIRED_USE"), "a configuration that meets REQUIRED_USE"),
    (re.compile(r"circular dependenc", re.I), "a configuration without that circle"),
    (re.compile(r"expected a merge list"), "a configuration for which Portage finds a way"),
    (re.compile(r"a text signed by|signed digests|tarball that was signed|expected a stage tarball"), "a sound stage"),
)
# emerge @world in /var/lib/larry-binhost/roots/laptops: 1 failed, 2 installed
_FAILED = re.compile(r"^emerge .*: \d+ failed", re.M)
DISK: t.Final = _OF_PACKAGES[0][1]
#: Whether the key signs now. An agent that knows a passphrase again, or a home that is mounted again, changes no file.
Signs = t.Callable[[], bool]
#: A file system that had no room has some again when it has grown by this much.
_ROOM: t.Final = 4 << 20


@dataclass(frozen=True)
class Waiting:
    """What a target waits for."""

    target: str
    what: str  # a person's words
    message: str  # what went wrong
    since: str  # UTC
    mark: str  # of all that a person could change
    free: t.Mapping[str, int]  # place -> bytes, where it is the disk
    signed: bool = True  # whether the key signed all the same, where it is the key


def reason(message: str) -> str:
    """Return what a message says has to be waited for; empty if nothing: it is tried again at the next time."""
    words = _OF_PACKAGES if _FAILED.search(message) else _WORDS
    return next((what for pattern, what in words if pattern.search(message)), "")


def waiting(
    state: str, target: str, message: str, what: str, *, before: str, now: str, signs: Signs = lambda: True
) -> Waiting:
    """Return what is waited for; ``before`` is what ``asked`` returned before it was tried.

    What a person changed while it was tried is worth another try.
    """
    free = free_in(state, target) if what == DISK else {}
    return Waiting(target, what, message, now, _mark(before, state, target), free, what != KEY or signs())


def over(state: str, known: Waiting, signs: Signs = lambda: False) -> bool:
    """Return whether it is worth to try again: there is room, the key signs, or what decides it is another."""
    if not known.signed and signs():
        return True
    if _mark(asked(state, known.target), state, known.target) != known.mark:
        return True
    return any(free > known.free.get(place, free) + _ROOM for place, free in free_in(state, known.target).items())


def asked(state: str, target: str) -> str:
    """Return a text that is another one when something has changed that only a person changes, or a sync."""
    files = [*_last_plan.paths(state, target), os.path.join(_keys.folder(state), _keys.RECORD)]
    told: list[t.Any] = [_content(path) for path in files]
    with contextlib.suppress(BinhostError):
        order = _last_plan.recalled(state, target)
        offer = order["stage"]["offer"]
        told += [_content(path) for path in (f"{offer['source']}.DIGESTS", f"{offer['source']}.asc", offer["key"])]
        told += [_stat(path) for path in (offer["source"], *_secrets(state))]
        told += [_revision(place) for _name, place in sorted(order["build"]["repositories"].items())]
    return _fingerprint.digest(told)


def _mark(asked: str, state: str, target: str) -> str:
    """Return the same with what a build changes, too: its root's configuration, and which sources are there."""
    told: list[t.Any] = [asked]
    with contextlib.suppress(BinhostError):
        order = _last_plan.recalled(state, target)["build"]
        told += [_names(order["distdir"]), _names(order.get("restricted") or "")]
        told.append(_fingerprint.files(os.path.join(order["root"], "etc/portage")))
    return _fingerprint.digest(told)


def free_in(state: str, target: str) -> dict[str, int]:
    """Return the free bytes of each place that a target writes to."""
    place = _place.Place(target, state)
    places = [place.root, place.pkgdir, place.pool, place.folder, state]
    with contextlib.suppress(BinhostError):
        places.append(str(_last_plan.recalled(state, target)["build"]["distdir"]))
    found = {}
    for each in places:
        if os.path.isdir(each):
            status = os.statvfs(each)
            found[each] = status.f_bavail * status.f_frsize
    return found


def _secrets(state: str) -> list[str]:
    """Return where the passphrase and the private keys are."""
    try:
        ring = _keys.load(state)
    except BinhostError:
        return []
    return [ring.passphrase_file or "", os.path.join(ring.home, "private-keys-v1.d")] if ring else []


def _names(folder: str) -> list[str]:
    """Return the files of a folder of sources; what Portage is at while it fetches is none."""
    names = os.listdir(folder) if folder and os.path.isdir(folder) else []
    return sorted(name for name in names if not name.startswith(".") and not name.endswith(".__download__"))


def _revision(place: str) -> str:
    try:
        return _repository.revision(place)
    except (BinhostError, OSError) as exc:
        return str(exc)


def _content(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return ""


def _stat(path: str) -> list[int]:
    try:
        status = os.stat(path)
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]
