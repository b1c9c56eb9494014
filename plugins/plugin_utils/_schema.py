# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms of the plan and of the facts it is made from, and whether a value has them.

A form is one of::

    "text", "text?", "number", "flag"   a value of that type; "?": or nothing
    [form]                              a list of these
    {"*": form}                         a mapping of text to these
    {"a": form, "b": form}              a mapping with these keys; others only where "..." is one of them
    (form,)                             this or nothing
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _repositories
from ansible_collections.larry.binhost.plugins.plugin_utils._inventory import Fleet

Form = t.Any
VERSION: t.Final = 5
MANY: t.Final = "*"
OPEN: t.Final = "..."

_LOSS: t.Final[Form] = {"level": "text?", "features": ["text"], "flags": ["text"]}
_TARGET: t.Final[Form] = {
    "declared": "text",
    "automatic": "flag",
    "mode": "text",
    "shared": ({"files": {MANY: "text"}, "quickpkg": "flag", "config": "text", "modified": "flag"},),
    "master": "text",
    "uri": "text",
    "mirrors": ["text"],
    "pinned": ["number"],
    "installed": ["text"],
    "chost": "text",
    "cpu": {
        "features": ["text"],
        "flags": ["text"],
        "flags_variable": "text",
        "level": "text?",
        "cflags": "text",
        "rustflags": "text?",
        "goamd64": "text?",
        "held_back": {MANY: ["text"]},
    },
    "price": {
        "lost": {MANY: _LOSS},
        "blame": {MANY: ["text"]},
        "keeps": {MANY: {"level": "text?", "lacks": ["text"], "also": ["text"]}},
        "master": ["text"],
        "second": ({**_LOSS, "members": ["text"], "rest": ["text"]},),
    },
    "compile": "text",
    "members": ["text"],
    "unseen": ["text"],
    "machines": {MANY: {"arch": "text", "features": ["text"], "kernel": "text", "glibc": "text"}},
    "repositories": {MANY: "text"},
    "pins": {MANY: {**dict.fromkeys(_repositories.TEXTS, "text"), "masters": (["text"],)}},
    "world": {MANY: ["text"]},
    "wishes": {MANY: ["text"]},
    "files": {MANY: "text"},
    "build_files": {MANY: "text"},
    "depclean": "flag",
    "base": "text",
    "publish": "text",
    "links": {MANY: "text"},
    "root": "text",
    "build_on_slave": ["text"],
    "cycles": [{"atom": "text", "use": "text"}],
    "variants": [
        {
            "name": "text",
            "files": {MANY: "text"},
            "world": ["text"],
            "wishes": ["text"],
            "features": ["text"],
            "build_on_slave": ["text"],
        }
    ],
}
PLAN: t.Final[Form] = {
    "version": "number",
    "cpus": {MANY: {"level": "text?", "features": ["text"]}},
    "targets": {MANY: _TARGET},
    "hosts": {
        MANY: {
            "target": "text",
            "mode": "text",
            "master": "text",
            "servers": ["text"],
            "transports": [{"kind": "text", "uri": "text"}],
            "mounts": [{"src": "text", "path": "text", "fstype": "text", "opts": "text", "state": "text"}],
            "ssh_key": "text",
            "pinned": "number?",
            "files": {MANY: "text"},
            "links": {MANY: "text"},
            "world": ["text"],
            "requests": ["text"],
            "remarks": ["text"],
            "build_on_slave": ["text"],
            "overlays": {MANY: "text"},
        }
    },
    "mirrors": {MANY: {"uri": "text", "targets": {MANY: "text"}}},
}
#: What version 4 didn't know of a host.
NEW_IN_5: t.Final[Mapping[str, t.Any]] = {"mounts": [], "ssh_key": "", "requests": []}
#: What it didn't know of a target.
TARGET_IN_5: t.Final[Mapping[str, t.Any]] = {
    "machines": {},
    "pins": {},
    "base": "",
    "publish": "complete",
    "cycles": [],
}
#: What version 3 didn't know of a target; it had one server for each host, its master's.
NEW_IN_4: t.Final[Mapping[str, t.Any]] = {"mirrors": [], "pinned": [], "installed": []}
#: What version 2 didn't know, and what is taken for it where that made the last plan.
NEW_OF_TARGET: t.Final[Mapping[str, t.Any]] = {
    "mode": "chroot",
    "shared": None,
    "build_files": {},
    "depclean": True,
    "build_on_slave": [],
}
NEW_OF_VARIANT: t.Final[Mapping[str, t.Any]] = {"build_on_slave": []}
NEW_OF_HOST: t.Final[Mapping[str, t.Any]] = {"mode": "chroot", "remarks": [], "build_on_slave": []}
#: What the plan reads of a host's facts.
SLAVE_FACTS: t.Final[Form] = {
    "cpu": {"features": ["text"], OPEN: None},
    "portage": {"chost": "text", "repositories": {MANY: "text"}, OPEN: None},
    "world": ["text"],
    "configuration": {MANY: "text"},
    OPEN: None,
}
MASTER_FACTS: t.Final[Form] = {
    "cpu": {"features": ["text"], OPEN: None},
    "portage": {"chost": "text", "repositories": {MANY: "text"}, OPEN: None},
    OPEN: None,
}
_LEAVES: t.Final[Mapping[str, type]] = {"text": str, "number": int, "flag": bool}
_WORDS: t.Final[Mapping[str, str]] = {"text": "text", "number": "a number", "flag": "true or false"}
_PLAIN: t.Final = frozenset({str})
#: A message is for a person: it names the first few.
_SHOWN: t.Final = 10


def problems(value: t.Any, form: Form, where: str) -> list[str]:
    """Return a sentence ``where: expected ..., found ...`` for each part of ``value`` that has another form."""
    found: list[str] = []
    _look(value, form, where, found)
    return found


def _look(value: t.Any, form: Form, where: str, found: list[str]) -> None:
    if isinstance(form, tuple):
        if value is not None:
            _look(value, form[0], where, found)
    elif isinstance(form, str):
        if not _is_leaf(value, form):
            words = _WORDS[form.rstrip("?")] + (" or nothing" if form.endswith("?") else "")
            found.append(f"{where}: expected {words}, found {_shown(value)}")
    elif isinstance(form, list):
        _look_at_list(value, form[0], where, found)
    elif not isinstance(value, Mapping):
        found.append(f"{where}: expected a mapping, found {_shown(value)}")
    elif MANY in form:
        _look_at_many(value, form[MANY], where, found)
    else:
        _look_at_keys(value, form, where, found)


def _is_leaf(value: t.Any, form: str) -> bool:
    if value is None:
        return form.endswith("?")
    kind = _LEAVES[form.rstrip("?")]
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def _look_at_list(value: t.Any, form: Form, where: str, found: list[str]) -> None:
    if not isinstance(value, (list, tuple)):
        found.append(f"{where}: expected a list, found {_shown(value)}")
    elif form != "text" or not _all_text(value):
        for place, one in enumerate(value):
            _look(one, form, f"{where}[{place}]", found)


def _all_text(values: Iterable[t.Any]) -> bool:
    """Return whether all values are text; most of a plan is, so this has to be quick."""
    kinds = set(map(type, values))
    return kinds <= _PLAIN or all(issubclass(kind, str) for kind in kinds)


def _look_at_many(value: Mapping[t.Any, t.Any], form: Form, where: str, found: list[str]) -> None:
    if form == "text" and _all_text(value) and _all_text(value.values()):
        return
    for key, one in value.items():
        if not isinstance(key, str):
            found.append(f"{where}: expected keys that are text, found {_shown(key)}")
        _look(one, form, f"{where}.{key}", found)


def _look_at_keys(value: Mapping[t.Any, t.Any], form: Form, where: str, found: list[str]) -> None:
    for key, part in form.items():
        if key == OPEN:
            continue
        if key in value:
            _look(value[key], part, f"{where}.{key}", found)
        else:
            found.append(f"{where}.{key}: expected {_kind(part)}, found nothing")
    if OPEN not in form and len(value) > len(form):
        strange = ", ".join(sorted(str(key) for key in value if key not in form))
        found.append(f"{where}: expected some of {', '.join(form)}, found {strange}")


def _kind(form: Form) -> str:
    if isinstance(form, str):
        return _WORDS[form.rstrip("?")]
    return "a list" if isinstance(form, list) else "a mapping"


def _shown(value: t.Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def check_plan(plan: t.Any, where: str) -> None:
    """Raise ``BinhostError`` if this is no plan of this version; ``where`` says whose it is."""
    _fail(problems(plan, PLAN, where) or _contradictions(plan, where))


def usable(plan: t.Any, where: str) -> Mapping[str, t.Any] | None:
    """Return a kept plan if it is one, or None if version 1 made it: that one knew no automatic target.

    Raises ``BinhostError`` for anything else: without what was planned before, automatic targets would move.
    """
    version = plan.get("version") if isinstance(plan, Mapping) else None
    if version == 1:
        return None
    if version == 2:
        plan, version = _from_2(plan), 3
    if version == 3:
        plan, version = _from_3(plan), 4
    if version == 4:
        plan, version = _from_4(plan), VERSION
    if version != VERSION:
        raise BinhostError(f"{where}: expected a plan of version {VERSION}, found version {version!r}")
    check_plan(plan, where)
    return t.cast("Mapping[str, t.Any]", plan)


def _from_2(plan: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a plan of version 2 as one of this version, as far as one can know."""

    def each(name: str, further: Mapping[str, t.Any]) -> t.Any:
        found = plan.get(name)
        if not isinstance(found, Mapping):
            return found
        return {key: {**further, **one} if isinstance(one, Mapping) else one for key, one in found.items()}

    targets, hosts = each("targets", NEW_OF_TARGET), each("hosts", NEW_OF_HOST)
    if isinstance(targets, dict) and isinstance(hosts, dict):
        hosts = {name: _with_master(one, targets) for name, one in hosts.items()}
        targets = {name: _with_variants(one) for name, one in targets.items()}
    return {**plan, "version": 3, "targets": targets, "hosts": hosts}


def _from_3(plan: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a plan of version 3 as one of version 4."""
    targets, hosts = plan.get("targets"), plan.get("hosts")
    if isinstance(targets, Mapping) and isinstance(hosts, Mapping):
        targets = {name: {**NEW_IN_4, **one} if isinstance(one, Mapping) else one for name, one in targets.items()}
        hosts = {name: _with_servers(one) if isinstance(one, Mapping) else one for name, one in hosts.items()}
    return {**plan, "version": 4, "targets": targets, "hosts": hosts, "mirrors": {}}


def _from_4(plan: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a plan of version 4 as one of this version."""
    targets, hosts = plan.get("targets"), plan.get("hosts")
    if isinstance(targets, Mapping):
        targets = {name: {**TARGET_IN_5, **one} if isinstance(one, Mapping) else one for name, one in targets.items()}
    if isinstance(hosts, Mapping):
        hosts = {name: _with_transports(one) if isinstance(one, Mapping) else one for name, one in hosts.items()}
    return {**plan, "version": VERSION, "targets": targets, "hosts": hosts}


def _with_transports(host: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a host of the plan that is served by HTTP alone."""
    uris = host.get("uris")
    ways = [{"kind": "http", "uri": uri} for uri in uris] if isinstance(uris, list) else uris
    return {**NEW_IN_5, "transports": ways, **{key: value for key, value in host.items() if key != "uris"}}


def _with_servers(host: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a host of the plan that asks its master alone."""
    servers = {"servers": [host.get("master")], "uris": [host.get("uri")], "pinned": None}
    return {**servers, **{key: value for key, value in host.items() if key != "uri"}}


def _with_master(host: t.Any, targets: Mapping[str, t.Any]) -> t.Any:
    """Return a host of the plan that names its master."""
    target = targets.get(str(host.get("target"))) if isinstance(host, Mapping) else None
    return {"master": target.get("master"), **host} if isinstance(target, Mapping) else host


def _with_variants(target: t.Any) -> t.Any:
    """Return a target whose variants have what version 2 didn't know of them."""
    found = target.get("variants") if isinstance(target, Mapping) else None
    if not isinstance(found, list):
        return target
    variants = [{**NEW_OF_VARIANT, **one} if isinstance(one, Mapping) else one for one in found]
    return {**target, "variants": variants}


def _contradictions(plan: Mapping[str, t.Any], where: str) -> list[str]:
    found = []
    member: dict[str, str] = {}
    for name, target in plan["targets"].items():
        for slave in target["members"]:
            if slave in member:
                found.append(f"{where}: {slave}: expected in one target, found in {member[slave]} and {name}")
            member[slave] = name
    for slave, host in plan["hosts"].items():
        if member.get(slave, host["target"]) != host["target"] or slave not in member:
            found.append(f"{where}.hosts.{slave}.target: expected a target it is a member of, found {host['target']!r}")
    return found


def check_facts(fleet: Fleet, facts: Mapping[str, t.Any]) -> None:
    """Raise ``BinhostError`` if the facts of a host lack what the plan reads of them."""
    masters = set(fleet.masters)
    found = [
        line
        for host, known in facts.items()
        for line in problems(known, MASTER_FACTS if host in masters else SLAVE_FACTS, f"{host}: binhost_host")
    ]
    _fail(found, "Facts that an older version kept are replaced when that host is on and the run has no --limit.")


def _fail(found: list[str], *advice: str) -> None:
    if found:
        more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        raise BinhostError("\n".join([*found[:_SHOWN], *more, *advice]))
