# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A person enters a build root with the one command that shell.yml tells."""

from __future__ import annotations

import os
import pty
import select
import signal
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _lock, _mountinfo, _program, _stage

from tests.root.build_root import finished

TIMEOUT_S: t.Final = 300  # on a busy machine too


class Master(t.NamedTuple):
    """A state folder with a target's root, and the program."""

    state: Path

    def words(self, *words: str) -> list[str]:
        """Return the command line that enters the root."""
        repository, distdir = self.state / "repository", self.state / "distfiles"
        options = [f"--repository=lab={repository}", f"--distdir={distdir}"]
        return [_program.path(str(self.state)), "--state", str(self.state), "shell", *options, "laptops", *words]


@pytest.fixture
def master(stage_root: Path, tmp_path: Path) -> t.Iterator[Master]:
    """Return a master that has a build root for the target laptops."""
    state = tmp_path / "a state"
    for folder in ("roots", "pkgdir/laptops", "repository", "distfiles"):
        (state / folder).mkdir(parents=True)
    (state / "repository/profiles").mkdir()
    root = stage_root.rename(state / "roots/laptops")
    record = root / _stage.RECORD
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text('{"file": "stage.tar", "sha512": "", "time": ""}')
    _program.present(_program.path(str(state)), state=str(state))
    yield Master(state)
    root.rename(stage_root)


def test_a_command(master: Master) -> None:
    script = "ls /var/lib/larry-binhost/current/repos/lab; touch /var/cache/binpkgs/new; echo $HOME; exit 3"
    done = finished(master.words("--", "sh", "-c", script), check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "profiles\n/root\n", "")
    assert (master.state / "pkgdir/laptops/new").exists()
    assert _mountinfo.below(_mountinfo.read(), str(master.state)) == []


def test_a_build_goes_on(master: Master) -> None:
    with _lock.held("build-laptops", state=str(master.state)):
        done = finished(master.words("true"), check=False)
    assert done.returncode == 1
    assert (
        f"build-laptops.lock: expected to be free, found it held by process {os.getpid()} of root since " in done.stderr
    )


def test_typed_in_a_terminal(master: Master) -> None:
    """What is typed to interrupt ends what runs in the shell, and not the shell."""
    words = master.words()
    process, terminal = pty.fork()
    if process == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a script's background job, which this may be, ignores it
        os.execv(words[0], words)
    said = b""

    def until(expected: bytes) -> None:
        """Read until the terminal has shown this; a tty breaks no line of ours."""
        nonlocal said
        while expected not in said:
            assert select.select([terminal], [], [], TIMEOUT_S)[0], said
            said += os.read(terminal, 4096)
        said = said.partition(expected)[2]

    try:
        os.write(terminal, b"echo the sh''ell\n")
        until(b"the shell")
        # A signal that comes between a program's look for one and its long sleep is only noticed after that sleep.
        waits = 'import time; print("it wai" "ts", flush=True); [time.sleep(0.1) for each in range(6000)]'
        os.write(terminal, f"python3 -c '{waits}'\n".encode())
        until(b"it waits")
        os.write(terminal, b"\3")
        until(b"# ")  # what is typed before the prompt is thrown away
        os.write(terminal, b"echo status $?\n")
        until(b"status 130")
        os.write(terminal, b"exit 4\n")
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 4, said
        process = 0
    finally:
        if process:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        os.close(terminal)
