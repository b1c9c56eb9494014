# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets that stand on another one: what they share of its declaration, and whether they can stand there."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

if t.TYPE_CHECKING:
    from ansible_collections.larry.binhost.plugins.plugin_utils._cpus import Cpus

Variables = t.Mapping[str, t.Any]
NAME: t.Final = "base"
#: Lists that take the place of the base's; all others are added to them.
_REPLACED: t.Final = frozenset({"repositories"})


def merged(targets: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the declared targets, each that names a base with what the base says where it says nothing itself.

    Of mappings each key counts for itself, lists are the base's and then its own.
    """
    return {name: _over(_base(spec, targets), spec) for name, spec in targets.items()}


def _base(spec: t.Any, targets: Mapping[str, t.Any]) -> Variables:
    base = targets.get(str(spec.get(NAME))) if isinstance(spec, Mapping) else None
    return base if isinstance(base, Mapping) and base is not spec and not base.get(NAME) else {}


def _over(base: Variables, spec: t.Any) -> t.Any:
    if not base:
        return spec
    found = dict(base)
    for key, value in spec.items():
        below = base.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            value = {**below, **value}
        elif isinstance(below, (list, tuple)) and isinstance(value, (list, tuple)) and key not in _REPLACED:
            value = [*below, *(each for each in value if each not in below)]
        found[key] = value
    return found


def problems(targets: Mapping[str, t.Any]) -> Iterator[str]:
    """Yield what is wrong with the bases that targets, merged, name."""
    for name, spec in targets.items():
        base = spec.get(NAME) if isinstance(spec, Mapping) else None
        if not isinstance(base, str) or not base:
            continue
        where, below = f"all hosts: binhost_targets.{name}", targets.get(base)
        others = ", ".join(sorted(str(each) for each in targets if each != name)) or "none"
        if not isinstance(below, Mapping) or base == name:
            yield f"{where}.{NAME}: expected another target ({others}), found {base!r}"
            continue
        if below.get(NAME):
            yield f"{where}.{NAME}: expected a target that stands on none itself, found {base!r}"
        for key, usual in (("mode", "chroot"), ("master", None)):
            mine, theirs = spec.get(key, usual), below.get(key, usual)
            if mine != theirs or (key == "mode" and mine != usual):
                yield f"{where}.{key}: expected {usual or theirs}, as it stands on {base}, found {mine!r}"


def check(targets: Mapping[str, t.Any], cpus: Cpus) -> None:
    """Raise ``BinhostError`` if a target of the plan can't stand where it is to, a line for each reason."""
    wrong = [line for name, target in targets.items() if target[NAME] for line in _wrong(name, target, targets, cpus)]
    if wrong:
        raise BinhostError("\n".join(wrong))


def _wrong(name: str, target: Variables, targets: Mapping[str, t.Any], cpus: Cpus) -> Iterator[str]:
    base = targets.get(target[NAME])
    if base is None:
        yield (
            f"all hosts: binhost_targets.{target['declared']}.{NAME}: expected a target with a slave that names it "
            f"(and not by auto), found {target[NAME]!r}"
        )
        return
    for slave in target["members"]:
        lacks = sorted(set(base["cpu"]["features"]) - set(cpus.own(slave)))
        if lacks:
            yield (
                f"{slave}: binhost_target: expected a CPU that runs the packages of {target[NAME]}, on which {name} "
                f"stands, found one without {', '.join(lacks)}"
            )
