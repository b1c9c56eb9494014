# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upgrades after which much has to be built again, and over which a root may break: of languages, compilers and libcs.

They are read from the merge list. What is built again for one is what Portage says that it causes rebuilds of, and what
has another flag of its USE_EXPAND variable.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils._merge_list import Merge


@dataclass(frozen=True)
class _Rule:
    """What of a package is a major upgrade."""

    by: str  # "slot" or "subslot" that is another; "version": its first two numbers
    groups: tuple[str, ...] = ()  # USE_EXPAND variables that name its slots


_RULES: t.Final[Mapping[str, _Rule]] = {
    "dev-lang/ghc": _Rule("subslot"),
    "dev-lang/lua": _Rule("slot", ("LUA_TARGETS", "LUA_SINGLE_TARGET")),
    "dev-lang/perl": _Rule("subslot"),
    "dev-lang/php": _Rule("slot", ("PHP_TARGETS",)),
    "dev-lang/python": _Rule("slot", ("PYTHON_TARGETS", "PYTHON_SINGLE_TARGET")),
    "dev-lang/ruby": _Rule("slot", ("RUBY_TARGETS",)),
    "llvm-core/llvm": _Rule("slot", ("LLVM_SLOT",)),
    "sys-devel/gcc": _Rule("slot"),
    "sys-libs/glibc": _Rule("version"),
    "sys-libs/musl": _Rule("version"),
}
# 5.38.2-r3:0/5.38::gentoo
_OLD: t.Final = re.compile(r"(?P<version>[^:\s]+)(?::(?P<slot>[^:\s]+))?(?:::\S+)?\Z")
#   (x/perl-2:0/2::planted, ebuild scheduled for merge) causes rebuilds for:
#     (x/mod-1-3:0/0::planted, binary scheduled for merge)
_CAUSE: t.Final = re.compile(r"  \((?P<cpv>[^\s:]+):[^,]*, (?P<type>\w+)[^()]*\) causes rebuilds for:\Z")
_REBUILT: t.Final = re.compile(r"    \((?P<cpv>[^\s:]+):[^,]*, (?P<type>\w+)[^()]*\)\Z")


@dataclass(frozen=True)
class Upgrade:
    """One of them."""

    package: str
    cpv: str  # what it becomes
    old: str  # "5.38.2:0/5.38", the newest installed
    new: str
    rebuilds: tuple[str, ...]  # packages of the merge list, as category/name-version

    def __str__(self) -> str:
        """Say it in a line."""
        count = len(self.rebuilds)
        what = f"{count} package{'' if count == 1 else 's'} built again" if count else "nothing built again"
        return f"{self.package} {self.old} becomes {self.new}: {what} for it"


def upgrades(merges: Sequence[Merge], said: str) -> list[Upgrade]:
    """Return the major upgrades of a merge list; ``said`` is all that emerge said with it."""
    causes = rebuilds(said)
    return [
        Upgrade(merge.package, merge.cpv, old, _shown(_version(merge), merge.slot), _rebuilt(merge, merges, causes))
        for merge in merges
        if merge.kind in ("ebuild", "binary") and (old := _replaced(merge))
    ]


def _version(merge: Merge) -> str:
    return merge.cpv[len(merge.package) + 1 :]


def _shown(version: str, slot: str) -> str:
    return f"{version}:{slot}" if slot not in ("", "0") else version


def _replaced(merge: Merge) -> str:
    """Return what this is a major upgrade of, of installed packages the last that is named; empty if it is none."""
    rule = _RULES.get(merge.package)
    found = [match for each in merge.old if (match := _OLD.match(each))]
    if rule is None or not found:
        return ""
    new = _part(rule.by, _version(merge), merge.slot)
    if any(_part(rule.by, each["version"], each["slot"] or "") == new for each in found):
        return ""
    return _shown(found[-1]["version"], found[-1]["slot"] or "")


def _part(by: str, version: str, slot: str) -> str:
    if by == "version":
        return ".".join(re.split(r"[._-]", version)[:2])
    name, _slash, sub = (slot or "0").partition("/")
    return name if by == "slot" else f"{name}/{sub or name}"


def _rebuilt(upgrade: Merge, merges: Sequence[Merge], causes: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    groups = _RULES[upgrade.package].groups
    flags = [
        merge.cpv
        for merge in merges
        if any(flag.group in groups and flag.change for flag in merge.use) and merge.action != "new"
    ]
    return tuple(sorted({*causes.get(upgrade.cpv, ()), *flags}))


def rebuilds(said: str) -> dict[str, list[str]]:
    """Return the packages that emerge said are merged again for the sake of another, by that one.

    Source: portage lib/_emerge/depgraph.py, _show_abi_rebuild_info.
    """
    found: dict[str, list[str]] = {}
    cause = ""
    for line in said.splitlines():
        if match := _CAUSE.match(line):
            cause = _cpv(match)
        elif cause and (match := _REBUILT.match(line)):
            found.setdefault(cause, []).append(_cpv(match))
        else:
            cause = ""
    return found


def _cpv(match: re.Match[str]) -> str:
    """Return the package, a binary's without its build id."""
    return re.sub(r"-\d+\Z", "", match["cpv"]) if match["type"] == "binary" else match["cpv"]
