# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees of a build while it runs: real Portage in a build root, as a job, watched by the action."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import time
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _job_files, _jobs, _program
from ansible_collections.larry.binhost.plugins.module_utils._target import Target

from tests.root import processes
from tests.root.build_root import TIMEOUT_S
from tests.root.master import Master

ROOT: t.Final = Path(__file__).resolve().parents[2]
JOB: t.Final = "build-laptops"
#: It compiles, and then installs, until it is told to go on.
PATIENT: t.Final = """\
src_compile() { until [[ -e /run/portage/compiled ]]; do sleep 0.05; done; }
src_install() { until [[ -e /run/portage/installed ]]; do sleep 0.05; done; }
"""
BEFORE: t.Final = """\
1700000000:  >>> emerge (1 of 1) x/patient-0 to /
1700000600:  ::: completed emerge (1 of 1) x/patient-0 to /
"""


@pytest.fixture
def target(master: Master) -> Iterator[Target]:
    """Return a target whose build is a job that has begun."""
    master.plant({"x/patient-1": PATIENT})
    made = master.target({"amd": ["x/patient"]}, options={"jobs": 2})
    Path(made.root, "var/log/emerge.log").write_text(BEFORE)
    _program.start(JOB, "build", dataclasses.asdict(made), state=made.state_dir)
    yield made
    _jobs.cancel(JOB, 0, state=made.state_dir)


def go_on(target: Target, phase: str) -> None:
    Path(target.live, phase).touch()


def until(target: Target, phase: str) -> _job_files.Job:
    """Return the job once the patient one is in a phase, having waited only for what polls wait for."""
    end = time.monotonic() + processes.PATIENCE_S
    job = _job_files.find(JOB, target.state_dir)
    while (job.live.get("cpv"), job.live.get("phase")) != ("x/patient-1", phase):
        assert job.phase == "running", job
        assert time.monotonic() < end, job
        job = _jobs.wait(JOB, 10, job.stamp, state=target.state_dir)
    return job


def test_a_poll_returns_when_the_phase_changes_and_not_before(target: Target) -> None:
    compiling = until(target, "compile")
    assert (compiling.live["done"], compiling.live["total"]) in ((0, 2), (1, 2))
    assert 0 < compiling.live["left"] <= 600
    last: list[_job_files.Job] = []

    def is_calm() -> bool:
        last[:] = [_job_files.find(JOB, target.state_dir)]
        last.append(_jobs.wait(JOB, 2, last[0].stamp, state=target.state_dir))
        return last[0].stamp == last[1].stamp

    processes.until(is_calm, lambda: f"{last}")  # the other one is quick
    calm, later = last
    assert later.live["elapsed"] >= calm.live["elapsed"] + 1
    go_on(target, "compiled")
    installing = until(target, "install")
    assert installing.stamp != calm.stamp
    assert installing.live["elapsed"] >= compiling.live["elapsed"]
    go_on(target, "installed")
    done = _jobs.finish(JOB, state=target.state_dir)
    assert (done.phase, done.live) == ("finished", {}), done
    assert list(Path(target.live).glob("emerge-*")) == []


def watched(target: Target) -> subprocess.Popen[str]:
    """Run the action as a playbook does."""
    environment = {
        **{name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("ANSIBLE_")},
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        "ANSIBLE_HOME": f"{target.state_dir}/ansible",
        "ANSIBLE_REMOTE_TEMP": f"{target.state_dir}/ansible/tmp",
    }
    command = [str(Path(sys.executable).parent / "ansible"), "desktop", "-i", "desktop,", "-c", "local"]
    command += ["-e", f"ansible_python_interpreter={sys.executable}", "-m", "larry.binhost.job"]
    command += ["-a", f"names={JOB} state_dir={target.state_dir}"]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=environment
    )


LINE = re.compile(r"\d\d:\d\d:\d\d desktop: \[ {2}[01]/2\] x/patient-1 {2}(\w+) {2}00:\d\d {2}\(about 10 min left\)\n")


def test_a_person_is_told_the_package_its_phase_and_what_is_left(target: Target) -> None:
    until(target, "compile")
    with watched(target) as watcher:
        assert watcher.stderr is not None
        seen = []
        for line in watcher.stderr:
            seen.append(line)
            if LINE.fullmatch(line):
                for phase in ("compiled", "installed"):
                    go_on(target, phase)
        watcher.wait(TIMEOUT_S)
    assert [LINE.fullmatch(line) for line in seen if "x/patient-1  compile" in line] != [], seen
    assert seen[-1].endswith(f"desktop: {JOB}: finished\n"), seen
