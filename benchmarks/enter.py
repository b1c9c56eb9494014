# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs to enter a build root: ``true`` run in its namespaces, against a plain chroot; needs to be root.

Both take turns, in a root unpacked from the lab's stage. Word: the number of turns.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

ROOT: t.Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "collections")]

from ansible_collections.larry.binhost.plugins.module_utils import _mounts, _removal, _rootrun  # noqa: E402

from lab.stage import build  # noqa: E402

TURNS: t.Final = 200


def commands(folder: Path) -> dict[str, list[str]]:
    """Return the two command lines; the root and what is bound into it are in ``folder``."""
    for name in ("root", "distfiles", "pkgdir", "portage"):
        (folder / name).mkdir()
    root = str(folder / "root")
    subprocess.run(["tar", *build.TAR, "-xpf", str(build.build() / build.NAME), "-C", root], check=True)
    mounts = _mounts.standard(
        repositories={"lab": f"{root}/var/db/repos/lab"},
        distdir=str(folder / "distfiles"),
        pkgdir=str(folder / "pkgdir"),
        portage_run=str(folder / "portage"),
    )
    return {"chroot": ["chroot", root, "/usr/bin/true"], "namespaces": _rootrun.argv(root, mounts, ["true"], {})}


def milliseconds(command: list[str]) -> tuple[float, float]:
    """Return how long a command takes, and how much of that it computes."""
    before, begun = os.times(), time.perf_counter()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    ended, after = time.perf_counter(), os.times()
    computed = after.children_user + after.children_system - before.children_user - before.children_system
    return 1000 * (ended - begun), 1000 * computed


def main(turns: int) -> None:
    """Measure and print medians in milliseconds, with the middle half of all turns."""
    with tempfile.TemporaryDirectory() as name:
        pair = commands(Path(name))
        for command in pair.values():
            milliseconds(command)
        taken: dict[str, list[tuple[float, float]]] = {each: [] for each in pair}
        for _turn in range(turns):
            for each, command in pair.items():
                taken[each].append(milliseconds(command))
        _removal.tree(f"{name}/root")
    medians = {}
    for each, values in taken.items():
        low, medians[each], high = statistics.quantiles([elapsed for elapsed, _computed in values], n=4)
        computed = statistics.mean(computed for _elapsed, computed in values)
        print(f"{each:10} {medians[each]:6.1f} ms ({low:.1f} to {high:.1f}), of which it computes {computed:.1f} ms")
    plain, entered = medians["chroot"], medians["namespaces"]
    load = os.getloadavg()[0]
    print(f"difference {entered - plain:6.1f} ms, {entered / plain:.1f} times; {turns} turns, load {load:.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else TURNS)
