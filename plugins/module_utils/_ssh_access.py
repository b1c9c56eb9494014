# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mirrors' and slaves' lines in a master's ``authorized_keys``: only these are ours, all others stay as they are."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _files
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: What a line of ours ends with: of what kind of host it is, and its name.
_MARK: t.Final = "larry-binhost-{kind}:"
PUBLIC_KEY: t.Final = re.compile(r"(?P<key>(?:ssh|ecdsa|sk)-[A-Za-z0-9@.-]+ [A-Za-z0-9+/=]+)(?: [^\n]*)?\Z")
_NAME = re.compile(r"[^\s\"]+\Z")


@dataclass(frozen=True)
class File:
    """A user's ``authorized_keys``."""

    path: str
    uid: int
    gid: int

    @classmethod
    def of(cls, user: str) -> File:
        """Return the file of a user.  Raises ``BinhostError`` if there is none of that name."""
        try:
            found = pwd.getpwnam(user)
        except KeyError:
            raise BinhostError(f"user: expected a user of this machine, found {user!r}") from None
        return cls(os.path.join(found.pw_dir, ".ssh/authorized_keys"), found.pw_uid, found.pw_gid)


def wanted(text: str, keys: Mapping[str, str], command: str, kind: str = "mirror") -> str:
    """Return the file's text with exactly these hosts' keys of that kind, each for ``command`` alone.

    ``keys`` maps a host's name to its public key; one whose key isn't known (``""``) keeps what it has.
    """
    lines = text.splitlines()
    mark = _MARK.format(kind=kind)
    kept = [line for line in lines if not (_host(line, mark) and keys.get(_host(line, mark)) != "")]
    ours = [_line(name, keys[name], command, kind) for name in keys if keys[name]]
    return "".join(line + "\n" for line in [*kept, *ours])


def _host(line: str, mark: str) -> str:
    """Return the host that a line is of; empty for a line that isn't ours."""
    word = line.split()[-1] if line.split() else ""
    return word[len(mark) :] if word.startswith(mark) and not line.lstrip().startswith("#") else ""


def _line(name: str, key: str, command: str, kind: str) -> str:
    found = PUBLIC_KEY.match(key.strip())
    if not found or not _NAME.match(name):
        raise BinhostError(f"{kind}s: expected a {kind}'s name and its public ssh key, found {name!r}: {key[:60]!r}")
    # sshd(8), AUTHORIZED_KEYS FILE FORMAT: "restrict" denies all forwarding and terminals, those of later versions too.
    return f'restrict,command="{command}" {found["key"]} {_MARK.format(kind=kind)}{name}'


def hosts(kind: str = "slave", users: Sequence[str] = ()) -> list[str]:
    """Return the hosts of a kind that have a line of ours, sorted; unless said, root's and those of who became root."""
    names = users or [name for name in ("root", os.environ.get("SUDO_USER", "")) if name]
    mark = _MARK.format(kind=kind)
    found: set[str] = set()
    for name in names:
        with contextlib.suppress(BinhostError, OSError):
            found.update(_host(line, mark) for line in read(File.of(name)).splitlines())
    return sorted(found - {""})


def read(file: File) -> str:
    """Return the file's text, empty if there is none."""
    try:
        return _files.read(file.path)
    except FileNotFoundError:
        return ""


def write(file: File, text: str) -> None:
    """Write the file as sshd wants it: its user's, and nobody else's to write."""
    folder = os.path.dirname(file.path)
    if not os.path.isdir(folder):
        os.mkdir(folder, 0o700)
        os.chown(folder, file.uid, file.gid)
    mode = os.stat(file.path).st_mode & 0o7777 if os.path.exists(file.path) else 0o600
    _files.write(file.path, text, mode)
    os.chown(file.path, file.uid, file.gid, follow_symlinks=False)


def host_keys(folder: str = "/etc/ssh") -> list[str]:
    """Return this machine's public host keys, as ``type key``, sorted."""
    names = [name for name in sorted(os.listdir(folder)) if re.match(r"ssh_host_.*_key\.pub\Z", name)]
    found = [PUBLIC_KEY.match(_files.read(os.path.join(folder, name)).strip()) for name in names]
    return [each["key"] for each in found if each]
