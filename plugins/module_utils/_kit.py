# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one slave needs, on a stick or any folder: written by the machine that has it, read without that machine.

::

    DEST/larry-binhost/SLAVE/
        kit.json                  what is here, all of it, each file with size and SHA-512; written last
        packages/T/current/seal.json
        packages/T/41/            as it is served: Packages, seal.json{,.asc}, repos/NAME.tar.xz, and of the packages
                                  those that the slave would install
        distfiles/                of what it compiles itself
        key.asc                   the keys that sign
        larry-binhost.pyz         what installs from here

A stick's file system knows no links and no modes, and a stick is pulled when its person likes: new files stand beside
old ones until ``kit.json`` names them, and whoever reads compares all of it with that first.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import typing as t
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import _durable, _seal, _size
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

FOLDER: t.Final = "larry-binhost"
PACKAGES: t.Final = "packages"
DISTFILES: t.Final = "distfiles"
KEY: t.Final = "key.asc"
PROGRAM: t.Final = "larry-binhost.pyz"  # as _program names it, which needs all of this package
NAME: t.Final = "kit.json"
FORMAT: t.Final = 1
_BLOCK: t.Final = 1 << 20
#: Problems that a message names; the first few tell what kind of stick this is.
_SHOWN: t.Final = 5


@dataclass(frozen=True)
class Kit:
    """What ``kit.json`` says."""

    slave: str
    target: str
    number: int
    time: str  # when it was written, UTC
    files: Mapping[str, _seal.File]  # path below the kit's folder
    build_on_slave: list[str] = field(default_factory=list)
    max_source: int | None = None  # packages that may be compiled there

    @property
    def size(self) -> int:
        """All bytes of it."""
        return sum(file.size for file in self.files.values())


@dataclass(frozen=True)
class Part:
    """A file that a kit is to have: another one's copy, or text."""

    path: str  # below the kit's folder
    file: _seal.File
    source: str = ""  # the file it is a copy of
    data: bytes = b""  # what it holds where there is no such


@dataclass(frozen=True)
class Changes:
    """What makes a folder the kit that is wanted."""

    copied: list[Part] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)  # paths below the kit's folder, sorted
    record: bool = False  # whether kit.json changes

    def __bool__(self) -> bool:
        """Whether anything changes."""
        return bool(self.copied or self.removed or self.record)

    @property
    def size(self) -> int:
        """The bytes to be written."""
        return sum(part.file.size for part in self.copied)


def of_text(path: str, data: bytes) -> Part:
    """Return the part that holds these bytes."""
    return Part(path, _seal.File(hashlib.sha512(data).hexdigest(), len(data)), data=data)


def of_file(path: str, source: str, file: _seal.File | None = None) -> Part:
    """Return the part that is a copy; what it holds is read where it isn't known."""
    known = file or _seal.File(_durable.digests(source, "sha512")["sha512"], os.path.getsize(source))
    return Part(path, _seal.File(known.sha512, known.size), source=source)


def dump(kit: Kit) -> bytes:
    """Return the text of ``kit.json``."""
    return (json.dumps({"format": FORMAT, **asdict(kit)}, indent=1, sort_keys=True) + "\n").encode()


def parse(data: bytes, *, where: str) -> Kit:
    """Return what a ``kit.json`` says.  Raises ``BinhostError`` for anything but a complete one of this format."""
    try:
        record = json.loads(data.decode())
        if record["format"] != FORMAT:
            raise BinhostError(f"{where}: expected a kit of format {FORMAT}, found {record['format']!r}")
        del record["format"]
        files = {path: _seal.File(str(each["sha512"]), int(each["size"])) for path, each in record["files"].items()}
        kit = Kit(**{**record, "files": files})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BinhostError(f"{where}: expected what a kit consists of, found {data[:60]!r}") from None
    strange = [path for path in kit.files if not _seal.inside(path)]
    if strange:
        raise BinhostError(f"{where}: expected paths below the kit's folder, found {strange[0]!r}")
    return kit


def read(folder: str) -> Kit | None:
    """Return the kit in a folder; None if none was ever completed there.  Raises ``BinhostError``."""
    path = os.path.join(folder, NAME)
    try:
        with open(path, "rb") as file:
            return parse(file.read(), where=path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def plan(folder: str, kit: Kit, parts: Iterable[Part], *, verify: bool) -> Changes:
    """Return what makes ``folder`` this kit, whose files are ``parts``.

    A file that the last complete kit had with this content is taken to have it still if its size is right; with
    ``verify`` all are read. What a copy that was broken off left is always read.
    """
    try:
        before = read(folder)
    except BinhostError:
        before = None  # what is no kit is written anew
    known = before.files if before and not verify else {}
    wanted = list(parts)
    copied = [part for part in wanted if not _there(os.path.join(folder, part.path), part, known.get(part.path))]
    names = {NAME, *(part.path for part in wanted)}
    removed = sorted(path for path in _present(folder) if path not in names)
    same = before is not None and dump(before) == dump(Kit(**{**vars(kit), "time": before.time}))
    return Changes(copied, removed, record=not same)


def _there(path: str, part: Part, known: _seal.File | None) -> bool:
    """Return whether a file is what it is to be."""
    try:
        if os.path.islink(path) or os.path.getsize(path) != part.file.size:
            return False
        return known == part.file or _durable.digests(path, "sha512")["sha512"] == part.file.sha512
    except OSError:
        return False


def _present(folder: str) -> Iterator[str]:
    """Yield the path of each file that is there, below the folder."""
    for place, _folders, names in os.walk(folder):
        yield from (os.path.relpath(os.path.join(place, name), folder) for name in names)


def write(folder: str, kit: Kit, changes: Changes) -> None:
    """Make ``folder`` the kit.  Killed, it leaves what was complete before, or what ``read`` and ``problems`` refuse.

    Raises ``BinhostError`` if there isn't the room.
    """
    os.makedirs(folder, exist_ok=True)
    _has_room(folder, changes)
    with _explained(folder):
        for part in changes.copied:
            _write(os.path.join(folder, part.path), part)
        if changes.record:
            _write(os.path.join(folder, NAME), of_text(NAME, dump(kit)))
        for path in changes.removed:
            _durable.remove(os.path.join(folder, path))  # a draft of an earlier run has its name by now
        _remove_empty(folder)


@contextlib.contextmanager
def _explained(folder: str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise BinhostError(f"{folder}: expected to write a kit, found: {exc}; what is there is not complete") from None


def _has_room(folder: str, changes: Changes) -> None:
    free = shutil.disk_usage(folder).free
    if changes.size > free:
        raise BinhostError(f"{folder}: expected {_size.shown(changes.size)} free, found {_size.shown(free)}")


def _write(path: str, part: Part) -> None:
    """Write a file beside the old one, bring it to the stick, and let it take the place.

    What is read meanwhile has to be what was announced: a pool that is written to would make a kit of two states.
    """
    os.makedirs(os.path.dirname(path), exist_ok=True)
    draft, digest = _durable.draft(path), hashlib.sha512()
    with open(draft, "wb") as new:
        for block in _blocks(part):
            digest.update(block)
            new.write(block)
        new.flush()
        os.fsync(new.fileno())
    if digest.hexdigest() != part.file.sha512:
        os.unlink(draft)
        raise BinhostError(f"{part.source}: expected the content that the seal names, found another")
    os.replace(draft, path)


def _blocks(part: Part) -> Iterator[bytes]:
    if not part.source:
        yield part.data
        return
    with open(part.source, "rb") as old:
        yield from iter(lambda: old.read(_BLOCK), b"")


def _remove_empty(folder: str) -> None:
    for place, _folders, _names in sorted(os.walk(folder), reverse=True):
        if place != folder and not os.listdir(place):
            os.rmdir(place)


def find(place: str, *, slave: str = "", target: str = "") -> tuple[str, Kit]:
    """Return folder and content of the kit on a stick: of this slave, or the only one there is for this target.

    ``place`` is where the stick is mounted, or a kit's own folder. Raises ``BinhostError``.
    """
    tops = [place, *sorted(_folders(os.path.join(place, FOLDER))), *sorted(_folders(place))]
    found = {folder: kit for folder in dict.fromkeys(tops) if (kit := read(folder))}
    if not found:
        unfinished = any(os.path.isdir(os.path.join(folder, PACKAGES)) for folder in tops)
        state = "one whose writing was broken off: run playbooks/kit.yml again" if unfinished else "none"
        raise BinhostError(f"{place}: expected a kit, as playbooks/kit.yml writes it, found {state}")
    names = ", ".join(sorted(kit.slave for kit in found.values()))
    if slave:
        found = {folder: kit for folder, kit in found.items() if kit.slave == slave}
    elif len(found) > 1:
        found = {folder: kit for folder, kit in found.items() if kit.target == target}
    if len(found) != 1:
        raise BinhostError(f"{place}: expected one kit for this machine, found those of {names}: add --name NAME")
    return next(iter(found.items()))


def _folders(path: str) -> list[str]:
    names = os.listdir(path) if os.path.isdir(path) else []
    return [os.path.join(path, name) for name in names if os.path.isdir(os.path.join(path, name))]


def problems(folder: str, kit: Kit) -> list[str]:
    """Return what of a kit is not what its record says, every byte of which is read; none if all is."""
    found = []
    for path, file in sorted(kit.files.items()):
        here = os.path.join(folder, path)
        try:
            size = os.path.getsize(here)
            if size != file.size:
                found.append(f"{here}: expected {file.size} bytes, found {size}")
            elif _durable.digests(here, "sha512")["sha512"] != file.sha512:
                found.append(f"{here}: expected the content that {NAME} names, found another")
        except OSError as exc:
            found.append(f"{here}: expected {file.size} bytes, found {exc.strerror}")
    return found


def check(folder: str, kit: Kit) -> None:
    """Raise ``BinhostError`` unless a kit is whole."""
    found = problems(folder, kit)
    if found:
        more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        raise BinhostError(
            "\n".join(
                [*found[:_SHOWN], *more, "The kit isn't whole. Run playbooks/kit.yml again and unmount the stick."]
            )
        )
