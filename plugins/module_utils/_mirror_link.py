# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a mirror or a slave reaches masters over ssh: with its own key, and only those hosts that a run connected to.

::

    STATE/mirror/key, key.pub     this machine's own ssh key, made once
    STATE/mirror/MASTER.hosts     the host keys that a master has, from the run that connected to it
    STATE/mirror/MASTER.asc       the keys that sign what it publishes
"""

from __future__ import annotations

import json
import os
import re
import typing as t
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _durable, _files, _lock, _mirror_source
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE
from ansible_collections.larry.binhost.plugins.module_utils._process import Run

_UNREACHABLE: t.Final = 255  # ssh(1)
_PATIENCE: t.Final = 60  # seconds to wait for another who makes the key


class SilentError(BinhostError):
    """The master does not answer, or not to the end; what is here is served on."""


@dataclass(frozen=True)
class Source:
    """A master, as this mirror reaches it."""

    name: str
    host: str
    user: str
    port: int = 22
    state: str = STATE

    def file(self, suffix: str) -> str:
        """Return the file of what is known of this master."""
        return os.path.join(folder(self.state), f"{self.name}.{suffix}")

    def ssh(self) -> list[str]:
        """Return the command that connects: only as this mirror, and only to the host that the run connected to."""
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": "10",
            "GlobalKnownHostsFile": "/dev/null",
            "HostKeyAlias": self.name,
            "HostName": self.host,
            "IdentitiesOnly": "yes",
            "IdentityFile": key_path(self.state),
            "Port": str(self.port),
            "ServerAliveInterval": "15",
            "StrictHostKeyChecking": "yes",
            "User": self.user,
            "UserKnownHostsFile": self.file("hosts"),
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-F", "none", *words]


def folder(state: str = STATE) -> str:
    """Return where the mirror's own key and what it knows of masters is."""
    return os.path.join(state, "mirror")


def key_path(state: str = STATE) -> str:
    """Return the file of this mirror's secret ssh key."""
    return os.path.join(folder(state), "key")


def public_key(state: str = STATE) -> str:
    """Return this mirror's public ssh key, empty if there is none yet."""
    try:
        return _files.read(f"{key_path(state)}.pub").strip()
    except FileNotFoundError:
        return ""


def make_key(run: Run, name: str, state: str = STATE) -> str:
    """Make the ssh key if there is none; return its public part.  Raises ``BinhostError``."""
    known = public_key(state)
    if known and os.path.isfile(key_path(state)):
        return known
    with _lock.held("mirror-key", state=state, wait=_PATIENCE):
        _files.directory(os.path.dirname(folder(state)))
        os.makedirs(folder(state), mode=0o700, exist_ok=True)
        for path in (draft := f"{key_path(state)}.new", f"{draft}.pub"):
            _durable.remove(path)
        status, _out, err = run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"larry-binhost {name}", "-f", draft]
        )
        if status != 0:
            raise BinhostError(f"{draft}: expected ssh-keygen to make a key, found: {err.strip()}")
        # The secret part last: with it the key counts as made.
        for suffix in (".pub", ""):
            os.replace(draft + suffix, key_path(state) + suffix)
        _durable.sync_folder(folder(state))
    return public_key(state)


def remember(source: Source, host_keys: Sequence[str], signing_keys: str, *, check: bool = False) -> bool:
    """Keep what the run learnt of a master, but for a check; return whether it was something new.

    Unknown is empty, and stays.
    """
    changed = False
    texts = {
        "hosts": "".join(f"{source.name} {key}\n" for key in host_keys),
        "asc": signing_keys,
    }
    for suffix, text in texts.items():
        path = source.file(suffix)
        if text and (not os.path.isfile(path) or _files.read(path) != text):
            if not check:
                _files.write(path, text)
            changed = True
    return changed


def offers(run: Run, source: Source) -> dict[str, t.Any]:
    """Return what a master has, as ``_mirror_source.published`` says it.

    Raises ``SilentError`` if it doesn't answer, ``BinhostError`` for any other answer.
    """
    where = f"{source.user}@{source.host}:{source.port} ({source.name})"
    if not os.path.isfile(source.file("hosts")):
        raise SilentError(f"{where}: its host key isn't known here yet: run site.yml with that master on")
    status, out, err = run([*source.ssh(), source.name, _mirror_source.LIST])
    if status == _UNREACHABLE:
        raise SilentError(f"{where}: no answer: {last(err)}")
    try:
        answer = json.loads(out) if status == 0 else None
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise BinhostError(f"{where}: expected the list of its generations, found: {last(err) or out[:100]!r}")
    return answer


def last(text: str) -> str:
    """Return the last line that a program said."""
    return (text.strip().splitlines() or [""])[-1].strip()


def source(name: str, said: t.Any, state: str = STATE) -> Source:
    """Return a master as a module is told of it.  Raises ``BinhostError`` for what is no address."""
    if not isinstance(said, dict) or not all(_WORD.match(str(said.get(key, ""))) for key in ("host", "user")):
        raise BinhostError(f"masters: {name}: expected its host and a user, found {said!r}")
    if not _WORD.match(name):
        raise BinhostError(f"masters: expected a name without spaces, found {name!r}")
    return Source(name, str(said["host"]), str(said["user"]), int(said.get("port") or 22), state)


_WORD: t.Final = re.compile(r"[A-Za-z0-9_.:%][A-Za-z0-9_.:%@-]*\Z")
