# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answer a question about an index: its header, the packages that are meant, and what is wrong with it."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, replace

from ansible_collections.larry.binhost.plugins.module_utils import (
    _atom_match,
    _durable,
    _packages,
    _packages_keys,
    _packages_source,
    _seal,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._packages_reader import Problem, Reader, Source, number

_HEADER_NUMBERS: t.Final = ("DOWNLOAD_TIMESTAMP", "PACKAGES", "TIMESTAMP", "TTL", "VERSION")
#: What a package has beside the keys of the file.
OWN: t.Final = ("line", "path")

Values = dict[str, t.Any]


@dataclass(frozen=True)
class Question:
    """What is asked of an index."""

    atoms: t.Sequence[str] = ()  # none: every package
    keys: t.Sequence[str] = ()  # none: all that Portage reads, ``line`` and ``path``
    problems: bool = True  # whether the whole file is checked; else nothing is read that isn't asked for
    pkgdir: str | None = None  # where the packages' files are compared with the index, if they are
    newer_than: int | None = None  # seconds since the epoch: an index that isn't newer is not read


@dataclass(frozen=True)
class Answer:
    """What an index says."""

    header: Values
    packages: list[Values]
    problems: list[Problem]
    modified: bool  # whether its TIMESTAMP is newer than what was asked for; if not, only the header was read
    entries: int | None  # how many stanzas the file holds, and of how many packages Portage reads; None: not counted
    portage_reads: int | None


def check(question: Question) -> None:
    """Raise ``BinhostError`` for atoms and keys that can't be asked for."""
    _atom_match.Wish(question.atoms)
    for key in question.keys:
        if key in _packages_keys.ALIASES:
            raise BinhostError(f"keys: expected {_packages_keys.ALIASES[key]!r}, as an index has it, found {key!r}")


def of_file(path: str, question: Question) -> Answer:
    """Return what an index says that lies here.  Raises ``BinhostError``."""
    check(question)
    with _packages_source.opened(path) as source:
        return answer(source, question)


def of_url(url: str, question: Question, *, copy: str | None, timeout: float) -> Answer:
    """Return what a URL's index says; where that isn't newer than the ``copy`` of it, what the copy says.

    A ``copy`` that isn't there is no error: then all is newer.  Raises ``BinhostError``.
    """
    check(question)
    since = question.newer_than if copy is None else timestamp(copy)
    source = _packages_source.fetched(url, timeout=timeout, newer_than=since)
    found = None if source is None else answer(source, replace(question, newer_than=since))
    if found and found.modified:
        return found
    if copy is None:
        return found or Answer({}, [], [], modified=False, entries=None, portage_reads=None)
    return replace(of_file(copy, replace(question, newer_than=None)), modified=False)


def timestamp(path: str) -> int | None:
    """Return the TIMESTAMP of an index, ``None`` if it has none or isn't there.  Raises ``BinhostError``."""
    if not os.path.lexists(path):
        return None
    with _packages_source.opened(path) as source:
        return number(Reader(source).header.get("TIMESTAMP", ""))


def answer(source: Source, question: Question) -> Answer:
    """Return what the index says that this source gives."""
    reader = Reader(source)
    header = {key: typed(key, text) for key, text in reader.header.items()}
    stamp = number(reader.header.get("TIMESTAMP", ""))
    if None not in (question.newer_than, stamp) and t.cast("int", stamp) <= t.cast("int", question.newer_than):
        return Answer(header, [], [], modified=False, entries=None, portage_reads=None)
    packages, problems = [], []
    for package in _meant(reader, question):
        packages.append(_shown(package, question.keys))
        if question.pkgdir is not None:
            problems += differences(package, question.pkgdir)
    if not question.problems:
        return Answer(header, packages, problems, modified=True, entries=None, portage_reads=None)
    problems = sorted([*problems, *reader.problems()], key=lambda problem: problem.line)
    return Answer(header, packages, problems, True, reader.stanzas, reader.portage_reads)


def _meant(reader: Reader, question: Question) -> t.Iterator[_packages.Package]:
    """Yield the packages that are asked for, in the order of the file."""
    wish = _atom_match.Wish(question.atoms)
    common = _packages.base(reader.header)
    implicit = _atom_match.implicit(reader.header)
    found = ((line, values) for line, _lines, values in reader)
    for line, values in reader.find(wish.names) if question.atoms and not question.problems else found:
        if not values.get("CPV") or (question.atoms and not wish.names(values["CPV"])):
            continue
        package = _packages.Package(line, {**common, **values})
        if not question.atoms or wish.means(package, implicit):
            yield package


def _shown(package: _packages.Package, keys: t.Sequence[str]) -> Values:
    """Return a package with these keys, or all; what it lacks is ``None``."""
    own = {"line": package.line, "path": package.path}
    names = keys or [*OWN, *(key for key in package.values if key in _packages_keys.KEYS)]
    return {key: own[key] if key in OWN else typed(key, package.values.get(key)) for key in names}


def typed(key: str, text: str | None) -> str | int | None:
    """Return a value as what it is: a number where the key has one, ``None`` if it is absent or no number."""
    if key in _packages_keys.NUMBERS:
        return number(text or "")
    return text if key not in _HEADER_NUMBERS or number(text or "") is None else number(text or "")


def differences(package: _packages.Package, pkgdir: str) -> list[Problem]:
    """Return what about a package's file isn't as the index says; its content is read if its size is right."""
    path = os.path.join(pkgdir, package.path)
    if not _seal.inside(package.path):
        return [Problem(package.line, f"expected a PATH inside PKGDIR, found {package.path!r}")]
    try:
        found = os.path.getsize(path)
        if package.size not in (None, found):
            return [Problem(package.line, f"{path}: expected {package.size} bytes, found {found}")]
        sums = _durable.digests(path, "md5", "sha1")
    except OSError as exc:
        return [Problem(package.line, f"{path}: expected the package's file, found: {exc.strerror}")]
    wanted = {"md5": package.md5, "sha1": package.sha1}
    return [
        Problem(package.line, f"{path}: expected {key.upper()} {digest}, found {sums[key]}")
        for key, digest in wanted.items()
        if digest and digest != sums[key]
    ]
