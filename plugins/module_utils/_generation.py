# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target's published states, and what publishing would do.  Nothing here writes; _publication does.

::

    STATE/pkgdir/T/               what Portage built, with its own index
    STATE/pool/T/                 every package of a kept generation (see _pool)
    STATE/generations/T/
        41/                       one generation: packages at their PATH (hard links into the pool),
            Packages Packages.gz  the index of exactly these: neither URI nor TTL, so that every transport can use it
            repos/NAME.tar.xz     each ebuild repository, as the packages were built from it
            seal.json             see _seal
        current -> 41             what is served
        .new-42/                  a publication that is under way or was killed
"""

from __future__ import annotations

import gzip
import os
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.larry.binhost.plugins.module_utils import _durable, _packages, _pool, _repository, _seal
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

_OWN: t.Final = ("Packages", "Packages.gz", "repos", "seal.json")


@dataclass(frozen=True)
class Generation:
    """A generation that was found complete: every file that it names is there, with the right size."""

    seal: _seal.Seal
    packages: t.Mapping[str, _packages.Package]  # by PATH


@dataclass(frozen=True)
class Plan:
    """What publishing would do."""

    current: Generation | None  # None where there is none, or it is damaged
    damage: str  # what is wrong with the current one, "" if nothing is
    index: _packages.Index | None  # of PKGDIR; None before the first build
    packages: t.Mapping[str, _packages.Package]  # by PATH
    repositories: t.Mapping[str, str]  # name to snapshot
    number: int  # of the generation that is current afterwards

    @property
    def before(self) -> dict[str, str]:
        """PATH to CPV of what is published."""
        return {path: entry.cpv for path, entry in self.current.packages.items()} if self.current else {}

    @property
    def changed(self) -> bool:
        """Whether there is anything to publish."""
        return self.current is None or self.number != self.current.seal.number

    def added(self) -> list[str]:
        """Return the paths that are new or have new content, sorted."""
        return _news(self.packages, self.current.packages if self.current else {})

    def removed(self) -> list[str]:
        """Return the paths that will be missing or have other content, sorted."""
        return _news(self.current.packages, self.packages) if self.current else []

    def revisions(self) -> dict[str, str]:
        """Return repository to the 12 digits of its revision, sorted by name."""
        return {name: _repository.revision_of(name, path) for name, path in sorted(self.repositories.items())}


def _identity(entry: _packages.Package) -> tuple[t.Any, ...]:
    """Return what makes two files of one PATH the same; no mtime, which a copy may lose."""
    return (entry.cpv, entry.size, entry.md5, entry.sha1)


def _news(these: t.Mapping[str, _packages.Package], those: t.Mapping[str, _packages.Package]) -> list[str]:
    """Return the paths of ``these`` that ``those`` lacks or has otherwise, sorted."""
    known = {path: _identity(entry) for path, entry in those.items()}
    return sorted(path for path, entry in these.items() if known.get(path) != _identity(entry))


def plan(place: Place, repositories: t.Mapping[str, str] | None = None, *, withhold: t.Container[str] = ()) -> Plan:
    """Compare what was built with what is published; nothing is written.

    ``repositories`` maps names to snapshots, by default the newest of each; ``withhold`` are paths in PKGDIR that are
    not to be published.  Raises ``BinhostError`` where PKGDIR's index can't be published as it stands.
    """
    snapshots = repositories or _repository.newest(place.state)
    now, damage = current(place)
    index = built(place, withhold=withhold)
    entries = by_path(index, where=place.pkgdir) if index else (now.packages if now else {})
    draft = Plan(now, damage, index, entries, snapshots, now.seal.number if now else 0)
    revisions = draft.revisions()
    if now and index and not draft.added() and not draft.removed() and _short(now.seal) == revisions:
        return draft
    return replace(draft, number=max([0, *place.numbers()]) + 1)


def _short(seal: _seal.Seal) -> dict[str, str]:
    """Return the revisions as snapshots are named by them."""
    return {name: revision[:12] for name, revision in seal.revisions().items()}


def built(place: Place, *, withhold: t.Container[str] = ()) -> _packages.Index | None:
    """Return PKGDIR's index without what is withheld, ``None`` before the first build.

    Raises ``BinhostError`` if Portage would read less from it than it holds, or if it holds nothing: that is what
    ``emaint binhost --fix`` writes when it trusts none of the signatures, and no state to publish.
    """
    path = os.path.join(place.pkgdir, "Packages")
    if not os.path.exists(path):
        return None
    index = _packages.parse(read(path).decode("utf-8", "surrogateescape"))
    if index.problems:
        raise BinhostError(f"{path}: {'; '.join(map(str, index.problems[:5]))}")
    index = _packages.without(index, withhold)
    if not index.stanzas:
        raise BinhostError(f"{path}: expected packages, found none")
    return index


def by_path(index: _packages.Index, *, where: str) -> dict[str, _packages.Package]:
    """Return PATH to package.  Raises ``BinhostError`` for a path that can't stand in a generation."""
    entries = {entry.path: entry for entry in _packages.packages(index)}
    for path, entry in entries.items():
        if not _seal.inside(path) or path.split("/")[0] in _OWN:
            raise BinhostError(f"{where}/Packages: line {entry.line}: expected a PATH inside PKGDIR, found {path!r}")
        if entry.size is None:
            raise BinhostError(f"{where}/Packages: line {entry.line}: expected a SIZE, found none")
    return entries


def current(place: Place) -> tuple[Generation | None, str]:
    """Return what is served, or ``None`` and what is wrong with it ("" if nothing was ever published)."""
    link = place.generation("current")
    if not os.path.islink(link):
        return None, ""
    try:
        return check(os.path.join(place.folder, os.readlink(link))), ""
    except (BinhostError, OSError, EOFError) as exc:
        return None, str(exc)


def check(folder: str) -> Generation:
    """Return the generation in ``folder``; raises ``BinhostError`` or ``OSError`` for the first thing that isn't right.

    The index is compared by content, packages by size and mtime, archives by size: their content is read where they are
    made.
    """
    seal = _seal.parse(read(os.path.join(folder, "seal.json")), where=os.path.join(folder, "seal.json"))
    index, packed = (read(os.path.join(folder, name)) for name in ("Packages", "Packages.gz"))
    if file_of(index) != seal.index or gzip.decompress(packed) != index:
        raise BinhostError(f"{folder}: expected the index that the seal names, found another")
    entries = by_path(_packages.parse(index.decode("utf-8", "surrogateescape")), where=folder)
    if set(entries) != set(seal.packages):
        other = ", ".join(sorted(set(entries) ^ set(seal.packages)))
        raise BinhostError(f"{folder}: expected the same packages in index and seal, only one has {other}")
    for path, entry in entries.items():
        if not _pool.untouched(os.path.join(folder, path), entry):
            raise BinhostError(f"{folder}/{path}: expected the file that the index names, found it missing or changed")
    for repository in seal.repositories.values():
        size = os.path.getsize(os.path.join(folder, repository.archive))
        if size != repository.size:
            raise BinhostError(f"{folder}/{repository.archive}: expected {repository.size} bytes, found {size}")
    return Generation(seal, entries)


def read(path: str) -> bytes:
    """Return a file's bytes."""
    with open(path, "rb") as file:
        return file.read()


def file_of(data: bytes) -> _seal.File:
    """Return what these bytes are."""
    return _seal.File(_durable.digest_of(data), len(data))


def describe(wanted: Plan) -> tuple[str, str]:
    """Return before and after as text, for a diff."""
    before = wanted.current.seal if wanted.current else None
    old = _text(before.number if before else None, before.revisions() if before else {}, wanted.before)
    if wanted.index is None:
        return old, "unknown before the target is built\n"
    return old, _text(wanted.number, wanted.revisions(), {path: entry.cpv for path, entry in wanted.packages.items()})


def told(place: Place, wanted: Plan) -> dict[str, t.Any]:
    """Return what a module tells of a plan; ``damage`` is what is wrong with the current generation, if anything is."""
    before, after = describe(wanted)
    known = wanted.index is not None
    return {
        "changed": wanted.changed,
        "number": wanted.number if known else None,
        "path": place.generation(wanted.number) if known else None,
        "packages": len(wanted.packages) if known else None,
        "added": wanted.added(),
        "removed": wanted.removed(),
        "repositories": wanted.revisions(),
        "diff": {"before_header": place.folder, "after_header": place.folder, "before": before, "after": after},
        "damage": wanted.damage,
    }


def _text(number: int | None, revisions: t.Mapping[str, str], entries: t.Mapping[str, str]) -> str:
    """Return one state in lines."""
    lines = [f"generation {number}" if number else "no generation"]
    lines += [f"repository {name} {revision[:12]}" for name, revision in revisions.items()]
    lines += [f"{cpv} {path}" for path, cpv in sorted(entries.items(), key=lambda item: item[::-1])]
    return "".join(line + "\n" for line in lines)
