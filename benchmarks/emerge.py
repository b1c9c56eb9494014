# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module emerge costs beside emerge, what its fingerprint saves, and how community.general.portage does.

Needs to be root; the hosts are roots unpacked from the lab's stage. Word: the number of turns, of which medians are
told. It judges nothing.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import sys
import typing as t
from pathlib import Path

ROOT: t.Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "collections")]

from ansible_collections.larry.binhost.plugins.module_utils import _program  # noqa: E402

from benchmarks import chroots, large_root  # noqa: E402
from benchmarks.chroots import EMERGE, Host, Task  # noqa: E402

TURNS: t.Final = 3
ATOMS: t.Final = [f"app-misc/bench{number}" for number in range(10)]
#: Each compiles a program, as small as one can be.
EBUILD: t.Final = """\
EAPI=8
DESCRIPTION="One of ten"
LICENSE="GPL-3"
SLOT="0"
KEYWORDS="amd64"
IUSE="more"
S="${WORKDIR}"
src_compile() { echo 'int main(void) { return 0; }' >it.c && ${CC:-gcc} -o ${PN} it.c || die; }
src_install() { dobin ${PN}; }
"""
OURS: t.Final = "larry.binhost.emerge"
THEIRS: t.Final = "community.general.portage"
DECLARED: t.Final[t.Mapping[str, t.Mapping[str, t.Any]]] = {
    OURS: {"atoms": ATOMS},
    THEIRS: {"package": ATOMS, "update": True, "deep": True, "newuse": True},
}
MORE: t.Final = "etc/portage/package.use/more"
#: Run in the host, with our program and Portage's state to look at: seconds of each.
INSIDE: t.Final = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
from ansible_collections.larry.binhost.plugins.module_utils import {modules}
taken = []
for _turn in range(int(sys.argv[2])):
    since, computed = time.perf_counter(), time.process_time()
    {work}
    taken.append((time.perf_counter() - since, time.process_time() - computed))
print(json.dumps(taken))
"""
PROGRAM: t.Final = "var/lib/larry-binhost/larry-binhost.pyz"


def small(folder: Path) -> Host:
    """Return a host with ten packages to install."""
    host = Host.made(folder / "small")
    for atom in ATOMS:
        host.write(f"var/db/repos/lab/{atom}/{atom.partition('/')[2]}-1.ebuild", EBUILD)
    conf = (host.path / "etc/portage/make.conf").read_text()
    host.write("etc/portage/make.conf", f'{conf}\nFEATURES="-merge-sync"\n')  # a disk's speed is not the matter
    return host


def emptied(host: Host) -> None:
    """Remove the ten packages and every trace of them."""
    (host.path / MORE).unlink(missing_ok=True)
    host.run(*EMERGE, "--quiet", "--unmerge", *ATOMS, check=False)


def overhead(host: Host, turns: int) -> None:
    """Tell what the module takes more than emerge does."""
    words = ["--update", "--deep", "--newuse", *ATOMS]
    plain, module, pretend = [], [], []
    for turn in range(turns + 1):  # the first one warms up
        emptied(host)
        pretended = host.run(*EMERGE, "--pretend", "--verbose", *words)[0]
        taken = host.run(*EMERGE, *words)[0]
        emptied(host)
        ours = told(host.task(OURS, DECLARED[OURS])).seconds
        if turn:
            plain.append(taken)
            pretend.append(pretended)
            module.append(ours)
    medians = [statistics.median(each) for each in (plain, module, pretend)]
    more = statistics.median(ours - taken for ours, taken in zip(module, plain, strict=True))
    print(f"build of {len(ATOMS)} packages   emerge {medians[0]:6.1f} s, as a task {medians[1]:6.1f} s")
    print(f"   difference {more:5.1f} s; emerge --pretend and 1 s are {medians[2] + 1:.1f} s")


def told(task: Task) -> Task:
    """Return the task, which has to be a good one."""
    if task.result.get("failed"):
        raise SystemExit(f"{task.result.get('msg')}")
    return task


def inside(host: Host, modules: str, work: str, turns: int) -> list[tuple[float, float]]:
    """Return seconds, and those of them that it computed, of some work of our own code on the host."""
    host.write(PROGRAM, _program.content())
    program = INSIDE.format(modules=modules, work=work)
    return [(each[0], each[1]) for each in json.loads(host.run("python3", "-c", program, f"/{PROGRAM}", str(turns))[1])]


def fingerprint(folder: Path, turns: int) -> None:
    """Tell what it takes to know that nothing is to do, by the fingerprint and by asking emerge."""
    host = Host.made(folder / "large")
    large_root.fill(large_root.emptied(host.path))
    question = [*EMERGE, "--pretend", "--update", "--deep", "--newuse", "@world"]
    host.run(*question)  # Portage remembers what it has read of the installed packages
    asked = statistics.median(host.run(*question)[0] for _turn in range(turns))
    first = told(host.task(OURS, {}))
    again = statistics.median(told(host.task(OURS, {})).seconds for _turn in range(turns))
    work = "_fingerprint.digest(_world.state('/var/lib/larry-binhost/current', {}))"
    known = statistics.median(each[0] for each in inside(host, "_fingerprint, _world", work, turns + 2))
    size = f"{large_root.PACKAGES:,} packages installed, {large_root.EBUILDS:,} ebuilds"
    print(f"nothing to do, {size}")
    print(f"   emerge -puDN @world {asked:6.2f} s, fingerprint {known:6.3f} s: {asked / known:.0f} times faster")
    print(f"   as a task: {first.seconds:.1f} s without a fingerprint, {again:.1f} s with one")


def compare(host: Host) -> None:
    """Tell how two modules do with one declaration on three occasions, and whether what they say is true."""
    occasions = {"install": "", "nothing to do": "", "changed USE": f"{ATOMS[0]} more\n"}
    print(f"{'':14} {'module':27} {'seconds':>8}  {'says':10} {'is':10} names what it did")
    for module in (THEIRS, OURS):
        emptied(host)
        for occasion, use in occasions.items():
            if use:
                host.write(MORE, use)
            before = host.installed()
            task = host.task(module, DECLARED[module])
            after = host.installed()
            truth = {cpv for cpv in {*before, *after} if before.get(cpv) != after.get(cpv)}
            says, is_ = ("changed" if each else "the same" for each in (task.result.get("changed"), truth))
            if task.result.get("failed"):
                says = "failed"
            named = set(task.result.get("source", [])) | set(task.result.get("binary", []))
            print(
                f"{occasion:14} {module:27} {task.seconds:8.1f}  {says:10} {is_:10} {'yes' if named == truth else 'no'}"
            )


def poll(host: Host, turns: int) -> None:
    """Tell what it costs to ask once how a job is: for the controller, and on the host while it waits."""
    before = os.times()
    asked = [told(host.task("larry.binhost.job", {"state": "listed"})).seconds for _turn in range(turns)]
    after = os.times()
    start = told(host.task("larry.binhost.job", {"state": "listed"})).result
    host.run("python3", f"/{PROGRAM}", "job", "start", "bench", "sleep", "600")
    try:
        job = "_jobs.wait('bench', 10, _job_files.find('bench').stamp)"
        elapsed, computed = inside(host, "_job_files, _jobs", job, 1)[0]
    finally:
        host.run("python3", f"/{PROGRAM}", "job", "cancel", "bench")
    everything = sum(after[2:4]) - sum(before[2:4])
    print(f"one poll: a question {statistics.median(asked):.2f} s ({len(start['jobs'])} jobs known)")
    print(f"   all of ansible-playbook computes {everything / turns:.1f} s for it, start included")
    print(f"   while it waits, the host computes {100 * computed / elapsed:.1f} % of one processor")


def main(turns: int) -> None:
    """Measure and print all."""
    if importlib.util.find_spec("ansible_collections.community.general") is None:
        raise SystemExit("expected community.general, found none: make bootstrap, or pip install ansible, brings it")
    with chroots.folder() as folder:
        host = small(folder)
        overhead(host, turns)
        fingerprint(folder, turns)
        compare(host)
        poll(host, turns)
        print(f"medians of {turns} turns, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else TURNS)
