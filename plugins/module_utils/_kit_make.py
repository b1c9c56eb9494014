# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one slave needs of a generation, as the Portage of its target's build root says, and a kit of that."""

from __future__ import annotations

import json
import os
import time
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.larry.binhost.plugins.module_utils import (
    _closure,
    _generation,
    _intent,
    _keys,
    _kit,
    _lock,
    _merge_world,
    _packages,
    _root_world,
    _seal,
    _size,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._mounts import Mount
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._process import Run

_PATIENCE: t.Final = 60  # seconds to wait for a build to end
#: Which files an ebuild's sources are, with the USE that it would have.
PROGRAM: t.Final = """
import json, sys, portage
ports, found = portage.db[portage.root]["porttree"].dbapi, {}
settings = portage.config(clone=portage.settings)
for cpv in sys.argv[1:]:
    settings.setcpv(cpv, mydb=ports)
    found[cpv] = sorted(ports.getFetchMap(cpv, settings["PORTAGE_USE"].split()))
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Request:
    """What is asked for, in values that JSON can carry."""

    slave: str
    target: str
    dest: str  # a stick's folder
    number: int | None = None  # the generation, the current one unless the slave is pinned
    world: t.Sequence[str] = ()  # what it is to have, of which it builds some itself
    build_on_slave: t.Sequence[str] = ()
    max_source: int | None = None
    distdir: str = "/var/cache/distfiles"
    verify: bool = False
    state: str = STATE

    @property
    def place(self) -> Place:
        """Where the target is."""
        return Place(self.target, self.state)

    @property
    def folder(self) -> str:
        """Where the kit is to stand."""
        return os.path.join(self.dest, _kit.FOLDER, self.slave)


@dataclass(frozen=True)
class Needs:
    """What of a generation one slave needs."""

    paths: t.AbstractSet[str]  # of packages
    sources: t.Sequence[str] = ()  # cpvs that it compiles
    distfiles: t.Sequence[str] = ()  # of these
    remarks: t.Sequence[str] = field(default=())


def run(program: Run, request: Request, *, check: bool = False) -> dict[str, t.Any]:
    """Write the kit unless ``check``; return what a module tells of it.  Raises ``BinhostError``."""
    if not os.path.isdir(request.dest):
        raise BinhostError(f"dest: expected a folder, the stick's, found none at {request.dest}")
    place = request.place
    folder = place.generation(request.number or "current")
    if not os.path.isdir(folder):
        which = f"generation {request.number}" if request.number else "a generation"
        raise BinhostError(f"{place.folder}: expected {which} to be published, found none")
    folder = os.path.realpath(folder)  # "current" may become another one
    with _lock.held(f"build-{place.target}", state=place.state, wait=_PATIENCE, what=f"writes a kit of {place.target}"):
        generation = _generation.check(folder)
        needs = _needs(program, request, generation, folder, check=check)
        parts, lacking = _parts(request, generation.seal, folder, needs)
        kit = _kit.Kit(
            slave=request.slave,
            target=request.target,
            number=generation.seal.number,
            time=_seal.utc(time.time()),
            files={part.path: part.file for part in parts},
            build_on_slave=list(request.build_on_slave),
            max_source=request.max_source,
        )
        changes = _kit.plan(request.folder, kit, parts, verify=request.verify)
        if changes and not check:
            _kit.write(request.folder, kit, changes)
    return _told(request, kit, changes, [*needs.remarks, *lacking])


def _told(request: Request, kit: _kit.Kit, changes: _kit.Changes, remarks: t.Sequence[str]) -> dict[str, t.Any]:
    lines = [f"{part.path}: {_size.shown(part.file.size)}" for part in changes.copied]
    return {
        "changed": bool(changes),
        "path": request.folder,
        "number": kit.number,
        "total": kit.size,  # not "size": beside a path Ansible makes it that of the folder
        "written": changes.size,
        "copied": [part.path for part in changes.copied],
        "removed": changes.removed,
        "remarks": list(remarks),
        "diff": {
            "before": "".join(f"{path}\n" for path in changes.removed),
            "after": "".join(f"{line}\n" for line in lines),
        },
    }


def _needs(program: Run, request: Request, generation: _generation.Generation, folder: str, *, check: bool) -> Needs:
    """Return what the slave would install if it had nothing: what it has may be gone by the time it reads this."""
    snapshots = _intent.snapshots(request.place, generation.seal)
    asking = _closure.Asking(program, request.place, snapshots, request.distdir, request.build_on_slave)
    own = _closure.slaves(asking).get(request.slave) if asking.possible else None
    if own is None:
        words = f"{request.slave}: all packages of {request.target} are in its kit, since no build root knows its world"
        return Needs(set(generation.packages), remarks=[words])
    itself = _root_world.on_slave(request.world, request.build_on_slave, snapshots)
    merges = _closure.merges(asking, folder, own, itself)
    binaries = {(merge.cpv, merge.build_id) for merge in merges if merge.binary}
    paths = {path for path, entry in generation.packages.items() if _covers(binaries, entry)}
    sources = sorted(merge.cpv for merge in merges if not merge.binary)
    return Needs(paths, sources, _distfiles(asking, own, sources, check=check))


def _covers(wanted: t.AbstractSet[tuple[str, int | None]], entry: _packages.Package) -> bool:
    return not wanted.isdisjoint(((entry.cpv, entry.build_id), (entry.cpv, None)))


def _distfiles(asking: _closure.Asking, own: t.Sequence[Mount], sources: t.Sequence[str], *, check: bool) -> list[str]:
    """Return the names of the sources of what is compiled on the slave; what isn't here is fetched unless ``check``."""
    if not sources:
        return []
    target = asking.target()
    place = _merge_world.Place(asking.run, target, target.root, asking.snapshots, own=own)
    environment = _merge_world.environment(_merge_world.CLIENT)
    status, stdout, stderr = _merge_world.inside(place, ["python3", "-c", PROGRAM, *sources], environment)
    if status != 0:
        raise BinhostError(f"{target.root}: expected Portage to name the sources, found:\n{(stdout + stderr)[-2000:]}")
    found: dict[str, list[str]] = json.loads(stdout.strip().splitlines()[-1])
    lacking = [cpv for cpv in sources if any(not _is_there(asking.distdir, name) for name in found[cpv])]
    if lacking and not check:
        atoms = [f"={cpv}" for cpv in lacking]
        _merge_world.fetch(place, {"oneshot": True, "nodeps": True, "keep_going": True}, atoms)
    return sorted({name for names in found.values() for name in names})


def _is_there(distdir: str, name: str) -> bool:
    return os.path.isfile(os.path.join(distdir, name))


def _parts(request: Request, seal: _seal.Seal, folder: str, needs: Needs) -> tuple[list[_kit.Part], list[str]]:
    """Return the kit's files, the seal that makes it one last, and what can't be in it."""
    top = f"{_kit.PACKAGES}/{seal.target}"
    there = f"{top}/{seal.number}"
    files: dict[str, _seal.File | None] = {path: seal.packages[path] for path in sorted(needs.paths)}
    files.update({each.archive: _seal.File(each.sha512, each.size) for each in seal.repositories.values()})
    files["Packages"] = seal.index
    beside = ("record.json", _seal.SIGNATURE, _seal.NAME)
    files.update({name: None for name in beside if os.path.isfile(os.path.join(folder, name))})
    parts = [_kit.of_file(f"{there}/{path}", os.path.join(folder, path), file) for path, file in files.items()]
    here = [name for name in needs.distfiles if _is_there(request.distdir, name)]
    parts += [_kit.of_file(f"{_kit.DISTFILES}/{name}", os.path.join(request.distdir, name)) for name in here]
    parts.append(_kit.of_text(_kit.KEY, _keys.public(request.state).encode()))
    program = os.path.join(request.state, _kit.PROGRAM)
    parts += [_kit.of_file(_kit.PROGRAM, program)] if os.path.isfile(program) else []
    parts.append(_kit.of_file(f"{top}/current/{_seal.NAME}", os.path.join(folder, _seal.NAME)))
    lacking = [f"{name}: not in the kit, since nobody has it" for name in needs.distfiles if name not in here]
    return parts, lacking


def request(asked: t.Mapping[str, t.Any]) -> Request:
    """Return what a module is asked for.  Raises ``BinhostError`` for what can't be."""
    slave, number = asked["slave"], asked["number"]
    if not _seal.inside(slave) or "/" in slave:
        raise BinhostError(f"slave: expected a host's name, found {slave!r}")
    if number is not None and number < 1:
        raise BinhostError(f"number: expected the number of a generation, found {number}")
    same = {name: asked[name] for name in asked if name in Request.__dataclass_fields__}
    return replace(Request(**same), state=Place(asked["target"], asked["state_dir"]).state)
