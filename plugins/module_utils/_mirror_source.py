# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others may ask of a master over ssh: which generations there are, one of them by rsync, or a file of one.

sshd runs this for the key of a mirror or a slave, whatever it says (sshd(8), ``command=``), so that this key can read
what is published to the fleet anyway, and nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
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
GET: t.Final = "get"  # and a file below the generations
ABSENT: t.Final = 4  # the status where there is no such file
REFUSED: t.Final = "expected 'list', 'get' and a file, or rsync's reading of one generation"
#: As rsync's client writes it for the options that ``_mirror`` gives it (rsync options.c, server_options): one word of
#: letters, after whose "e" it says what it is capable of; "-s" would let it send further words later.
_READ = re.compile(r"rsync --server --sender -[Htpr]+(?:e[0-9]*\.[A-Za-z]*)? \. ([a-z0-9][a-z0-9_-]*/[0-9]+/)\Z")


def act(options: argparse.Namespace) -> int:
    """Do what the mirror's ssh asks for.  Raises ``BinhostError`` for anything that isn't offered."""
    asked = os.environ.get("SSH_ORIGINAL_COMMAND", "")
    folder = os.path.join(options.state, "generations")
    if asked == LIST:
        _say.tell(json.dumps(published(options.state)))
        return 0
    if asked.startswith(f"{GET} "):
        return _get(folder, asked[len(GET) + 1 :])
    found = _READ.match(asked)
    if not found:
        raise BinhostError(f"{REFUSED}, found {asked[:200]!r}")
    if os.path.islink(os.path.join(folder, found[1].rstrip("/"))):
        raise BinhostError(f"{folder}/{found[1]}: expected a generation, found a link")
    os.chdir(folder)
    os.execv("/usr/bin/rsync", asked.split(" "))


def _get(folder: str, asked: str) -> int:
    """Write a file to standard output.  Raises ``BinhostError`` for a path that may lead elsewhere."""
    target, _slash, rest = asked.partition("/")
    if not _paths.TARGET_NAME.match(target) or not _seal.inside(rest):
        raise BinhostError(f"{REFUSED}, found {asked[:200]!r}")
    path = os.path.join(folder, target, rest)
    if not os.path.realpath(path).startswith(os.path.realpath(folder) + os.sep) or not os.path.isfile(path):
        _say.warn(f"{asked}: expected a file, found none")
        return ABSENT
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 16), b""):
            sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()
    return 0


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
