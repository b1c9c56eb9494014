# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's log, and the packages that it tells of; the program is compiled here."""

from __future__ import annotations

import dataclasses
import subprocess
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _elf_needs, _seal, _sigill, _traps
from ansible_collections.larry.binhost.plugins.module_utils._traps import Trap

OLD = "4,1234,5678,-;traps: foo[4711] trap invalid opcode ip:{ip:x} sp:7ffd00 error:0 in foo[{start:x}+{size:x}]"
NEW = "4,1235,5679,-;traps: foo[12] trap invalid opcode ip:{ip:x} sp:7ffd error:0 in foo[{offset:x},{start:x}+{size:x}]"
PATH = "app-misc/foo/foo-1.2-3.gpkg.tar"
SOURCE = _seal.Source(2, "b" * 32, "")
START = 0x56405A673000
#: The second instruction of the function is one that no CPU has and that isn't there on purpose.
TEXT = '__asm__(".globl main\\nmain: nop\\n.byte {}\\nret\\n");\n'
FOREIGN = "0x62,0xff,0xff,0xff,0xff,0xff"


def log(tmp_path: Path, *lines: str) -> str:
    (tmp_path / "kmsg").write_text("".join(f"{line}\n" for line in lines))
    return str(tmp_path / "kmsg")


def test_log(tmp_path: Path) -> None:
    lines = [
        OLD.format(ip=START + 5, start=START, size=4096),
        NEW.format(ip=START + 5, offset=0x1005, start=START, size=4096),
        " SUBSYSTEM=x",
        "6,1236,5680,-;usb 1-1: new device",
        "4,1237,5681,-;traps: a b[1[7] trap invalid opcode ip:1 sp:2 error:0 in li[b].so.1[0+1000]",
    ]
    assert _traps.read(log(tmp_path, *lines)) == [
        Trap(1234, "foo", "foo", START + 5, START, 4096),
        Trap(1235, "foo", "foo", START + 5, START, 4096, 0x1005),
        Trap(1237, "a b[1", "li[b].so.1", 1, 0, 4096),
    ]
    assert _traps.read(str(tmp_path / "none")) == []
    assert _traps.read(str(tmp_path)) == []


FORGED = [
    "12,1234,5678,-;traps: foo[1] trap invalid opcode ip:1 sp:2 error:0 in foo[0+1000]",  # /dev/kmsg's writers are 8
    "4,1234,5678,-;x traps: foo[1] trap invalid opcode ip:1 sp:2 error:0 in foo[0+1000]",
    "4,1234,5678,-;traps: foo[1] trap divide error ip:1 sp:2 error:0 in foo[0+1000]",
    "4,1234,5678,-;traps: sixteen letters![1] trap invalid opcode ip:1 sp:2 error:0 in foo[0+1000]",
    "4,1234,5678,-;traps: foo[1] trap invalid opcode ip:1 sp:2 error:0",  # no file's
    "4,1234,5678,-;traps: foo[1] trap invalid opcode ip:1 sp:2 error:0 in ../etc/foo[0+1000]",
]


@pytest.mark.parametrize("line", FORGED)
def test_not_the_kernels_word_about_this(tmp_path: Path, line: str) -> None:
    assert _traps.read(log(tmp_path, line)) == []


class Slave:
    """A root with a package that came as a binary, and the generation that it came from."""

    def __init__(self, place: Path) -> None:
        self.root, self.state = place / "root", place / "state"
        self.program = self.root / "usr/bin/foo"
        for folder in (self.program.parent, self.state / "current"):
            folder.mkdir(parents=True)
        self.install("app-misc/foo-1.2", "1700000000")
        self.publish(SOURCE)

    def compile(self, instruction: str) -> None:
        source = self.root / "foo.c"
        source.write_text(TEXT.format(instruction))
        subprocess.run(["gcc", "-o", str(self.program), str(source)], check=True)

    def install(self, cpv: str, time: str, *paths: str) -> None:
        vdb = self.root / "var/db/pkg" / cpv
        vdb.mkdir(parents=True)
        (vdb / "BUILD_TIME").write_text(time + "\n")
        lines = [f"obj {path} {'0' * 32} 1700000000\n" for path in paths or ("/usr/bin/foo", "/usr/share/foo/foobar")]
        (vdb / "CONTENTS").write_text("dir /usr\n" + "".join(lines))

    def publish(self, source: _seal.Source) -> None:
        nothing = _seal.File("0" * 128, 0)
        package = _seal.Package("a" * 128, 3, "", "-O2", "", "", "", source)
        seal = _seal.Seal("laptops", 1, _seal.utc(0), _seal.utc(0), 0, "", 0, nothing, {}, {PATH: package})
        (self.state / "current/seal.json").write_bytes(_seal.dump(seal))
        (self.state / "current/Packages").write_text(
            "PACKAGES: 1\nVERSION: 0\n\n"
            f"BUILD_ID: 3\nBUILD_TIME: 1700000000\nCPV: app-misc/foo-1.2\nPATH: {PATH}\nSIZE: 3\n\n"
        )

    def trap(self, template: str = NEW, **how: int) -> str:
        """Return the line that the kernel writes of it."""
        part = _elf_needs.code(self.program.read_bytes())[0]
        said = subprocess.run(["nm", str(self.program)], capture_output=True, text=True, check=True).stdout
        main = next(int(line.split()[0], 16) for line in said.splitlines() if line.endswith(" T main")) + 1
        offset = main - part.address + part.offset
        begin = part.offset // 4096 * 4096
        size = -(-(part.size + part.offset - begin) // 4096) * 4096
        values = {"ip": START + offset - begin, "offset": offset, "start": START, "size": size, **how}
        return template.format(**values)

    def watch(self, log: str, **how: t.Any) -> _sigill.Known:
        return _sigill.watch(str(self.state), root=str(self.root), log=log, **how)


@pytest.fixture
def slave(tmp_path: Path) -> Slave:
    made = Slave(tmp_path)
    made.compile(FOREIGN)
    return made


@pytest.mark.parametrize("template", [OLD, NEW])
def test_a_package_is_left_out_until_it_is_rebuilt(slave: Slave, tmp_path: Path, template: str) -> None:
    line = slave.trap(template)
    found = slave.watch(log(tmp_path, line))
    (crash,) = _sigill.crashed(found)
    assert (crash.path, crash.cpv, crash.file, crash.program) == (PATH, "app-misc/foo-1.2", "/usr/bin/foo", "foo")
    assert crash.text == (
        "app-misc/foo-1.2 (build 3): foo was stopped in /usr/bin/foo by an instruction that this CPU lacks; this build "
        "is no longer taken. Until another is published: emerge --oneshot --usepkg-exclude app-misc/foo "
        "=app-misc/foo-1.2"
    )
    assert _sigill.sources(found.crashes) == {PATH: SOURCE}
    assert slave.watch(log(tmp_path)) == found  # also when the log has gone on without it
    seal = _seal.parse((slave.state / "current/seal.json").read_bytes(), where="")
    assert _sigill.crashed(found, seal) == [crash]
    rebuilt = dataclasses.replace(seal.packages[PATH], source=dataclasses.replace(SOURCE, md5="c" * 32))
    assert _sigill.crashed(found, dataclasses.replace(seal, packages={PATH: rebuilt})) == []
    assert _sigill.told([crash])[0]["source"] == {"size": 2, "md5": "b" * 32, "sha1": ""}


def test_a_line_is_read_once(slave: Slave, tmp_path: Path) -> None:
    line = slave.trap()
    assert len(slave.watch(log(tmp_path, line)).crashes) == 1
    before = (slave.state / "crashed.json").read_bytes()
    slave.publish(dataclasses.replace(SOURCE, md5="c" * 32))
    slave.watch(log(tmp_path, line))
    assert (slave.state / "crashed.json").read_bytes() == before
    assert slave.watch(log(tmp_path, line.replace("1235,", "1236,"))).crashes[0].source.md5 == "c" * 32
    (slave.state / "crashed.json").write_text("{")
    assert _sigill.load(str(slave.state)) == _sigill.Known()


def test_check_mode_writes_nothing(slave: Slave, tmp_path: Path) -> None:
    assert len(slave.watch(log(tmp_path, slave.trap()), check=True).crashes) == 1
    assert not (slave.state / "crashed.json").exists()


def test_nothing_is_left_out(slave: Slave, tmp_path: Path) -> None:
    """Of a program of another size, one that was compiled here, one that two packages may have."""
    assert slave.watch(log(tmp_path, slave.trap(size=8192)), check=True).crashes == ()
    assert slave.watch(log(tmp_path, slave.trap().replace("foo[", "bar[")), check=True).crashes == ()
    slave.install("app-misc/other-1", "1700000001", "/usr/bin/../bin/foo")
    assert slave.watch(log(tmp_path, slave.trap()), check=True).crashes == ()
    subprocess.run(["rm", "-r", str(slave.root / "var/db/pkg/app-misc")], check=True)
    slave.install("app-misc/foo-1.2", "1700000001")
    assert slave.watch(log(tmp_path, slave.trap()), check=True).crashes == ()


@pytest.mark.parametrize("instruction", ["0x0f,0x0b", "0x0f,0xb9,0xc0", "0x0f,0xff,0xc0"])
def test_a_program_that_ends_itself(slave: Slave, tmp_path: Path, instruction: str) -> None:
    slave.compile(instruction)
    assert slave.watch(log(tmp_path, slave.trap())).crashes == ()


def test_no_generation(slave: Slave, tmp_path: Path) -> None:
    (slave.state / "current/seal.json").unlink()
    assert slave.watch(log(tmp_path, slave.trap())).crashes == ()
