# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""However a command in a build root ends, no mount and no process is left, and the next run goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
import typing as t
from pathlib import Path

import pytest

from tests.root import processes
from tests.root.build_root import EMERGE, BuildRoot
from tests.root.repeat import repeats

if t.TYPE_CHECKING:
    from collections.abc import Sequence

SANDBOXES: t.Final = "ipc-sandbox mount-sandbox network-sandbox pid-sandbox"
#: Beyond it emerge has begun to compile, on a machine that does nothing else.
LONGEST_S: t.Final = 4.0
GREET: t.Final = """\
EAPI=8
DESCRIPTION="is compiled often"
SLOT="0"
LICENSE="GPL-3"
KEYWORDS="amd64"
S="${WORKDIR}"
src_compile() {
    local each
    echo 'int puts(const char *); int main(void) { return puts("Hello, world!") < 0; }' >greet.c || die
    for each in {1..20}; do
        gcc -o greet greet.c || die
    done
}
src_install() { dobin greet; }
"""
Victim = t.Literal["caller", "runner", "first"]


def started(build_root: BuildRoot, command: Sequence[str]) -> int:
    """Start a process that starts the command in the root and waits for it; return its number.

    It is a fork of this one, so that the command line is made by the process that runs it, as in earnest.
    """
    caller = os.fork()
    if not caller:
        try:
            argv = build_root.argv(*command, environment={"FEATURES": SANDBOXES})
            with open(os.devnull, "r+b") as nothing:
                subprocess.run(argv, stdin=nothing, stdout=nothing, stderr=nothing, check=False)
        finally:
            os._exit(0)
    return caller


def children(pid: int) -> list[int]:
    """Return the children of a process; none if it has ended."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def kill(victim: Victim, caller: int) -> bool:
    """Kill the caller, the runner that it started or the first process of the run's pid namespace, if it is there."""
    pids = [caller]
    for _generation in range(["caller", "runner", "first"].index(victim)):
        pids = [child for pid in pids for child in children(pid)]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    return bool(pids)


@pytest.mark.parametrize("victim", ["caller", "runner", "first"])
def test_killed_at_any_moment(build_root: BuildRoot, victim: Victim) -> None:
    """Half of the moments are in the first tenth of a second, when namespaces and mounts are made."""
    build_root.ebuild("app-misc/greet-1", GREET)
    dice = random.Random(f"{victim} {time.time_ns()}")
    before = processes.mounts(build_root.path)
    for number in range(repeats(4, 20)):
        delay = dice.uniform(0, 0.1 if number % 2 else LONGEST_S)
        caller = started(build_root, (*EMERGE, "app-misc/greet"))
        time.sleep(delay)  # nothing is waited for: the moment is the test
        if not kill(victim, caller):  # too early
            kill("caller", caller)
        os.waitpid(caller, 0)
        try:
            processes.none_left(build_root.path)
        except AssertionError as exc:
            raise AssertionError(f"{victim} killed after {delay} s: {exc}") from None
    assert processes.mounts(build_root.path) == before
    build_root.emerge("app-misc/greet", environment={"FEATURES": SANDBOXES})
    assert build_root.run("greet").stdout == "Hello, world!\n"


def test_a_killed_runner_takes_those_with_it_that_have_left_their_session(build_root: BuildRoot) -> None:
    script = "setsid sleep 1000 & setsid unshare --pid --fork sleep 1000 & echo begun; wait"
    argv = build_root.argv("sh", "-c", script)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        processes.until(
            lambda: sum("sleep 1000" in words for words in processes.of(build_root.path).values()) >= 2,
            lambda: f"not begun: {processes.of(build_root.path)}",
        )
        process.kill()
    processes.none_left(build_root.path)


def test_a_daemon_ends_with_its_command(build_root: BuildRoot) -> None:
    build_root.run("sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & true")
    processes.none_left(build_root.path)


def test_sigterm_reaches_the_command(build_root: BuildRoot) -> None:
    script = "trap 'echo ended; exit 7' TERM; echo begun; while :; do sleep 0.1; done"
    with subprocess.Popen(build_root.argv("sh", "-c", script), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.terminate()
        assert process.stdout.read() == "ended\n"
    assert process.returncode == 7
    processes.none_left(build_root.path)


def test_a_root_whose_path_has_spaces_and_newlines(build_root: BuildRoot) -> None:
    place = build_root.path.with_name('a root\'s\n"place" \\ $HOME ü')
    build_root.path.rename(place)
    try:
        moved = BuildRoot(place, build_root.distdir, build_root.pkgdir, build_root.portage_run)
        moved.emerge("sys-apps/which", environment={"FEATURES": f"{SANDBOXES} buildpkg"})
        assert [path.name for path in moved.pkgdir.glob("sys-apps/which/*")] == ["which-2.21-1.gpkg.tar"]
        processes.none_left(place)
    finally:
        place.rename(build_root.path)
