# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the planner takes for generated fleets, and how much memory.

Each size runs in a process of its own, which checks the inventory, plans as on the first run, and plans again with the
first plan and one host more, as on every other. Memory is that process's peak, its input included.
Words: the numbers of hosts; ``--profile N`` shows where the time goes.
"""

from __future__ import annotations

import cProfile
import json
import math
import pstats
import random
import resource
import subprocess
import sys
import time
import typing as t
from pathlib import Path

ROOT: t.Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "collections"))

from ansible_collections.larry.binhost.plugins.module_utils import _cpu  # noqa: E402
from ansible_collections.larry.binhost.plugins.plugin_utils import (  # noqa: E402
    _changes,
    _inventory,
    _plan,
    _plan_text,
    _schema,
)

#: psABI level -> all features of a CPU that reaches it.
LEVELS: t.Final = _cpu.why_not(())
SIZES: t.Final = (10, 100, 1_000, 10_000)
#: What a kernel lists beside what is compiled for.
NOISE: t.Final = [f"noise_{number}" for number in range(60)]
EXTRA: t.Final = ["aes", "pclmulqdq", "rdrand", "sha_ni", "avx_vnni", "vpclmulqdq", "sse4a", "avx512ifma"]
DESKTOP: t.Final = "desktop"

Fleet = tuple[_inventory.Fleet, dict[str, t.Any]]


def fleet(hosts: int) -> Fleet:
    """Return inventory and facts of one master and ``hosts`` slaves, the same each time.

    A third each of named, automatic by name, and automatic targets by another one; no two hosts list quite the same.
    """
    dice = random.Random(hosts)
    common = {
        "binhost_networks": ["10.0.0.0/8"],
        "binhost_targets": {
            name: {"profile": "gentoo:default/linux/amd64/23.0", "use": ["unicode"], "package_use": {"a/b": ["c"]}}
            for name in ("laptops", "servers")
        },
    }
    variables: dict[str, t.Any] = {DESKTOP: {**common, "ansible_host": "10.0.0.1"}}
    facts = {DESKTOP: _facts(dice, "x86-64-v4")}
    for number in range(hosts):
        host = f"slave-{number:05}"
        variables[host] = {**common, **_variables(dice, number)}
        facts[host] = _facts(dice, dice.choice(list(LEVELS)[1:]))
    return _inventory.Fleet([DESKTOP], [host for host in variables if host != DESKTOP], variables), facts


def _variables(dice: random.Random, number: int) -> dict[str, t.Any]:
    return {
        "ansible_host": f"10.{1 + number // 65536}.{number // 256 % 256}.{number % 256}",
        "binhost_target": ("laptops", "auto:laptops", "auto:servers")[number % 3],
        "slave_world": [f"app-misc/package{dice.randrange(500)}" for _word in range(20)],
        "slave_make_conf": {"VIDEO_CARDS": dice.choice(["intel", "amdgpu radeonsi", "nouveau"])},
        "slave_package_use": {f"app-misc/package{dice.randrange(500)}": ["-nls", "doc"]},
    }


def _facts(dice: random.Random, level: str) -> dict[str, t.Any]:
    features = set(LEVELS[level])
    features |= {feature for feature in EXTRA if dice.random() < 0.5}
    features -= {feature for feature in ("movbe", "bmi2", "f16c") if dice.random() < 0.05}
    return {
        "cpu": {"features": sorted({*features, *dice.sample(NOISE, 50)})},
        "portage": {"chost": "x86_64-pc-linux-gnu", "repositories": {"gentoo": "/var/db/repos/gentoo"}},
        "world": [f"app-misc/package{dice.randrange(500)}" for _word in range(30)],
        "configuration": {"make.conf/00-adopted": 'MAKEOPTS="-j4"\n'},
    }


def measure(hosts: int) -> dict[str, float]:
    """Return the seconds of the first plan, of the next one and of its text, and the peak in MB."""
    whole, facts = fleet(hosts)
    newest = whole.slaves[-1]
    without = _inventory.Fleet(whole.masters, [host for host in whole.slaves if host != newest], whole.variables)
    known = {host: facts[host] for host in facts if host != newest}
    begun = time.perf_counter()
    first = _planned(without, known)
    planned = time.perf_counter()
    second = _planned(whole, facts, first)
    again = time.perf_counter()
    _plan_text.text(second, _changes.sentences(second, first, facts), [])
    told = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts kB
    return {"first": planned - begun, "next": again - planned, "text": told - again, "peak": peak}


def _planned(whole: _inventory.Fleet, facts: dict[str, t.Any], previous: t.Any = None) -> dict[str, t.Any]:
    problems = _inventory.problems(whole)
    if problems:
        raise SystemExit("\n".join(problems))
    return _plan.plan(whole, facts, _schema.usable(previous, "previous") if previous else None)


def table(sizes: t.Sequence[int]) -> None:
    """Print a line per size; the last column is the growth of the first plan over that of n log n, 1.0 being equal."""
    print(f"{'hosts':>7} {'first plan':>11} {'next plan':>10} {'text':>8} {'peak':>8}   growth / n log n")
    last: tuple[int, float] | None = None
    for hosts in sizes:
        words = [sys.executable, __file__, "--measure", str(hosts)]
        found = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
        growth = ""
        if last:
            expected = hosts * math.log(hosts) / (last[0] * math.log(last[0]))
            growth = f"{found['first'] / last[1] / expected:.2f}"
        print(
            f"{hosts:>7} {found['first']:>9.3f} s {found['next']:>8.3f} s {found['text']:>6.3f} s "
            f"{found['peak']:>5.0f} MB   {growth}"
        )
        last = (hosts, found["first"])


def profile(hosts: int) -> None:
    """Print where the time of a first plan goes."""
    whole, facts = fleet(hosts)
    with cProfile.Profile() as profiler:
        _planned(whole, facts)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


def main(words: t.Sequence[str]) -> None:
    """Run what the words say."""
    if words[:1] == ["--measure"]:
        print(json.dumps(measure(int(words[1]))))
    elif words[:1] == ["--profile"]:
        profile(int(words[1]))
    else:
        table([int(word) for word in words] or SIZES)


if __name__ == "__main__":
    main(sys.argv[1:])
