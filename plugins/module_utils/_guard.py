# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a merge list a machine's person has not agreed to: said before anything is merged."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _patterns
from ansible_collections.larry.binhost.plugins.module_utils._merge_list import Merge

#: What to do where a host would compile more than it may.
REMEDY: t.Final = "Let the master build them (run site.yml while it is on), or raise slave_max_source."
#: Nothing is compiled for these: they install texts, or nothing at all.
UNCOUNTED: t.Final = ("virtual/*", "acct-user/*", "acct-group/*", "sys-kernel/*-sources")
#: All programs of a machine need it, and those that were linked against the newer one stop with the older.
FORBIDDEN_DOWNGRADES: t.Final = ("sys-libs/glibc", "sys-libs/musl")
#: Packages that a message names, so that it fits a screen; the data name all.
_SHOWN: t.Final = 12


@dataclass(frozen=True)
class Rules:
    """What a person has agreed to."""

    max_source: int | None = None  # packages that may be compiled here; None: any number
    on_slave: t.Sequence[str] = ()  # patterns of packages that are meant to be, and don't count
    remedy: str = REMEDY
    forbid_downgrade: t.Sequence[str] = FORBIDDEN_DOWNGRADES  # patterns
    allow_uninstall: t.Sequence[str] = ()  # patterns of packages that may go to make room for another


@dataclass(frozen=True)
class Breach:
    """One rule that a merge list breaks."""

    kind: str  # "source", "downgrade" or "uninstall"
    packages: list[str]
    words: str


def breaches(
    merges: t.Sequence[Merge], rules: Rules, why: t.Mapping[str, t.Sequence[str]] | None = None
) -> list[Breach]:
    """Return which rules the merge list breaks, none if it may be carried out.

    ``why`` has, per package that would be compiled, why none of its binaries is taken and the line that changes it.
    """
    checks = (_source(merges, rules, why or {}), _downgrades(merges, rules), _uninstalls(merges, rules))
    return [breach for breach in checks if breach]


def compiled(merges: t.Iterable[Merge], on_slave: t.Sequence[str] = ()) -> list[Merge]:
    """Return what would be compiled here and isn't meant to be."""
    return [
        merge
        for merge in merges
        if merge.kind == "ebuild" and not _patterns.matches([*UNCOUNTED, *on_slave], merge.cpv)
    ]


def _source(merges: t.Iterable[Merge], rules: Rules, why: t.Mapping[str, t.Sequence[str]]) -> Breach | None:
    source = compiled(merges, rules.on_slave)
    if rules.max_source is None or len(source) <= rules.max_source:
        return None
    told = [[f"{merge.cpv}::{merge.repository} {merge.rest}".strip(), *why.get(merge.cpv, ())] for merge in source]
    words = (
        f"merge list: expected at most {rules.max_source} packages to compile here, found {len(source)}:\n"
        f"{_listed(told)}\nNothing was started. {rules.remedy}"
    )
    return Breach("source", [merge.cpv for merge in source], words)


def _downgrades(merges: t.Iterable[Merge], rules: Rules) -> Breach | None:
    found = [merge for merge in merges if merge.action == "downgrade"]
    found = [merge for merge in found if _patterns.matches(rules.forbid_downgrade, merge.cpv)]
    if not found:
        return None
    told = [[f"{merge.cpv} instead of {' '.join(merge.old)}"] for merge in found]
    words = (
        f"merge list: expected none of {', '.join(rules.forbid_downgrade)} to become older, found:\n{_listed(told)}\n"
        "Nothing was started. Mask the older version, or take the package out of forbid_downgrade"
    )
    return Breach("downgrade", [merge.cpv for merge in found], words)


def _uninstalls(merges: t.Iterable[Merge], rules: Rules) -> Breach | None:
    merges = list(merges)
    found = [
        merge
        for merge in merges
        if merge.kind == "uninstall" and not _patterns.matches(rules.allow_uninstall, merge.cpv)
    ]
    if not found:
        return None
    because = [f"{merge.cpv} {merge.rest}".strip() for merge in merges if merge.kind == "blocks"]
    words = (
        "merge list: expected nothing to be uninstalled to make room for another package, found:\n"
        f"{_listed([[merge.cpv, *because] for merge in found])}\nNothing was started. If that may go, say so: "
        f"allow_uninstall: [{', '.join(_patterns.package(merge.cpv) for merge in found)}]"
    )
    return Breach("uninstall", [merge.cpv for merge in found], words)


def _listed(entries: t.Sequence[t.Sequence[str]]) -> str:
    """Return entries with what belongs to each indented below it."""
    lines = ["\n    ".join(["  " + entry[0], *entry[1:]]) for entry in entries[:_SHOWN]]
    more = len(entries) - _SHOWN
    return "\n".join([*lines, *([f"  and {more} more"] if more > 0 else [])])
