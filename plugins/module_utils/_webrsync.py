# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dated snapshots of an ebuild repository, as mirrors have them, believed only with their signature.

The same is asked of a snapshot that emerge-webrsync asks (portage bin/emerge-webrsync: ``do_snapshot``,
``is_snapshot_fresh``): ``MIRROR/snapshots/NAME-20260131.tar.xz`` with a detached signature in ``.gpgsig``, and in it
``metadata/timestamp.x`` of that day or the one after, so that a mirror can't give out an old one for a new one.
The day's snapshot is made at 00:45 UTC of the next.
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import (
    _archive,
    _download,
    _durable,
    _files,
    _openpgp,
    _pins,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._process import Run

#: How many days back the newest is looked for, as emerge-webrsync does.
TRIES: t.Final = 40
_STAMP: t.Final = "metadata/timestamp.x"
_COMMIT: t.Final = "metadata/timestamp.commit"
_TOLERANCE: t.Final = 2 * _pins.DAY


@dataclass(frozen=True)
class Snapshots:
    """A repository's dated snapshots."""

    run: Run
    name: str
    mirror: str
    keys: str
    fingerprint: str
    folder: str  # where they are kept here

    def path(self, day: str) -> str:
        """Return where a day's snapshot is kept."""
        return os.path.join(self.folder, self._file(day))

    def _file(self, day: str) -> str:
        return f"{self.name}-{day}{_archive.SUFFIX}"

    def bring(self, day: str) -> str:
        """Fetch and verify a day's snapshot; return the SHA-512 of it.

        Raises ``_download.MissingError`` if the mirror hasn't got it, ``BinhostError`` for all else; nothing that isn't
        verified stays.
        """
        path = self.path(day)
        if not os.path.isfile(path):
            self._fetch(day)
        return _durable.digests(path, "sha512")["sha512"]

    def _fetch(self, day: str) -> None:
        path, url = self.path(day), f"{self.mirror.rstrip('/')}/snapshots/{self._file(day)}"
        draft, signature = _durable.draft(path), f"{path}.gpgsig"
        _files.directory(self.folder)
        _durable.remove(signature)
        _download.fetch(f"{url}.gpgsig", signature)
        _download.fetch(url, draft)
        try:
            by = _openpgp.verify_file(self.run, draft, signature, self.keys)
            check_signer(by, self.fingerprint, url)
        except BinhostError as exc:
            _durable.remove(draft)  # half of it may have been another's: the next try begins anew
            raise BinhostError(f"{url}: {exc}") from None
        os.replace(draft, path)

    def newest(self, now: float, since: str = "") -> str:
        """Return the newest day of which the mirror has a snapshot, which is then here; none before ``since``.

        Raises ``BinhostError`` if it has none.
        """
        for back in range(1, TRIES + 1):
            day = _pins.day(now - back * _pins.DAY)
            if since and day <= since:
                return since
            try:
                self.bring(day)
            except _download.MissingError:
                continue
            return day
        raise BinhostError(
            f"{self.mirror}: expected snapshots/{self._file('<day>')} of one of the last {TRIES} days, found none"
        )

    def unpack(self, day: str, folder: str) -> str:
        """Unpack a day's snapshot, which is here, and return the folder of ``folder`` that the repository then is.

        Raises ``BinhostError`` for one that isn't of the day that it says.
        """
        _archive.unpack(self.path(day), folder)
        names = os.listdir(folder)
        top = os.path.join(folder, names[0]) if len(names) == 1 else folder
        found, begun = moment(top), _pins.since(day)
        if not begun <= found <= begun + _TOLERANCE:
            _durable.remove(self.path(day))
            raise BinhostError(
                f"{self.mirror}: {self._file(day)}: expected a snapshot of that day, "
                f"found one of {_pins.day(found)} ({_STAMP})"
            )
        return top

    def forget(self, *days: str) -> None:
        """Remove all but those of these days."""
        keep = {self._file(day) for day in days}
        for name in os.listdir(self.folder) if os.path.isdir(self.folder) else []:
            mine = name.startswith((f"{self.name}-", f"{_durable.DRAFT}{self.name}-"))
            if mine and name.partition(".gpgsig")[0] not in keep:
                _durable.remove(os.path.join(self.folder, name))


def moment(top: str) -> int:
    """Return when a repository was at its state, in seconds since the epoch; 0 if it doesn't say."""
    word = _first_word(os.path.join(top, _STAMP))
    return int(word) if word.isdigit() else 0


def commit(top: str) -> str:
    """Return the commit that a repository was made of; empty if it doesn't say."""
    return _first_word(os.path.join(top, _COMMIT))


def check_signer(by: str, fingerprint: str, what: str) -> None:
    """Raise ``BinhostError`` if one key is expected and another signed."""
    if fingerprint and by != _openpgp.fingerprint(fingerprint):
        raise BinhostError(f"{what}: expected a signature by {_openpgp.fingerprint(fingerprint)}, found one by {by}")


def _first_word(path: str) -> str:
    try:
        words = _files.read(path).split()
    except (OSError, ValueError):
        return ""
    return words[0] if words else ""
