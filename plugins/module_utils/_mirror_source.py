# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mirror or slave may ask of a master over ssh: which generations there are, to read one, or a file of one.

sshd runs this for that host's key whatever the host says (sshd(8), ``command=``), so that this key can read what is
published to the fleet anyway, and nothing else::

    list                              which generations there are
    cat T/41/Packages                 a file, as it is; of the current generation with "current" for the number
    rsync --server --sender … . T/41/     a generation
    rsync --server --sender … . T/41/Packages
"""

from __future__ import annotations

import argparse
import json
import os
import re
import time
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _durable,
    _keys,
    _local,
    _paths,
    _say,
    _seal,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

COMMAND: t.Final = "mirror-source"
LIST: t.Final = "list"
CAT: t.Final = "cat"
REFUSED: t.Final = "expected 'list', 'cat' of a file or rsync's reading of one generation"
#: As rsync's client writes it for the options that ``_mirror`` gives it (rsync options.c, server_options): one word of
#: letters, after whose "e" it says what it is capable of; "-s" would let it send further words later.
_RSYNC: t.Final = r"rsync --server --sender -[Htpr]+(?:e[0-9]*\.[A-Za-z]*)?(?: --timeout=[0-9]+)? \. "
_GENERATION: t.Final = r"([a-z0-9][a-z0-9_-]*/[0-9]+/)\Z"
#: A file of a generation; no part of its name is hidden, or leads upwards.
_FILE: t.Final = r"([a-z0-9][a-z0-9_-]*/(?:[0-9]+|current)(?:/[A-Za-z0-9_+@][A-Za-z0-9_.+@-]*)+)\Z"
_READ = re.compile(_RSYNC + _GENERATION)
_READ_FILE = re.compile(_RSYNC + _FILE)
_CAT = re.compile(f"{CAT} {_FILE}")


def act(options: argparse.Namespace) -> int:
    """Do what the mirror's ssh asks for.  Raises ``BinhostError`` for anything that isn't offered."""
    asked = os.environ.get("SSH_ORIGINAL_COMMAND", "")
    folder = os.path.join(options.state, "generations")
    if asked == LIST:
        _say.tell(json.dumps(published(options.state)))
        return 0
    os.chdir(folder)
    file = _CAT.match(asked) or _READ_FILE.match(asked)
    if file:
        _inside(folder, file[1])
        os.execv("/usr/bin/rsync" if file.re is _READ_FILE else "/bin/cat", asked.split(" "))
    found = _READ.match(asked)
    if not found:
        raise BinhostError(f"{REFUSED}, found {asked[:200]!r}")
    if os.path.islink(os.path.join(folder, found[1].rstrip("/"))):
        raise BinhostError(f"{folder}/{found[1]}: expected a generation, found a link")
    os.execv("/usr/bin/rsync", asked.split(" "))


def _inside(folder: str, path: str) -> None:
    """Raise ``BinhostError`` unless a path below ``folder`` is a file there, be it by a link."""
    place = os.path.realpath(os.path.join(folder, path))
    if not place.startswith(os.path.realpath(folder) + os.sep) or not os.path.isfile(place):
        raise BinhostError(f"{folder}/{path}: expected a file of a generation, found none")


def published(state: str = _paths.STATE) -> dict[str, t.Any]:
    """Return target to its ``current`` number and its ``numbers``, each to the SHA-512 of its seal.

    Those that nobody can believe any more are left out: from before anything was signed, or by a key that no longer
    counts.  A mirror would fetch them, and fail, in every run.  Raises ``BinhostError`` if the keys aren't whole.
    """
    folder, believed = os.path.join(state, "generations"), _believed(state)
    targets = [name for name in sorted(os.listdir(folder)) if _paths.TARGET_NAME.match(name)]
    return {target: _of(Place(target, state), believed) for target in targets}


def _believed(state: str) -> frozenset[str] | None:
    """Return the keys whose signatures count, ``None`` if that can't be known: a user other than root may run this."""
    ring = _keys.load(state) if os.access(_keys.folder(state), os.X_OK) else None
    return ring.believed(time.time()) if ring else None


def _of(place: Place, believed: frozenset[str] | None) -> dict[str, t.Any]:
    try:
        served = os.readlink(place.generation("current"))
    except OSError:
        served = ""
    numbers = {number: digest for number, digest in seals(place).items() if _counts(place, number, believed)}
    return {"current": int(served) if served.isdigit() else None, "numbers": numbers}


def _counts(place: Place, number: str, believed: frozenset[str] | None) -> bool:
    """Return whether a generation is signed, as its seal says, by a key that counts."""
    seal = _local.sealed(place, int(number))
    key = seal.key if seal else ""
    return bool(key) and (believed is None or key in believed)


def seals(place: Place) -> dict[str, str]:
    """Return number, as text, to the SHA-512 of its seal, of all generations that have one."""
    found = {}
    for number in place.numbers():
        path = os.path.join(place.generation(number), _seal.NAME)
        if os.path.isfile(path):
            found[str(number)] = _durable.digests(path, "sha512")["sha512"]
    return found
