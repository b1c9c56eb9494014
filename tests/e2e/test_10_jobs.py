# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody who is killed meanwhile takes a build with him: no controller, no connection, no master."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import typing as t
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.e2e import portage
from tests.e2e.conftest import Site
from tests.e2e.harness import CHECKOUT, Machines

PROGRAM: t.Final = "/var/lib/larry-binhost/larry-binhost.pyz"
TREE: t.Final = "/var/db/repos/lab/app-text/tree"
PV: t.Final = "/var/db/repos/lab/sys-apps/pv"
#: What Ansible ends with when a host could not be reached.
UNREACHABLE: t.Final = 4
#: While it is there, a build of tree waits.
GATE: t.Final = "/var/cache/distfiles/gate"
WAIT: t.Final = f"src_configure() {{ while test -e {GATE}; do sleep 0.1; done; default; }}"


def jobs(lab: Machines) -> dict[str, dict[str, t.Any]]:
    """Return the master's jobs, as the program on the master tells them."""
    return {job["name"]: job for job in json.loads(lab.sh("desktop", f"{PROGRAM} job list --json"))}


def until(lab: Machines, condition: str) -> None:
    """Wait until a shell condition holds on the master."""
    lab.sh("desktop", f"for _ in $(seq 3000); do {condition} && exit 0; sleep 0.1; done; exit 1")


@contextmanager
def gate(lab: Machines) -> Iterator[t.Callable[[], object]]:
    """Shut the gate; the value opens it. It is open afterwards, so that no run waits for a test that has failed."""

    def opened() -> object:
        return lab.sh("desktop", f"rm -f {GATE}")

    lab.sh("desktop", f"touch {GATE}")
    try:
        yield opened
    finally:
        opened()


def newer(lab: Machines, revision: int, more: str = "") -> str:
    """Put a newer tree into the repository, that waits at the gate; return its name."""
    lines = f"(cat tree-2.1.0.ebuild; echo; echo '{more}'; echo '{WAIT}')"
    lab.sh("desktop", f"cd {TREE}; {lines} >tree-2.1.0-r{revision}.ebuild")
    return f"app-text/tree-2.1.0-r{revision}"


@contextmanager
def controller() -> Iterator[subprocess.Popen[bytes]]:
    """Run site.yml as a person does who then is interrupted."""
    argv = [str(Path(sys.executable).with_name("ansible-playbook")), "site.yml", "-i", "inventory"]
    process = subprocess.Popen(
        argv,
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def compiling(lab: Machines) -> None:
    """Wait until a package is at the gate."""
    until(lab, "pgrep -f '[e]build.sh configure' >/dev/null")


def compilations(lab: Machines, package: str) -> int:
    """Return how often a package was compiled in the build root."""
    return sum(f"({package}::" in line for line in portage.compiled(lab, "desktop", root=portage.ROOT))


def test_a_killed_controller_takes_no_build_with_it(lab: Machines, site: Site) -> None:
    package = newer(lab, 11)
    compiled = compilations(lab, package)
    with gate(lab) as opened:
        with controller() as process:
            compiling(lab)
            os.killpg(process.pid, signal.SIGKILL)
        before = jobs(lab)["build-common"]
        assert before["phase"] == "running"
        with ThreadPoolExecutor() as pool:
            run = pool.submit(site)
            opened()
    joined = run.result()
    assert joined.rc == 0, joined.stdout
    after = jobs(lab)["build-common"]
    assert (after["begun"], after["pid"], after["phase"]) == (before["begun"], before["pid"], "finished")
    assert portage.build(joined)["built"] == [package]
    assert compilations(lab, package) == compiled + 1


def test_a_killed_supervisor_is_known_and_the_next_run_goes_on(lab: Machines, site: Site) -> None:
    package = newer(lab, 12)
    with ThreadPoolExecutor() as pool, gate(lab):
        run = pool.submit(site)
        compiling(lab)
        lab.sh("desktop", f"kill -KILL {jobs(lab)['build-common']['pid']}")
    died = run.result()
    assert died.rc not in (0, UNREACHABLE), died.stdout
    assert "expected its result, found none: it was killed. Run again, it goes on from there" in died.stdout
    assert lab.run("desktop", "pgrep", "-f", "[e]merge|[e]build.sh|[u]nshare").rc != 0
    assert portage.ROOT not in lab.read("desktop", "/proc/self/mountinfo")
    again = site()
    assert again.rc == 0, again.stdout
    assert portage.build(again)["built"] == [package]


def test_a_restarted_master_rebuilds_nothing_that_was_built(lab: Machines, site: Site) -> None:
    lab.sh("desktop", f"cd {PV}; cp pv-1.6.20.ebuild pv-1.6.20-r22.ebuild")
    # Else Portage would install pv only when nothing is being compiled any more (FEATURES=merge-wait).
    package = newer(lab, 13, 'BDEPEND=">=sys-apps/pv-1.6.20-r22"')
    log = f"{portage.ROOT}/var/log/emerge.log"
    with gate(lab):
        with controller():
            until(lab, f"grep -q 'completed emerge.*sys-apps/pv-1.6.20-r22 ' {log}")
            compiling(lab)
            lab.stop("desktop")
        lab.start("desktop")
        assert jobs(lab)["build-common"]["phase"] == "died"
    run = site()
    assert run.rc == 0, run.stdout
    assert portage.build(run)["built"] == [package]
    for slave in portage.SLAVES:
        assert portage.compiled(lab, slave) == []


def test_two_runs_at_once_are_one_build(lab: Machines, site: Site) -> None:
    package = newer(lab, 14)
    number, before = portage.generation(lab), compilations(lab, package)
    with ThreadPoolExecutor() as pool, gate(lab):
        runs = [pool.submit(site, "--limit", "masters") for _number in range(2)]
        compiling(lab)
    first, second = (run.result() for run in runs)
    assert (first.rc, second.rc) == (0, 0), first.stdout + second.stdout
    assert portage.build(first)["built"] == [package]
    assert portage.generation(lab) == number + 1
    assert compilations(lab, package) == before + 1


def test_a_build_is_cancelled_on_the_master(lab: Machines, site: Site) -> None:
    package = newer(lab, 15)
    with ThreadPoolExecutor() as pool, gate(lab):
        run = pool.submit(site)
        compiling(lab)
        assert "cancelled" in lab.sh("desktop", f"{PROGRAM} job cancel build-common")
        assert lab.run("desktop", "pgrep", "-f", "[e]merge|[e]build.sh|[u]nshare").rc != 0
    assert run.result().rc not in (0, UNREACHABLE)
    again = site()
    assert again.rc == 0, again.stdout
    assert portage.build(again)["built"] == [package]


def test_a_pulled_cable_is_no_failure(lab: Machines, site: Site) -> None:
    newer(lab, 16)
    with ThreadPoolExecutor() as pool, gate(lab):
        run = pool.submit(site, "--limit", "masters", env={"CI": ""})
        compiling(lab)
        lab.sh("desktop", "pkill -KILL -f '[s]shd: root'")
    done = run.result()
    assert done.rc == 0, done.stdout
    assert "does not answer; its jobs go on" in done.stderr


def test_and_then_there_is_peace(site: Site) -> None:
    assert site().rc == 0
    assert site().changed() == set()
