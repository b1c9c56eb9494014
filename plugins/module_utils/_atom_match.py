# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages of an index an atom means, as ``portage.dep.match_from_list`` says it."""

from __future__ import annotations

import fnmatch
import operator
import re
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _atom, _version
from ansible_collections.larry.binhost.plugins.module_utils._packages import Package

_REVISION = re.compile(r"-r[0-9]+\Z")
_ORDER: t.Final[t.Mapping[str, t.Callable[[t.Any, t.Any], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def split(cpv: str) -> tuple[str, str]:
    """Return ``category/name`` and the version of ``category/name-1.2-r3``; of what is no CPV, anything."""
    cut = _REVISION.search(cpv)
    name, _hyphen, version = (cpv[: cut.start()] if cut else cpv).rpartition("-")
    return name, version + cut[0] if cut else version


class Wish:
    """A list of atoms, and which package is meant by any of them."""

    def __init__(self, atoms: t.Iterable[str]) -> None:
        """Take the atoms.  Raises ``BinhostError`` for what is none, and for a set, which only Portage can resolve."""
        self._exact: dict[str, list[_atom.Atom]] = {}
        self._wild: list[_atom.Atom] = []
        for one in map(_atom.parse, atoms):
            (self._wild if "*" in one.cp else self._exact.setdefault(one.cp, [])).append(one)

    def names(self, cpv: str) -> bool:
        """Return whether an atom has this package's name."""
        name = split(cpv)[0]
        return name in self._exact or any(fnmatch.fnmatchcase(name, one.cp) for one in self._wild)

    def means(self, package: Package, implicit: t.Container[str] = ()) -> bool:
        """Return whether an atom means this package; ``implicit`` are the flags that every package of the index has."""
        name = split(package.cpv)[0]
        named = [*self._exact.get(name, ()), *(one for one in self._wild if fnmatch.fnmatchcase(name, one.cp))]
        return any(_means(one, package, implicit) for one in named)


def implicit(header: t.Mapping[str, str]) -> frozenset[str]:
    """Return the flags that a package has without its IUSE: the profile's, as the index's header has them.

    Source: ``portage.package.ebuild.config``, ``_calc_iuse_effective``, and PMS 11.1.1.
    """
    flags = set(header.get("IUSE_IMPLICIT", "").split())
    unprefixed = header.get("USE_EXPAND_UNPREFIXED", "").split()
    for variable in header.get("USE_EXPAND_IMPLICIT", "").split():
        prefix = "" if variable in unprefixed else f"{variable.lower()}_"
        flags |= {prefix + value for value in header.get(f"USE_EXPAND_VALUES_{variable}", "").split()}
    return frozenset(flags)


def _means(atom: _atom.Atom, package: Package, implicit_flags: t.Container[str]) -> bool:
    slot, _slash, subslot = package.slot.partition("/")
    version = split(package.cpv)[1]
    return (
        _version.is_version(version)
        and (not atom.operator or _of_version(atom, version))
        and atom.slot in ("", slot)
        and atom.subslot in ("", subslot or slot)
        and atom.repository in ("", package.repo)
        and (not atom.use or _of_use(atom, package, implicit_flags))
    )


def _of_version(atom: _atom.Atom, version: str) -> bool:
    """Return whether the atom's operator holds between a package's version and its own."""
    if atom.operator == "=*":
        return _begins(_canonical(version), _canonical(atom.version))
    if atom.operator == "~":  # the same text, any revision
        return _REVISION.sub("", version) == _REVISION.sub("", atom.version)
    return _ORDER[atom.operator](_version.key(version), _version.key(atom.version))


def _begins(version: str, part: str) -> bool:
    """Return whether ``part`` is a whole number of the version's first parts: 1* is 1.2 and 1a, not 10."""
    after = version[len(part) : len(part) + 1]
    return version.startswith(part) and (not after or after in "._-" or part[-1].isdigit() != after.isdigit())


def _canonical(version: str) -> str:
    """Return the version without zeros in front, as Portage compares texts of versions."""
    bare = version.lstrip("0")
    return bare if bare[:1].isdigit() else f"0{bare}"


def _of_use(atom: _atom.Atom, package: Package, implicit_flags: t.Container[str]) -> bool:
    enabled = set(package.values["USE"].split())
    declared = {flag.lstrip("+-") for flag in package.values["IUSE"].split()}
    return all(_holds(flag, enabled, declared, implicit_flags) for flag in atom.use)


def _holds(flag: _atom.Flag, enabled: set[str], declared: set[str], implicit_flags: t.Container[str]) -> bool:
    """Return whether a package is built as the atom has it; a flag it hasn't is as the atom's default says."""
    if flag.name in declared or flag.name in implicit_flags:
        return (flag.name in enabled) == flag.enabled
    return flag.default == flag.enabled
