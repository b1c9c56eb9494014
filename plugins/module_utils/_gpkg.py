# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gpkg (GLEP 78) says of itself that no index does: the CFLAGS, and what its programs need.

::

    foo-1.2-1/gpkg-1
    foo-1.2-1/metadata.tar.zst     metadata/CFLAGS and so on (portage bin/phase-functions.sh, __dyn_install)
    foo-1.2-1/image.tar.zst        image/usr/bin/foo and so on
    foo-1.2-1/Manifest
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import threading
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _elf, _elf_needs
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: Programs for what Python's tarfile doesn't decompress itself (portage util/compression_probe.py).
_PROGRAMS: t.Final[t.Mapping[str, str]] = {".zst": "zstd", ".lz4": "lz4", ".lz": "lzip", ".lzo": "lzop"}
_INNER = re.compile(r"[^/]+/(?P<part>metadata|image)\.tar(?P<suffix>\.[a-z0-9]+)?\Z")
_CHUNK: t.Final = 1 << 20
_ROOMY: t.Final = "/var/tmp"
#: What is loaded only where it runs (ld.so(8), glibc-hwcaps), and symbols split off, whose segments are empty.
_ELSEWHERE = re.compile(r"/glibc-hwcaps/|\Aimage/usr/lib/debug/")


@dataclass(frozen=True)
class Facts:
    """What a package says of itself."""

    cflags: str
    kernel: str = ""  # the oldest that its programs start on, "3.2.0"; "" if none of them says
    glibc: str = ""  # the oldest that has what they ask for, "2.38"; "" if they ask for none
    isa: str = ""  # the level of x86 that they say they need, "x86-64-v3"; "" if none of them says


def facts(path: str) -> Facts:
    """Return the facts of a package.  Raises ``BinhostError`` for what is no whole gpkg."""
    found = _read(path, _READERS)
    needs: _Needs = found["image"]
    return Facts(found["metadata"], _dotted(needs.kernel), _dotted(needs.glibc), needs.isa)


def image(path: str, read: t.Callable[[tarfile.TarFile], t.Any]) -> t.Any:
    """Return what ``read`` makes of the archive of a package's files.  Raises ``BinhostError``."""
    return _read(path, {"image": read})["image"]


def _read(path: str, readers: t.Mapping[str, t.Callable[[tarfile.TarFile], t.Any]]) -> dict[str, t.Any]:
    """Return what readers make of the parts of a package."""
    found: dict[str, t.Any] = {}
    try:
        with tarfile.open(path, "r:") as outer:
            for member in outer:
                inner = _INNER.match(member.name)
                stream = outer.extractfile(member) if inner and inner["part"] in readers else None
                if inner and stream:
                    with _tar(stream, inner["suffix"] or "") as archive:
                        found[inner["part"]] = readers[inner["part"]](archive)
    except (tarfile.TarError, OSError, EOFError, ValueError) as exc:
        raise BinhostError(f"{path}: expected a package in the format gpkg, found: {exc}") from None
    if set(found) != set(readers):
        raise BinhostError(f"{path}: expected a package in the format gpkg, found {sorted(found) or 'neither part'}")
    return found


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _cflags(archive: tarfile.TarFile) -> str:
    for member in archive:
        content = archive.extractfile(member) if member.name == "metadata/CFLAGS" else None
        if content:
            return " ".join(content.read().decode("utf-8", "replace").split())
    return ""


class _Needs(t.NamedTuple):
    """What programs need; empty where they don't say."""

    kernel: tuple[int, ...] = ()
    glibc: tuple[int, ...] = ()
    isa: str = ""


def _needs(archive: tarfile.TarFile) -> _Needs:
    """Return the most that one of the programs needs."""
    most = _Needs()
    for member in archive:
        content = archive.extractfile(member) if member.isreg() and not _ELSEWHERE.search(member.name) else None
        found = _needs_of(content, member.size) if content else None
        most = _most(most, found) if found else most
        t.cast(t.Any, archive).members = []  # else the headers of a large package stay in memory
    return most


def _most(one: _Needs, other: _Needs) -> _Needs:
    """Return what both need; the names of the levels sort as the levels do."""
    return _Needs(max(one.kernel, other.kernel), max(one.glibc, other.glibc), max(one.isa, other.isa))


def _needs_of(content: t.IO[bytes], size: int) -> _Needs | None:
    """Return what a file needs; None for what is no program or library, or too large for the disk."""
    head = content.read(min(size, 64))
    if not _elf_needs.is_linked(head) or len(head) < 64:
        return None
    try:
        # Some are larger than what should be held in memory, which /tmp may be.
        with tempfile.TemporaryFile(dir=_ROOMY if os.path.isdir(_ROOMY) else None) as copy:
            copy.write(head)
            shutil.copyfileobj(content, copy, _CHUNK)
            copy.flush()
            with mmap.mmap(copy.fileno(), 0, access=mmap.ACCESS_READ) as program:
                return _Needs(_elf.kernel(program) or (), _elf_needs.glibc(program) or (), _elf_needs.isa(program))
    except OSError as exc:
        if exc.errno != errno.ENOSPC:
            raise
        return None


_READERS: t.Final[t.Mapping[str, t.Callable[[tarfile.TarFile], t.Any]]] = {"metadata": _cflags, "image": _needs}


@contextlib.contextmanager
def _tar(stream: t.IO[bytes], suffix: str) -> t.Iterator[tarfile.TarFile]:
    """Open a compressed archive that stands inside another file."""
    program = _PROGRAMS.get(suffix)
    if program is None:
        with tarfile.open(fileobj=stream, mode="r|*") as archive:
            yield archive
        return
    argv = [program, "-d", "-c"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        feeder = threading.Thread(target=_feed, args=(stream, process.stdin))
        feeder.start()
        try:
            with tarfile.open(fileobj=t.cast(t.IO[bytes], process.stdout), mode="r|") as archive:
                yield archive
        finally:
            t.cast(t.IO[bytes], process.stdout).close()  # one that isn't read to its end ends the program
            feeder.join()


def _feed(stream: t.IO[bytes], sink: t.Any) -> None:
    with contextlib.suppress(BrokenPipeError), sink:
        shutil.copyfileobj(stream, sink, _CHUNK)
