# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What programs ask for, compared with what binutils say of the same files; they are compiled here."""

from __future__ import annotations

import re
import subprocess
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _elf_needs

SOURCE = '#include <stdio.h>\nint main(void) { puts(""); return 0; }\n'


def made(place: Path, *options: str, source: str = SOURCE) -> bytes:
    place.with_suffix(".c").write_text(source)
    subprocess.run(["gcc", *options, "-o", str(place), f"{place}.c"], check=True)
    return place.read_bytes()


def readelf(option: str, place: Path) -> str:
    return subprocess.run(["readelf", "-W", option, str(place)], capture_output=True, text=True, check=False).stdout


def test_of_this_machine() -> None:
    """Programs and libraries, as many as there are of the usual ones."""
    places = [
        Path("/bin/ls"),
        Path("/bin/bash"),
        *sorted(Path("/usr/lib/x86_64-linux-gnu").glob("lib[cmz]*.so.?"))[:12],
    ]
    for place in filter(Path.exists, places):
        data = place.read_bytes()
        needed = readelf("--version-info", place).partition("Version needs section")[2]
        said = [tuple(map(int, each.split("."))) for each in re.findall(r"Name: GLIBC_([\d.]+) ", needed)]
        said += [(2, 36)] if "GLIBC_ABI_DT_RELR" in needed else []
        assert _elf_needs.glibc(data) == max(said, default=None), place
        isa = re.search(r"x86 ISA needed: (.*)", readelf("--notes", place))
        levels = isa[1].split(", ") if isa else [""]
        assert _elf_needs.isa(data) == levels[-1].replace("-baseline", ""), place


@pytest.mark.parametrize("level", ["x86-64-v2", "x86-64-v3", "x86-64-v4"])
def test_isa(tmp_path: Path, level: str) -> None:
    assert _elf_needs.isa(made(tmp_path / "it", f"-Wl,-z,{level}")) == level


def test_what_glibc_is_asked_for(tmp_path: Path) -> None:
    """By a program, by a stripped library, by one of another age; one without it asks for none."""
    old = '__asm__(".symver memcpy, memcpy@GLIBC_{}");\n#include <string.h>\nvoid *f(void *a, void *b, int n) {{ return memcpy(a, b, n); }}\n'  # noqa: E501
    options = ("-shared", "-fPIC", "-O0", "-s", "-nostartfiles")
    found = [_elf_needs.glibc(made(tmp_path / "it", *options, source=old.format(age))) for age in ("2.2.5", "2.14")]
    assert found == [(2, 2, 5), (2, 14)]
    assert _elf_needs.glibc(made(tmp_path / "it", "-nostdlib", "-shared", source="int x;\n")) is None


def test_what_is_no_whole_program(tmp_path: Path) -> None:
    whole = made(tmp_path / "it")
    assert _elf_needs.glibc(whole)
    assert len(_elf_needs.code(whole)) == 1
    for size in (*range(0, 700, 7), len(whole) // 4):
        assert _elf_needs.glibc(whole[:size]) is None
        assert _elf_needs.isa(whole[:size]) in ("", "x86-64")
    assert _elf_needs.glibc(b"#!/bin/sh\n" * 20) is None
    assert _elf_needs.code(b"#!/bin/sh\n" * 20) == []
    assert not _elf_needs.is_linked(made(tmp_path / "it", "-c"))


def test_a_broken_table_ends(tmp_path: Path) -> None:
    """Whatever one byte is changed to: no error, and no endless loop."""
    whole = bytearray(made(tmp_path / "it"))
    places: t.Iterable[int] = range(32, 900, 3)
    for place in places:
        before, whole[place] = whole[place], 0xFF
        _elf_needs.glibc(bytes(whole))
        _elf_needs.isa(bytes(whole))
        whole[place] = before
