# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell a package atom from a slip of the pen, without Portage.

Grammar: PMS 3.1 (names), 3.2 (versions), 8.3 (atoms); where PMS leaves it open, ``portage.dep.Atom``.  Blockers, USE
conditionals and build numbers, which Portage reads too, are no way to name a package in a configuration: refused.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

_CATEGORY = r"[A-Za-z0-9_][A-Za-z0-9_+.-]*"
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_+-]*?"
_VERSION = r"\d+(?:\.\d+)*[a-z]?(?:_(?:pre|p|beta|alpha|rc)\d*)*(?:-r\d+)?"
_SLOT = r"[A-Za-z0-9_][A-Za-z0-9_+.-]*"
_FLAG = r"-?[A-Za-z0-9][A-Za-z0-9+_@-]*(?:\([+-]\))?"
# The slot and repository of ">=sys-devel/gcc-13:13/13=::gentoo".
_QUALIFIERS = (
    rf"(?::(?:(?P<slot>{_SLOT})(?:/(?P<subslot>{_SLOT}))?=?|[*=]))?(?:::(?P<repository>[A-Za-z0-9_][A-Za-z0-9_-]*))?"
)
_USE = rf"(?:\[(?P<use>{_FLAG}(?:,{_FLAG})*)\])?"
_ATOM = re.compile(
    rf"(?P<operator>>=|<=|[<>=~])?(?P<cp>{_CATEGORY}/{_NAME})(?:-(?P<version>{_VERSION}))?(?P<glob>\*)?"
    rf"{_QUALIFIERS}{_USE}\Z"
)
# "*/*", "dev-qt/*": package.use and its like only (portage(5), "Extended Atom Syntax").
_WILDCARD = re.compile(rf"(?P<cp>[A-Za-z0-9_+*][A-Za-z0-9_+.*-]*/[A-Za-z0-9_+*][A-Za-z0-9_+*-]*){_QUALIFIERS}\Z")
_SET = re.compile(r"@[A-Za-z0-9_][A-Za-z0-9_+./-]*\Z")
_ENDS_IN_VERSION = re.compile(rf"-{_VERSION}\Z")


@dataclass(frozen=True)
class Flag:
    """One condition on USE, of ``[nls,-static(-)]``."""

    name: str
    enabled: bool
    default: bool | None  # what holds where the package hasn't this flag; None: then it isn't meant


@dataclass(frozen=True)
class Atom:
    """The parts of an atom; "" where it says nothing."""

    cp: str  # "category/name", or with "*" for any text in either
    operator: str  # "", "=", "=*", "~", "<", "<=", ">", ">="
    version: str  # with its revision
    slot: str
    subslot: str
    repository: str
    use: tuple[Flag, ...]


def parse(atom: str) -> Atom:
    """Return the parts of a package atom or of a wildcard ``dev-qt/*``.  Raises ``BinhostError`` for all else."""
    found = _WILDCARD.match(atom) if "*" in atom and "**" not in atom else None
    if not found:
        category_package(atom)
        found = _ATOM.match(atom)
    if not found:
        raise BinhostError(f"{atom!r} is no package atom")
    parts = {key: value or "" for key, value in found.groupdict().items()}
    return Atom(
        parts["cp"],
        parts.get("operator", "") + parts.get("glob", ""),
        parts.get("version", ""),
        parts["slot"],
        parts["subslot"],
        parts["repository"],
        tuple(_flag(word) for word in parts.get("use", "").split(",") if word),
    )


def _flag(word: str) -> Flag:
    """Return what ``-static(+)`` says."""
    default = {"(+)": True, "(-)": False}.get(word[-3:])
    return Flag(word.lstrip("-") if default is None else word[:-3].lstrip("-"), not word.startswith("-"), default)


def is_package(atom: str) -> bool:
    """Return whether this is a package atom: no set, no blocker, nothing else that a world file may have in it."""
    return not atom.startswith("@") and not _fault(atom)


def check(atom: str) -> None:
    """Accept a package atom or a set ``@name``.  Raises ``BinhostError`` that says what is wrong with anything else."""
    reason = _fault(atom)
    if reason:
        raise BinhostError(f"{atom!r} is no package atom: {reason}")


def check_entry(atom: str) -> None:
    """Accept what may begin a line of package.use and its like: an atom without ``[use]``, or a wildcard ``*/*``.

    Raises ``BinhostError``; sets aren't read there (portage lib/portage/util/__init__.py, grabdict_package).
    """
    if _WILDCARD.match(atom) and "*" in atom and "**" not in atom:
        return
    check(atom)
    if atom.startswith("@") or atom.endswith("]"):
        raise BinhostError(f"{atom!r} can't begin a line of package.*: expected an atom without [use], found {atom!r}")


def category_package(atom: str) -> str:
    """Return ``category/name`` of an atom.  Raises ``BinhostError`` for a set or for what is no atom."""
    check(atom)
    found = _ATOM.match(atom)
    if not found:
        raise BinhostError(f"{atom!r} names a set: expected one package")
    return found["cp"]


@functools.lru_cache(maxsize=4096)  # a fleet names the same packages again and again
def _fault(atom: str) -> str:
    """Return why ``atom`` is neither an atom nor a set; empty if it is one."""
    if atom.startswith("@"):
        return "" if _SET.match(atom) else "expected a set's name after '@'"
    if atom.startswith("!"):
        return "it is a blocker; expected a package to have"
    found = _ATOM.match(atom)
    if not found:
        return _nearest(atom)
    return _mismatch(found)


def _mismatch(found: re.Match[str]) -> str:
    """Return how operator, name and version of a well-formed atom contradict each other."""
    operator, version, glob = found["operator"], found["version"], found["glob"]
    if operator and not version:
        return f"expected a version after operator {operator!r}"
    if version and not operator:
        return f"expected an operator (=, ~, <, <=, >, >=) before version {version!r}"
    if glob and operator != "=":
        return "'*' after a version goes with '=' alone"
    if _ENDS_IN_VERSION.search(found["cp"]):
        return "the name ends in what is a version"
    return ""


def _nearest(atom: str) -> str:
    """Return the likeliest mistake in what doesn't look like an atom at all."""
    if not atom or re.search(r"\s", atom):
        return "expected one word"
    if "/" not in atom:
        return "expected category/name"
    if re.search(r"[?=!][],]|\[!", atom):
        return "a USE conditional has no meaning outside an ebuild"
    if re.search(rf"-{_VERSION}-\d", atom):
        return "a build number can't be asked for"
    return "expected [operator]category/name[-version][:slot][::repository][[use]]"
