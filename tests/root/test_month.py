# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A month of a builder that nobody looks after, in quick motion: another tree each day, of which some fail."""

from __future__ import annotations

import dataclasses
import os
import random
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _job_files, _jobs, _process, _prune, _target

from tests.root import builder
from tests.root.master import Master
from tests.root.planted import FILE
from tests.root.repeat import repeats

NAMES = ("a", "b", "c", "d")
BROKEN = "src_compile() { die 'it is broken'; }\n"
#: GiB; a day's tree and packages are some KiB.
BUDGET = 0.01
KEEP = 3


def mounts(state: Path) -> list[str]:
    """Return what is mounted below the state folder."""
    places = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [place for place in places if place.startswith(f"{state}/")]


def folders(state: Path) -> set[str]:
    """Return the folders of the state that a day may leave one more of."""
    return {
        f"{name}/{each.name}" for name in ("variants/laptops", "jobs", "roots") for each in (state / name).glob("*")
    }


def day(master: Master, chance: random.Random, number: int, versions: dict[str, int]) -> list[str]:
    """Change the tree: one package is new; return those that fail today."""
    name = chance.choice(NAMES)
    repository = master.repository / "x" / name
    for old in repository.glob("*.ebuild") if repository.exists() else ():
        old.unlink()
    versions[name] = number
    broken = [name] if chance.random() < 0.4 else []
    needs = {"b": 'RDEPEND="x/a"\n', "c": 'RDEPEND="x/b"\n'}
    master.plant({f"x/{name}-{number}": needs.get(name, "") + (BROKEN if broken else FILE)})
    return broken


def a_day_passes(state: Path) -> None:
    """Make the snapshots of repositories a day older: younger ones are spared, a build may read them."""
    for each in (state / "repos").glob("*"):
        made = each.stat().st_mtime - 86400
        os.utime(each, (made, made))


def disturbed(master: Master, chance: random.Random) -> bool:
    """Kill the job of a builder at some moment, as a machine does that loses its power; return whether it did."""
    if chance.random() < 0.7:
        return False
    idle = builder.Idle(master, wait=False)
    idle.start()
    state = str(master.folder)
    builder.until(lambda: bool(_job_files.find("build-laptops", state).live) or not idle.is_alive(), "that it builds")
    job = _job_files.find("build-laptops", state)
    for each in [_process.process(job.pid), *_process.family(job.pid)] if job.phase == "running" else []:
        if each:
            _process.send(each, 9)
    idle.join(builder.PATIENCE)
    return True


def test_a_month_ends_with_the_newest_tree_published(master: Master) -> None:
    seed = int(os.environ.get("BINHOST_SEED") or random.SystemRandom().randrange(10**6))
    chance = random.Random(seed)
    state, days = master.folder, repeats(7, 30)
    versions = dict.fromkeys(NAMES, 0)
    needs = {"b": 'RDEPEND="x/a"\n', "c": 'RDEPEND="x/b"\n'}
    master.plant({f"x/{name}-0": needs.get(name, "") + FILE for name in NAMES})
    target = master.target({"amd": [f"x/{name}" for name in NAMES]})
    target = dataclasses.replace(target, proof="x/plain", variants=[], publish="partial", depclean=True)
    builder.plan(master, target, publish={"keep": KEEP, "budget": int(BUDGET * _prune.GIB)})
    left: set[str] = set()
    others = set(_process.family(os.getpid()))
    for number in range(1, days + 1):
        broken = day(master, chance, number, versions)
        disturbed(master, chance)
        a_day_passes(state)
        outcome = builder.build(master)
        assert outcome.state in ("published", "partial"), (seed, number, broken, outcome)
        left = left or folders(state)
        assert (mounts(state), folders(state)) == ([], left), (seed, number)

    # What is broken is mended: the newest tree is there as a whole.
    master.plant({f"x/{name}-{versions[name]}": needs.get(name, "") + FILE for name in NAMES})
    a_day_passes(state)
    outcome = builder.build(master)
    assert outcome.state in ("published", "unchanged"), (seed, outcome)
    wanted = {"x/plain-1", *(f"x/{name}-{number}" for name, number in versions.items())}
    assert wanted <= builder.published(master), seed
    place = builder.place(master)
    assert len(place.numbers()) <= KEEP
    assert _prune.used(place) <= BUDGET * _prune.GIB
    snapshots = [each.name for each in (state / "repos").iterdir()]
    assert len(snapshots) <= KEEP, (seed, snapshots)
    assert (mounts(state), folders(state)) == ([], left), seed
    assert not [job for job in _jobs.listing(state=str(state)) if not job.over]
    assert set(_process.family(os.getpid())) == others, seed
    assert builder.status(master)["targets"]["laptops"]["failed"] == {}
    assert _target.differs(target, _target.revisions(target)) == []
