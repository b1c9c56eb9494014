# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the end-to-end tests act with: the lab's hosts, and a run of site.yml with all it said and did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.hosts import machines, reach
from lab.hosts.names import DEFAULT, Lab, lab_of
from lab.hosts.podman import environment as environment_of

CHECKOUT: t.Final = Path(__file__).resolve().parents[2]
CALLBACKS: t.Final = Path(__file__).with_name("callback")
#: A whole first run, with every package built.
RUN_TIMEOUT_S: t.Final = 1500
HOST_TIMEOUT_S: t.Final = 600
#: Stands in for /usr/bin/python3 on a host and counts how often Ansible starts it.
COUNTER: t.Final = "/run/lab-python"

#: Prints {path: [type and mode in octal, uid, gid, size, content]} of the trees named as arguments, links not followed.
#: Size is that of a file; content is its sha256, or where a link leads, or empty.
SNAPSHOT: t.Final = r"""
import hashlib, json, os, stat, sys
found = {}
def add(path):
    info = os.lstat(path)
    size, content = 0, ""
    if stat.S_ISLNK(info.st_mode):
        content = os.readlink(path)
    elif stat.S_ISREG(info.st_mode):
        size = info.st_size
        with open(path, "rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    found[path] = [oct(info.st_mode), info.st_uid, info.st_gid, size, content]
for tree in sys.argv[1:]:
    if os.path.lexists(tree):
        add(tree)
    for folder, folders, files in os.walk(tree):
        for name in folders + files:
            add(os.path.join(folder, name))
json.dump(found, sys.stdout)
"""


class Entry(t.NamedTuple):
    """What is at a path."""

    mode: str
    """Type and permissions as Python writes them in octal: '0o100644' is a file."""
    uid: int
    gid: int
    size: int
    """Bytes of a file, else 0."""
    content: str
    """sha256 of a file, target of a link, else empty."""


class Answer(t.NamedTuple):
    """What a command on a host gave back."""

    rc: int
    out: str
    err: str


class Hosts:
    """Machines on which tests run commands."""

    def run(self, host: str, *words: str, stdin: str | None = None, timeout_s: float = HOST_TIMEOUT_S) -> Answer:
        """Run a command on a host.  Raises ``TimeoutExpired``."""
        raise NotImplementedError

    def sh(self, host: str, script: str, *, timeout_s: float = HOST_TIMEOUT_S) -> str:
        """Run a shell script on a host, as a person's login shell would, and return its output; it has to succeed."""
        answer = self.run(host, "bash", "-lec", script, timeout_s=timeout_s)
        assert answer.rc == 0, f"{host}: {script!r} ended with {answer.rc}\n{answer.out}\n{answer.err}"
        return answer.out

    def read(self, host: str, path: str) -> str:
        """Return the text of a file on a host."""
        return self.sh(host, f"cat -- '{path}'")

    def write(self, host: str, path: str, text: str) -> None:
        """Write a file on a host, with the folders it needs."""
        answer = self.run(host, "sh", "-ec", 'mkdir -p "${0%/*}"; cat >"$0"', path, stdin=text)
        assert answer.rc == 0, answer.err

    def snapshot(self, host: str, *trees: str) -> dict[str, Entry]:
        """Return what is below ``trees`` on a host; a tree that isn't there is left out."""
        answer = self.run(host, "python3", "-", *trees, stdin=SNAPSHOT)
        assert answer.rc == 0, answer.err
        return {path: Entry(*entry) for path, entry in json.loads(answer.out).items()}

    def count_python(self, host: str) -> None:
        """Put a Python that counts its starts on a host, at ``COUNTER``, with the count at 0."""
        self.write(host, COUNTER, f'#!/bin/sh\necho >>{COUNTER}.count\nexec /usr/bin/python3 "$@"\n')
        self.sh(host, f"chmod 755 {COUNTER}; : >{COUNTER}.count")

    def python_starts(self, host: str) -> int:
        """Return how often the counting Python was started."""
        return self.read(host, f"{COUNTER}.count").count("\n")


@dataclass(frozen=True)
class Machines(Hosts):
    """The hosts of this checkout's lab."""

    lab: Lab

    def run(self, host: str, *words: str, stdin: str | None = None, timeout_s: float = HOST_TIMEOUT_S) -> Answer:
        """Run a command on a host, through podman: it needs no network.  Raises ``TimeoutExpired``."""
        argv = reach.execute(self.lab, host, words)
        done = subprocess.run(
            argv,
            input=stdin or "",
            env=environment_of(self.lab),
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def up(self, *hosts: str) -> None:
        """Boot hosts that aren't up."""
        with machines.alone(self.lab):
            machines.up(self.lab, hosts or DEFAULT, say=print)

    def down(self) -> None:
        """Remove the lab."""
        with machines.alone(self.lab):
            machines.down(self.lab)

    def stop(self, host: str) -> None:
        """Shut a host down."""
        machines.stop(self.lab, host)

    def start(self, host: str) -> None:
        """Start a host that was stopped, and wait for it."""
        machines.start(self.lab, host)

    def pause(self, host: str) -> None:
        """Let a host fall asleep: its address is there and nothing answers."""
        machines.freeze(self.lab, host, "pause")

    def unpause(self, host: str) -> None:
        """Wake a host."""
        machines.freeze(self.lab, host, "unpause")

    def reset(self, host: str) -> None:
        """Boot a host that knows nothing of what was done on it."""
        with machines.alone(self.lab):
            machines.reset(self.lab, host, say=print)

    def address(self, host: str) -> str:
        """Return a host's address."""
        return reach.addresses(self.lab)[host]


def machines_of_checkout() -> Machines:
    """Return the lab of the checkout that these tests are in."""
    return Machines(lab_of(CHECKOUT, os.environ))


def difference(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> dict[str, tuple[Entry | None, Entry | None]]:
    """Return {path: (before, after)} of what two snapshots don't share; None is absent."""
    paths = sorted(before.keys() | after.keys())
    return {path: (before.get(path), after.get(path)) for path in paths if before.get(path) != after.get(path)}


@dataclass(frozen=True)
class Event:
    """One task on one host."""

    status: str
    """ok, failed, ignored, skipped or unreachable."""
    host: str
    task: str
    action: str
    """Full name of the module: larry.binhost.emerge."""
    result: dict[str, t.Any]

    @property
    def changed(self) -> bool:
        """Say whether the task changed its host."""
        return self.status == "ok" and bool(self.result.get("changed"))


@dataclass(frozen=True)
class Run:
    """A run of ansible-playbook."""

    rc: int
    stdout: str
    """What a person reads."""
    stderr: str
    recap: dict[str, dict[str, int]]
    """{host: {ok, failures, unreachable, changed, skipped, rescued, ignored: number}}; empty if no play began."""
    events: tuple[Event, ...]

    def of(self, host: str | None = None, action: str | None = None) -> list[Event]:
        """Return the events of a host or of a module (its short name), in order."""
        return [
            event
            for event in self.events
            if host in (None, event.host) and action in (None, event.action.rpartition(".")[2])
        ]

    def changed(self) -> set[tuple[str, str]]:
        """Return (host, short name of the module) of every task that changed something."""
        return {(event.host, event.action.rpartition(".")[2]) for event in self.events if event.changed}

    def diff(self, host: str) -> str:
        """Return all that the modules put into their diffs on a host, as text."""
        return "\n".join(_texts([event.result.get("diff") for event in self.of(host)]))


def _texts(diff: t.Any) -> list[str]:
    if isinstance(diff, Mapping):
        return [text for value in diff.values() for text in _texts(value)]
    if isinstance(diff, Sequence) and not isinstance(diff, str):
        return [text for value in diff for text in _texts(value)]
    return [diff] if isinstance(diff, str) else []


def play(record: Path, words: Sequence[str], environment: Mapping[str, str], timeout_s: float) -> Run:
    """Run ansible-playbook in the checkout, as a person would; ``record`` is a file that isn't there yet."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    own = {
        "ANSIBLE_CALLBACKS_ENABLED": "recorder",
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
        "ANSIBLE_NOCOLOR": "1",
        "BINHOST_RECORD": str(record),
        "PATH": f"{Path(sys.executable).parent}:{inherited['PATH']}",
    }
    argv = [str(Path(sys.executable).with_name("ansible-playbook")), *words]
    done = subprocess.run(
        argv,
        cwd=CHECKOUT,
        env={**inherited, **own, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    print("$", " ".join(words), done.stdout, done.stderr, sep="\n")  # pytest shows it with a test that fails
    lines = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
    recap: dict[str, dict[str, int]] = next((line["recap"] for line in lines if line["status"] == "recap"), {})
    events = tuple(Event(**line) for line in lines if line["status"] != "recap")
    return Run(done.returncode, done.stdout, done.stderr, recap, events)
