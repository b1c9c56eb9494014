# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys a slave believes: its target's master's, for Portage and for us.

::

    STATE/trusted.asc       the keys, for what we verify ourselves (_openpgp)
    STATE/trust.json        which keys in Portage's home are there because of us, and what the home looked like then
    /etc/portage/gnupg/     Portage's GnuPG home; what a person has there besides stays

Portage runs gpg as nobody, and takes a signature only of a key that is fully or ultimately trusted (gpkg.py,
``_check_gpg_status``), as the trust database says, which gpg must not renew then.  So the order is: getuto, where it is
installed and there is no home yet, since it makes one only then; import; trust; check the database; let nobody read it.
Our keys are trusted ultimately: that takes no secret on the slave, as signing them locally would.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import typing as t
from dataclasses import asdict, dataclass, field, replace

from ansible_collections.larry.binhost.plugins.module_utils import _files, _gnupg, _lock, _trust_home
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._gnupg import Listed
from ansible_collections.larry.binhost.plugins.module_utils._openpgp import Run
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

HOME: t.Final = "/etc/portage/gnupg"
_GETUTO: t.Final = "getuto"
_PATIENCE: t.Final = 60  # seconds to wait for another run
_NETWORK: t.Final = 600  # seconds for getuto, which asks key servers


def trusted_path(state: str = STATE) -> str:
    """Return the file of the keys that this machine believes, for ``_openpgp.verify_file``; absent if none is."""
    return os.path.join(state, "trusted.asc")


@dataclass(frozen=True)
class Wanted:
    """What is declared."""

    keys: str | None  # armored, of all keys to believe; None: those that are believed already
    home: str = HOME
    state: str = STATE
    check: bool = False  # nothing is changed


@dataclass(frozen=True)
class Done:
    """What a slave believes, before and after: fingerprint to what is to be said of it."""

    before: t.Mapping[str, str]
    after: t.Mapping[str, str]
    changed: bool
    warning: str = ""


@dataclass(frozen=True)
class Record:
    """``trust.json``."""

    ours: tuple[str, ...] = ()  # fingerprints of keys that are in Portage's home because of us
    keys: str = ""  # SHA-512 of trusted.asc
    home: str = ""  # SHA-512 of what Portage's home had in it when all was well
    shown: t.Mapping[str, str] = field(default_factory=dict)  # fingerprint to what is to be said of it
    getuto: bool = True  # whether it is to be asked where there is no home; it has failed if not


def converge(run: Run, wanted: Wanted) -> Done:
    """Let exactly these keys be believed because of us.  Raises ``BinhostError``."""
    if wanted.check:
        return _converge(run, wanted)
    with _lock.held("trust", state=wanted.state, wait=_PATIENCE):
        return _converge(run, wanted)


def _converge(run: Run, wanted: Wanted) -> Done:
    record, here = _load(wanted.state), _here(wanted.state)
    text = wanted.keys or here
    if not text or (record.keys == _digest(text) == _digest(here) and record.home == _trust_home.looks(wanted.home)):
        return Done(record.shown, record.shown, changed=False)
    with tempfile.TemporaryDirectory(prefix="larry-binhost-gpg-") as place:
        file = os.path.join(place, "keys.asc")
        _files.write(file, text)
        command = _gnupg.argv(place, "--with-colons", "--show-keys", file)
        listing = _gnupg.output(run, command, "keys: expected armored OpenPGP public keys")
        offered = {key.fingerprint: key for key in _gnupg.parse(listing)}
        plan = _trust_home.plan_for(record.ours, offered, _trust_home.present(run, wanted.home))
        shown = {fingerprint: _said(key) for fingerprint, key in sorted(offered.items())}
        changed = plan.changes or text != here or not _trust_home.readable(wanted.home)
        warning = "" if wanted.check else _settle(run, wanted, record, plan, file)
    return Done(record.shown, shown, changed, warning)


def _settle(run: Run, wanted: Wanted, record: Record, plan: _trust_home.Plan, file: str) -> str:
    """Do it, and record it; return a warning.  A killed run leaves a record of what may be ours."""
    ours = tuple(sorted({*record.ours, *(one for one in plan.offered if one not in plan.foreign)}))
    record = replace(record, ours=ours, home="")
    _save(record, wanted.state)
    record, warning = _begun(run, wanted, record)
    with _gnupg.agent_ends(run, wanted.home, own=False):
        _trust_home.apply(run, wanted.home, plan, file)
    text = _files.read(file)
    _files.write(trusted_path(wanted.state), text)
    left = tuple(one for one in ours if one in plan.offered)
    shown = {one: _said(key) for one, key in sorted(plan.offered.items())}
    _save(
        replace(record, ours=left, keys=_digest(text), home=_trust_home.looks(wanted.home), shown=shown), wanted.state
    )
    return warning


def _begun(run: Run, wanted: Wanted, record: Record) -> tuple[Record, str]:
    """Make Portage's home if there is none: getuto does if it is installed and can, for Gentoo's own packages."""
    warning = ""
    if not os.path.isdir(wanted.home) and record.getuto and shutil.which(_GETUTO):
        status, stdout, stderr = run(["timeout", "--kill-after=10", str(_NETWORK), _GETUTO])
        if status != 0:
            last = (stdout + stderr).strip().splitlines()[-1:] or ["no words"]
            warning = f"{_GETUTO}: expected status 0, found {status}: {last[0]}; Gentoo's own packages aren't trusted"
            record = replace(record, getuto=False)
    _files.directory(wanted.home)
    return record, warning


def _said(key: Listed) -> str:
    if key.revoked:
        return "revoked"
    return f"trusted until {_gnupg.day(key.expires)}" if key.expires else "trusted"


def _here(state: str) -> str:
    """Return what is believed already; empty if nothing is."""
    try:
        return _files.read(trusted_path(state))
    except FileNotFoundError:
        return ""


def _digest(text: str) -> str:
    return hashlib.sha512(text.encode("utf-8", "surrogateescape")).hexdigest()


def _load(state: str) -> Record:
    """Return the record.  Raises ``BinhostError`` if it is none."""
    path = os.path.join(state, "trust.json")
    try:
        record = json.loads(_files.read(path))
        return Record(**{**record, "ours": tuple(record["ours"])})
    except FileNotFoundError:
        return Record()
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise BinhostError(
            f"{path}: expected the record of the keys that are trusted because of us, found {exc}. Move it away to go "
            "on; keys that are no longer offered then stay"
        ) from exc


def _save(record: Record, state: str) -> None:
    text = json.dumps(asdict(record), indent=1, sort_keys=True) + "\n"
    _files.write(os.path.join(state, "trust.json"), text)
