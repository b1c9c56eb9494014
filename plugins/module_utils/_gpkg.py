# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gpkg (GLEP 78) says of itself that no index does: the CFLAGS, and the oldest kernel of its programs.

::

    foo-1.2-1/gpkg-1
    foo-1.2-1/metadata.tar.zst     metadata/CFLAGS and so on (portage bin/phase-functions.sh, __dyn_install)
    foo-1.2-1/image.tar.zst        image/usr/bin/foo and so on
    foo-1.2-1/Manifest
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tarfile
import threading
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _elf
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: Programs for what Python's tarfile doesn't decompress itself (portage util/compression_probe.py).
_PROGRAMS: t.Final[t.Mapping[str, str]] = {".zst": "zstd", ".lz4": "lz4", ".lz": "lzip", ".lzo": "lzop"}
_INNER = re.compile(r"[^/]+/(?P<part>metadata|image)\.tar(?P<suffix>\.[a-z0-9]+)?\Z")
_HEAD: t.Final = 1 << 16  # bytes of a program that are read; its notes stand at its beginning
_CHUNK: t.Final = 1 << 20


@dataclass(frozen=True)
class Facts:
    """What a package says of itself."""

    cflags: str
    kernel: str  # "3.2.0"; "" if none of its programs says


def facts(path: str) -> Facts:
    """Return the facts of a package.  Raises ``BinhostError`` for what is no whole gpkg."""
    found: dict[str, t.Any] = {}
    try:
        with tarfile.open(path, "r:") as outer:
            for member in outer:
                inner = _INNER.match(member.name)
                stream = outer.extractfile(member) if inner else None
                if inner and stream:
                    with _tar(stream, inner["suffix"] or "") as archive:
                        found[inner["part"]] = _READERS[inner["part"]](archive)
    except (tarfile.TarError, OSError, EOFError, ValueError) as exc:
        raise BinhostError(f"{path}: expected a package in the format gpkg, found: {exc}") from None
    if set(found) != set(_READERS):
        raise BinhostError(f"{path}: expected a package in the format gpkg, found {sorted(found) or 'neither part'}")
    kernel = found["image"]
    return Facts(found["metadata"], ".".join(map(str, kernel)) if kernel else "")


def _cflags(archive: tarfile.TarFile) -> str:
    for member in archive:
        content = archive.extractfile(member) if member.name == "metadata/CFLAGS" else None
        if content:
            return " ".join(content.read().decode("utf-8", "replace").split())
    return ""


def _kernel(archive: tarfile.TarFile) -> tuple[int, int, int] | None:
    """Return the newest of the oldest kernels that its programs start on."""
    least: tuple[int, int, int] | None = None
    for member in archive:
        content = archive.extractfile(member) if member.isreg() else None
        tag = _elf.kernel(content.read(_HEAD)) if content else None
        if tag and (least is None or tag > least):
            least = tag
        t.cast(t.Any, archive).members = []  # else the headers of a large package stay in memory
    return least


_READERS: t.Final[t.Mapping[str, t.Callable[[tarfile.TarFile], t.Any]]] = {"metadata": _cflags, "image": _kernel}


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
