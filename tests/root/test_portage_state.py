# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Portage tells of a build while it runs, and what it needs of the host for that."""

from __future__ import annotations

import json
import re
import subprocess
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _timings

from tests.root import processes
from tests.root.build_root import EMERGE, TIMEOUT_S, BuildRoot, finished

#: It compiles until it is told to go on.
PATIENT: t.Final = """\
EAPI=8
DESCRIPTION="waits"
SLOT="0"
LICENSE="GPL-3"
KEYWORDS="amd64"
S="${WORKDIR}"
src_compile() {
    echo "cgroup $(sed -n s/^0:://p /proc/self/cgroup)"
    until [[ -e /run/portage/go ]]; do sleep 0.1; done
}
"""
QUICK: t.Final = "".join(line for line in PATIENT.splitlines(keepends=True) if "until" not in line)
#: A cgroup2 stands where a host of cgroup v2 alone has it, for the run that is started here.
CGROUP2: t.Final = ("unshare", "--mount", "sh", "-ec", 'mount -t cgroup2 none /sys/fs/cgroup; exec "$@"', "sh")
OURS: t.Final = "/sys/fs/cgroup/larry-binhost"


@contextmanager
def waiting(build_root: BuildRoot, argv: list[str]) -> Iterator[None]:
    """Run the patient one beside the block, and to its good end."""
    log = build_root.portage_run.parent / "log"
    with log.open("w") as output, subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output) as run:
        try:
            processes.until(
                lambda: "cgroup /" in log.read_text() or run.poll() is not None,
                lambda: f"not begun: {log.read_text()}",
            )
            yield
            (build_root.portage_run / "go").touch()
            status = run.wait(TIMEOUT_S)
        finally:
            run.kill()
    assert status == 0, log.read_text()


def test_how_far_emerge_is_can_be_read_outside(build_root: BuildRoot) -> None:
    build_root.ebuild("app-misc/patient-1", PATIENT)
    argv = build_root.argv(*EMERGE, "app-misc/patient", environment={"FEATURES": "observability"})
    with waiting(build_root, argv):
        (status,) = build_root.portage_run.glob("emerge-*.json")

        def phases() -> list[tuple[str, str]]:
            return [(task["cpv"], task["phase"]) for task in json.loads(status.read_text())["tasks"]]

        processes.until(lambda: phases() == [("app-misc/patient-1", "compile")], status.read_text)
        assert [path.suffix for path in build_root.portage_run.glob("emerge-*.sock")] == [".sock"]
    assert list(build_root.portage_run.glob("emerge-*")) == []


def has_cgroup2() -> bool:
    return "cgroup2" in Path("/proc/filesystems").read_text().split()


@pytest.mark.skipif(not has_cgroup2(), reason="this kernel has no cgroup v2")
def test_a_build_has_a_cgroup_and_sees_no_other_run(build_root: BuildRoot) -> None:
    """Portage kills what runs in the cgroup of an emerge that isn't among the processes it sees."""
    build_root.ebuild("app-misc/patient-1", PATIENT)
    build_root.ebuild("app-misc/quick-1", QUICK)
    how: dict[str, t.Any] = {"environment": {"FEATURES": "cgroup"}, "cgroup": True}
    with waiting(build_root, [*CGROUP2, *build_root.argv(*EMERGE, "app-misc/patient", **how)]):
        done = finished([*CGROUP2, *build_root.argv(*EMERGE, "app-misc/quick", **how)])
        place = re.search("^cgroup (.*)$", done.stdout, re.MULTILINE)
        assert place and re.fullmatch(r"/portage/emerge-\d+/app-misc_quick-1", place[1]), done.stdout
    # Portage says then how much of the processor's time a build took.
    assert _timings.processor((build_root.path / "var/log/emerge.log").read_text())["app-misc/quick-1"] > 0
    left = finished([*CGROUP2, "find", OURS, "-mindepth", "1", "-type", "d"]).stdout
    assert left == ""
    finished([*CGROUP2, "rmdir", OURS])
