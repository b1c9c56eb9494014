# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make, replace, extend and revoke the keys that a master signs with (see _keys).

A key that is replaced stays trusted for a while, so that slaves that are away meanwhile lose nothing.  ``public.asc``
is written before the record: whoever is interrupted between them does the same again.
"""

from __future__ import annotations

import os
import time
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.larry.binhost.plugins.module_utils import _gnupg, _key_work, _keys, _lock
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._gnupg import DAY
from ansible_collections.larry.binhost.plugins.module_utils._key_work import NEW, Wanted
from ansible_collections.larry.binhost.plugins.module_utils._keys import Old, Ring
from ansible_collections.larry.binhost.plugins.module_utils._openpgp import Run

__all__ = ["NEW", "STATES", "Done", "Wanted", "converge"]
_PATIENCE: t.Final = 3600  # seconds to wait for who signs now: a whole pool may be signed anew


@dataclass(frozen=True)
class Done:
    """The keys before and after."""

    before: Ring | None
    after: Ring
    changed: bool


def converge(run: Run, which: str, wanted: Wanted) -> Done:
    """Bring the keys into one of ``STATES``, or say what would be done.  Raises ``BinhostError``."""
    if wanted.passphrase_file:
        _gnupg.passphrase_file(wanted.passphrase_file)
    if wanted.check:
        return _converge(run, which, wanted)
    with _lock.held("keys", state=wanted.state, wait=_PATIENCE):
        return _converge(run, which, wanted)


def _converge(run: Run, which: str, wanted: Wanted) -> Done:
    wanted = replace(wanted, now=wanted.now or time.time())
    before = _before(which, wanted)
    after = STATES[which](run, before, wanted)
    changed = after != before or not os.path.isfile(_keys.public_path(wanted.state))
    if not changed and after.foreign:  # a person may have given his key another subkey to sign with
        changed = _key_work.published(run, after, wanted) != _keys.public(wanted.state)
    if changed and not wanted.check:
        _key_work.publish(run, after, wanted)
        _keys.save(after, wanted.state)
    return Done(before, after, changed)


def _before(which: str, wanted: Wanted) -> Ring | None:
    """Return what is recorded; what isn't whole is put aside for a new key.  Raises ``BinhostError``."""
    try:
        return _keys.load(wanted.state)
    except BinhostError:
        if which != "rotated" or wanted.fingerprint:
            raise
        folder = _keys.folder(wanted.state)
        if os.path.isdir(folder) and not wanted.check:
            os.rename(folder, f"{folder}.lost-{int(wanted.now)}")
        return None


def present(run: Run, before: Ring | None, wanted: Wanted) -> Ring:
    """Return the keys with one that signs: the one there is, the person's own, or a new one."""
    ring = before and replace(before, retired=tuple(old for old in before.retired if old.until > wanted.now))
    if wanted.own:
        return _adopted(run, ring, wanted)
    if ring is None or not ring.fingerprint or ring.foreign:
        return _key_work.succeeded(ring, _key_work.made(run, wanted), wanted)
    if ring.passphrase_file != wanted.passphrase_file:
        _key_work.refuse_open(ring, wanted)
        ring = replace(ring, passphrase_file=wanted.passphrase_file)
        _key_work.attempt(run, ring, wanted)
    _keys.usable(ring.key(), wanted.now)
    return ring


def rotated(run: Run, before: Ring | None, wanted: Wanted) -> Ring:
    """Return the keys with a new one that signs; the one before stays trusted for a while."""
    _ours(before, wanted, "make another, name it in master_key_fingerprint and run site.yml")
    if before and wanted.fingerprint not in (None, before.fingerprint):
        return before
    return _key_work.succeeded(before, _key_work.made(run, wanted), wanted)


def extended(run: Run, before: Ring | None, wanted: Wanted) -> Ring:
    """Return the keys, of which the one that signs is valid for so many days from today."""
    _ours(before, wanted, "run gpg --quick-set-expire for it and then site.yml")
    if before is None or not before.fingerprint:
        return present(run, before, wanted)
    expires = int(wanted.now) + wanted.days * DAY
    if before.expires is None or before.expires > expires - DAY:
        return before
    if wanted.check:
        return replace(before, expires=expires)
    with _gnupg.agent_ends(run, before.home, own=True):
        words = ("--quick-set-expire", before.fingerprint, f"{wanted.days}d")
        command = _gnupg.argv(before.home, *words, passphrase_file=before.passphrase_file)
        _gnupg.output(run, command, f"key {before.fingerprint}: expected to extend it")
    return replace(before, expires=_gnupg.listed(run, before.home)[before.fingerprint].expires)


def revoked(run: Run, before: Ring | None, wanted: Wanted) -> Ring:
    """Return the keys with one revoked; if it is the one that signs, a new one follows it, unless it is a person's."""
    wrong = wanted.fingerprint or ""
    olds = {old.fingerprint: old for old in (before.retired + before.revoked if before else ())}
    signs = bool(before) and t.cast(Ring, before).fingerprint == wrong
    if before is None or not wrong or not (signs or wrong in olds):
        known = ", ".join([*([before.fingerprint] if before else []), *olds]) or "none"
        raise BinhostError(f"fingerprint: expected a key of this master ({known}), found {wrong!r}")
    if wrong in {old.fingerprint for old in before.revoked}:
        return before
    home = before.home if signs else olds[wrong].home
    if not wanted.check:
        _key_work.revoke(run, home, wrong)
    retired = tuple(old for old in before.retired if old.fingerprint != wrong)
    after = replace(before, retired=retired, revoked=(*before.revoked, Old(wrong, home)))
    if not signs:
        return after
    after = replace(after, fingerprint="", keygrips=(), expires=None)
    return after if before.foreign else _key_work.succeeded(after, _key_work.made(run, wanted), wanted)


def _ours(before: Ring | None, wanted: Wanted, remedy: str) -> None:
    """Raise if a person's own key signs."""
    if wanted.own or (before and before.fingerprint and before.foreign):
        found = wanted.own or t.cast(Ring, before).fingerprint
        raise BinhostError(f"signing key: expected one that was made here, found your own, {found}: {remedy}")


def _adopted(run: Run, before: Ring | None, wanted: Wanted) -> Ring:
    """Return the keys with a person's own as the one that signs."""
    wrong, home = t.cast(str, wanted.own), wanted.own_home or "/root/.gnupg"
    found = _gnupg.listed(run, _gnupg.plain(home, "own_home")) if os.path.isdir(home) else {}
    if wrong not in found:
        raise BinhostError(f"{home}: expected the key {wrong}, found {', '.join(found) or 'no key'}")
    key = found[wrong]
    if key.revoked:
        raise BinhostError(
            f"{home}: expected a key that can sign, found that {wrong} is revoked; run playbooks/keys.yml with -e "
            f"binhost_key=revoke -e binhost_key_fingerprint={wrong}, and name another in master_key_fingerprint"
        )
    ring = Ring(wrong, home, key.created, key.expires, wanted.passphrase_file)
    _keys.usable(ring.key(), wanted.now)
    if before is None or before.fingerprint != wrong or before.passphrase_file != wanted.passphrase_file:
        _key_work.attempt(run, ring, wanted)
    same = before is not None and before.fingerprint == wrong
    return replace(t.cast(Ring, before), **_settings(ring)) if same else _key_work.succeeded(before, ring, wanted)


def _settings(ring: Ring) -> dict[str, t.Any]:
    return {"home": ring.home, "expires": ring.expires, "passphrase_file": ring.passphrase_file}


STATES: t.Final[t.Mapping[str, t.Callable[..., Ring]]] = {
    "present": present,
    "rotated": rotated,
    "extended": extended,
    "revoked": revoked,
}
