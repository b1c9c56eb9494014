# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a slave's own configuration asks for and the target's build does not give, told from two merge lists.

Both are Portage's answers to ``--emptytree``, so that what is installed anywhere has no say. Rules as in portage
lib/_emerge/depgraph.py: a binary is refused if its enabled flags differ (``_reinstall_for_flags``), if its patches do
(``userPatchDigest``), and if Portage would rather have another version or another repository.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import _atom, _host
from ansible_collections.larry.binhost.plugins.module_utils._merge_list import Merge

Files = Mapping[str, str]  # path below etc/portage -> text
Lines = Mapping[str, t.Any]  # variable, without slave_, -> what belongs into it
Kind = t.Literal["use", "version", "absent", "patches", "repository"]


@dataclass(frozen=True)
class Difference:
    """One package that would be compiled for this slave alone."""

    cpv: str  # what its configuration asks for
    kind: Kind
    why: str
    take: Lines  # in the slave's variables: takes what the target builds
    share: Lines  # in the target's: everybody gets what this slave asks for


@dataclass
class Answer:
    """What one slave's own configuration means for its binaries."""

    differences: list[Difference] = field(default_factory=list)
    refused: str = ""  # Portage's words, where it finds no way to install this slave's world at all


@dataclass(frozen=True)
class Wanted:
    """A configuration, and what Portage makes of it."""

    merges: Sequence[Merge]
    files: Files
    masked: Mapping[str, Sequence[str]]  # cpv that the other one asks for -> why it is masked here


def compare(slave: Wanted, target: Wanted) -> list[Difference]:
    """Return what the slave asks for and the target doesn't build, in the order of the slave's merge list."""
    built = _by_package(target.merges)
    found = []
    for merge in slave.merges:
        if merge.kind == "ebuild":
            others = built.get(_name(merge.cpv), [])
            difference = _difference(merge, others, slave, target)
            found += [difference] if difference else []
    return found


def missing_here(mine: Iterable[Merge], theirs: Iterable[Merge]) -> list[str]:
    """Return the versions of packages that both have which only ``theirs`` names."""
    known = {merge.cpv for merge in mine}
    names = {_name(cpv) for cpv in known}
    found = {merge.cpv for merge in theirs if merge.kind == "ebuild"}
    return sorted(cpv for cpv in found - known if _name(cpv) in names)


def flags(merge: Merge) -> dict[str, bool]:
    """Return each USE flag that emerge shows of a package -> whether it is set; of USE_EXPAND by its long name."""
    return {flag.full: flag.enabled for flag in merge.use if flag.change != "removed"}


def patches(files: Files, cpv: str) -> list[str]:
    """Return the patches that a configuration has for a package, in the order in which they are applied.

    Of a directory ``category/name:slot`` the slot is passed over (portage(5); _config/UserPatches.py).
    """
    places = {_name(cpv), cpv}
    found = {}
    for path, text in files.items():
        top, _slash, rest = path.partition("/")
        package, _slash, name = rest.rpartition("/")
        if top == "patches" and package.partition(":")[0] in places and name.endswith(_host.PATCHES):
            found[name.encode()] = text
    return [found[name] for name in sorted(found)]


def told(host: str, declared: str, answer: Answer) -> list[str]:
    """Return what a person reads of one slave; ``declared`` is the name of its target's declaration."""
    if answer.refused:
        refused = "Portage finds no way to install its world with its own configuration:"
        return [f"{host}: {refused}", *(f"  {line}" for line in answer.refused.splitlines())]
    if not answer.differences:
        return [f"{host}: takes the target's binary of everything"]
    count = len(answer.differences)
    found = [f"{host}: {count} package{'s are' if count > 1 else ' is'} compiled for it alone"]
    for each in answer.differences:
        found.append(f"  {each.cpv}: {each.why}")
        found += [
            f"    to take the target's: {host}: slave_{name}: {_yaml(value)}" for name, value in each.take.items()
        ]
        found += [
            f"    for the whole target: binhost_targets.{declared}.{name}: {_yaml(value)}"
            for name, value in each.share.items()
        ]
    return found


def _yaml(value: t.Any) -> str:
    """Return a value as a person writes it into a YAML file, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f'"{key}": {_yaml(each)}' for key, each in value.items()) + "}"
    return "[" + ", ".join(f'"{each}"' for each in value) + "]"


def _by_package(merges: Iterable[Merge]) -> dict[str, list[Merge]]:
    found: dict[str, list[Merge]] = {}
    for merge in merges:
        if merge.kind in ("ebuild", "binary"):
            found.setdefault(_name(merge.cpv), []).append(merge)
    return found


def _name(cpv: str) -> str:
    return _atom.category_package(f"={cpv}")


def _difference(merge: Merge, others: Sequence[Merge], slave: Wanted, target: Wanted) -> Difference | None:
    if not others:
        return Difference(merge.cpv, "absent", "nothing that the target builds needs it", {}, {})
    same = next((other for other in others if other.cpv == merge.cpv), None)
    if same is None:
        return _other_version(merge, others, slave, target)
    if same.repository != merge.repository:
        why = f"from {merge.repository}, the target's is from {same.repository}"
        share = {"package_mask": [f"={merge.cpv}::{same.repository}"]}
        return Difference(merge.cpv, "repository", why, {"package_mask": [f"={merge.cpv}::{merge.repository}"]}, share)
    return _other_use(merge, same) or _other_patches(merge, slave.files, target.files)


def _other_use(merge: Merge, same: Merge) -> Difference | None:
    mine, theirs = flags(merge), flags(same)
    changed = sorted(name for name in {*mine, *theirs} if mine.get(name, False) != theirs.get(name, False))
    if not changed:
        return None
    ours = [_word(name, mine) for name in changed]
    built = [_word(name, theirs) for name in changed]
    name = _name(merge.cpv)
    why = f"USE is {' '.join(ours)} here, the target's {' '.join(built)}"
    return Difference(merge.cpv, "use", why, {"package_use": {name: built}}, {"package_use": {name: ours}})


def _word(name: str, flags: Mapping[str, bool]) -> str:
    return name if flags.get(name) else f"-{name}"


def _other_patches(merge: Merge, mine: Files, theirs: Files) -> Difference | None:
    here, there = patches(mine, merge.cpv), patches(theirs, merge.cpv)
    if here == there:
        return None
    why = f"{len(here)} of one's own patches here, {len(there)} of the target's, and they differ"
    return Difference(merge.cpv, "patches", why, {}, {})


def _other_version(merge: Merge, others: Sequence[Merge], slave: Wanted, target: Wanted) -> Difference:
    """Say why two versions of a package are chosen: one of them is masked on one side."""
    other = others[-1].cpv
    here, there = slave.masked.get(other, ()), target.masked.get(merge.cpv, ())
    told = [f"{other} is masked here by {', '.join(here)}"] if here else []
    told += [f"{merge.cpv} is masked for the target by {', '.join(there)}"] if there else []
    why = f"the target's version is {other.rpartition('/')[2]}" + (f": {'; '.join(told)}" if told else "")
    take = _allowed(other, here) if here else {"package_mask": [f"={merge.cpv}"]} if there else {}
    share = _allowed(merge.cpv, there) if there else {"package_mask": [f"={other}"]} if here else {}
    return Difference(merge.cpv, "version", why, take, share)


def _allowed(cpv: str, reasons: Iterable[str]) -> dict[str, t.Any]:
    """Return what lifts a mask: the reasons are Portage's words (package/ebuild/getmaskingstatus.py)."""
    found: dict[str, t.Any] = {}
    for reason in reasons:
        word = reason.split()[0] if reason.split() else ""
        if reason.endswith(" keyword"):
            found["package_accept_keywords"] = {f"={cpv}": ["**" if word == "missing" else word]}
        elif reason == "package.mask":
            found["package_unmask"] = [f"={cpv}"]
        elif reason.endswith("license(s)"):
            found["package_license"] = {f"={cpv}": reason.split()[:-1]}
    return found
