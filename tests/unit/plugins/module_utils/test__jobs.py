# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs with real processes, as any user."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import typing as t
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _held, _job_files, _jobs, _process, _program
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._job_files import Job

PATIENCE_S = 20


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program, which takes long to make; nobody writes there."""
    place = tmp_path_factory.mktemp("program") / _program.NAME
    _program.present(str(place), state=str(place.parent))
    return place


@pytest.fixture
def state(program: Path, tmp_path: Path) -> t.Iterator[str]:
    """Return a state folder; no job there outlives the test."""
    place = tmp_path / "a state's\nfolder"
    place.mkdir()
    shutil.copy2(program, _program.path(str(place)))
    yield str(place)
    for job in _jobs.listing(state=str(place)):
        _jobs.cancel(job.name, 0, state=str(place))


def begin(state: str, script: str, name: str = "one", holds: t.Sequence[str] = ()) -> Job:
    """Start a shell script as a job."""
    parameters = {"argv": ["sh", "-c", script]}
    return _jobs.start(name, "command", parameters, program=_program.path(state), holds=holds, state=state)


def head(job: Job, state: str) -> _process.Process:
    """Return a job's supervisor."""
    return _job_files.supervisor(_job_files.load(_job_files.folder(job.name, state), _job_files.STATUS) or {})


def wait_for(path: Path) -> str:
    """Return what a script writes there, as one line."""
    assert _process.until(lambda: path.is_file() and path.read_text().endswith("\n"), PATIENCE_S)
    return path.read_text().strip()


def test_what_a_job_says_and_how_it_ends_is_kept(state: str) -> None:
    job = begin(state, "echo out; echo err >&2; sleep 0.2; pwd; cat")
    assert (job.phase, job.kind) == ("running", "command")
    done = _jobs.finish("one", state=state)
    assert (done.phase, done.result, done.collected) == ("finished", {"changed": True, "status": 0}, False)
    assert sorted(Path(done.log).read_text().split()) == ["/", "err", "out"]
    assert _jobs.outcome(done, state=state)["status"] == 0
    assert _job_files.find("one", state).collected
    told = json.loads((Path(done.log).parent / "state.json").read_text())
    assert told["argv"][-5:-2] == [state, "run", "one"]
    assert told["environment"]["LC_ALL"] == "C.UTF-8"
    assert (told["boot_id"], told["pid"]) == (_process.boot_id(), job.pid)
    assert begin(state, "echo again").begun != job.begun
    _jobs.finish("one", state=state)
    assert Path(f"{done.log}.1").read_text() != Path(done.log).read_text() == "again\n"


def test_nobody_else_reads_a_jobs_parameters(state: str) -> None:
    place = Path(begin(state, "true").log).parent
    _jobs.finish("one", state=state)
    assert {path: path.stat().st_mode & 0o077 for path in (place.parent, place)} == {place.parent: 0, place: 0}
    assert [path for path in place.glob("*.json") if path.stat().st_mode & 0o077] == []


def test_a_failure_is_told(state: str) -> None:
    begin(state, "echo why >&2; exit 3")
    done = _jobs.finish("one", state=state)
    message = "sh -c echo why >&2; exit 3: expected status 0, found 3"
    assert (done.phase, done.message) == ("failed", message)
    assert Path(done.log).read_text() == f"why\n{message}\n"
    with pytest.raises(BinhostError, match=r"^sh -c .* found 3$"):
        _jobs.outcome(done, state=state)


def test_an_error_that_nobody_foresaw_is_told_with_its_place(state: str) -> None:
    _jobs.start("one", "command", {}, program=_program.path(state), state=state)
    done = _jobs.finish("one", state=state)
    assert done.message == (
        f"expected no such error, found KeyError: 'argv'; where it happened is at the end of {done.log}"
    )
    assert "Traceback" in Path(done.log).read_text()


def test_it_belongs_to_nobody(state: str, tmp_path: Path) -> None:
    job = begin(state, f"echo $$ >'{tmp_path}/pid'; sleep 60")
    wait_for(tmp_path / "pid")
    with open(f"/proc/{job.pid}/stat", encoding="ascii") as handle:
        _state, parent, _group, session = handle.read().rpartition(")")[2].split()[:4]
    assert int(parent) != os.getpid()
    assert int(session) not in (os.getsid(0), 0)
    files = {os.path.basename(os.readlink(link.path)) for link in os.scandir(f"/proc/{job.pid}/fd")}
    expected = {"null", "log", "lock", _job_files.PROGRAM}
    assert {name for name in files if not name.startswith(("pipe:", "anon"))} <= expected


def test_it_outlives_the_one_that_started_it(state: str, tmp_path: Path) -> None:
    words = [_program.path(state), "--state", state, "job", "start", "one", "--", "sh", "-c", "sleep 0.5; echo done"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr, done.stdout.split()[:2]) == (0, "", ["one", "running"])
    assert _jobs.finish("one", state=state).phase == "finished"


def test_many_start_at_once_and_one_job_runs(state: str, tmp_path: Path) -> None:
    script = f"echo $$ >>'{tmp_path}/runs'; sleep 1"
    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(lambda _number: begin(state, script), range(8)))
    assert len({(job.pid, job.begun) for job in jobs}) == 1
    assert _jobs.finish("one", state=state).phase == "finished"
    assert len((tmp_path / "runs").read_text().split()) == 1


def test_another_request_is_told_who_is_at_work(state: str) -> None:
    job = begin(state, "sleep 60")
    with pytest.raises(BinhostError) as told:
        begin(state, "sleep 61")
    assert str(told.value) == (
        "job one: expected to be free or to do what is asked for now, found it at work on an earlier request, "
        f"process {job.pid}, since {job.begun}. Wait for it, or end it there with: "
        f"{state}/larry-binhost.pyz job cancel one"
    )


def test_those_who_look_never_keep_a_job_from_starting(state: str) -> None:
    begin(state, "true")
    _jobs.finish("one", state=state)
    watcher = f"import fcntl\nwhile True:\n f=open({state + '/jobs/one/lock'!r})\n fcntl.flock(f, fcntl.LOCK_SH)\n"
    with subprocess.Popen([sys.executable, "-c", watcher]) as process:
        try:
            for _attempt in range(3):
                before = _job_files.find("one", state).begun
                assert begin(state, "true").begun != before
                _jobs.finish("one", state=state)
        finally:
            process.kill()


def test_waiting_ends_when_something_happens(state: str, tmp_path: Path) -> None:
    job = begin(state, f"until test -e '{tmp_path}/go'; do sleep 0.05; done")
    assert _jobs.wait("one", 0.3, job.stamp, state=state).stamp == job.stamp
    began = time.monotonic()
    assert _jobs.wait("one", PATIENCE_S, "", state=state).phase == "running"
    (tmp_path / "go").touch()
    assert _jobs.wait("one", PATIENCE_S, job.stamp, state=state).phase == "finished"
    assert time.monotonic() - began < PATIENCE_S
    begin(state, "sleep 60", "two")
    both = _jobs.wait_any(["one", "two"], 1, {"two": ""}, state=state)
    assert {name: each.phase for name, each in both.items()} == {"one": "finished", "two": "running"}


def test_a_killed_job_is_known_to_be_dead_and_leaves_nothing(state: str, tmp_path: Path) -> None:
    job = begin(state, f"echo $$ >'{tmp_path}/pid'; echo last words; exec sleep 60")
    wait_for(tmp_path / "pid")
    tree = _process.family(job.pid)
    assert tree
    os.kill(job.pid, signal.SIGKILL)
    dead = _jobs.finish("one", state=state)
    assert (dead.phase, dead.message) == (
        "died",
        f"job one, process {job.pid}, begun {job.begun}: expected its result, found none: it was killed. "
        "Run again, it goes on from there; it said last:\nlast words",
    )
    assert _process.until(lambda: not any(map(_process.runs, tree)), PATIENCE_S)
    assert begin(state, "true").phase in ("running", "finished")
    assert _jobs.finish("one", state=state).phase == "finished"


def test_neither_a_reused_number_nor_a_restart_fools_it(state: str) -> None:
    job = begin(state, "sleep 60")
    os.kill(job.pid, signal.SIGKILL)
    _jobs.finish("one", state=state)
    place = _job_files.folder("one", state)
    told = _job_files.load(place, _job_files.STATUS) or {}
    # Now a process of that number runs: this one.
    _job_files.save(place, _job_files.STATUS, {**told, "pid": os.getpid()})
    assert _job_files.find("one", state).phase == "died"
    assert _jobs.cancel("one", state=state).phase == "died"
    _job_files.save(place, _job_files.STATUS, {**told, "boot_id": "another"})
    assert "the machine was restarted. Run again" in _job_files.find("one", state).message
    # While the next is being started, what is known of the last isn't taken for it.
    lock = _job_files.seize("one", state)
    assert lock is not None
    found = _job_files.find("one", state)
    assert (found.phase, found.pid, found.doing) == ("running", 0, "beginning")
    os.close(lock)


def test_cancel_ends_the_whole_tree(state: str, tmp_path: Path) -> None:
    stubborn = f"trap '' TERM; setsid sleep 60 & (trap '' TERM; sleep 61) & echo $$ >'{tmp_path}/pid'; wait; sleep 62"
    job = begin(state, stubborn)
    wait_for(tmp_path / "pid")
    tree = [head(job, state), *_process.family(job.pid)]
    assert len(tree) >= 4
    done = _jobs.cancel("one", state=state)
    assert (done.phase, done.message) == ("cancelled", "cancelled")
    assert not any(map(_process.runs, tree))
    assert _jobs.cancel("one", state=state).phase == "cancelled"


def test_a_shutdown_is_no_cancellation(state: str, tmp_path: Path) -> None:
    job = begin(state, f"echo $$ >'{tmp_path}/pid'; sleep 60")
    wait_for(tmp_path / "pid")
    os.kill(job.pid, signal.SIGTERM)
    done = _jobs.finish("one", state=state)
    assert (done.phase, done.message) == (
        "died",
        "expected to finish, found SIGTERM, as when the machine is shut down. Run again, it goes on from there",
    )


def test_cancel_ends_a_supervisor_that_does_not_listen(state: str, tmp_path: Path) -> None:
    job = begin(state, f"echo $$ >'{tmp_path}/pid'; sleep 60")
    wait_for(tmp_path / "pid")
    tree = _process.family(job.pid)
    os.kill(job.pid, signal.SIGSTOP)
    done = _jobs.cancel("one", 0.2, state=state)
    assert (done.phase, done.message) == (
        "cancelled",
        f"job one, process {job.pid}, begun {job.begun}: cancelled, and killed since it did not end",
    )
    assert not any(map(_process.runs, tree))


def test_what_a_job_leaves_behind_ends_with_it(state: str, tmp_path: Path) -> None:
    begin(state, f"setsid sleep 60 & echo $! >'{tmp_path}/pid'")
    left = wait_for(tmp_path / "pid")
    assert _jobs.finish("one", state=state).phase == "finished"
    assert subprocess.run(["pgrep", "-s", left], check=False, capture_output=True).returncode != 0


def test_list_hold_and_clean(state: str, tmp_path: Path) -> None:
    held = tmp_path / "root"
    begin(state, "sleep 60", "two", [str(held)])
    begin(state, "true")
    _jobs.finish("one", state=state)
    assert [(job.name, job.phase) for job in _jobs.listing(state=state)] == [("one", "finished"), ("two", "running")]
    for path in (held, held / "below", tmp_path):
        with pytest.raises(BinhostError, match=f"^{path}: expected no running job there, found two; "):
            _held.free(str(path), _held.roots(state))
    _held.free(str(tmp_path / "root2"), _held.roots(state))
    with pytest.raises(BinhostError, match=r"^job two: expected it to be over, found it at work$"):
        _jobs.clean("two", state=state)
    assert (_jobs.clean("one", state=state), _jobs.clean("one", state=state)) == (True, False)
    assert _job_files.find("one", state).phase == "absent"


@pytest.mark.parametrize("name", ["", "../x", "a/b", "A", ".hidden"])
def test_a_name_that_leads_elsewhere(name: str, state: str) -> None:
    with pytest.raises(BinhostError) as told:
        begin(state, "true", name)
    assert str(told.value) == f"job: expected a name of a-z, 0-9, -, _ and ., found {name!r}"


def test_a_supervisor_that_cannot_begin_is_told(state: str, tmp_path: Path) -> None:
    program = tmp_path / "broken.pyz"
    program.write_text("raise SystemExit('no such thing')")
    with pytest.raises(BinhostError) as told:
        _jobs.start("one", "command", {}, program=str(program), state=state)
    assert str(told.value) == ("job one: expected its supervisor to begin, found that it ended with 1:\nno such thing")
    assert _job_files.find("one", state).phase == "died"
    assert begin(state, "true").phase != "died"


def test_a_job_keeps_the_program_that_it_began_with(state: str, tmp_path: Path) -> None:
    job = begin(state, f"until test -e '{tmp_path}/go'; do sleep 0.05; done")
    program = Path(_program.path(state))
    draft = program.with_name("new")
    draft.write_text("another")
    draft.replace(program)
    (tmp_path / "go").touch()
    assert _jobs.finish("one", state=state).phase == "finished"
    assert zipfile.is_zipfile(Path(job.log).with_name("program.pyz"))


def test_the_environment_is_a_jobs_own() -> None:
    own = {"http_proxy": "http://proxy", "NO_PROXY": "localhost", "LD_PRELOAD": "x", "PYTHONPATH": "y", "LANG": "de"}
    assert _jobs.environment(own) == {**_jobs.FIXED, "http_proxy": "http://proxy", "NO_PROXY": "localhost"}


def test_the_lock_is_nobodys_but_the_supervisors(state: str, tmp_path: Path) -> None:
    job = begin(state, f"ls -l /proc/self/fd >'{tmp_path}/files'; echo >>'{tmp_path}/files'; sleep 60")
    wait_for(tmp_path / "files")
    assert "jobs/one/lock" not in (tmp_path / "files").read_text()
    with open(Path(job.log).parent / "lock", encoding="ascii") as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)


def test_names_of_jobs() -> None:
    assert _jobs.name_of("unpack", "/srv/Roots/Common/").startswith("unpack-common-")
    assert _jobs.name_of("unpack", "/a/x") != _jobs.name_of("unpack", "/b/x")
    assert _job_files.NAME.match(_jobs.name_of("unpack", "/srv/ä b"))
