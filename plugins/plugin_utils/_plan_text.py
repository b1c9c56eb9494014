# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan as a person reads it: a table per target, and a sentence per host that tells what could be done about it."""

from __future__ import annotations

import heapq
import itertools
import textwrap
import typing as t
from collections.abc import Iterable, Iterator, Sequence

from ansible_collections.larry.binhost.plugins.plugin_utils._changes import SHOWN, listed

Plan = t.Mapping[str, t.Any]
_NO_LEVEL: t.Final = "below x86-64-v1"
#: Lines this long are broken neither by a terminal nor by the YAML that Ansible shows lists in.
WIDTH: t.Final = 72


def text(plan: Plan, changes: Sequence[str], unseen: Sequence[str]) -> str:
    """Return the plan, before it what differs from the last one, after it who was never seen."""
    parts = [["Since the last plan:", *_sentences(changes, "  ")]] if changes else []
    parts += [list(_target(name, target, plan)) for name, target in plan["targets"].items()]
    parts.append(_sentences((line for host in plan["cpus"] for line in _host(host, plan)), ""))
    parts.append(_sentences(_host_remarks(plan), ""))
    parts.append(_sentences(_serving(plan), ""))
    parts.append(_sentences((f"{host} was never seen: the plan does without it." for host in unseen), ""))
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _sentences(texts: Iterable[str], indent: str) -> list[str]:
    return [line for text in texts for line in _wrapped(text, indent, f"{indent}  ")]


def _target(name: str, target: Plan, plan: Plan) -> Iterator[str]:
    how = f", chosen by the plan for {target['declared']}" if target["automatic"] else ""
    head = f"target {name}{how}: {target['cpu']['level'] or _NO_LEVEL}, {_builder(target)}"
    yield from _wrapped(head, "", "  ")
    yield from _aligned(_compilers(target["cpu"]), indent="  ")
    lost = target["price"]["lost"]
    rows = [
        (
            host,
            plan["cpus"][host]["level"] or _NO_LEVEL,
            " ".join(lost[host]["features"]) if host in lost else "-",
        )
        for host in target["members"]
    ]
    yield from _aligned([("slave", "own best", "loses"), *rows], indent="  ")
    yield from _sentences(_remarks(target), "  ")


def _builder(target: Plan) -> str:
    shared = target["shared"]
    if not shared:
        return f"built by {target['master']}"
    also = ", and what it has installed" if shared["quickpkg"] else ""
    return f"what {target['master']} emerges for itself{also} (mode {target['mode']})"


def _remarks(target: Plan) -> Iterator[str]:
    second = target["price"]["second"]
    if second:
        yield f"A second target for {listed(second['members'])} would win {_won(second, target)}."
        if second["rest"]:
            yield f"The others would win {listed(second['rest'])}."
    if target["price"]["master"]:
        yield f"All its slaves could run {listed(target['price']['master'])}; {target['master']}, which builds, cannot."


def _compilers(cpu: Plan) -> list[tuple[str, str]]:
    told = {
        "CFLAGS": cpu["cflags"],
        cpu["flags_variable"]: " ".join(cpu["flags"]),
        "RUSTFLAGS": cpu["rustflags"],
        "GOAMD64": cpu["goamd64"],
    }
    return [(name, value) for name, value in told.items() if value]


def _won(second: Plan, target: Plan) -> str:
    level = f"{second['level']}: " if second["level"] != target["cpu"]["level"] else ""
    return f"{level}{' '.join(second['features'])}" if second["features"] else "nothing"


def _host(host: str, plan: Plan) -> Iterator[str]:
    """Yield what a host costs others, or else what it loses itself, or that all is well."""
    builds = {name: target for name, target in plan["targets"].items() if target["master"] == host}
    name = plan["hosts"][host]["target"] if host in plan["hosts"] else None
    keeping = builds if name is None else {name: plan["targets"][name]}
    told = [
        _keeps(host, target_name, target["price"]["keeps"][host], target)
        for target_name, target in keeping.items()
        if host in target["price"]["keeps"]
    ]
    yield from told
    if name is None:
        if not told:
            yield f"{host} can run all that it builds for others" if builds else f"{host} builds nothing"
        return
    lost = plan["targets"][name]["price"]["lost"].get(host)
    if lost:
        yield f"{host} {'also ' if told else ''}{_loses(host, lost, plan['targets'][name])}"
    elif not told:
        yield f"{host} gets all that its CPU can run"


def _host_remarks(plan: Plan) -> Iterator[str]:
    """Yield what on each slave will not do what its person thinks, and what somebody asked for there."""
    for host, planned in plan["hosts"].items():
        if planned["requests"]:
            yield f"{host} is to get what was asked for: {listed(planned['requests'])}"
        yield from (f"{host}: {remark}" for remark in planned["remarks"])


def _serving(plan: Plan) -> Iterator[str]:
    """Yield what mirrors serve, and what slaves do otherwise than ask their master first for the newest."""
    for mirror, planned in plan["mirrors"].items():
        brings = [f"{name} from {master}" for name, master in planned["targets"].items()]
        yield f"{mirror} builds nothing and serves {listed(brings) or 'nothing'}"
    for host, planned in plan["hosts"].items():
        target = plan["targets"][planned["target"]]
        if planned["servers"] != [target["master"], *target["mirrors"]]:
            yield f"{host} asks {', then '.join(planned['servers'])} for its packages"
        if planned["pinned"]:
            yield f"{host} stays with generation {planned['pinned']} (slave_pinned_generation)"


def _keeps(host: str, name: str, keeps: Plan, target: Plan) -> str:
    if keeps["level"]:
        also = f"; and from {listed(keeps['also'])}" if keeps["also"] else ""
        said = f"{keeps['level']}: lacks {', '.join(keeps['lacks'])}{also}"
    else:
        said = f"{listed(keeps['also'])}: lacks {'it' if len(keeps['also']) == 1 else 'them'}"
    remedy = ". Only another master could build for them" if host == target["master"] else ""
    return f"{host} keeps the target {name} from {said}{remedy}"


def _loses(host: str, lost: Plan, target: Plan) -> str:
    blamed = _first(target["price"]["blame"][feature] for feature in lost["features"])
    second = target["price"]["second"]
    advice = ""
    if second and host in second["members"]:
        won = listed(set(lost["features"]) & set(second["features"]))
        advice = f". Declare a second target and name it as binhost_target of {listed(second['members'])} to win {won}"
    level = target["cpu"]["level"] or _NO_LEVEL
    could = f", though it could run {lost['level']}" if lost["level"] != target["cpu"]["level"] else ""
    return f"gets packages for {level}{could}: loses {listed(lost['features'])} because of {blamed}{advice}"


def _first(lists: Iterable[Sequence[str]]) -> str:
    """Return the first few of the names in sorted lists. Fleets are large: the rest is not counted."""
    names = (name for name, _same in itertools.groupby(heapq.merge(*lists)))
    found = list(itertools.islice(names, SHOWN + 1))
    return ", ".join(found[:SHOWN]) + (" and others" if len(found) > SHOWN else "")


def _aligned(rows: Sequence[tuple[str, ...]], *, indent: str) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        begin = indent + "".join(cell.ljust(width) + "  " for cell, width in zip(row, widths, strict=False))
        yield from _wrapped(row[-1], begin, " " * len(begin))


def _wrapped(text: str, begin: str, hang: str) -> list[str]:
    if len(begin) + len(text) <= WIDTH:
        return [begin + text]
    return textwrap.wrap(
        text,
        max(WIDTH, len(hang) + 20),
        initial_indent=begin,
        subsequent_indent=hang,
        break_long_words=False,
        break_on_hyphens=False,
    )
