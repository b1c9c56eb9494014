# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that are silent, lie and come back, mirrors among them; and what publishes while a slave installs."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import (
    _keys,
    _local,
    _mirror,
    _mirror_link,
    _mirror_source,
    _mirroring,
    _program,
    _ssh_access,
    _sync,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

from tests.root import processes
from tests.root.house import PATH, TARGET, A, B, House, Server, free_port, newer, service
from tests.root.master import run
from tests.root.repeat import repeats

#: They share one house.


#: A connection that brings the beginning of a generation, and then nothing more.
STALLS: t.Final = """\
#!/usr/bin/env python3
import os, subprocess, sys, time
os.set_blocking(1, True)
left = 2500
with subprocess.Popen(["ssh", *sys.argv[1:]], stdout=subprocess.PIPE) as ssh:
    while left:
        block = os.read(ssh.stdout.fileno(), left)
        left -= len(block)
        while block:
            block = block[os.write(1, block):]
    time.sleep(60)
"""


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """Yield the URI of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_one_that_is_silent_and_one_that_lies_and_both_come_back(house: House, server: Server) -> None:
    liar = house.serve("liar")
    liar.copy()
    with liar.up(), silent() as mute:
        liar.damage("Packages", lambda data: data.replace(b"app-planted/a", b"app-planted/x"))
        done = house.sync(mute, liar.uri, server.uri, timeout=0.5)
        assert (done.changed, done.number, done.answer.uri) == (True, 1, server.uri)
        first, second = done.answer.remarks
        assert first.startswith(f"{mute} does not answer and was passed over: {mute}/laptops/current/seal.json: no ")
        assert re.match(
            f"{liar.uri} answers wrongly and was passed over: {liar.uri}/laptops/1/Packages: expected", second
        )
        status, words = house.emerge(A)
        assert (status, house.installed()) == (0, "a-1"), words
        liar.copy()
        done = house.sync(liar.uri, server.uri)
        assert (done.changed, done.answer.uri, done.answer.remarks) == (True, liar.uri, ())
    done = house.sync(liar.uri, server.uri)
    assert (done.changed, done.answer.uri) == (True, server.uri)
    assert not house.sync(liar.uri, server.uri).changed


def test_a_slave_installs_while_generations_come_and_go(house: House, server: Server) -> None:
    """Whatever is published and synchronised meanwhile: what emerge begins with is there to its end."""
    with newer(house, server), (live := house.serve("master")).up():
        published, over, failed = [2], threading.Event(), []

        def publish() -> None:
            try:
                for number in range(repeats(6, 100)):
                    published.append(house.publish(withhold=[PATH.format(name="b")] if number % 2 else []))
                    house.sync(live.uri)
            except BaseException as exc:
                failed.append(exc)
            finally:
                over.set()

        house.sync(live.uri)
        flipping = threading.Thread(target=publish)
        flipping.start()
        installs = 0
        while not (over.is_set() and installs):
            status, words = house.emerge(A)
            assert (status, house.installed()) == (0, "a-1"), words
            here = _local.find(Place(TARGET, str(house.slave / "var/lib/larry-binhost")))
            assert here.complete
            installs += 1
        flipping.join()
        assert failed == []
        assert published == list(range(2, 3 + repeats(6, 100)))
        assert house.sync(live.uri).number == published[-1]


class Mirror:
    """A mirror on this machine, and the master's sshd in its root."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.server = house.serve("mirror")
        shutil.rmtree(self.server.folder, ignore_errors=True)  # of another test's mirror
        self.place = Place(TARGET, str(self.server.folder))
        self.port = free_port()
        self.source = _mirror_link.source(
            "desktop", {"host": "127.0.0.1", "user": "root", "port": self.port}, self.place.state
        )

    @contextlib.contextmanager
    def master_up(self) -> Iterator[None]:
        """Let the mirror in, as the roles do, and run sshd."""
        key = _mirror_link.make_key(run, "attic", self.place.state)
        program, state = _program.path(str(self.house.state)), str(self.house.state)
        _program.present(program, state=state)
        command = f"{program} --state={state} {_mirror_source.COMMAND}"
        file = _ssh_access.File(str(self.house.master / "root/.ssh/authorized_keys"), 0, 0)
        _ssh_access.write(file, _ssh_access.wanted(_ssh_access.read(file), {"attic": key}, command))
        keys = self.house.master / "etc/ssh"
        for old in keys.glob("ssh_host_*"):
            old.unlink()
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / "ssh_host_ed25519_key")], check=True
        )
        _mirror_link.remember(self.source, _ssh_access.host_keys(str(keys)), _keys.public(state))
        (self.house.master / "run/sshd").mkdir(parents=True, exist_ok=True)
        words = ["-D", "-e", "-p", str(self.port), "-o", "ListenAddress=127.0.0.1", "-o", "UsePAM=no"]
        argv = ["sh", "-c", 'mkdir -p /run/sshd; exec /usr/sbin/sshd "$@"', "sh", *words]
        with service(self.house.argv(self.house.master, *argv), self.port):
            yield

    def look(self, **how: t.Any) -> tuple[_mirroring.State, _mirror.Wish | None]:
        """Return how the target is, and what there is to do."""
        states, wishes = _mirroring.look(run, {TARGET: self.source}, state=self.place.state, **how)
        return states[TARGET], wishes.get(TARGET)

    def work(self, by: t.Any = run) -> dict[str, t.Any]:
        """Do what the job does."""
        parameters = {"targets": {TARGET: vars(self.source)}, "state": self.place.state, "allow_older": False}
        return t.cast("dict[str, t.Any]", _mirroring.work(by, parameters)["targets"][TARGET])

    def inode(self, number: int, name: str = "a") -> int:
        """Return the inode of a package here."""
        return (Path(self.place.generation(number)) / PATH.format(name=name)).stat().st_ino

    def ssh(self, command: str) -> tuple[int, str]:
        """Try something else with the mirror's key."""
        status, out, err = run([*self.source.ssh(), "desktop", command])
        return status, out + err


def test_a_mirror(house: House, server: Server) -> None:
    mirror = Mirror(house)
    with newer(house, server), mirror.server.prepared().up() as uri:
        with mirror.master_up():
            state, wish = mirror.look()
            assert (state.number, state.wanted, state.fetched, state.problem) == (None, 2, [2, 1], "")
            assert wish and wish.changed
            done = mirror.work()
            assert done["problem"] == ""
            assert (done["number"], done["fetched"]) == (2, [2, 1])
            assert mirror.inode(1) == mirror.inode(2), "what both have is there once"
            state, wish = mirror.look()
            assert (wish and wish.changed, state.fetched, state.removed) == (False, [], [])
            assert house.sync(server.uri).number == 2
            for command in ("id", "rsync --server --sender -Htpre.iLsfxCIvu . laptops/../../keys/"):
                status, said = mirror.ssh(command)
                assert (status, "expected 'list', 'get' and a file, or rsync's" in said) == (1, True), said
            _kill_in_the_middle(house, mirror)
        # The master is off.
        state, _wish = mirror.look()
        assert (state.number, state.problem, "no answer" in state.message) == (3, "", True)
        found = house.sync("http://127.0.0.1:9", uri)
        assert (found.changed, found.number, found.answer.uri) == (True, 3, uri)
        status, words = house.emerge(B)
        assert (status, house.installed("b")) == (0, "b-1"), words


def _kill_in_the_middle(house: House, mirror: Mirror) -> None:
    """Publish another generation, kill the mirror's rsync and let the master remove one meanwhile."""
    house.publish()
    Path(house.place.generation(1)).rename(house.shared / "gone")

    class Killed(BaseException):
        """What nothing catches."""

    (house.shared / "stalls").write_text(STALLS)
    (house.shared / "stalls").chmod(0o755)

    def killed(args: t.Any) -> tuple[int, str, str]:
        if args[0] != "rsync":
            return run(args)
        # What comes is cut in the middle, and the rest never comes.
        stalling = [str(word).replace("--rsh=ssh", f"--rsh={house.shared}/stalls") for word in args]
        with subprocess.Popen(stalling, start_new_session=True, stdout=subprocess.DEVNULL) as copying:
            try:
                processes.until(lambda: list(Path(args[-1]).iterdir()), lambda: "nothing comes")
            finally:
                os.killpg(copying.pid, signal.SIGKILL)
        raise Killed

    with pytest.raises(Killed):
        mirror.work(killed)
    assert os.readlink(mirror.place.generation("current")) == "2"
    assert _sync.check(house.request(mirror.server.uri)).number == 2
    done = mirror.work()
    assert (done["number"], done["fetched"], done["removed"], done["problem"]) == (3, [3], [1], "")
    assert sorted(os.listdir(mirror.place.folder)) == ["2", "3", "current", "repos"]
    assert mirror.inode(2) == mirror.inode(3)


def test_a_mirror_serves_nothing_that_is_not_as_it_was_sealed(house: House, server: Server) -> None:
    mirror = Mirror(house)
    with newer(house, server), mirror.master_up():
        path = Path(house.place.generation("current")) / PATH.format(name="a")
        status, data = path.stat(), path.read_bytes()
        path.unlink()
        path.write_bytes(data[:-1] + b"x")
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        done = mirror.work()
        assert re.match("desktop: .*a-1-1.gpkg.tar: expected SHA-512 .* as the seal says, found", done["problem"])
        assert (done["number"], _mirror.current(mirror.place)) == (None, None)
        assert os.listdir(mirror.place.folder) == []
        _mirror_link.remember(
            mirror.source, ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"], ""
        )
        with pytest.raises(BinhostError, match="no answer: .*[Hh]ost key"):
            _mirror_link.offers(run, mirror.source)
