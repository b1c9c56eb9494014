# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages that a slave can't run: Portage built them, and Portage is not offered them; what is said comes true."""

from __future__ import annotations

import dataclasses
import subprocess
import tempfile
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import (
    _acceptance,
    _cpu_x86,
    _emerge_ask,
    _emerge_log,
    _fitness,
    _host,
    _machine,
    _program,
    _removal,
    _sigill,
    _sync,
)
from ansible_collections.larry.binhost.plugins.module_utils._emerge_place import Place
from ansible_collections.larry.binhost.plugins.module_utils._unfit import Machine, Reason

from tests.root import planted
from tests.root.house import STATE, TARGET, House
from tests.root.master import run

#: It asks for a version of a symbol that a C library of another age has.
AGED: t.Final = """\
src_install() {
    echo 'void f(void) { }' >f.c && echo 'GLIBC_9.99 { global: f; };' >map || die
    echo 'void f(void); void g(void) { f(); }' >g.c || die
    gcc -shared -nostdlib -Wl,-soname,libc.so.6,--version-script=map -o libc.so.6 f.c || die
    gcc -shared -fPIC -nostdlib -o libaged.so g.c ./libc.so.6 || die
    insinto /usr/lib64/planted
    doins libaged.so
}
"""
NEWER: t.Final = """\
src_install() {
    echo '.section .note.ABI-tag,"a",@note; .long 4,16,1; .asciz "GNU"; .long 0,99,1,2' >newer.s || die
    gcc -shared -nostdlib -o libnewer.so newer.s || die
    insinto /usr/lib64/planted
    doins libnewer.so
}
"""
LEVEL: t.Final = """\
src_install() {
    echo 'int main(void) { return 0; }' >level.c || die
    gcc -Wl,-z,x86-64-v4 -o level level.c || die
    dobin level
}
"""
#: What the master builds.
EBUILDS: t.Final = {
    "x/good-1": planted.FILE,
    "x/foreign-1": 'CFLAGS="-O2 -march=knl"\n' + planted.PROGRAM,
    "x/level-1": LEVEL,
    "x/newer-1": NEWER,
    "x/aged-1": AGED,
    "x/flag-1": 'IUSE="nls"\n' + planted.FILE,
}
#: It ends by an instruction that no CPU has.
BOOM: t.Final = """\
src_install() {
    echo 'int main(void) { __asm__(".byte 0x62,0xff,0xff,0xff,0xff,0xff"); return 0; }' >a.c
    gcc -o planted-boom a.c || die
    dobin planted-boom
}
"""
#: A machine that can do as much as x86-64-v2.
OLD: t.Final = Machine(
    frozenset({"lm", *_cpu_x86.LEVELS["x86-64-v1"], *_cpu_x86.LEVELS["x86-64-v2"]}), "6.1.0-18-amd64", "2.36"
)


@pytest.fixture(scope="module")
def house(pristine_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Return a house whose master has published all that is planted here."""
    folder = tmp_path_factory.mktemp("unfit")
    made = House(folder, pristine_root)
    for cpv, body in {**EBUILDS, "x/none-1": planted.FILE, "x/boom-1": BOOM}.items():
        planted.ebuild(made.repository, cpv, body)
    before, tempfile.tempdir = tempfile.tempdir, str(made.shared)
    made.build(*(f"={cpv}" for cpv in [*EBUILDS, "x/boom-1"]))
    made.keys()
    made.publish()
    made.trust()
    state = str(made.slave / STATE)
    _program.present(_program.path(state), state=state)  # it fetches for Portage
    yield made
    tempfile.tempdir = before
    _removal.tree(str(folder))


def sync(house: House, machine: Machine) -> dict[str, Reason]:
    """Bring the slave into step, as that machine, from the master's own folder; return what is left out."""
    request = house.request(f"file://{house.state}/generations", machine=machine)
    return dict(_sync.excluded(request, _sync.run(request)))


def asked(house: House, *atoms: str) -> _emerge_ask.Answer:
    """Return what the module emerge finds out before it begins."""
    index = house.slave / STATE / "current"

    def there(
        args: t.Sequence[str], /, *, environ_update: t.Mapping[str, str] | None = None, network: str | None = None
    ) -> tuple[int, str, str]:
        settings = [f"{name}={value}" for name, value in (environ_update or {}).items()]
        words = [str(word).replace(str(index), f"/{STATE}/current") for word in args]
        return run(house.argv(house.slave, "env", *settings, *words))

    options = {"oneshot": True, "usepkg": True, "getbinpkg": True, "usepkg_exclude": ""}
    question = _emerge_ask.Question(there, Place(), atoms, options, [], check=True, scratch=str(house.shared))
    params: dict[str, t.Any] = {
        "max_source": None,
        "build_on_slave": [],
        "remedy": "",
        "forbid_downgrade": [],
        "allow_uninstall": [],
    }
    return _emerge_ask.ask(question, {**params, "accept_proposals": [], "index": str(index)})


def emerged(house: House, *atoms: str) -> dict[str, str]:
    """Let emerge do it; return package to how it came, as emerge.log has it."""
    log = house.slave / "var/log/emerge.log"
    before = log.stat().st_size if log.exists() else 0
    argv = house.argv(house.slave, "emerge", "--ask=n", "--color=n", "--oneshot", "--usepkg", "--getbinpkg", *atoms)
    status, out, err = run(argv)
    assert status == 0, out + err
    events = list(_emerge_log.events(log.read_bytes()[before:].decode().splitlines()))
    done = [event.cpv for event in events if event.kind == "completed"]
    binary = {event.cpv for event in events if event.kind == "binary"}
    return {cpv: "binary" if cpv in binary else "source" for cpv in done}


KINDS: t.Final = {"foreign": "cpu", "level": "cpu", "newer": "kernel", "aged": "glibc"}


def test_each_is_left_out_with_its_reason_and_what_is_foreseen_comes_true(house: House) -> None:
    names = {path.split("/")[1]: reason for path, reason in sync(house, OLD).items()}
    assert {name: reason.kind for name, reason in names.items()} == KINDS
    assert names["foreign"].text.startswith(
        "-O2 -march=knl: they make the compiler use what the CPU lacks: 3dnowprefetch, abm, "
    )
    assert names["level"].text.startswith("its programs say that they need x86-64-v4, of which the CPU lacks: abm, ")
    assert names["newer"].text == "its programs start on Linux 99.1.2 or newer, the machine runs 6.1.0-18-amd64"
    assert names["aged"].text == "its programs ask for glibc 9.99, the newest to be had is 2.36"
    (house.slave / "etc/portage/package.use").mkdir(exist_ok=True)
    (house.slave / "etc/portage/package.use/own").write_text("x/flag nls\n")
    atoms = ["x/good", "x/flag", "x/none", *(f"x/{name}" for name in KINDS)]
    told = asked(house, *atoms).acceptance
    why = {source.cpv: source.why[0].partition(": ")[2] or source.why[0] for source in told.source}
    assert told.binary == ["x/good-1"]
    assert {name: why.pop(f"x/{name}-1") for name in KINDS} == {name: reason.text for name, reason in names.items()}
    assert why == {
        "x/flag-1": "ignored due to non matching USE: -nls",
        "x/none-1": "the index has no binary of it",
    }
    (flag,) = (source for source in told.source if source.cpv == "x/flag-1")
    assert flag.fix == ["package.use: =x/flag-1 -nls"]
    assert emerged(house, *atoms) == {
        "x/good-1": "binary",
        **dict.fromkeys([each.cpv for each in told.source], "source"),
    }
    # By now it has compiled them before.
    log = str(house.slave / "var/log/emerge.log")
    times = _acceptance.times(str(house.slave / STATE / "current"), log)
    again = _acceptance.predict(asked(house, *atoms).merges, times)
    assert (len(again.source), again.unknown) == (len(told.source), [])
    assert {source.by for source in again.source} == {"here"}


def test_a_machine_that_can_gets_all(house: House) -> None:
    """And the index is the master's own again, byte for byte in what matters."""
    able = dataclasses.replace(OLD, features=frozenset(), kernel="99.2", glibc="9.99")
    assert len(sync(house, OLD)) == len(KINDS)
    assert sync(house, able) == {}
    assert not (house.slave / STATE / "current/excluded.json").exists()
    assert {merge.kind for merge in asked(house, *(f"x/{name}" for name in KINDS)).merges} == {"binary"}


def test_the_master_says_so_where_it_publishes(house: House) -> None:
    values = {"arch": "x86", "features": sorted(OLD.features), "kernel": OLD.kernel, "glibc": OLD.glibc}
    able = {**values, "features": [], "kernel": "100.0", "glibc": ""}
    told = _fitness.of_current(house.place, {"old": values, "new": able})
    assert told["kernel"] == "99.1.2"
    assert {path.split("/")[1] for path in told["unfit"]["old"]} == set(KINDS)
    assert list(told["unfit"]) == ["old"]


def test_what_the_cpu_stopped_is_left_out_until_it_is_rebuilt(house: House) -> None:
    """The kernel's own log tells of it."""
    state = str(house.slave / STATE)

    def machine() -> Machine:
        known = _sigill.watch(state, root=str(house.slave))
        return dataclasses.replace(_machine.here(state), crashed=_sigill.sources(known.crashes))

    assert not [path for path in sync(house, machine()) if "boom" in path]
    assert emerged(house, "x/boom") == {"x/boom-1": "binary"}
    done = subprocess.run(["chroot", str(house.slave), "/usr/bin/planted-boom"], check=False)
    assert done.returncode == -4
    excluded = sync(house, machine())
    assert excluded["x/boom/boom-1-1.gpkg.tar"].kind == "crashed"
    (crash,) = _sigill.here(state, root=str(house.slave))
    assert (crash.cpv, crash.file, crash.program) == ("x/boom-1", "/usr/bin/planted-boom", "planted-boom")
    assert [merge.kind for merge in asked(house, "x/boom").merges] == ["ebuild"]
    house.build("=x/boom-1")
    house.publish()
    assert "x/boom/boom-1-2.gpkg.tar" not in sync(house, machine())
    assert [(merge.kind, merge.build_id) for merge in asked(house, "x/boom").merges] == [("binary", 2)]
    assert _host.installed(str(house.slave)).count("x/boom-1") == 1
    assert TARGET in (house.slave / STATE / "current").resolve().parts
