# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody asked for on some hosts, between two edits of the inventory.

A request is host -> package -> the day on which it was asked for. It is a wish, as if that machine's person had
emerged the package: it is built with the others' and what can't be had of it stops nobody. It stays until it is
forgotten.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.larry.binhost.plugins.module_utils import _atom
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

Requests = Mapping[str, Mapping[str, str]]


def atoms(value: t.Any, variable: str) -> list[str]:
    """Return the packages of a text or a list, in the form that a world file has them.

    Raises ``BinhostError``: a world file keeps no version and no USE (portage lib/_emerge/create_world_atom.py).
    """
    words = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(words, (list, tuple)) or not all(isinstance(word, str) for word in words):
        raise BinhostError(f"{variable}: expected packages, found {value!r}")
    found = []
    for word in words:
        atom = _atom.parse(word)
        if atom.operator or atom.use or atom.repository or atom.subslot or "*" in atom.cp:
            raise BinhostError(
                f"{variable}: expected category/name or category/name:slot, found {word!r}; slave_world takes more"
            )
        found.append(f"{atom.cp}:{atom.slot}" if atom.slot not in ("", "0") else atom.cp)
    return list(dict.fromkeys(found))


def added(requests: Requests, hosts: Iterable[str], wanted: Iterable[str], day: str) -> dict[str, dict[str, str]]:
    """Return the requests with these packages for these hosts; one that is there keeps its day."""
    new = dict.fromkeys(wanted, day)
    return {**_copied(requests), **{host: {**new, **requests.get(host, {})} for host in hosts}}


def without(requests: Requests, hosts: Iterable[str], gone: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the requests without these packages for these hosts.

    Raises ``BinhostError`` for one that none of them has.
    """
    made, names = _copied(requests), list(hosts)
    for atom in gone:
        if not [host for host in names if made.get(host, {}).pop(atom, None)]:
            there = sorted({each for host in names for each in requests.get(host, {})})
            raise BinhostError(
                f"{', '.join(names)}: expected a request for {atom} to forget, found {', '.join(there) or 'none'}"
            )
    return {host: own for host, own in made.items() if own}


def _copied(requests: Requests) -> dict[str, dict[str, str]]:
    return {host: dict(own) for host, own in requests.items()}


def lines(requests: Requests, hosts: Iterable[str]) -> list[str]:
    """Return a line for each request that one of these hosts has."""
    return [
        f"{host}: {atom}, since {day}" for host in sorted(hosts) for atom, day in sorted(requests.get(host, {}).items())
    ]


def checked(value: t.Any, where: str) -> dict[str, dict[str, str]]:
    """Return what was read from ``where``.  Raises ``BinhostError`` if these are no requests."""
    if not isinstance(value, Mapping):
        raise BinhostError(f"{where}: expected hosts, found {value!r}")
    for host, own in value.items():
        if not isinstance(own, Mapping) or not all(isinstance(day, str) for day in own.values()):
            raise BinhostError(f"{where}: {host}: expected packages, each with a day, found {own!r}")
        atoms(list(own), f"{where}: {host}")
    return _copied(value)


def open_ones(asked: Iterable[str], declared: Iterable[str], world: Iterable[str]) -> list[str]:
    """Return those that neither the inventory nor the machine's own world has yet, sorted."""
    return sorted({*asked} - {*declared} - {*world})
