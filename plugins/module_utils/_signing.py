# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sign packages with Portage's own signing, and files with detached signatures, on the master itself.

What Portage's gpkg-sign does for one package, the program here does for many: it calls the same function of Portage
(gpkg.py, ``gpkg.update_signature``).  It reads none of the machine's configuration, and gpg never asks.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import tempfile
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _durable,
    _gnupg,
    _keys,
    _lock,
    _portage_query,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._keys import Key
from ansible_collections.larry.binhost.plugins.module_utils._openpgp import Run
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

_PATIENCE: t.Final = 3600  # seconds to wait for who signs now: a whole pool may be signed anew
_XPAK_END: t.Final = b"STOP"  # xpak(5)
#: A package that is signed already is not verified by its old signature (whose key may be gone), but all its digests.
_FEATURES: t.Final = "binpkg-signing binpkg-ignore-signature -binpkg-request-signature"
_PROGRAM: t.Final = r"""
import glob, io, json, os, sys
with open(sys.argv[1], encoding="utf-8") as handle:
    order = json.load(handle)
os.environ.update(order["environment"])
import portage
portage._internal_caller = True
from portage import gpkg

answer = {"signed": 0, "error": "", "words": ""}
for path in order["paths"]:
    sys.stderr = io.StringIO()  # gpg's words on failure are printed by Portage
    try:
        gpkg.gpkg(settings=portage.settings, gpkg_file=path).update_signature()
    except Exception as exc:
        answer["error"] = "%s: %s" % (type(exc).__name__, exc)
        answer["words"] = sys.stderr.getvalue()
        for draft in glob.glob("%s.%d*" % (glob.escape(path), os.getpid())):
            os.unlink(draft)
        break
    answer["signed"] += 1
print(json.dumps(answer))
"""


def packages(run: Run, key: Key, paths: t.Sequence[str], *, state: str = STATE) -> None:
    """Sign packages in place; those that are signed already are signed anew.

    Each file is replaced: it has another inode, size and digest afterwards, and is not yet synchronised to the disk. A
    file must not be a second name of one that is in use. Raises ``BinhostError`` at the first that can't be signed;
    those before it are signed.
    """
    for path in paths:
        _refuse_xpak(path)
    if not paths:
        return
    _keys.usable(key)
    with _lock.held("keys", state=state, wait=_PATIENCE), tempfile.TemporaryDirectory(prefix="larry-binhost-") as place:
        order = os.path.join(place, "order.json")
        with open(order, "w", encoding="utf-8") as handle:
            json.dump({"environment": _environment(key, place), "paths": list(paths)}, handle)
        with _gnupg.agent_ends(run, key.home, own=key.home == _keys.own_home(state)):
            answer = _portage_query.answer(run, _PROGRAM, order)
    if answer["error"]:
        path, said = paths[answer["signed"]], [answer["error"], *_words(answer["words"])]
        raise BinhostError(f"{path}: expected to sign it with {key.fingerprint} of {key.home}, found {'; '.join(said)}")


def _words(text: str) -> list[str]:
    """Return what gpg itself said among the lines that Portage prints of it."""
    lines = (re.sub(r"\x1b\[[0-9;]*m", "", line).strip(" *\t") for line in text.splitlines())
    return [line for line in lines if line.startswith("gpg:")]


def _refuse_xpak(path: str) -> None:
    """Raise for a package of the old format, which has no place for a signature; that of others Portage checks."""
    with open(path, "rb") as handle:
        handle.seek(max(0, os.path.getsize(path) - len(_XPAK_END)))
        if handle.read() == _XPAK_END:
            raise BinhostError(
                f"{path}: expected a package in the format gpkg, found XPAK, which can't be signed; set "
                'BINPKG_FORMAT="gpkg" where it is made, and have it made again'
            )


def _environment(key: Key, place: str) -> dict[str, str]:
    """Return what tells Portage how to sign (make.conf(5)), and keeps it from all else."""
    secret = ["--passphrase-file", key.passphrase_file] if key.passphrase_file else []
    command = ["gpg", "--sign", "--armor", "--yes", "--no-permission-warning", "--pinentry-mode", "loopback", *secret]
    config, verify = os.path.join(place, "config"), os.path.join(place, "verify")
    os.mkdir(config)
    os.mkdir(verify, 0o700)
    return {
        "PORTAGE_CONFIGROOT": config,
        "FEATURES": _FEATURES,
        "BINPKG_GPG_SIGNING_BASE_COMMAND": f"{shlex.join(command)} [PORTAGE_CONFIG]",
        "BINPKG_GPG_SIGNING_DIGEST": "SHA512",
        "BINPKG_GPG_SIGNING_GPG_HOME": _gnupg.plain(key.home, "home of the signing key"),
        "BINPKG_GPG_SIGNING_KEY": key.fingerprint,
        "BINPKG_GPG_VERIFY_GPG_HOME": verify,
        "GPG_VERIFY_USER_DROP": "",
        "GPG_VERIFY_GROUP_DROP": "",
    }


def file(run: Run, key: Key, path: str, signature: str, *, state: str = STATE) -> None:
    """Write the armored detached signature of ``path`` to ``signature``, by one rename.  Raises ``BinhostError``."""
    _keys.usable(key)
    draft = _durable.draft(signature)
    with _lock.held("keys", state=state, wait=_PATIENCE):
        detached(run, key, path, draft, state=state)
    os.chmod(draft, _durable.FILE_MODE)
    os.replace(draft, signature)
    _durable.sync_folder(os.path.dirname(signature))


def detached(run: Run, key: Key, path: str, signature: str, *, state: str) -> None:
    """Write that signature, for who holds the lock of the keys already.  Raises ``BinhostError``."""
    _sign(run, key, ("--armor", "--output", signature, "--detach-sign", path), path, state)


def clear(run: Run, key: Key, path: str, signed: str, *, state: str = STATE) -> None:
    """Write the text of ``path``, signed as it can be read (RFC 9580, 7), to ``signed``.  Raises ``BinhostError``."""
    _keys.usable(key)
    with _lock.held("keys", state=state, wait=_PATIENCE):
        _sign(run, key, ("--output", signed, "--clear-sign", path), path, state)
    os.chmod(signed, _durable.FILE_MODE)


def _sign(run: Run, key: Key, words: t.Sequence[str], path: str, state: str) -> None:
    with _gnupg.agent_ends(run, key.home, own=key.home == _keys.own_home(state)):
        own = ("--local-user", key.fingerprint, "--digest-algo", "SHA512")
        command = _gnupg.argv(key.home, *own, *words, passphrase_file=key.passphrase_file)
        _gnupg.output(run, command, f"{path}: expected to sign it with {key.fingerprint} of {key.home}")
