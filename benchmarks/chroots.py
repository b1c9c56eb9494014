# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts for a benchmark: roots unpacked from the lab's stage, in which programs and Ansible's tasks are run and timed.

They are entered by chroot, so that nothing is measured of ssh or of booting; mounts are in a namespace that ends with
the benchmark.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

ROOT: t.Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [path for path in (str(ROOT), str(ROOT / "collections")) if path not in sys.path]

from ansible_collections.larry.binhost.plugins.module_utils import _removal  # noqa: E402

from lab.stage import build  # noqa: E402

_INSIDE: t.Final = "LARRY_BINHOST_BENCHMARK"
_ENVIRONMENT: t.Final = {"HOME": "/root", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TERM": "dumb"}
EMERGE: t.Final = ("emerge", "--ignore-default-opts", "--ask=n", "--color=n", "--nospinner")


@contextmanager
def folder() -> Iterator[Path]:
    """Return a folder for roots: a mount namespace of the program's own, which runs once more in it.

    What is mounted there is gone before the folder is removed.
    """
    if _INSIDE in os.environ:
        yield Path(os.environ[_INSIDE])
        return
    if os.geteuid() != 0:
        raise SystemExit(f"{sys.argv[0]}: expected to be root, found user {os.geteuid()}")
    build.build()
    with tempfile.TemporaryDirectory() as name:
        private = ["unshare", "--mount", "--propagation=private", "--kill-child", "--fork"]
        done = subprocess.run([*private, sys.executable, *sys.argv], env={**os.environ, _INSIDE: name}, check=False)
        for root in Path(name).iterdir():
            _removal.tree(str(root)) if root.is_dir() else root.unlink()
    raise SystemExit(done.returncode)


@dataclass(frozen=True)
class Task:
    """What a task returned, and how many seconds it took by Ansible's own clock: not its start, nor gathering facts."""

    result: dict[str, t.Any]
    seconds: float


@dataclass(frozen=True)
class Host:
    """A root in which programs run."""

    path: Path

    @classmethod
    def made(cls, path: Path) -> Host:
        """Return a root as the stage has it, with what a running machine has mounted."""
        path.mkdir()
        archive = build.build() / build.NAME
        subprocess.run(["tar", *build.TAR, "-xpf", str(archive), "-C", str(path)], check=True)
        for words in (
            ["--bind", str(path), str(path)],
            ["-t", "proc", "proc", f"{path}/proc"],
            ["--rbind", "/dev", f"{path}/dev"],
            ["-t", "tmpfs", "tmpfs", f"{path}/run"],
        ):
            subprocess.run(["mount", *words], check=True)
        return cls(path)

    def run(self, *command: str, check: bool = True) -> tuple[float, str]:
        """Run a program there; return its seconds and what it said."""
        environment = [f"{name}={value}" for name, value in _ENVIRONMENT.items()]
        since = time.perf_counter()
        done = subprocess.run(
            ["chroot", str(self.path), "env", "-i", *environment, *command],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        taken = time.perf_counter() - since
        if check and done.returncode:
            raise SystemExit(
                f"{' '.join(command)}: status {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
            )
        return taken, done.stdout

    def task(self, module: str, options: t.Mapping[str, t.Any]) -> Task:
        """Run a module there as a playbook does."""
        play = {"hosts": "all", "gather_facts": False, "tasks": [{"name": "It", module: dict(options)}]}
        with tempfile.TemporaryDirectory() as name:
            playbook = Path(name, "play.json")
            playbook.write_text(json.dumps([play]))
            done = subprocess.run(
                [_beside("ansible-playbook"), "-i", "bench,", *self._connection(), str(playbook)],
                capture_output=True,
                text=True,
                check=False,
                env=self._environment(name),
                stdin=subprocess.DEVNULL,
            )
        try:
            told = json.loads(done.stdout[done.stdout.index("{") :])["plays"][0]["tasks"][0]
        except (ValueError, LookupError):
            raise SystemExit(f"{module}: no answer\n{done.stdout[-3000:]}{done.stderr[-3000:]}") from None
        begun, ended = (datetime.fromisoformat(told["task"]["duration"][key].rstrip("Z")) for key in ("start", "end"))
        return Task(told["hosts"]["bench"], (ended - begun).total_seconds())

    def _connection(self) -> list[str]:
        facts = {
            "ansible_connection": "community.general.chroot",
            "ansible_host": str(self.path),
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_chroot_exe": "chroot",
            "binhost_quiet": True,
        }
        return ["-e", json.dumps(facts)]

    def _environment(self, scratch: str) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        return {
            **own,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
            "ANSIBLE_HOME": scratch,
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.json",
        }

    def installed(self) -> dict[str, str]:
        """Return what is installed, with the USE and the time that it was built at."""
        found = {}
        for folder in (self.path / "var/db/pkg").glob("*/*"):
            found["/".join(folder.parts[-2:])] = "".join(
                (folder / name).read_text() for name in ("USE", "BUILD_TIME") if (folder / name).exists()
            )
        return found

    def write(self, path: str, content: str | bytes) -> None:
        """Write a file there."""
        place = self.path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)


def _beside(program: str) -> str:
    """Return a program of the environment that this Python is of."""
    return str(Path(sys.executable).parent / program)
