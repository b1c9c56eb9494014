# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run as a person wants to be told it: where the packages are, and what each host got."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.larry.binhost.plugins.module_utils import _acceptance, _size
from ansible_collections.larry.binhost.plugins.plugin_utils import _aftermath, _changes

Result = t.Mapping[str, t.Any]


def report(plan: Result, hosts: Mapping[str, Result], *, check: bool) -> str:
    """Return the report.

    ``hosts`` has, per host of the fleet: ``seen`` (bool), ``failure`` (text or None), and what the roles registered:
    ``done`` (master: target to results), ``key`` (master), ``index``, ``packages``, ``requested`` (slave); what a host
    didn't come to is missing.
    """
    head = ["Nothing was changed (check mode)."] if check else []
    targets = [line for name in sorted(plan.get("targets", {})) for line in _target(name, plan["targets"][name], hosts)]
    slaves = [line for host in sorted(hosts) for line in _host(host, plan, hosts[host], check=check)]
    keys = [f"{host}: {_said_of_key(hosts[host])}" for host in sorted(hosts) if _said_of_key(hosts[host])]
    return "\n".join([*head, *targets, *keys, "", *slaves]) + "\n"


def _said_of_key(result: Result) -> str:
    """Return what is to be told of a master's key: that it is new, or soon expires."""
    return str((result.get("key") or {}).get("message", ""))


def _target(name: str, target: Result, hosts: Mapping[str, Result]) -> Iterator[str]:
    done = (hosts.get(target["master"], {}).get("done") or {}).get(name, {})
    generation = done.get("generation") or {}
    number = _number(name, target, done, hosts)
    where = f"{target['uri']}/{name}/{number or 'current'}"
    yield f"target {name}: {f'generation {number}' if number else 'generation unknown'} at {where}"
    yield from _published(generation)
    floor = generation.get("kernel")
    yield f"  compiled for {target['cpu']['cflags']}" + (f"; starts on Linux {floor} or newer" if floor else "")
    yield from _unfit(generation.get("unfit") or {})
    for host, flags in target["cpu"]["held_back"].items():
        yield f"  {host} could run more: {' '.join(flags)}"
    weak = target.get("price", {}).get("master")
    if weak:
        yield f"  all its slaves could run more, and {target['master']}, which builds, cannot: {' '.join(weak)}"
    packages = done.get("packages") or {}
    if packages.get("built") or any(packages.get("variants", {}).values()):
        yield f"  {target['master']} compiled {_count(packages['built'], 'package')}"
        yield from (
            f"  once more for {slave}: {' '.join(built)}"
            for slave, built in sorted(packages["variants"].items())
            if built
        )
    yield from _unusual(packages)
    for cpv, failure in sorted((packages.get("failures") or {}).items()):
        log = f"; its log is {failure['log']}" if failure["log"] else ""
        yield f"  {cpv} failed in phase {failure['phase'] or 'unknown'}: {failure['reason'] or 'no reason given'}{log}"
    if packages.get("dropped"):
        yield f"  not built for that: {_changes.listed(sorted(packages['dropped']))}"
    if packages.get("removed"):
        yield f"  gone from its build root: {_changes.listed(packages['removed'])}"
    yield from _shared(target["master"], packages)
    for atom, asking in sorted((packages.get("unsatisfiable") or {}).items()):
        yield f"  {atom}: no repository of this target has it; wanted by {', '.join(asking)}"
    yield from (f"  {slave} was never seen and is not planned for" for slave in target["unseen"])


def _unusual(packages: Result) -> Iterator[str]:
    """Yield what of a build is rare: major upgrades, circles of dependencies, another root."""
    for each in packages.get("major") or ():
        again = f"; built again for it: {_changes.listed(each['rebuilds'])}" if each["rebuilds"] else ""
        yield f"  {each['package']} {each['old']} became {each['new']}{again}"
    for each in packages.get("cycles") or ():
        yield f"  {_changes.listed(each['packages'])} need each other; built first, for a while: {each['line']}"
    if packages.get("fresh"):
        yield f"  its build root was made anew of the stage: {packages['fresh'].partition(chr(10))[0]}"


def _published(generation: Result) -> Iterator[str]:
    """Yield what is out of the ordinary about what is published."""
    if generation.get("restores"):
        since = "; what was built since waits for -e binhost_generation=latest" if generation.get("waiting") else ""
        yield f"  put back to what generation {generation['restores']} was{since}"
    if generation.get("pruned"):
        yield f"  {_count(generation['pruned'], 'package')} that nobody needs removed, to stay within the budget"
    if generation.get("over_budget"):
        yield f"  {_size.shown(generation['over_budget'])} over the budget: playbooks/prune.yml says what can go"


def _unfit(found: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield which packages a slave can't run; it leaves them out."""
    for slave, reasons in sorted(found.items()):
        yield from (f"  {slave} can't run {line}" for line in unfit(reasons))


def unfit(reasons: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each reason for which packages are left out, PATH to reason."""
    together: dict[str, list[str]] = {}
    for path, why in sorted(reasons.items()):
        together.setdefault(why, []).append(path.rpartition("/")[2].replace(".gpkg.tar", ""))
    yield from (f"{_changes.listed(names)}: {why}" for why, names in together.items())


def _shared(master: str, packages: Result) -> Iterator[str]:
    """Yield what is to be told of a target of mode shared; nothing of another."""
    if packages.get("packed"):
        yield f"  {_count(packages['packed'], 'package')} that {master} had installed packed"
    for cpv, paths in sorted((packages.get("modified") or {}).items()):
        yield f"  {cpv}: not packed, modified since installation on {master}: {_changes.listed(paths)}"
    reasons: dict[str, list[str]] = {}
    for what, why in [*(packages.get("foreign") or {}).items(), *(packages.get("withheld") or {}).items()]:
        reasons.setdefault(why, []).append(what)
    yield from (f"  not published: {_changes.listed(reasons[why])}: {why}" for why in sorted(reasons))
    for atom, asking in sorted((packages.get("missing") or {}).items()):
        yield f"  {atom}: {master} has no package of it; wanted by {', '.join(asking)}"


def _number(name: str, target: Result, done: Result, hosts: Mapping[str, Result]) -> int | None:
    """Return the newest generation that this run knows of: the master's, or the newest that a slave has."""
    published = (done.get("generation") or {}).get("number")
    if published:
        return t.cast(int, published)
    members = [hosts.get(slave, {}).get("index") or {} for slave in target["members"]]
    return max((index["number"] for index in members if index.get("number")), default=None)


def _host(host: str, plan: Result, result: Result, *, check: bool) -> Iterator[str]:
    packages = result.get("packages") or {}
    if result.get("failure"):
        first, *rest = str(result["failure"]).splitlines()
        yield f"{host}: FAILED: {first}"
        # The message is one screen; what failed is told in full here.
        yield from (f"  {line}" for line in [*_aftermath.failures(packages)] or rest)
        yield from (f"  {line}" for line in _aftermath.left(packages))
    elif host in plan.get("mirrors", {}):
        yield from _mirror(host, result, check=check)
    elif not result["seen"]:
        known = (
            "did not answer; the plan used what was known of it"
            if result["kept"]
            else "was never seen; not planned for"
        )
        yield f"{host}: {known}"
    elif host in plan.get("hosts", {}):
        yield from _slave(host, result, check=check)
        yield from (f"  {remark}" for remark in plan["hosts"][host].get("remarks", ()))


def _slave(host: str, result: Result, *, check: bool) -> Iterator[str]:
    packages, index = result.get("packages") or {}, result.get("index") or {}
    merges, acceptance = packages.get("merge_list", ()), packages.get("acceptance") or {}
    if merges is None:
        yield f"{host}: what would be installed is unknown before the builds and the index are done"
    elif check:
        kinds = [merge["kind"] for merge in merges]
        compiled = f"{kinds.count('ebuild')} compiled{_acceptance.estimate(acceptance)}"
        yield f"{host}: {kinds.count('binary')} would be installed from binaries, {compiled}"
    else:
        words = {"binary": "installed from binaries", "source": "compiled", "failures": "failed"}
        counts = ", ".join(f"{len(packages.get(name, ()))} {word}" for name, word in words.items())
        yield f"{host}: {counts}; generation {index.get('number') or 'none'}"
    yield from _acceptance.compiled(acceptance)
    if merges is not None and not check:
        yield from (f"  {line}" for line in [*_aftermath.failures(packages), *_aftermath.left(packages)])
    yield from (f"  left out, since it can't run here: {line}" for line in unfit(index.get("excluded") or {}))
    requested = result.get("requested") or {}
    came = [*requested.get("binary", ()), *requested.get("source", ())]
    if came:
        yield f"  asked for, and installed: {_changes.listed(came)}"
    if not index.get("reachable", True):
        yield f"  no transport answers: {index.get('message') or 'no reason given'}"
    if packages.get("waiting"):
        yield f"  waits for its master: {_changes.listed(packages['waiting'])}"
    yield from (f"  {remark}" for remark in index.get("remarks", ()))


def _mirror(host: str, result: Result, *, check: bool) -> Iterator[str]:
    """Yield what a mirror serves, and what came to it."""
    targets = result.get("mirror")
    if targets is None:
        yield f"{host}: did not answer; it serves what it has, if it is on"
        return
    for name, here in sorted(targets.items()):
        number = f"generation {here['number']}" if here["number"] else "nothing yet"
        some = _count(here["fetched"], "generation")
        came = f", {some} {'would come' if check else 'came'}" if here["fetched"] else ""
        yield f"{host}: mirror of target {name}: {number}{came}"
        yield from (f"  {words}" for words in (here["problem"], here["message"]) if words)


def _count(things: Sequence[str], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"
