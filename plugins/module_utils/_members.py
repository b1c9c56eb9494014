# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stage tarball holds, read before anything of it is unpacked."""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
import typing as t
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import _elf
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: The program that unpacks what a tarball's name ends in; Python itself knows no zstd before 3.14.
DECOMPRESSORS: t.Final = {".xz": "xz", ".zst": "zstd", ".bz2": "bzip2", ".gz": "gzip"}
BLOCK: t.Final = 4096  # bytes; what a file takes is a multiple of it
#: Where the programs are that a root's own machine runs; elsewhere there may be firmware.
_PROGRAMS = re.compile(r"(\./)?(usr/)?s?bin/[^/]+\Z")


@dataclass
class Members:
    """What a tarball's members come to."""

    size: int = 0  # bytes that they take on a disk
    count: int = 0  # inodes
    machines: dict[str, int] = field(default_factory=dict)  # architecture -> number of programs made for it

    @property
    def machine(self) -> str:
        """The architecture that most programs are for; empty if there are none."""
        return max(self.machines, key=lambda name: self.machines[name], default="")


def survey(tarball: str) -> Members:
    """Return what a tarball holds.  Raises ``BinhostError`` if it can't be read or a member would lead outside."""
    suffix = os.path.splitext(tarball)[1]
    if suffix not in DECOMPRESSORS:
        raise BinhostError(
            f"{tarball}: expected a name that ends in .tar{', .tar'.join(DECOMPRESSORS)}, found {suffix!r}"
        )
    command = [DECOMPRESSORS[suffix], "--decompress", "--stdout", "--", tarball]
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            if process.stdout is None:
                raise BinhostError(f"{tarball}: expected output of {command[0]}, found none")
            found = read(process.stdout, where=tarball)
            process.stdout.read()
    except FileNotFoundError:
        raise BinhostError(f"{tarball}: expected the program {command[0]} to read it, found none") from None
    if process.returncode != 0:
        raise BinhostError(f"{tarball}: expected a whole file, found that {command[0]} can't read it to its end")
    return found


def read(stream: t.IO[bytes], *, where: str) -> Members:
    """Return what a tar stream holds.  Raises ``BinhostError`` for a member that would lead out of the root."""
    found, links = Members(), set[str]()
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                _inside(member, links, where)
                _count(archive, member, found)
                t.cast(t.Any, archive).members = []  # else the headers of a whole system stay in memory
    except tarfile.TarError as exc:
        raise BinhostError(f"{where}: expected a tar archive, found: {exc}") from None
    return found


def _inside(member: tarfile.TarInfo, links: set[str], where: str) -> None:
    """Raise ``BinhostError`` for a name that is outside, or is reached through a link of the tarball itself.

    An absolute symbolic link leads, for who has entered the root, to a place in it; a relative one that climbs above
    the root does so only there, and no stage has one.
    """
    _below(member.name, where)
    name = os.path.normpath(member.name)
    parents = name.split("/")[:-1]
    through = [step for count in range(1, len(parents) + 1) if (step := "/".join(parents[:count])) in links]
    if through:
        raise BinhostError(f"{where}: expected members below the root, found {name!r} below the link {through[0]!r}")
    if member.islnk():
        _below(member.linkname, where)
    if member.issym():
        links.add(name)
        if not member.linkname.startswith("/"):
            _climbs(name, member.linkname, where)


def _below(name: str, where: str) -> None:
    if name.startswith("/") or ".." in name.split("/"):
        raise BinhostError(f"{where}: expected members below the root, found {name!r}")


def _climbs(name: str, link: str, where: str) -> None:
    if os.path.normpath(os.path.join(os.path.dirname(name), link)).split("/")[0] == "..":
        raise BinhostError(f"{where}: expected links below the root, found {name!r} that leads to {link!r}")


def _count(archive: tarfile.TarFile, member: tarfile.TarInfo, found: Members) -> None:
    found.count += 1
    found.size += -(-member.size // BLOCK) * BLOCK + (BLOCK if member.isdir() else 0)
    content = archive.extractfile(member) if member.isreg() and _PROGRAMS.match(member.name) else None
    if content is not None:
        machine = _elf.machine(content.read(_elf.HEADER))
        if machine:
            found.machines[machine] = found.machines.get(machine, 0) + 1
