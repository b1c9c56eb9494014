# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module emerge tells of real failures, and of what a real run leaves to a person."""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _failure_text, _outcome
from ansible_collections.larry.binhost.plugins.module_utils._failure import Failure

from tests.root import managed, planted, processes
from tests.root.build_root import copy, finished
from tests.root.managed import Host

Result = dict[str, t.Any]
SMALL: t.Final = "mnt/small"
FAILING: t.Final = {
    "x/base-1": 'src_compile() { echo "foo.c:1: error: no such header"; die "make failed"; }\n',
    "x/fetched-1": 'SRC_URI="https://example.invalid/fetched-1.tar.gz"\n' + planted.FILE,
    "x/tested-1": 'src_test() { echo "1 of 3 tests failed"; die "tests failed"; }\n' + planted.FILE,
    "x/thief-1": "src_install() { insinto /usr/share/stolen; newins - file <<<two; }\n",
    "x/full-1": 'src_compile() { dd if=/dev/zero of=big bs=1M count=20 || die "dd failed"; }\n' + planted.FILE,
    "x/postinst-1": planted.FILE + 'pkg_postinst() { die "no database"; }\n',
    "x/pretend-1": planted.FILE + 'pkg_pretend() { die "kernel too old"; }\n',
    "x/silent-1": 'src_configure() { echo "checking for cc... FAILED: none"; exit 1; }\n' + planted.FILE,
}
WHOLE: t.Final = {
    "x/middle-1": 'RDEPEND="x/base"\n' + planted.FILE,
    "x/top-with-a-name-that-is-much-too-long-for-one-line-of-portage-1": 'RDEPEND="x/middle"\n' + planted.FILE,
    "x/configured-1": "src_install() { insinto /etc; newins - planted.conf <<<new; }\n"
    'pkg_postinst() { elog "look here"; ewarn "careful"; }\n',
    "x/circular-1": 'DEPEND="x/circle"\n' + planted.FILE,
    "x/circle-1": 'DEPEND="x/circular"\n' + planted.FILE,
    "x/blocking-1": 'RDEPEND="!!x/owner"\n' + planted.FILE,
}
TOP: t.Final = "x/top-with-a-name-that-is-much-too-long-for-one-line-of-portage"
#: Package -> phase, why, and how what to do about it begins.
EXPECTED: t.Final = {
    "x/base-1": ("compile", "make failed", "Mend what the log names, or mask this version (=x/base-1"),
    "x/fetched-1": ("fetch", "could not download fetched-1.tar.gz", "Check network and mirrors"),
    "x/tested-1": ("test", "tests failed", "If its tests don't matter here"),
    "x/thief-1": (
        "merge",
        "it would overwrite files that belong to x/owner-1: /usr/share/stolen/file",
        "Clear what is in its way",
    ),
    "x/full-1": ("compile", "no space left on device (dd failed)", "Make room in PORTAGE_TMPDIR"),
    "x/postinst-1": ("postinst", "no database", "It is installed but not set up"),
    "x/pretend-1": ("pretend", "kernel too old", "It refuses before it begins"),
    "x/silent-1": ("configure", "exited unexpectedly", "If memory ran out"),
}
NEWS: t.Final = """\
Title: Something new
Author: Somebody <nobody@example.org>
Posted: 2026-01-01
Revision: 1
News-Item-Format: 2.0

Read me.
"""


@pytest.fixture(scope="module")
def host(pristine_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Return a host on which much is going to fail, and what that collides with is installed."""
    root = tmp_path_factory.mktemp("host") / "root"
    copy(pristine_root, root)
    with managed.host(root) as made:
        plant(made)
        made.sh("emerge --oneshot --quiet x/owner")
        (root / SMALL).mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(root / SMALL)], check=True)
        yield made


def plant(host: Host) -> None:
    files = {"x/fetched-1": {"distfiles": {"fetched-1.tar.gz": b"x"}}}
    for cpv, body in {**FAILING, **WHOLE}.items():
        host.ebuild(cpv, body, **files.get(cpv, {}))
    host.ebuild("x/owner-1", FAILING["x/thief-1"].replace("two", "one"))
    made = {
        "etc/portage/env/tested": 'FEATURES="test"\n',
        "etc/portage/env/small": f'PORTAGE_TMPDIR="/{SMALL}"\n',
        "etc/portage/package.env": "x/tested tested\nx/full small\n",
        "etc/planted.conf": "a person's\n",
        f"{managed.REPOSITORY}/metadata/news/2026-01-01-new/2026-01-01-new.en.txt": NEWS,
    }
    for path, text in made.items():
        (host.path / path).parent.mkdir(parents=True, exist_ok=True)
        (host.path / path).write_text(text)
    with (host.path / "etc/portage/make.conf").open("a") as file:
        file.write('FEATURES="${FEATURES} news collision-protect"\n')


@pytest.fixture(scope="module")
def stale(host: Host) -> Iterator[int]:
    """Return the number of a process whose program is gone, as after an upgrade."""
    host.sh("cp /usr/bin/sleep /usr/bin/planted")
    with subprocess.Popen(host.argv("/usr/bin/planted", "3000")) as process:
        program = f"{host.path}/usr/bin/planted"
        processes.until(
            lambda: os.path.realpath(f"/proc/{process.pid}/exe") == os.path.realpath(program), lambda: "it never begins"
        )
        os.unlink(program)
        yield process.pid
        process.kill()


@pytest.fixture(scope="module")
def result(host: Host, stale: int) -> Result:
    """Return what the module says of one run in which all of it fails."""
    names = [cpv.rpartition("-")[0] for cpv in [*FAILING, "x/configured-1"]]
    return host.emerge(TOP, *names)


def failures(result: Result) -> dict[str, Failure]:
    return {each["cpv"]: Failure(**each) for each in result["failures"]}


@pytest.mark.parametrize("cpv", FAILING)
def test_each_failure_is_told(host: Host, result: Result, cpv: str) -> None:
    failure = failures(result)[cpv]
    phase, reason, remedy = EXPECTED[cpv]
    assert (failure.phase, failure.reason) == (phase, reason)
    assert failure.installed == (cpv == "x/postinst-1")
    assert (cpv in host.installed()) == failure.installed
    assert 0 < len(failure.lines) <= 30
    if failure.log:
        assert (host.path / failure.log.lstrip("/")).is_file()
    # As it is told where nothing else failed.
    alone = _outcome.Outcome([], [], [cpv], [], failures=[failure])
    screen = _failure_text.told(alone, 1, "", what="emerge").splitlines()
    assert len(screen) <= 25
    assert screen[:2] == ["emerge: 1 failed", _failure_text.title(failure)]
    assert screen[2].startswith(f"  {remedy}")


def test_only_that_fails_and_the_rest_is_done(host: Host, result: Result) -> None:
    assert result["failed"] is True
    assert sorted(failures(result)) == sorted(FAILING)
    assert result["source"] == ["x/configured-1"]
    assert [(each["cpv"], each["kind"], each["seconds"] >= 0) for each in result["done"]] == [
        ("x/configured-1", "source", True)
    ]
    assert host.installed() == {"x/owner-1", "x/configured-1", "x/postinst-1"}


def test_what_was_dropped_and_why(result: Result) -> None:
    assert {each["cpv"]: (each["requires"], each["cause"]) for each in result["dropped"]} == {
        "x/middle-1": (["x/base"], "x/base-1"),
        f"{TOP}-1": (["x/middle"], "x/base-1"),
    }


def test_the_first_screen(result: Result) -> None:
    """Whoever reads only that knows what failed, why, where its log is and what to do."""
    screen = result["msg"].splitlines()
    assert len(screen) <= 25
    assert screen[0].endswith(": 8 failed, 2 dropped, 1 installed")
    assert all(any(cpv in line for line in screen) for cpv in FAILING)
    first = failures(result)[result["failures"][0]["cpv"]]
    assert _failure_text.title(first) in screen
    assert f"  {_failure_text.remedy(first)}" in screen
    assert f"Dropped because x/base-1 failed: x/middle-1, {TOP}-1" in screen


#: Ansible's own interpreter on the host, as it would be found there.
PYTHON: t.Final = """\
#!/bin/sh
exec chroot {root} /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin /usr/bin/python3 "$@"
"""
PLAY: t.Final = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: The declared packages are installed
      larry.binhost.emerge: {atoms: [x/middle], getbinpkg: false}
"""


def test_the_first_screen_of_ansible(host: Host, result: Result, tmp_path: Path) -> None:
    """With the project's own settings the message comes first, in lines as it was written."""
    (tmp_path / "python").write_text(PYTHON.format(root=host.path))
    (tmp_path / "python").chmod(0o755)
    (tmp_path / "play.yml").write_text(PLAY)
    ours = {"ANSIBLE_CONFIG": str(managed.CHECKOUT / "ansible.cfg"), "ANSIBLE_HOME": str(tmp_path / "ansible")}
    ours["ANSIBLE_COLLECTIONS_PATH"] = str(managed.CHECKOUT / "collections")
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "laptop,", "-c", "local"]
    command += ["-e", f"ansible_python_interpreter={tmp_path}/python", str(tmp_path / "play.yml")]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHONPATH"))}
    done = finished(command, check=False, env={**kept, **ours})
    _play, _line, said = done.stdout.partition("[ERROR]: Task failed: ")
    screen = said.splitlines()[:25]
    assert screen[:2] == [
        "Module failed: emerge x/middle: 1 failed, 1 dropped",
        "x/base-1 failed in phase compile: make failed",
    ], done.stdout + done.stderr
    assert screen[2].startswith("  Mend what the log names, or mask this version (=x/base-1 in package.mask)")
    assert screen[3] == "  its log is /var/tmp/portage/x/base-1/temp/build.log, which ends:"
    assert "    foo.c:1: error: no such header" in screen
    assert "Dropped because x/base-1 failed: x/middle-1" in screen


@pytest.mark.parametrize(("atom", "kind"), [("x/circular", "circular"), ("x/blocking", "blocked")])
def test_what_can_not_begin_is_refused_as_a_whole(host: Host, result: Result, atom: str, kind: str) -> None:
    before = (host.path / "var/log/emerge.log").read_bytes()
    refused = host.emerge(atom)
    assert refused["failed"] is True
    assert [each["kind"] for each in refused["problems"]] == [kind]
    assert atom in refused["msg"]
    assert len(refused["msg"].splitlines()) <= 25
    # --pretend itself leaves no trace there.
    assert (host.path / "var/log/emerge.log").read_bytes() == before


def test_what_a_run_leaves_to_a_person(stale: int, result: Result) -> None:
    found = result["afterwards"]
    ours = [(each["command"], each["files"]) for each in found["deleted_files"] if stale in each["pids"]]
    assert ours == [("planted", ["/usr/bin/planted"])]
    assert found["config_files"] == ["/etc/._cfg0000_planted.conf"]
    assert found["news"] == ["planted: 2026-01-01-new"]
    assert found["preserved_libs"] == []
    said = [(each["cpv"], each["level"], each["text"]) for each in found["elog"] if each["cpv"] == "x/configured-1"]
    assert said == [("x/configured-1", "log", "look here"), ("x/configured-1", "warn", "careful")]
