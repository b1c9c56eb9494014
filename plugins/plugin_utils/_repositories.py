# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ebuild repositories a target is made of: the master's own as they are, and those that the fleet pins."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.larry.binhost.plugins.module_utils import _pins
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

if t.TYPE_CHECKING:
    from ansible_collections.larry.binhost.plugins.plugin_utils._inventory import Fleet
    from ansible_collections.larry.binhost.plugins.plugin_utils._targets import Group

Variables = t.Mapping[str, t.Any]
NAME: t.Final = "binhost_repositories"
#: What is said of it in repos.conf alone (portage(5)).
_PRIORITY: t.Final = "priority"
#: What the plan has of each, all of it text but the masters.
TEXTS: t.Final = ("type", "uri", "pin", "branch", "key", "fingerprint")


def problems(fleet: Fleet) -> Iterator[str]:
    """Yield what is wrong with the declared repositories."""
    where = f"all hosts: {NAME}"
    if not isinstance(fleet.repositories, Mapping):
        yield f"{where}: expected a mapping, found {fleet.repositories!r}"
        return
    for name, declared in fleet.repositories.items():
        if not isinstance(declared, Mapping):
            yield f"{where}.{name}: expected a mapping, found {declared!r}"
            continue
        yield from _of(f"{where}.{name}", str(name), declared)


def _of(where: str, name: str, declared: Variables) -> Iterator[str]:
    priority, masters = declared.get(_PRIORITY), declared.get("masters")
    if priority is not None and (not isinstance(priority, int) or isinstance(priority, bool)):
        yield f"{where}: {_PRIORITY}: expected a number, found {priority!r}"
    if masters is not None and not isinstance(masters, (list, tuple)):
        yield f"{where}: masters: expected a list of repositories, found {masters!r}"
        return
    # A folder of the master may be the one that its own repos.conf has; only its facts tell.
    uri = {"uri": "/"} if declared.get("type") == "local" and not declared.get("uri") else {}
    try:
        _pins.spec(name, {**_plain(declared), **uri})
    except BinhostError as exc:
        yield f"{where}: {exc}"


def _plain(declared: Variables) -> dict[str, t.Any]:
    """Return a declaration without what concerns repos.conf alone; YAML takes 2026-01-31 for more than text."""
    found = {key: value for key, value in declared.items() if key != _PRIORITY and value is not None}
    masters = {"masters": [str(each) for each in found.pop("masters")]} if "masters" in found else {}
    return {**{key: str(value) for key, value in found.items()}, **masters}


class Part(t.NamedTuple):
    """The repositories of a target."""

    places: dict[str, str]  # name -> place on the master; of what is pinned, the link that leads to its snapshot
    pins: dict[str, dict[str, t.Any]]  # name -> as declared
    repos_conf: dict[str, dict[str, str]]  # name -> what else repos.conf says of it


def of_target(group: Group, fleet: Fleet, there: Mapping[str, str]) -> Part:
    """Return the repositories of a target, of which ``there`` are its master's own, name to place.

    An installation of the master's own keeps its repositories as they are.  Raises ``BinhostError`` for one that is
    neither there nor declared.
    """
    spec = fleet.targets[group.declared]
    declared = fleet.repositories if spec.get("mode", "chroot") == "chroot" else {}
    wanted = sorted(spec.get("repositories") or {*there, *declared})
    missing = [name for name in wanted if name not in there and name not in declared]
    if missing:
        found = ", ".join(sorted({*there, *declared})) or "none"
        raise BinhostError(
            f"{group.master}: binhost_targets.{group.declared}.repositories: expected {', '.join(missing)} in its "
            f"repos.conf or in {NAME}, found {found}"
        )
    pins = {name: _pin(name, declared[name], group.master, there) for name in wanted if name in declared}
    return Part(
        {name: _pins.link(name) if name in pins else there[name] for name in wanted},
        pins,
        {name: _repos_conf(declared.get(name, {})) for name in wanted},
    )


def _pin(name: str, declared: Variables, master: str, there: Mapping[str, str]) -> dict[str, t.Any]:
    """Return a declaration as the master gets it.  Raises ``BinhostError`` for a folder that nobody names."""
    plain = _plain(declared)
    if plain["type"] == "local" and not plain.get("uri") and name not in there:
        raise BinhostError(f"{master}: {NAME}.{name}: expected it in its repos.conf, or a uri, found neither")
    texts = {key: str(plain.get(key, "")) for key in TEXTS}
    return {**texts, "uri": plain.get("uri") or there.get(name, ""), "masters": plain.get("masters")}


def _repos_conf(declared: Variables) -> dict[str, str]:
    """Return what repos.conf says of a declared repository beside its place."""
    priority = {_PRIORITY: str(declared[_PRIORITY])} if declared.get(_PRIORITY) is not None else {}
    masters = {"masters": " ".join(declared["masters"])} if declared.get("masters") else {}
    return {**priority, **masters}
