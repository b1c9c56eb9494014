# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gpg does for the states of a master's keys (see _key_states): make one, try it, revoke it, publish them."""

from __future__ import annotations

import os
import tempfile
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.larry.binhost.plugins.module_utils import _files, _gnupg, _keys, _signing
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._gnupg import DAY
from ansible_collections.larry.binhost.plugins.module_utils._keys import Old, Ring
from ansible_collections.larry.binhost.plugins.module_utils._openpgp import Run
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

#: What stands for the fingerprint of a key that check mode doesn't make.
NEW: t.Final = "a new key"


@dataclass(frozen=True)
class Wanted:
    """What is declared of a master's keys."""

    name: str  # the user ID of a key that is made
    days: int = 730  # for which a key that is made or extended is valid
    overlap: int = 60  # days for which a replaced key is still trusted
    passphrase_file: str | None = None
    own: str | None = None  # the fingerprint of a person's own key, to sign with that
    own_home: str | None = None  # that key's GnuPG home
    fingerprint: str | None = None  # rotated: only if this one signs now; revoked: which one
    state: str = STATE
    check: bool = False  # nothing is changed
    now: float = 0


def succeeded(before: Ring | None, new: Ring, wanted: Wanted) -> Ring:
    """Return the keys with a new one that signs, and the one before among those that are still trusted."""
    if before is None:
        return new
    until = int(wanted.now) + wanted.overlap * DAY
    last = (Old(before.fingerprint, before.home, until),) if before.fingerprint else ()
    others = tuple(old for old in before.retired if old.fingerprint != new.fingerprint)
    return replace(new, retired=(*others, *last), revoked=before.revoked)


def made(run: Run, wanted: Wanted) -> Ring:
    """Make a key; return it as the only one."""
    home, secret = _keys.own_home(wanted.state), wanted.passphrase_file
    ring = Ring(NEW, home, int(wanted.now), int(wanted.now) + wanted.days * DAY, secret, ("",))
    if wanted.check:
        return ring
    _gnupg.plain(home, "state_dir")
    for folder in (os.path.dirname(home), home):
        _files.directory(os.path.dirname(folder))
        os.makedirs(folder, mode=0o700, exist_ok=True)
        os.chmod(folder, 0o700)
    with _gnupg.agent_ends(run, home, own=True):
        none = () if secret else ("--passphrase", "")
        words = (*none, "--status-fd", "1", "--quick-generate-key", wanted.name, "ed25519", "sign", f"{wanted.days}d")
        command = _gnupg.argv(home, *words, passphrase_file=secret)
        said = _gnupg.output(run, command, f"{home}: expected to make a key")
        made = [line.split()[-1] for line in said.splitlines() if line.startswith("[GNUPG:] KEY_CREATED")]
        key = _gnupg.listed(run, home)[made[0]]
    os.sync()  # before anything is signed with it
    return replace(ring, fingerprint=made[0], created=key.created, expires=key.expires, keygrips=key.keygrips)


def refuse_open(ring: Ring, wanted: Wanted) -> None:
    """Raise if a key was made without the passphrase that is declared now: it would look protected, and not be."""
    for grip in ring.keygrips if wanted.passphrase_file else ():
        with open(os.path.join(ring.home, "private-keys-v1.d", f"{grip}.key"), "rb") as handle:
            if b"protected-private-key" not in handle.read():
                raise BinhostError(
                    f"{wanted.passphrase_file}: expected the passphrase of {ring.fingerprint}, found that this key has "
                    "none; run playbooks/keys.yml with -e binhost_key=rotate: the new key has it"
                )


def attempt(run: Run, ring: Ring, wanted: Wanted) -> None:
    """Raise unless the key can be used as it would be: without anybody to ask."""
    if wanted.check:
        return
    with tempfile.TemporaryDirectory(prefix="larry-binhost-gpg-") as place:
        path = os.path.join(place, "text")
        _files.write(path, "larry.binhost\n")
        _signing.detached(run, ring.key(), path, f"{path}.asc", state=wanted.state)


def revoke(run: Run, home: str, fingerprint: str) -> None:
    """Let the key be revoked in its home, with the certificate that was made with it."""
    found = _gnupg.listed(run, home).get(fingerprint)
    if found and found.revoked:
        return
    path = os.path.join(home, "openpgp-revocs.d", f"{fingerprint}.rev")
    if not os.path.isfile(path):
        raise BinhostError(
            f"{path}: expected the revocation certificate of {fingerprint}, found none; make one with "
            f"gpg --homedir {home} --gen-revoke {fingerprint}, import it there, and run this again"
        )
    with tempfile.TemporaryDirectory(prefix="larry-binhost-gpg-") as place:
        # A colon keeps people from importing it by accident.
        _files.write(os.path.join(place, "revocation"), _files.read(path).replace("\n:-----BEGIN", "\n-----BEGIN"))
        words = ("--import", os.path.join(place, "revocation"))
        _gnupg.output(run, _gnupg.argv(home, *words), f"{path}: expected to revoke {fingerprint}")
    if not _gnupg.listed(run, home)[fingerprint].revoked:
        raise BinhostError(f"{path}: expected that it revokes {fingerprint}, found that it doesn't")


def published(run: Run, ring: Ring, wanted: Wanted) -> str:
    """Return what slaves are to know."""
    texts = []
    for old in ring.published(wanted.now):
        command = _gnupg.argv(old.home, "--armor", "--export-options", "export-minimal", "--export", old.fingerprint)
        texts.append(_gnupg.output(run, command, f"{old.home}: expected the public key {old.fingerprint}"))
        if "BEGIN PGP PUBLIC KEY BLOCK" not in texts[-1]:
            raise BinhostError(f"{old.home}: expected the public key {old.fingerprint}, found none. {_keys.RESTORE}")
    return "".join(texts)


def publish(run: Run, ring: Ring, wanted: Wanted) -> None:
    """Write what slaves are to know."""
    text = published(run, ring, wanted)
    os.makedirs(_keys.folder(wanted.state), mode=0o700, exist_ok=True)
    _files.write(_keys.public_path(wanted.state), text)
