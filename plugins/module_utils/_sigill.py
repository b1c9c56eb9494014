# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages of ours a slave's CPU could not run after all: noticed once, left out until they are rebuilt.

::

    STATE/crashed.json    {"boot": "…", "number": 1234, "crashes": [{"path": …, "source": …, "cpv": …, …}]}

``boot`` and ``number`` are the last line of the kernel's log that was looked at.  The log names a file without its
folder, so a file of a package is taken for it only where its code is as long as what the kernel had mapped.  An
instruction that nobody's CPU knows, with which programs end themselves (``__builtin_trap``), tells nothing about a CPU.
"""

from __future__ import annotations

import json
import os
import time
import typing as t
from dataclasses import asdict, dataclass

from ansible_collections.larry.binhost.plugins.module_utils import (
    _durable,
    _elf_needs,
    _files,
    _generation,
    _host,
    _packages,
    _paths,
    _patterns,
    _seal,
    _traps,
    _vdb,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._traps import Trap

NAME: t.Final = "crashed.json"
BOOT: t.Final = "/proc/sys/kernel/random/boot_id"
KEPT: t.Final = 100  # crashes that are remembered, the last ones
_PAGE: t.Final = 4096
#: ud2, ud1, ud0: instructions that are there to be unknown.
_ON_PURPOSE: t.Final = (b"\x0f\x0b", b"\x0f\xb9", b"\x0f\xff")


@dataclass(frozen=True)
class Crash:
    """A package that was stopped here."""

    path: str  # of its file in the generation
    source: _seal.Source  # of the build
    cpv: str
    build_id: int | None
    file: str  # "/usr/bin/foo": in which the instruction is
    program: str  # that was running
    time: str  # when it was noticed, UTC

    @property
    def text(self) -> str:
        """What a person is told."""
        return (
            f"{self.cpv} (build {self.build_id or 1}): {self.program} was stopped in {self.file} by an instruction "
            "that this CPU lacks; this build is no longer taken. Until another is published: "
            f"emerge --oneshot --usepkg-exclude {_patterns.package(self.cpv)} ={self.cpv}"
        )


@dataclass(frozen=True)
class Known:
    """What was noticed so far."""

    crashes: tuple[Crash, ...] = ()
    boot: str = ""
    number: int = -1


def crashed(known: Known, seal: _seal.Seal | None = None) -> list[Crash]:
    """Return the crashes of builds that a generation still has; all that are known without one."""
    if seal is None:
        return list(known.crashes)
    packages = seal.packages
    return [each for each in known.crashes if each.path in packages and packages[each.path].source == each.source]


def watch(state: str = _paths.STATE, *, root: str = "/", log: str = _traps.KMSG, check: bool = False) -> Known:
    """Return what is known after a look into the log; what is new is written down unless in check mode.

    On a machine that has no generation there is nothing to know.  Raises ``OSError`` where it can't be written.
    """
    known = load(state)
    if not os.path.exists(os.path.join(state, "current", _seal.NAME)):
        return known
    boot = _boot()
    seen = known.number if boot == known.boot else -1
    new = [trap for trap in _traps.read(log) if trap.number > seen]
    if not new:
        return known
    found = {each.path: each for each in [*known.crashes, *_crashes(new, state, root)]}
    after = Known(tuple(found.values())[-KEPT:], boot, new[-1].number)
    if not check:
        _durable.write(os.path.join(state, NAME), json.dumps(asdict(after), indent=1).encode())
    return after


def here(state: str = _paths.STATE, *, root: str = "/", log: str = _traps.KMSG, check: bool = False) -> list[Crash]:
    """Return the crashes of builds that the generation here still has, after ``watch``."""
    known = watch(state, root=root, log=log, check=check)
    try:
        return crashed(known, _generation.seal_of(os.path.join(state, "current"))) if known.crashes else []
    except (OSError, BinhostError):
        return []


def load(state: str = _paths.STATE) -> Known:
    """Return what was written down; nothing if there is no such file, or none that can be read."""
    try:
        record = json.loads(_files.read(os.path.join(state, NAME)))
        crashes = [Crash(**{**each, "source": _seal.Source(**each["source"])}) for each in record["crashes"]]
        return Known(tuple(crashes), record["boot"], record["number"])
    except (OSError, BinhostError, ValueError, KeyError, TypeError):
        return Known()


def _boot() -> str:
    try:
        return _files.read(BOOT).strip()
    except OSError:
        return ""


def _crashes(traps: t.Iterable[Trap], state: str, root: str) -> t.Iterator[Crash]:
    """Yield the packages that were stopped, as far as they came as a binary that the generation here has."""
    folder = os.path.join(state, "current")
    try:
        seal = _generation.seal_of(folder)
        index = _packages.packages(_packages.parse(_files.read(os.path.join(folder, "Packages"))))
    except (OSError, BinhostError):
        return
    ours = {(entry.cpv, entry.build_time): entry for entry in index if entry.path in seal.packages}
    now = _seal.utc(time.time())
    for trap in {(each.file, each.start, each.size): each for each in traps}.values():
        owners = list(_owners(trap, root))
        entry = ours.get(owners[0][:2]) if len(owners) == 1 else None
        if entry:
            source = seal.packages[entry.path].source
            yield Crash(entry.path, source, entry.cpv, entry.build_id, owners[0][2], trap.program, now)


def _owners(trap: Trap, root: str) -> t.Iterator[tuple[str, int | None, str]]:
    """Yield package, its time of build, and file of each that has a file like the one that the trap was in."""
    for cpv in _host.installed(root):
        for path in _vdb.files(root, cpv, trap.file):
            if _is_it(trap, os.path.join(root, path.lstrip("/"))):
                time_of_build = _vdb.read(root, cpv, "BUILD_TIME").strip()
                yield cpv, int(time_of_build) if time_of_build.isdigit() else None, path


def _is_it(trap: Trap, place: str) -> bool:
    """Return whether a file has code as long as what was mapped, and an instruction there that a CPU may know."""
    try:
        with open(place, "rb") as handle:
            program = handle.read()
    except OSError:
        return False
    for part in _elf_needs.code(program):
        mapped = part.size + part.offset % _PAGE
        if (mapped + _PAGE - 1) // _PAGE * _PAGE == trap.size:
            begins = part.offset - part.offset % _PAGE
            where = trap.offset if trap.offset is not None else trap.ip - trap.start + begins
            return not program[where : where + 2].startswith(_ON_PURPOSE)
    return False


def sources(crashes: t.Iterable[Crash]) -> dict[str, _seal.Source]:
    """Return PATH to the build that was stopped."""
    return {each.path: each.source for each in crashes}


def told(crashes: t.Iterable[Crash]) -> list[dict[str, t.Any]]:
    """Return crashes as a module tells them."""
    return [{**asdict(each), "text": each.text} for each in crashes]
