# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys that a master signs with.

::

    STATE/keys/             0700
        gnupg/              0700, the GnuPG home of the keys that were made here
        signing.json        which key signs, which ones are still trusted, which ones are revoked
        public.asc          all of them as slaves are to know them: a revoked one as revoked

No build root sees any of it.  How keys come to be what is declared is in _key_states.
"""

from __future__ import annotations

import json
import os
import time
import typing as t
from dataclasses import asdict, dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _files, _gnupg
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

PUBLIC: t.Final = "public.asc"
RECORD: t.Final = "signing.json"
WARN_DAYS: t.Final = 30  # before a key expires
RESTORE: t.Final = (
    "Restore the folder from a backup. If there is none, run playbooks/keys.yml with -e binhost_key=rotate: a new key "
    "is made, and with the next run of site.yml everything is signed anew"
)


@dataclass(frozen=True)
class Key:
    """The key that signs now."""

    home: str  # its GnuPG home
    fingerprint: str  # of its primary key
    passphrase_file: str | None  # None: it has none, or an agent of that home knows it
    expires: int | None  # seconds since the epoch; None: never


@dataclass(frozen=True)
class Old:
    """A key that no longer signs."""

    fingerprint: str
    home: str
    until: int = 0  # seconds since the epoch: slaves trust it so long; 0 for a revoked one


@dataclass(frozen=True)
class Ring:
    """What ``signing.json`` records."""

    fingerprint: str  # "" if no key signs, because it was revoked and is a person's own
    home: str
    created: int  # seconds since the epoch
    expires: int | None
    passphrase_file: str | None
    keygrips: tuple[str, ...] = ()  # the names of its private keys' files; none of a person's own key
    retired: tuple[Old, ...] = ()
    revoked: tuple[Old, ...] = ()

    @property
    def foreign(self) -> bool:
        """Whether the key that signs is a person's own."""
        return not self.keygrips

    def key(self) -> Key:
        """Return the key that signs."""
        return Key(self.home, self.fingerprint, self.passphrase_file, self.expires)

    def believed(self, now: float) -> frozenset[str]:
        """Return the fingerprints of the keys whose signatures count."""
        return frozenset({old.fingerprint for old in self.published(now)} - {old.fingerprint for old in self.revoked})

    def published(self, now: float) -> list[Old]:
        """Return all keys that slaves are to know, sorted: current, still trusted, revoked."""
        signs = [Old(self.fingerprint, self.home)] if self.fingerprint else []
        trusted = [old for old in self.retired if old.until > now]
        return sorted([*signs, *trusted, *self.revoked], key=lambda old: old.fingerprint)


def folder(state: str = STATE) -> str:
    """Return where the keys of a master are; nothing below it is ever seen in a build root."""
    return os.path.join(state, "keys")


def own_home(state: str = STATE) -> str:
    """Return the GnuPG home of the keys that were made here."""
    return os.path.join(folder(state), "gnupg")


def public_path(state: str = STATE) -> str:
    """Return the file of all keys that slaves are to know: current, still trusted, and revoked ones as revoked."""
    return os.path.join(folder(state), PUBLIC)


def current(state: str = STATE) -> Key | None:
    """Return the key that signs now, None if none was made yet.

    Raises ``BinhostError`` if what is there isn't whole.
    """
    ring = load(state)
    return ring.key() if ring and ring.fingerprint else None


def public(state: str = STATE) -> str:
    """Return the text of ``public_path``; empty if there is none."""
    try:
        return _files.read(public_path(state))
    except FileNotFoundError:
        return ""


def load(state: str = STATE) -> Ring | None:
    """Return what is recorded, None if no key was ever made.  Raises ``BinhostError`` if what is there isn't whole."""
    path = os.path.join(folder(state), RECORD)
    try:
        ring = _ring(json.loads(_files.read(path)))
    except FileNotFoundError:
        _refuse_loss(state)
        return None
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise BinhostError(f"{path}: expected the record of this master's keys, found {exc}. {RESTORE}") from exc
    for grip in ring.keygrips:
        private = os.path.join(ring.home, "private-keys-v1.d", f"{grip}.key")
        if not os.path.isfile(private):
            raise BinhostError(f"{private}: expected the private key of {ring.fingerprint}, found none. {RESTORE}")
    return ring


def _refuse_loss(state: str) -> None:
    """Raise if there is no record although something was signed here: another key would go unnoticed."""
    generations = os.path.join(state, "generations")
    for target in sorted(os.listdir(generations)) if os.path.isdir(generations) else []:
        signature = os.path.join(generations, target, "current", "seal.json.asc")
        if os.path.exists(signature):
            raise BinhostError(f"{folder(state)}: expected the key that signed {signature}, found none. {RESTORE}")


def save(ring: Ring, state: str = STATE) -> None:
    """Write the record.  Raises ``BinhostError``."""
    text = json.dumps(asdict(ring), indent=1, sort_keys=True) + "\n"
    _files.write(os.path.join(folder(state), RECORD), text, mode=0o600)


def _ring(record: t.Any) -> Ring:
    lists = {name: tuple(Old(**old) for old in record[name]) for name in ("retired", "revoked")}
    return Ring(**{**record, **lists, "keygrips": tuple(record["keygrips"])})


def usable(key: Key, now: float | None = None) -> Key:
    """Return the key if it can sign.  Raises ``BinhostError`` for one that has expired."""
    if key.expires is not None and key.expires <= (time.time() if now is None else now):
        raise BinhostError(
            f"key {key.fingerprint}: expected one that can sign, found that it expired on {_gnupg.day(key.expires)}. "
            "Run playbooks/keys.yml with -e binhost_key=extend (the same key, valid again) or rotate (a new key)"
        )
    return key


def warning(ring: Ring, now: float) -> str:
    """Return what to say of a key that soon expires; empty if it doesn't."""
    if not ring.fingerprint or ring.expires is None or ring.expires - now > WARN_DAYS * _gnupg.DAY:
        return ""
    when = f"{'expires' if ring.expires > now else 'expired'} on {_gnupg.day(ring.expires)}"
    how = (
        "it is your own: gpg --quick-set-expire"
        if ring.foreign
        else "run playbooks/keys.yml, binhost_key=extend or rotate"
    )
    return f"the signing key {ring.fingerprint} {when}; {how}"


def shown(ring: Ring | None) -> str:
    """Return the keys as a person reads them, a line each."""
    if ring is None:
        return ""
    until = f", valid until {_gnupg.day(ring.expires)}" if ring.expires else ""
    signs = [f"{ring.fingerprint} signs{until}"] if ring.fingerprint else []
    retired = [f"{old.fingerprint} is trusted until {_gnupg.day(old.until)}" for old in ring.retired]
    return "".join(
        f"{line}\n" for line in [*signs, *retired, *(f"{old.fingerprint} is revoked" for old in ring.revoked)]
    )
