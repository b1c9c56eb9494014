# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The worlds of a build root: as much of its slaves' worlds as goes together."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _atom,
    _cycle,
    _files,
    _fragments,
    _host,
    _merge_world,
    _patterns,
    _settle,
)
from ansible_collections.larry.binhost.plugins.module_utils._merge_world import Place, UnresolvedError
from ansible_collections.larry.binhost.plugins.module_utils._target import Target


def settle(
    place: Place, options: t.Mapping[str, t.Any], missing: t.Container[str], apart_before: t.Collection[str]
) -> tuple[dict[str, str], str | None]:
    """Write the root's worlds and return the slaves that are not in them, with Portage's words why.

    Beside them, what emerge says that it would do for these worlds; None where that isn't known.  ``missing`` are atoms
    that no repository has. Those who were apart at the last build are tried last, so that the root doesn't change sides
    without a reason.
    """
    target = place.target
    slaves = sorted((each.name for each in target.variants), key=lambda name: (name in apart_before, name))
    asked: dict[t.Any, _Answer] = {}

    def worlds(out: t.Container[str]) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(atoms(target, each, missing, out)) for each in (target.world, target.wishes))

    def refusal(together: t.Sequence[str]) -> str:
        out = frozenset(slaves) - frozenset(together)
        # Machines are often alike: what was asked once isn't asked again.
        wanted = worlds(out)
        if wanted not in asked:
            declare(target, missing, out)
            asked[wanted] = _ask(place, options)
        return asked[wanted].refusal

    apart = _settle.apart(slaves, refusal) if slaves else {}
    declare(target, missing, apart)
    answer = asked.get(worlds(apart))
    return apart, answer.said if answer else None


class _Answer(t.NamedTuple):
    """What Portage says to worlds."""

    refusal: str  # why it can't be; empty if it can
    said: str | None  # what it would do


def _ask(place: Place, options: t.Mapping[str, t.Any]) -> _Answer:
    try:
        return _Answer("", _merge_world.asked(place, options))
    except UnresolvedError as exc:
        return _Answer("" if _cycle.openable(place, exc) else str(exc), None)


def atoms(
    target: Target, asked: t.Mapping[str, t.Sequence[str]], missing: t.Container[str], apart: t.Container[str]
) -> list[str]:
    """Return what of a world is built in the root.

    ``asked``: atom -> hosts. Left out is what nobody but slaves apart asks for, and what those who do build themselves.
    """
    own = {each.name: each.build_on_slave or target.build_on_slave for each in target.variants}

    def here(atom: str, host: str) -> bool:
        patterns = own.get(host, target.build_on_slave)
        return host not in apart and not _patterns.matches(patterns, _atom.category_package(atom))

    return [atom for atom, hosts in asked.items() if atom not in missing and any(here(atom, host) for host in hosts)]


def on_slave(atoms: t.Iterable[str], patterns: t.Sequence[str], snapshots: t.Mapping[str, str]) -> list[str]:
    """Return those of the atoms that a slave with these ``build_on_slave`` patterns builds itself.

    What none of the repositories has is left out.
    """
    itself = [atom for atom in dict.fromkeys(atoms) if _patterns.matches(patterns, _atom.category_package(atom))]
    missing = nowhere(itself, snapshots)
    return [atom for atom in itself if atom not in missing]


def nowhere(atoms: t.Iterable[str], snapshots: t.Mapping[str, str]) -> list[str]:
    """Return the atoms whose package is in none of the repositories (name -> place)."""

    def somewhere(atom: str) -> bool:
        package = _atom.category_package(atom)
        return any(os.path.isdir(os.path.join(place, package)) for place in snapshots.values())

    return [atom for atom in atoms if not somewhere(atom)]


def declare(target: Target, missing: t.Container[str], apart: t.Container[str]) -> None:
    """Write the root's worlds without the slaves that are apart."""
    header = _fragments.header(f"The world of target {target.name}.", "slave_world")
    text = _fragments.package_set(atoms(target, target.world, missing, apart), header=header)
    _files.write(os.path.join(target.root, "etc/portage/sets/binhost"), text)
    _files.write(os.path.join(target.root, _host.WORLD_SETS), "@binhost\n")
    _files.write(os.path.join(target.root, _host.WORLD), lines(atoms(target, target.wishes, (), apart)))


def lines(atoms: t.Iterable[str]) -> str:
    """Return a world file's text."""
    return "".join(f"{atom}\n" for atom in sorted(atoms))
