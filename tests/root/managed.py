# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A root of the lab's stage that is managed as a host is: modules run in it, and what they begin outlives them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import typing as t
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ansible
from ansible_collections.larry.binhost.plugins.module_utils import _job_files, _jobs, _mounting, _mounts, _process

from tests.root import planted
from tests.root.build_root import TIMEOUT_S, finished

CHECKOUT: t.Final = Path(__file__).parents[2]
STATE: t.Final = "var/lib/larry-binhost"
#: Its arguments: the module's name and its options as JSON.
MAIN: t.Final = """
import importlib, json, sys
from ansible.module_utils.testing import patch_module_args
with patch_module_args(json.loads(sys.argv[2])):
    importlib.import_module(f"ansible_collections.larry.binhost.plugins.modules.{sys.argv[1]}").main()
"""
REPOSITORY: t.Final = "var/db/repos/planted"


@dataclass(frozen=True)
class Host:
    """The root, with a small repository of its own whose @system is installed."""

    path: Path

    @property
    def state(self) -> str:
        """Our state folder, as the test sees it."""
        return str(self.path / STATE)

    def argv(self, *command: str) -> list[str]:
        """Return the command line that runs a command there."""
        environment = ["HOME=/root", f"PATH={_jobs.FIXED['PATH']}", "PYTHONPATH=/mnt/site:/mnt/binhost/collections"]
        return ["chroot", str(self.path), "/usr/bin/env", "-i", *environment, *command]

    def sh(self, script: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a shell's commands there to their end."""
        return finished(self.argv("sh", "-c", script), check=check)

    def module(self, name: str, *, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        """Return what a module of ours returned there."""
        return answer(self.begin(name, check=check, **options))

    def begin(self, name: str, *, check: bool = False, **options: t.Any) -> subprocess.Popen[str]:
        """Begin a module there; ``answer`` waits for it."""
        told = json.dumps({**options, "_ansible_check_mode": check, "_ansible_diff": True})
        command = self.argv("/usr/bin/python3", "-B", "-c", MAIN, name, told)
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)

    def emerge(self, *atoms: str, **options: t.Any) -> dict[str, t.Any]:
        """Return what the module emerge returned for these atoms, with no binaries from elsewhere."""
        return self.module("emerge", **{"atoms": list(atoms), "getbinpkg": False, **options})

    def ebuild(self, cpv: str, body: str, **how: t.Any) -> None:
        """Write an ebuild of its repository."""
        planted.ebuild(self.path / REPOSITORY, cpv, body, **how)

    def installed(self) -> set[str]:
        """Return the installed packages of its repository."""
        return {f"x/{entry.name}" for entry in (self.path / "var/db/pkg/x").iterdir() if entry.name[0] != "-"}

    def job(self, name: str = "emerge") -> _job_files.Job:
        """Return a job of it."""
        return _job_files.find(name, self.state)


def answer(run: subprocess.Popen[str]) -> dict[str, t.Any]:
    """Return what a module returned; ``failed`` tells a failure."""
    stdout, stderr = run.communicate(timeout=TIMEOUT_S)
    if not stdout:
        raise AssertionError(stderr)
    result: dict[str, t.Any] = json.loads(stdout)
    result["warnings"] = [each["event"]["msg"] for each in result.get("warnings", [])]
    return result


@contextlib.contextmanager
def host(root: Path) -> Iterator[Host]:
    """Make a root a host for a while; afterwards nothing of it runs or is mounted."""
    made = Host(root)
    _configure(root)
    # Not all that is installed beside it: Portage is there too, as tests read it.
    binds = {"/mnt/site/ansible": str(Path(ansible.__file__).parent), "/mnt/binhost": str(CHECKOUT)}
    for place in binds:
        (root / place.lstrip("/")).mkdir(parents=True)
    mounts = [
        *_mounts.standard(repositories={}),
        *(_mounts.Mount(place, "bind", source, ("ro",)) for place, source in binds.items()),
    ]
    top = os.path.realpath(root)
    _mounting.apply(top, mounts, _mounting.planned(top, mounts))
    try:
        yield made
    finally:
        end(made)
        _mounting.apply(top, None, _mounting.planned(top, None))


def end(made: Host) -> None:
    """End all its jobs."""
    for job in _jobs.listing(state=made.state):
        _jobs.cancel(job.name, 0, state=made.state)


#: What costs time and shows nothing of ours.
_FAST: t.Final = 'FEATURES="-ipc-sandbox -network-sandbox -pid-sandbox -news -binpkg-logs"\n'


def _configure(root: Path) -> None:
    planted.repository(root / REPOSITORY, {})
    configuration = root / "etc/portage"
    (configuration / "make.profile").unlink(missing_ok=True)
    (configuration / "make.profile").symlink_to(f"../../{REPOSITORY}/profiles/{planted.PROFILE}")
    with (configuration / "make.conf").open("a") as file:
        file.write(_FAST)
    for entry in (configuration / "repos.conf").iterdir():
        entry.unlink()
    (configuration / "repos.conf/planted.conf").write_text(
        f"[DEFAULT]\nmain-repo = planted\n\n[planted]\nlocation = /{REPOSITORY}\nauto-sync = no\n"
    )


def kill(made: Host, name: str = "emerge") -> None:
    """Kill a job at once with all its processes, as the end of a machine does."""
    job = made.job(name)
    for each in [_process.process(job.pid), *_process.family(job.pid)]:
        if each:
            _process.send(each, 9)
    if not _process.until(lambda: made.job(name).phase != "running", 60):
        raise AssertionError(made.job(name))
