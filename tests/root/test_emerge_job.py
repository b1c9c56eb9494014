# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module emerge with real Portage: a job that is joined, killed and gone on with, and what it refuses to begin."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _process, _proposals

from tests.root import managed, planted
from tests.root.build_root import copy, finished
from tests.root.managed import Host, answer
from tests.root.master import Master
from tests.root.processes import until
from tests.root.repeat import repeats

#: Stops in a phase until it is let go.
GATE: t.Final = "{phase}() {{ touch /tmp/${{PF}}.at; until [ -e /tmp/${{PF}}.go ]; do sleep 0.02; done; }}\n"
#: Nothing of this may have a say.
MAKE_CONF: t.Final = 'EMERGE_DEFAULT_OPTS="--ask --quiet --color=y --pretend --jobs=9"\nNOCOLOR="false"\n'
#: All that a run could have changed.
TREES: t.Final = ("etc", "usr", "var/lib", "var/cache", "var/db", "var/log", "var/tmp", "run")


@pytest.fixture(scope="module")
def host(pristine_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    root = tmp_path_factory.mktemp("host") / "root"
    copy(pristine_root, root)
    with managed.host(root) as made:
        with (root / "etc/portage/make.conf").open("a") as file:
            file.write(MAKE_CONF)
        yield made


def stopping(phase: str) -> str:
    return GATE.format(phase=phase) + planted.FILE


def reached(host: Host, pf: str) -> None:
    until((host.path / "tmp" / f"{pf}.at").exists, lambda: f"{pf} isn't begun: {host.job()}")


def let_go(host: Host, pf: str) -> None:
    (host.path / "tmp" / f"{pf}.go").touch()


def everything(root: Path) -> dict[str, t.Any]:
    return {
        str(path): path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        for tree in TREES
        for path in (root / tree).rglob("*")
    }


def test_what_is_wanted_is_installed_and_then_nothing_is_to_do(host: Host) -> None:
    host.ebuild("x/one-1", planted.FILE)
    host.ebuild("x/two-1", planted.FILE + 'RDEPEND="x/one"\n')
    done = host.emerge("x/two")
    assert (done["changed"], done["source"], done["binary"]) == (True, ["x/one-1", "x/two-1"], [])
    assert [merge["action"] for merge in done["merge_list"]] == ["new", "new"]
    assert done["diff"] == {"before": "", "after": "new       source x/one 1\nnew       source x/two 1\n"}
    foreseen = [(source["cpv"], source["by"], source["why"]) for source in done["acceptance"]["source"]]
    assert foreseen == [(cpv, "", ["the index has no binary of it"]) for cpv in done["source"]]
    log = (host.path / "var/log/emerge.log").read_text()
    again = host.emerge("x/two")
    assert (again["changed"], again["merge_list"], again["acceptance"]) == (False, [], {})
    assert (host.path / "var/log/emerge.log").read_text() == log
    # An ebuild that is new is no change of what is installed or configured.
    host.ebuild("x/two-2", planted.FILE)
    done = host.emerge("x/two")
    assert (done["source"], done["removed"]) == (["x/two-2"], ["x/two-1"])
    assert [(source["cpv"], source["by"]) for source in done["acceptance"]["source"]] == [("x/two-2", "here")]


def test_a_run_joins_the_job_that_is_at_work_and_then_has_its_turn(host: Host) -> None:
    host.ebuild("x/slow-1", stopping("src_compile"))
    host.ebuild("x/other-1", planted.FILE)
    first = host.begin("emerge", atoms=["x/slow"], getbinpkg=False)
    reached(host, "slow-1")
    same = host.begin("emerge", atoms=["x/slow"], getbinpkg=False)
    other = host.begin("emerge", atoms=["x/other"], getbinpkg=False)
    pid = host.job().pid
    started = host.emerge("x/slow", state="started")
    assert (started["job"], started["joined"], started["changed"]) == ("emerge", True, False)
    assert host.job().pid == pid
    let_go(host, "slow-1")
    results = [answer(run) for run in (first, same, other)]
    assert [result.get("msg") for result in results] == [None, None, None]
    assert [result["source"] for result in results] == [["x/slow-1"], ["x/slow-1"], ["x/slow-1", "x/other-1"]]
    log = (host.path / "var/log/emerge.log").read_text()
    assert log.count(">>> emerge (1 of 1) x/slow-1") == 1
    assert log.index("completed emerge (1 of 1) x/slow-1") < log.index(">>> emerge (1 of 1) x/other-1")


def test_a_killed_controller_ends_nothing_and_the_next_run_is_told(host: Host) -> None:
    host.ebuild("x/long-1", stopping("src_compile"))
    run = host.begin("emerge", atoms=["x/long"], getbinpkg=False)
    reached(host, "long-1")
    run.kill()
    run.wait()
    let_go(host, "long-1")
    until(lambda: host.job().phase == "finished", lambda: str(host.job()))
    told = host.emerge("x/long")
    assert (told["changed"], told["source"]) == (True, ["x/long-1"])
    again = host.emerge("x/long")
    assert (again["changed"], again["source"]) == (False, [])


#: Where the machine stops -> whether the package was complete by then. What tells most is first.
PHASES: t.Final = {"src_compile": False, "pkg_preinst": True, "src_unpack": False}


@pytest.mark.parametrize("phase", list(PHASES)[: repeats(2, len(PHASES))])
def test_a_job_that_died_is_gone_on_with(host: Host, phase: str) -> None:
    name = phase.replace("_", "")
    host.ebuild(f"x/{name}before-1", planted.FILE)
    host.ebuild(f"x/{name}-1", stopping(phase) + f'RDEPEND="x/{name}before"\n')
    run = host.begin("emerge", atoms=[f"x/{name}"], getbinpkg=False)
    reached(host, f"{name}-1")
    managed.kill(host)
    died = answer(run)
    assert died["failed"]
    assert "it was killed. Run again, it goes on from there" in died["msg"]
    let_go(host, f"{name}-1")
    done = host.emerge(f"x/{name}")
    assert done["resumed"]["source"] == [f"x/{name}before-1"]
    assert done["resumed"]["kept"] == ([f"x/{name}-1"] if PHASES[phase] else [])
    assert (done["binary"], done["source"]) == (([f"x/{name}-1"], []) if PHASES[phase] else ([], [f"x/{name}-1"]))
    assert any("An earlier run is gone on with: " in words for words in done["warnings"])
    assert host.installed() >= {f"x/{name}-1", f"x/{name}before-1"}
    assert not (host.path / "var/lib/larry-binhost/compiled").exists()
    again = host.emerge(f"x/{name}")
    assert (again["changed"], again["resumed"]) == (False, {})


def test_a_package_that_was_not_set_up_is_named(host: Host) -> None:
    """Portage has entered it by then, and would never come back to it."""
    host.ebuild("x/half-1", stopping("pkg_postinst"))
    run = host.begin("emerge", atoms=["x/half"], getbinpkg=False)
    reached(host, "half-1")
    managed.kill(host)
    assert answer(run)["failed"]
    let_go(host, "half-1")
    done = host.emerge("x/half")
    assert (done["merge_list"], done["resumed"]["unfinished"]) == ([], ["x/half-1"])
    assert [words for words in done["warnings"] if "run emerge --oneshot =x/half-1" in words]
    assert host.emerge("x/half")["resumed"] == {}


def test_what_a_dead_job_left_goes_when_nothing_is_left_to_do(host: Host) -> None:
    host.ebuild("x/beside-1", planted.FILE)
    host.ebuild("x/byhand-1", stopping("src_compile"))
    host.emerge("x/beside")
    run = host.begin("emerge", atoms=["x/byhand"], getbinpkg=False)
    reached(host, "byhand-1")
    managed.kill(host)
    answer(run)
    let_go(host, "byhand-1")
    compiled = host.path / "var/lib/larry-binhost/compiled"
    assert compiled.is_dir()
    assert host.emerge("x/beside", deep=False)["resumed"]["kept"] == []
    assert compiled.is_dir()  # that was another question
    host.sh("emerge --ignore-default-opts x/byhand")
    done = host.emerge("x/byhand")
    assert (done["changed"], done["merge_list"], done["source"]) == (False, [], [])
    assert "it was killed" in done["resumed"]["message"]
    assert not compiled.exists()
    assert host.job().phase == "absent"


def test_an_emerge_that_is_killed_alone_fails_and_is_gone_on_with(host: Host) -> None:
    host.ebuild("x/large-1", stopping("src_compile"))
    run = host.begin("emerge", atoms=["x/large"], getbinpkg=False)
    reached(host, "large-1")
    # As the kernel does where memory ends.
    (emerge,) = [each for each in _process.family(host.job().pid) if _parent(each.pid) == host.job().pid]
    _process.send(emerge, signal.SIGKILL)
    failed = answer(run)
    assert failed["failed"]
    assert failed["msg"].startswith("emerge was killed by signal 9. If memory ran out")
    assert [failure["cpv"] for failure in failed["failures"]] == ["x/large-1"]
    let_go(host, "large-1")
    assert host.emerge("x/large")["source"] == ["x/large-1"]


def _parent(pid: int) -> int:
    """Return who began a process, 0 if it has ended: a family has short-lived members."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def test_the_playbook_ends_a_job_and_all_its_processes(host: Host, tmp_path: Path) -> None:
    host.ebuild("x/ended-1", stopping("src_compile"))
    started = host.emerge("x/ended", state="started")
    reached(host, "ended-1")
    family = _process.family(host.job().pid)
    play = managed.CHECKOUT / "playbooks/cancel.yml"
    assert played(host, tmp_path, play, "--check")[-1]["msg"] == ["emerge"]
    assert host.job().phase == "running"
    told = played(host, tmp_path, play)
    assert told[1]["jobs"]["emerge"]["phase"] == "cancelled"
    until(lambda: not any(map(_process.runs, family)), lambda: f"still there: {family}")
    let_go(host, "ended-1")
    assert host.emerge("x/ended", state="finished", begun=started)["msg"] == "cancelled"
    assert host.emerge("x/ended")["source"] == ["x/ended-1"]


def test_what_nobody_agreed_to_is_not_begun(host: Host) -> None:
    host.ebuild("x/compiled-1", planted.FILE)
    host.ebuild("x/guest-1", planted.FILE)
    host.emerge("x/guest", oneshot=True)
    host.ebuild("x/rival-1", planted.FILE + 'RDEPEND="!x/guest"\n')
    host.ebuild("x/guest-2", planted.FILE)
    host.emerge("=x/guest-2", oneshot=True)
    before = host.installed()
    refused = host.emerge("x/compiled", max_source=0)
    assert refused["failed"]
    expected = "merge list: expected at most 0 packages to compile here, found 1:\n  x/compiled-1::planted"
    assert refused["msg"].startswith(expected)
    assert [problem["kind"] for problem in refused["problems"]] == ["source"]
    refused = host.emerge("=x/guest-1", forbid_downgrade=["x/*"], oneshot=True)
    assert "  x/guest-1 instead of 2" in refused["msg"]
    refused = host.emerge("x/rival")
    assert "allow_uninstall: [x/guest]" in refused["msg"]
    assert [merge["kind"] for merge in refused["merge_list"]].count("uninstall") == 1
    assert host.installed() == before
    done = host.emerge("x/rival", allow_uninstall=["x/guest"], max_source=1)
    assert (done["source"], done["removed"]) == (["x/rival-1"], ["x/guest-2"])


def test_proposals_are_written_only_if_that_is_allowed(host: Host) -> None:
    host.ebuild("x/flag-1", planted.FILE + 'IUSE="extra"\n')
    host.ebuild("x/needs-1", planted.FILE + 'RDEPEND="x/flag[extra] x/young"\n')
    host.ebuild("x/young-1", planted.FILE + 'KEYWORDS="~amd64"\n')
    refused = host.emerge("x/needs")
    before = everything(host.path)
    assert refused["failed"]
    files = {proposal["file"] for proposal in refused["proposals"]}
    assert files == {"package.use", "package.accept_keywords"}
    assert "accept_proposals: [keywords, use] would write:" in refused["msg"]
    assert len(refused["msg"].splitlines()) <= 25
    assert host.emerge("x/needs", accept_proposals=["use"])["failed"]
    foreseen = host.emerge("x/needs", accept_proposals=["use", "keywords"], check=True)
    assert [merge["cpv"] for merge in foreseen["merge_list"]] == ["x/flag-1", "x/young-1", "x/needs-1"]
    assert everything(host.path) == before
    done = host.emerge("x/needs", accept_proposals=["use", "keywords"])
    assert sorted(done["source"]) == ["x/flag-1", "x/needs-1", "x/young-1"]
    assert done["written"] == foreseen["written"] != []
    use = (host.path / "etc/portage/package.use/zz-autounmask").read_text()
    assert use.startswith(_proposals.HEADER)
    assert "extra" in use
    assert host.emerge("x/needs", accept_proposals=["use", "keywords"])["changed"] is False


def test_in_check_mode_nothing_changes(host: Host) -> None:
    host.ebuild("x/checked-1", planted.FILE)
    host.emerge("--pretend", "x/checked")  # refused, and Portage's own caches are made
    host.emerge("x/checked", check=True)
    before = everything(host.path)
    foreseen = host.emerge("x/checked", check=True, depclean=True, preserved_rebuild=True, config_files="-5")
    assert (foreseen["changed"], foreseen["job"]) == (True, "")
    assert foreseen["diff"]["after"] == "new       source x/checked 1\n"
    assert everything(host.path) == before


LIBRARY: t.Final = """
src_compile() { echo 'int f(void) { return 0; }' >f.c; gcc -shared -fPIC -Wl,-soname,libplanted.so.${PV} \
    -o libplanted.so.${PV} f.c || die; }
src_install() { dolib.so libplanted.so.${PV}; dosym libplanted.so.${PV} /usr/$(get_libdir)/libplanted.so; }
"""
USER: t.Final = """
RDEPEND="x/lib"
DEPEND="x/lib"
src_compile() { echo 'int f(void); int main(void) { return f(); }' >u.c; gcc -o user u.c -lplanted || die; }
src_install() { dobin user; insinto /etc; echo offered-${PV} >user.conf; doins user.conf; }
"""


def test_what_is_wanted_afterwards(host: Host) -> None:
    with (host.path / "var/lib/portage/world").open("a") as world:  # of what the stage brought, which builds need
        world.write("app-arch/bzip2\nsys-apps/which\nsys-libs/zlib\n")
    host.ebuild("x/lib-1", LIBRARY)
    host.ebuild("x/user-1", USER)
    host.emerge("x/user", extra_args=["--buildpkg=y"])
    host.ebuild("x/unneeded-1", planted.FILE)
    host.emerge("x/unneeded", oneshot=True)
    assert host.sh("user", check=False).returncode == 0
    (host.path / "etc/user.conf").write_text("mine\n")
    host.ebuild("x/lib-2", LIBRARY)
    asked = {"preserved_rebuild": True, "config_files": "-5", "depclean": True}
    done = host.emerge("x/lib", "x/user", oneshot=True, **asked)
    assert done["steps"]["preserved_rebuild"] == ["x/user-1"]
    assert done["source"] == ["x/lib-2", "x/user-1"]  # although there is a binary of the latter
    assert "libplanted.so.2" in host.sh("ldd $(command -v user)").stdout
    assert "x/unneeded-1" not in host.installed()
    assert (host.path / "etc/user.conf").read_text() == "offered-1\n"
    again = host.emerge("x/lib", "x/user", oneshot=True, **asked)
    assert (again["changed"], again["steps"]) == (False, {})
    host.emerge("x/unneeded", oneshot=True)
    foreseen = host.emerge("x/lib", "x/user", oneshot=True, check=True, **asked)
    assert (foreseen["diff"], foreseen["merge_list"]) == ({"before": "x/unneeded-1\n", "after": ""}, [])
    assert "x/unneeded-1" in host.installed()
    alone = host.emerge("x/lib", "x/user", oneshot=True, **asked)
    assert (alone["removed"], alone["diff"]) == (["x/unneeded-1"], foreseen["diff"])


PLAY: t.Final = """
- hosts: all
  gather_facts: false
  tasks:
    - larry.binhost.emerge:
        <<: &asked
          atoms: [x/played]
          getbinpkg: false
        state: started
      register: begun
    - ansible.builtin.debug:
        var: begun
    - larry.binhost.emerge:
        <<: *asked
        state: finished
        begun: "{{ begun }}"
"""


def test_a_play_begins_and_finishes_and_goes_to_the_host_no_more_than_it_has_to(host: Host, tmp_path: Path) -> None:
    host.ebuild("x/played-1", planted.FILE)
    play = tmp_path / "play.yml"
    play.write_text(PLAY)
    first, second = played(host, tmp_path, play, "--check"), played(host, tmp_path, play)
    assert [first[number]["changed"] for number in (0, 2)] == [False, True]
    assert first[2]["diff"]["after"] == "new       source x/played 1\n"
    assert (second[0]["changed"], second[0]["job"]) == (False, "emerge")
    assert (second[2]["changed"], second[2]["source"]) == (True, ["x/played-1"])
    (tmp_path / "asked").unlink()
    again = played(host, tmp_path, play)
    assert [again[number]["changed"] for number in (0, 2)] == [False, False]
    assert (tmp_path / "asked").read_text() == "asked\n"  # once, for all three tasks


def played(host: Host, folder: Path, play: Path, *words: str) -> list[dict[str, t.Any]]:
    """Return the results of a play's tasks, whose modules run on the host."""
    python = folder / "python"
    here = shlex.join(host.argv("/usr/bin/python3"))
    python.write_text(f'#!/bin/sh\necho asked >>{folder}/asked\nexec {here} "$@"\n')
    python.chmod(0o755)
    inventory = folder / "hosts.yml"
    inventory.write_text("slaves: {hosts: {one: {ansible_connection: local}}}\nmasters: {}\n")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "ANSIBLE_COLLECTIONS_PATH": str(managed.CHECKOUT / "collections"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.json",
    }
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory), str(play), *words]
    command += ["--diff", "-e", f"ansible_python_interpreter={python}"]
    done = finished(command, check=False, env=environment, cwd=folder)
    tasks = json.loads(done.stdout)["plays"][0]["tasks"]
    return [task["hosts"]["one"] for task in tasks]


def test_emerge_in_a_build_root(master: Master) -> None:
    master.plant({"x/inside-1": planted.FILE})
    root, pkgdir, distdir = master.root("laptops"), master.folder / "pkgdir/laptops", master.folder / "distfiles"
    for folder in (pkgdir, distdir):
        folder.mkdir(parents=True)
    options = {
        "atoms": ["x/inside"],
        "getbinpkg": False,
        "root": str(root),
        "repositories": {planted.NAME: str(master.repository)},
        "pkgdir": str(pkgdir),
        "distdir": str(distdir),
        "state_dir": str(master.folder),
    }

    def emerge(**how: t.Any) -> dict[str, t.Any]:
        told = json.dumps({**options, "_ansible_check_mode": False, "_ansible_diff": True, **how})
        environment = {**os.environ, "PYTHONPATH": str(managed.CHECKOUT / "collections")}
        pipe = subprocess.PIPE
        argv = [sys.executable, "-c", managed.MAIN, "emerge", told]
        return answer(subprocess.Popen(argv, stdout=pipe, stderr=pipe, text=True, env=environment))

    assert emerge(_ansible_check_mode=True)["diff"]["after"] == "new       source x/inside 1\n"
    assert not (master.folder / "live").exists()
    assert emerge()["source"] == ["x/inside-1"]
    assert (root / "var/db/pkg/x/inside-1").is_dir()
    assert list((pkgdir / "x/inside").iterdir()) != []
    assert emerge()["changed"] is False
