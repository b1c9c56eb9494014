# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a package says of itself; its programs are this machine's."""

from __future__ import annotations

import contextlib
import errno
import io
import shutil
import struct
import subprocess
import tarfile
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _elf, _gpkg
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


def tar(files: t.Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:") as archive:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def program(*version: int, wide: bool = True, order: str = "<", system: int = 0) -> bytes:
    """Return an ELF file with one segment of notes, the second of which is the ABI note."""
    notes = struct.pack(f"{order}III4s4s", 4, 4, 3, b"GNU", b"id..")
    notes += struct.pack(f"{order}III4sIIII", 4, 16, 1, b"GNU", system, *version)
    start = 64 + (56 if wide else 32)
    head = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    if wide:
        head += struct.pack(f"{order}HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
        table = struct.pack(f"{order}IIQQQQQQ", 4, 4, start, 0, 0, len(notes), 0, 4)
    else:
        head += struct.pack(f"{order}HHIIIIIHHHHHH", 2, 3, 1, 0, 64, 0, 0, 52, 32, 1, 0, 0, 0)
        table = struct.pack(f"{order}IIIIIIII", 4, start, 0, 0, len(notes), 0, 4, 4)
    return head.ljust(64, b"\0") + table + notes


def package(path: Path, metadata: t.Mapping[str, str], image: t.Mapping[str, bytes], compress: str = "zstd") -> Path:
    suffix = {"zstd": ".zst", "gzip": ".gz", "xz": ".xz", "cat": ""}[compress]
    parts = {
        "metadata": {f"metadata/{name}": text.encode() for name, text in metadata.items()},
        "image": {f"image/{name}": data for name, data in image.items()},
    }
    inner = {
        f"foo-1-1/{part}.tar{suffix}": subprocess.run([compress], input=tar(files), stdout=-1, check=True).stdout
        for part, files in parts.items()
    }
    path.write_bytes(
        tar({"foo-1-1/gpkg-1": b"", **inner, "foo-1-1/metadata.tar.zst.sig": b"x", "foo-1-1/Manifest": b""})
    )
    return path


@pytest.mark.parametrize("compress", ["zstd", "gzip", "xz", "cat"])
def test_facts(tmp_path: Path, compress: str) -> None:
    image = {
        "usr/bin/new": program(5, 10, 0),
        "usr/bin/old": program(3, 2, 0),
        "usr/share/doc": b"\x7fELF is how programs begin" * 9,
        "usr/share/empty": b"",
    }
    metadata = {"CHOST": "x", "CFLAGS": "-O2  -pipe\n-march=x86-64-v3\n"}
    made = package(tmp_path / "foo.gpkg.tar", metadata, image, compress)
    assert _gpkg.facts(str(made)) == _gpkg.Facts("-O2 -pipe -march=x86-64-v3", "5.10.0")


def linked(place: Path, *options: str, age: str) -> bytes:
    """Return a library that asks for a function of this age, compiled here."""
    source = f'__asm__(".symver memcpy, memcpy@GLIBC_{age}");\n#include <string.h>\n'
    place.with_suffix(".c").write_text(f"{source}void *f(void *a, void *b, int n) {{ return memcpy(a, b, n); }}\n")
    argv = ["gcc", "-shared", "-fPIC", "-O0", "-nostartfiles", *options, "-o", str(place), f"{place}.c"]
    subprocess.run(argv, check=True)
    return place.read_bytes()


def test_the_most_that_one_of_its_programs_needs(tmp_path: Path) -> None:
    """What is loaded only where it runs doesn't count, nor do symbols split off, nor what is to be linked."""
    old = linked(tmp_path / "old", "-Wl,-z,x86-64-v2", age="2.2.5")
    new = linked(tmp_path / "new", "-Wl,-z,x86-64-v3", age="2.14")
    image = {"usr/lib64/a.so": old, "usr/lib64/glibc-hwcaps/x86-64-v3/a.so": new, "usr/lib/debug/a.so.debug": new}
    made = package(tmp_path / "foo.gpkg.tar", {}, image)
    assert _gpkg.facts(str(made)) == _gpkg.Facts("", "", "2.2.5", "x86-64-v2")
    for first, second in ((old, new), (new, old)):
        made = package(tmp_path / "foo.gpkg.tar", {}, {"usr/lib64/a.so": first, "usr/lib64/b.so": second})
        assert _gpkg.facts(str(made)) == _gpkg.Facts("", "", "2.14", "x86-64-v3")
    linkable = linked(tmp_path / "object", "-c", age="2.14")
    made = package(tmp_path / "foo.gpkg.tar", {}, {"usr/lib64/a.so": old, "usr/lib64/a.o": linkable})
    assert _gpkg.facts(str(made)).glibc == "2.2.5"


def test_a_program_that_the_disk_has_no_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it needs isn't known then; that is no reason not to publish it."""
    image = {"usr/lib64/a.so": linked(tmp_path / "a", age="2.14"), "usr/bin/b": program(5, 10, 0)}
    made = package(tmp_path / "foo.gpkg.tar", {}, image)

    def full(source: t.IO[bytes], sink: t.IO[bytes], size: int) -> None:
        if len(data := source.read()) > 9000:
            raise OSError(errno.ENOSPC, "No space left on device")
        sink.write(data)

    monkeypatch.setattr(_gpkg, "_feed", _feed)
    monkeypatch.setattr(shutil, "copyfileobj", full)
    assert _gpkg.facts(str(made)) == _gpkg.Facts("", "5.10.0")


def _feed(stream: t.IO[bytes], sink: t.IO[bytes]) -> None:
    """Do what the module's own does, whose copying the test replaces."""
    with contextlib.suppress(BrokenPipeError), sink:
        sink.write(stream.read())


def test_nothing_to_say(tmp_path: Path) -> None:
    assert _gpkg.facts(str(package(tmp_path / "foo.gpkg.tar", {}, {}))) == _gpkg.Facts("", "")


def test_cut(tmp_path: Path) -> None:
    made = package(tmp_path / "foo.gpkg.tar", {"CFLAGS": "-O2"}, {f"{n}": bytes(9000) for n in range(9)})
    data = made.read_bytes()
    for size in (0, 100, 700, 1600):
        made.write_bytes(data[:size])
        with pytest.raises(BinhostError, match=r"foo.gpkg.tar: expected a package in the format gpkg, found"):
            _gpkg.facts(str(made))


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("order", ["<", ">"])
def test_abi_note(wide: bool, order: str) -> None:
    assert _elf.kernel(program(6, 1, 7, wide=wide, order=order)) == (6, 1, 7)


def test_no_abi_note() -> None:
    assert _elf.kernel(program(6, 1, 7, system=2)) is None  # of another system
    assert _elf.kernel(b"#!/bin/sh\n" * 20) is None
    whole = program(6, 1, 7)
    assert [_elf.kernel(whole[:size]) for size in range(len(whole) - 4)] == [None] * (len(whole) - 4)


def test_of_this_machine() -> None:
    """Compared with what binutils say."""
    said = subprocess.run(["readelf", "--notes", "/bin/ls"], capture_output=True, text=True, check=False).stdout
    expected = said.partition("ABI: ")[2].split("\n")[0]
    found = _elf.kernel(Path("/bin/ls").read_bytes())
    assert found and (not expected or ".".join(map(str, found)) == expected)
