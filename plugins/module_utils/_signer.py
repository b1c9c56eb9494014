# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who signs what is published, and whose signatures may stay on what was published before."""

from __future__ import annotations

import os
import tempfile
import time
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _files, _gnupg, _keys, _openpgp, _signing
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._process import Run


@dataclass(frozen=True)
class Signer:
    """The key that signs, as functions; each raises ``BinhostError``."""

    fingerprint: str  # of its primary key
    expires: int | None  # seconds since the epoch; None: never
    valid: frozenset[str]  # fingerprints of the keys whose signatures stay, this one's among them
    sign_packages: t.Callable[[t.Sequence[str]], None]  # in place
    sign_file: t.Callable[[str, str], None]  # path, and where its detached signature goes
    verify_packages: t.Callable[[t.Sequence[str]], t.Mapping[str, str]]  # path -> fingerprint of who signed
    verify_file: t.Callable[[str, str], str]  # path, its detached signature -> fingerprint of who signed


def of(run: Run, state: str) -> Signer:
    """Return the master's signer; no program is run for that.  Raises ``BinhostError`` where it has no key."""
    ring = _keys.load(state)
    if ring is None or not ring.fingerprint:
        raise BinhostError(
            f"{_keys.folder(state)}: expected a key to sign with, found none; larry.binhost.signing_key makes one"
        )
    key, public = ring.key(), _keys.public_path(state)
    return Signer(
        fingerprint=key.fingerprint,
        expires=key.expires,
        valid=ring.believed(time.time()),
        sign_packages=lambda paths: _signing.packages(run, key, paths, state=state),
        sign_file=lambda path, signature: _signing.file(run, key, path, signature, state=state),
        verify_packages=lambda paths: _openpgp.verify_packages(run, paths, public),
        verify_file=lambda path, signature: _openpgp.verify_file(run, path, signature, public),
    )


def works(run: Run, state: str) -> bool:
    """Return whether the master can sign now: it signs nothing, in a folder that goes.

    A person's key needs what its agent knows. One begun here would be ended again, maybe with what he just told it.
    """
    try:
        ring = _keys.load(state)
        if ring and ring.foreign and not ring.passphrase_file and not _gnupg.agent_runs(run, ring.home):
            return False
        with tempfile.TemporaryDirectory(prefix="larry-binhost-") as folder:
            path = os.path.join(folder, "nothing")
            _files.write(path, "", 0o600)
            of(run, state).sign_file(path, f"{path}.asc")
    except (BinhostError, OSError):
        return False
    return True
