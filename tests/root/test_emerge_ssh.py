# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two hosts, a play and ssh between them: who waits for whom, and what a lost connection or controller ends."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import typing as t
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from ansible_collections.larry.binhost.plugins.module_utils import _process

from tests.root import managed, planted
from tests.root.build_root import copy, finished
from tests.root.house import free_port, service
from tests.root.managed import Host
from tests.root.processes import until

NAMES: t.Final = ("one", "two")
MODULE: t.Final = "larry.binhost.emerge"
#: Stops where it is compiled until it is let go, and counts how often it was.
GATED: t.Final = (
    "src_compile() { echo >>/tmp/${PF}.at; until [ -e /tmp/${PF}.go ]; do sleep 0.02; done; }\n" + planted.FILE
)
#: The beginning of a result in what ansible-playbook -v says.
RESULT: t.Final = re.compile(r"^(?:ok|changed|fatal): \[(\w+)\].*? => ", re.MULTILINE)
LOST: t.Final = "does not answer; its jobs go on"
FORETOLD: t.Final = "the index has no binary of it"
COUNT: t.Final = itertools.count(1)


@dataclass(frozen=True)
class Fleet:
    """The hosts, each with its sshd, and where ansible-playbook finds them."""

    folder: Path
    hosts: dict[str, Host]
    ports: dict[str, int]
    servers: dict[str, int]  # processes

    @contextlib.contextmanager
    def play(self, package: str, *limit: str) -> Iterator[Play]:
        """Begin a play that installs a package; it does not outlive the block."""
        folder = self.folder / f"play{next(COUNT)}"
        folder.mkdir()
        play = {"hosts": list(limit or NAMES), "gather_facts": False, "tasks": tasks(package)}
        play["vars"] = {"_slave_requests_alone": False}
        (folder / "play.yml").write_text(yaml.safe_dump([play]))
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-v", "--forks=1"]
        command += ["-i", str(self.inventory), str(folder / "play.yml")]
        with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
            how: t.Any = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": err, "env": self.environment()}
            made = Play(folder, subprocess.Popen(command, cwd=folder, start_new_session=True, **how))
            try:
                yield made
            finally:
                made.kill()

    @property
    def inventory(self) -> Path:
        """The inventory's path."""
        return self.folder / "hosts.yml"

    def environment(self) -> dict[str, str]:
        """Return that of ansible-playbook; nothing of this machine has a say."""
        # The tests know by its lines that a host is watched; in CI, where nobody reads them, there are none.
        own = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("ANSIBLE_")}
        return {
            **own,
            "ANSIBLE_COLLECTIONS_PATH": str(managed.CHECKOUT / "collections"),
            "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_PIPELINING": "1",
        }

    def listen(self) -> None:
        """Write down how to get to the hosts."""
        known = [
            f"[127.0.0.1]:{self.ports[name]} {(host.path / 'etc/ssh/ssh_host_ed25519_key.pub').read_text()}"
            for name, host in self.hosts.items()
        ]
        (self.folder / "ansible.cfg").touch()
        (self.folder / "known_hosts").write_text("".join(known))
        told = {
            "ansible_host": "127.0.0.1",
            "ansible_user": "root",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_private_key_file": str(self.folder / "key"),
            "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={self.folder}/known_hosts",
        }
        hosts = {name: {**told, "ansible_port": port} for name, port in self.ports.items()}
        self.inventory.write_text(yaml.safe_dump({"slaves": {"hosts": hosts}, "masters": {}}))

    def cut(self, name: str) -> None:
        """Cut all connections to a host, as its end of them."""
        for each in _process.family(self.servers[name]):
            with contextlib.suppress(OSError):  # it has just ended
                if "sshd" in Path(f"/proc/{each.pid}/comm").read_text():
                    _process.send(each, signal.SIGKILL)


@dataclass(frozen=True)
class Play:
    """A play that runs."""

    folder: Path
    run: subprocess.Popen[bytes]

    def said(self) -> str:
        """Return what it told a person meanwhile."""
        return (self.folder / "err").read_text()

    def until(self, condition: t.Callable[[], bool]) -> None:
        """Return as soon as the condition holds; fail with its words if it ends before, or if that takes too long."""
        until(lambda: condition() or self.run.poll() is not None, self.words)
        assert condition(), self.words()

    def words(self) -> str:
        """Return all that it said."""
        return (self.folder / "out").read_text() + self.said()

    def reaches(self, host: Host, package: str) -> None:
        """Return as soon as the package is compiled there."""
        self.until((host.path / f"tmp/{package}-1.at").exists)

    def watches(self, package: str) -> None:
        """Return as soon as it has told that the package is worked on; that it will be was told before."""
        self.until(lambda: any(f"{package}-1" in line and FORETOLD not in line for line in self.said().splitlines()))

    def kill(self) -> None:
        """Kill it with all its processes, but for ssh's own that keep a connection."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.run.pid, signal.SIGKILL)
        self.run.wait()

    def results(self) -> dict[str, list[dict[str, t.Any]]]:
        """Wait for its end and return host -> results of its two tasks."""
        status = self.run.wait(120)
        words = self.words()
        assert status == 0, words
        found: dict[str, list[dict[str, t.Any]]] = {}
        for match in RESULT.finditer(words):
            result, _end = json.JSONDecoder().raw_decode(words, match.end())
            found.setdefault(match[1], []).append(result)
        return found


def tasks(package: str) -> list[dict[str, t.Any]]:
    """Return the tasks of the role that install, for this package alone."""
    told = yaml.safe_load((managed.CHECKOUT / "roles/slave/tasks/main.yml").read_text())
    found = [task for task in told if "state" in task.get(MODULE, {})]
    for task in found:
        kept = {name: value for name, value in task[MODULE].items() if name in ("state", "begun")}
        task[MODULE] = {**kept, "atoms": [f"x/{package}"], "getbinpkg": False}
    return found


@pytest.fixture(scope="module")
def fleet(pristine_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    keygen(folder / "key")
    made = Fleet(folder, {}, {}, {})
    with contextlib.ExitStack() as stack:
        for name in NAMES:
            copy(pristine_root, folder / name)
            host = made.hosts[name] = stack.enter_context(managed.host(folder / name))
            made.ports[name] = free_port()
            made.servers[name] = stack.enter_context(service(sshd(host, folder, made.ports[name]), made.ports[name]))
            stack.callback(end, made.servers[name])
        made.listen()
        yield made


def sshd(host: Host, folder: Path, port: int) -> list[str]:
    """Return the command line of a host's sshd, which the key gets into."""
    for old in (host.path / "etc/ssh").glob("ssh_host_*"):
        old.unlink()
    keygen(host.path / "etc/ssh/ssh_host_ed25519_key")
    authorized = host.path / "root/.ssh/authorized_keys"
    authorized.parent.mkdir(mode=0o700, exist_ok=True)
    authorized.write_bytes((folder / "key.pub").read_bytes())
    (host.path / "run/sshd").mkdir(parents=True, exist_ok=True)
    return host.argv("/usr/sbin/sshd", "-D", "-e", "-p", str(port), "-o", "ListenAddress=127.0.0.1", "-o", "UsePAM=no")


def end(server: int) -> None:
    """Kill what a server has begun; jobs are not of that."""
    for each in _process.family(server):
        _process.send(each, signal.SIGKILL)


def keygen(path: Path) -> None:
    finished(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)])


def plant(host: Host, package: str) -> None:
    host.ebuild(f"x/{package}-1", GATED)


def let_go(host: Host, package: str) -> None:
    (host.path / f"tmp/{package}-1.go").touch()


def compiled(host: Host, package: str) -> tuple[int, int]:
    """Return how often it was compiled, and how often emerge began it."""
    log = (host.path / "var/log/emerge.log").read_text()
    return (host.path / f"tmp/{package}-1.at").read_text().count("\n"), log.count(f">>> emerge (1 of 1) x/{package}-1")


def test_with_one_fork_all_jobs_are_begun_before_one_is_waited_for(fleet: Fleet) -> None:
    for host in fleet.hosts.values():
        plant(host, "forked")
    with fleet.play("forked") as play:
        for host in fleet.hosts.values():
            play.reaches(host, "forked")
        for host in fleet.hosts.values():
            let_go(host, "forked")
        results = play.results()
    for name, host in fleet.hosts.items():
        begun, done = results[name]
        assert (begun["changed"], begun["job"]) == (False, "emerge")
        assert (done["changed"], done["source"]) == (True, ["x/forked-1"])
        assert compiled(host, "forked") == (1, 1)
        lines = [line for line in play.said().splitlines() if f" {name}: " in line]
        assert lines[0].endswith(f" {name}: 0 from binaries, 1 compiled here")
        assert lines[1].endswith(f" {name}:   x/forked-1: {FORETOLD}")
    one, two = (host.job() for host in fleet.hosts.values())
    assert max(one.begun, two.begun) < min(one.ended, two.ended)


def test_a_connection_that_is_cut_ends_neither_the_job_nor_the_play(fleet: Fleet) -> None:
    host = fleet.hosts["one"]
    plant(host, "cut")
    with fleet.play("cut", "one") as play:
        play.reaches(host, "cut")
        play.watches("cut")
        before = host.job()

        def lost() -> bool:
            # Between two questions there is none to lose: the next one makes another connection.
            fleet.cut("one")
            return LOST in play.said()

        play.until(lost)
        now = host.job()
        assert (now.phase, now.pid) == ("running", before.pid)
        let_go(host, "cut")
        begun, done = play.results()["one"]
    assert (begun["joined"], done["changed"], done["source"]) == (False, True, ["x/cut-1"])
    assert (host.job().phase, host.job().pid) == ("finished", before.pid)
    assert compiled(host, "cut") == (1, 1)


def test_a_killed_controller_ends_nothing_and_the_next_joins(fleet: Fleet) -> None:
    host = fleet.hosts["two"]
    plant(host, "joined")
    with fleet.play("joined", "two") as play:
        play.reaches(host, "joined")
        play.watches("joined")
        before = host.job()
        play.kill()
    with fleet.play("joined", "two") as play:
        play.watches("joined")
        assert (host.job().phase, host.job().pid) == ("running", before.pid)
        let_go(host, "joined")
        begun, done = play.results()["two"]
    assert (begun["joined"], begun["changed"]) == (True, False)
    assert (done["changed"], done["source"]) == (True, ["x/joined-1"])
    assert compiled(host, "joined") == (1, 1)
    with fleet.play("joined", "two") as play:
        begun, done = play.results()["two"]
    assert (begun["job"], done["changed"], done["source"]) == ("", False, [])
    assert compiled(host, "joined") == (1, 1)
