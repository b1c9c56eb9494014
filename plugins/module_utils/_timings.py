# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long each package of a target's PKGDIR took to build: what emerge.log tells is gone with a throw-away clone.

Portage tells the processor's time only with FEATURES=cgroup (3.0.82) on a kernel with cgroup v2; the line that it
writes to emerge.log then (_emerge/Scheduler.py, ``_cgroup_finish``) is::

    1700000000:  === Resource usage for build of app-misc/hello-2.10: CPU: 12.34s (1.52x), Mem: 1.2 MiB
"""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _fingerprint, _outcome, _packages, _target
from ansible_collections.larry.binhost.plugins.module_utils._target import Target

FEATURE: t.Final = "cgroup"
#: Where cgroup v2 stands alone, the controllers that there are; without these Portage complains with each line.
_CONTROLLERS: t.Final = "/sys/fs/cgroup/cgroup.controllers"
_NEEDED: t.Final = frozenset({"cpu", "io", "memory"})
_USAGE: t.Final = re.compile(
    r"^\d+:\s+=== Resource usage for build of (?P<cpv>\S+): .*?\bCPU: (?P<seconds>\d+(?:\.\d+)?)s", re.MULTILINE
)
#: Build of a package, as ``key`` has it -> ``seconds`` and, where it is known, ``cpu_seconds``.
Times = t.Mapping[str, t.Mapping[str, float]]


def measured(features: str) -> str:
    """Return FEATURES with which the processor's time is told too, where this machine can."""
    try:
        with open(_CONTROLLERS, encoding="ascii") as file:
            can = _NEEDED.issubset(file.read().split())
    except OSError:
        can = False
    return f"{features} {FEATURE}" if can else features


def key(cpv: str, build_id: int | None) -> str:
    """Return by what one build of a package is known: ``app-misc/hello-2.10 3``."""
    return f"{cpv} {build_id or 0}"


def place(target: str, state: str) -> str:
    """Return where a target's times are kept."""
    return os.path.join(state, "records", target, "times.json")


def processor(log: str) -> dict[str, float]:
    """Return package to processor seconds of its build, as far as this part of emerge.log tells them."""
    return {found["cpv"]: float(found["seconds"]) for found in _USAGE.finditer(log)}


def note(target: Target, log: str, done: t.Iterable[_outcome.Done]) -> None:
    """Keep how long what was compiled in one run took; what PKGDIR no longer has is forgotten."""
    used = processor(log)
    news: dict[str, dict[str, float]] = {}
    for each in done:
        if each.kind == "source" and each.seconds is not None:
            cpu = {"cpu_seconds": used[each.cpv]} if each.cpv in used else {}
            news[key(each.cpv, each.build_id)] = {"seconds": each.seconds, **cpu}
    if news:
        path = place(target.name, target.state_dir)
        there = _there(target)
        kept = {name: times for name, times in _fingerprint.recorded(path).items() if name in there}
        _fingerprint.record(path, {**kept, **news})


def known(target: str, state: str) -> Times:
    """Return what is known of a target's packages."""
    return _fingerprint.recorded(place(target, state))


def of(target: Target, cpvs: t.Iterable[str]) -> dict[str, float]:
    """Return package to the seconds that its last build took; without those of which they aren't known."""
    last: dict[str, tuple[int, float]] = {}
    for name, times in known(target.name, target.state_dir).items():
        cpv, _space, number = name.rpartition(" ")
        last[cpv] = max(last.get(cpv, (-1, 0.0)), (int(number), times["seconds"]))
    return {cpv: last[cpv][1] for cpv in cpvs if cpv in last}


def _there(target: _target.Target) -> set[str]:
    try:
        with open(os.path.join(target.pkgdir, "Packages"), encoding="utf-8", errors="surrogateescape") as file:
            entries = _packages.packages(_packages.parse(file.read()))
    except FileNotFoundError:
        return set()
    return {key(entry.cpv, entry.build_id) for entry in entries}
