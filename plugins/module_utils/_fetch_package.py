# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``fetch``: one package, as the binrepo's fetchcommand; Portage sees only what is as the seal says.

It is tried where the index says, then on the other ways that this machine has; those that failed in the last minutes
come last.
"""

from __future__ import annotations

import argparse
import re
import typing as t
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import (
    _answer,
    _fetch,
    _files,
    _health,
    _local,
    _orders,
    _probe,
    _say,
    _seal,
    _transport,
    _verdict,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

_TIMEOUT: t.Final = 10.0  # seconds without a byte, unless those who have packages may be silent for longer
# http://10.0.0.1:8080/laptops/41/app-misc/foo/foo-1-1.gpkg.tar
_URI: t.Final = re.compile(
    r"(?P<base>.*)/(?P<target>[a-z0-9][a-z0-9_-]*)/(?P<number>\d+)/(?P<path>[^/]+/[^/]+(?:/[^/]+)?)\Z"
)


@dataclass(frozen=True)
class Wanted:
    """One package of a generation that is here."""

    base: str  # where its index says that it is
    target: str
    number: int
    path: str
    package: _seal.Package

    def urls(self, base: str) -> tuple[str, str]:
        """Return where it may be: where old generations are gone, the current one may still have it."""
        return f"{base}/{self.target}/{self.number}/{self.path}", f"{base}/{self.target}/current/{self.path}"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Tell a parser what is on the command line."""
    parser.add_argument("uri", help="as the index has it")
    parser.add_argument("file", help="where it is to be")
    parser.set_defaults(act=act)


def act(asked: argparse.Namespace) -> int:
    """Fetch it; return 0 once it is there and right.  Raises ``BinhostError`` if no way has it so."""
    wanted = _wanted(asked.uri, asked.state)
    others, patience = _others(asked.state)
    bases = ways(wanted, others, _health.failing(asked.state))
    said = list(_tried(wanted, bases, asked.file, patience, asked.state))
    if said and said[-1]:
        _files.remove(asked.file)
        other = any(_answer.AS_SEALED in words for words in said)
        raise BinhostError("; ".join([*said, _verdict.NO_WAY if other else "no other way to it"]))
    for words in said[:-1]:
        _say.warn(f"{words}; another way has it")
    return 0


def _tried(wanted: Wanted, bases: Sequence[str], file: str, patience: float, state: str) -> Iterator[str]:
    """Yield what is wrong with each way, and nothing for the one that brought it, which is the last."""
    quiet: dict[str, str] = {}
    for number, base in enumerate(bases):
        if number == 1:  # the first is silent or wrong: which of the others are there is asked at once
            quiet = _probe.silent(bases[1:], wanted.target)
        trouble = quiet.get(base) or _from(wanted, base, file, patience, state)
        _health.note(base, bool(trouble), state)
        yield trouble
        if not trouble:
            return


def _from(wanted: Wanted, base: str, file: str, patience: float, state: str) -> str:
    """Fetch it from one server; return why that failed, empty if it didn't."""
    words = ""
    for url in wanted.urls(base):
        try:
            package = wanted.package
            _fetch.save(url, file, sha512=package.sha512, size=package.size, timeout=patience, state=state)
            return ""
        except _fetch.Absent as exc:
            words = words or str(exc)
        except BinhostError as exc:
            return words or str(exc)
    return words


def _wanted(uri: str, state: str) -> Wanted:
    """Return what an index that is here, or was when emerge began, means by a URI.  Raises ``BinhostError``."""
    found = _URI.match(_transport.from_portage(uri))
    package = _package(Place(found["target"], state), int(found["number"]), found["path"]) if found else None
    if not found or not package:
        raise BinhostError(f"{uri}: expected a package of a generation that is here, found none in its seal")
    return Wanted(found["base"], found["target"], int(found["number"]), found["path"], package)


def _package(place: Place, number: int, path: str) -> _seal.Package | None:
    """Return what a package has to be; a newer generation that has it says the same of it."""
    for each in [number, *sorted(place.numbers(), reverse=True)]:
        seal = _local.sealed(place, each)
        if seal and path in seal.packages:
            return seal.packages[path]
    return None


def _others(state: str) -> tuple[list[str], float]:
    """Return the other ways, and the seconds to wait; a file that says them wrongly is no reason not to fetch."""
    try:
        sources, silent = _orders.ways(state)
    except BinhostError as exc:
        _say.warn(str(exc))
        return [], _TIMEOUT
    return [source.uri for source in sources], max(_TIMEOUT, silent)


def ways(wanted: Wanted, others: Sequence[str], failing: t.Container[str]) -> list[str]:
    """Return the servers in the order in which they are asked, each once."""
    bases = list(dict.fromkeys([wanted.base, *others]))
    return sorted(bases, key=lambda base: base in failing)
