# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target's generations as a person wants to see them: what each changed, and what it takes on the disk alone."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import _atom, _generation, _packages, _size
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._generation import Content
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

_NAMED: t.Final = 3  # packages of each kind that a line names


@dataclass(frozen=True)
class Change:
    """What one state has otherwise than another, in CPVs, each list sorted."""

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)  # another version of what was there; also where that stays
    removed: list[str] = field(default_factory=list)  # versions that are gone, those that others took the place of too
    rebuilt: list[str] = field(default_factory=list)  # the same version, built once more


@dataclass(frozen=True)
class Line:
    """One generation."""

    number: int
    current: bool
    time: str  # UTC
    expires: str
    packages: int
    own: int  # bytes on the disk that the one before has no part of
    restores: int  # the generation that it went back to, 0 if none
    change: Change  # against the one before; of the first, all is added
    repositories: t.Mapping[str, str]  # name -> 12 digits of the revision
    pinned_by: t.Sequence[str]  # slaves
    damage: str  # why nothing but number and size is known of it; "" if all is


def lines(place: Place, pins: t.Mapping[str, int | None] | None = None) -> list[Line]:
    """Return all generations, oldest first; ``pins`` maps slaves to the number that they are pinned to."""
    found = []
    before: Content = {}
    inodes: set[int] = set()
    for number in place.numbers():
        folder = place.generation(number)
        known, size = _extent(folder)
        own = sum(size[inode] for inode in known - inodes)
        inodes = known
        by = sorted(slave for slave, pinned in (pins or {}).items() if pinned == number)
        try:
            generation = _read(folder)
        except (BinhostError, OSError) as exc:
            empty = Line(number, _is_current(place, number), "", "", 0, own, 0, Change(), {}, by, str(exc))
            found.append(empty)
            continue
        seal, content = generation.seal, generation.content()
        revisions = {name: revision[:12] for name, revision in seal.revisions().items()}
        head = (number, _is_current(place, number), seal.time, seal.expires, len(content), own, seal.restores)
        found.append(Line(*head, change(before, content), revisions, by, ""))
        before = content
    return found


def change(before: Content, after: Content) -> Change:
    """Return what changed."""
    old, new = _builds(before), _builds(after)
    names = {_name(cpv) for cpv in old}
    fresh = sorted(set(new) - set(old))
    return Change(
        added=[cpv for cpv in fresh if _name(cpv) not in names],
        updated=[cpv for cpv in fresh if _name(cpv) in names],
        removed=sorted(set(old) - set(new)),
        rebuilt=sorted(cpv for cpv in set(old) & set(new) if new[cpv] - old[cpv]),
    )


def table(found: t.Sequence[Line]) -> list[str]:
    """Return the generations as lines for a terminal, newest first."""
    rows: list[tuple[str, ...]] = [("", "number", "date", "packages", "own size", "expires", "changes")]
    rows += [_row(line) for line in reversed(found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    texts = ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[-1]]) for row in rows]
    return [text.rstrip() for text in texts]


def _row(line: Line) -> tuple[str, ...]:
    mark = "*" if line.current else ""
    if line.damage:
        return (mark, str(line.number), "?", "?", _size.shown(line.own), "?", line.damage)
    date, until = line.time[:16].replace("T", " "), line.expires[:10]
    return (mark, str(line.number), date, str(line.packages), _size.shown(line.own), until, _words(line))


def _words(line: Line) -> str:
    """Return what there is to say of a generation beside its numbers."""
    words = [f"back to {line.restores}"] if line.restores else []
    words += [
        f"{len(cpvs)} {kind}: {', '.join(cpvs[:_NAMED])}{' …' if len(cpvs) > _NAMED else ''}"
        for kind, cpvs in vars(line.change).items()
        if cpvs
    ]
    words += [f"{name} {revision}" for name, revision in line.repositories.items()]
    words += [f"pinned by {', '.join(line.pinned_by)}"] if line.pinned_by else []
    return "; ".join(words)


def _read(folder: str) -> _generation.Generation:
    """Return a generation without looking at its files."""
    index = _packages.parse(_generation.read(os.path.join(folder, "Packages")).decode("utf-8", "surrogateescape"))
    seal = _generation.seal_of(folder)
    entries = _generation.by_path(index, where=folder)
    return _generation.Generation(seal, {path: entry for path, entry in entries.items() if path in seal.packages})


def _is_current(place: Place, number: int) -> bool:
    link = place.generation("current")
    return os.path.islink(link) and os.readlink(link) == str(number)


def _builds(content: Content) -> dict[str, set[t.Any]]:
    """Return CPV to its builds: PATH and what was built there."""
    found: dict[str, set[t.Any]] = {}
    for path, (cpv, source) in content.items():
        found.setdefault(cpv, set()).add((path, source))
    return found


def _name(cpv: str) -> str:
    """Return ``category/name``; of what is no CPV, itself."""
    try:
        return _atom.category_package(f"={cpv}")
    except BinhostError:
        return cpv


def _extent(folder: str) -> tuple[set[int], dict[int, int]]:
    """Return the inodes of a folder's files, and how many bytes each takes on the disk."""
    sizes = {}
    for place, _folders, names in os.walk(folder):
        for name in names:
            status = os.lstat(os.path.join(place, name))
            sizes[status.st_ino] = status.st_blocks * 512
    return set(sizes), sizes
