# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a generation again from its record alone, in a root of its own, and say what came out differently.

::

    STATE/rebuilds/T/41/     a state folder of its own (roots/T, pkgdir/T …); gone afterwards unless it is kept

The stage has to have the recorded digest, the ebuild repositories are the generation's own, the sources are taken from
the distfiles that were kept. The target's own root, packages and generations are only read.
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import (
    _archive,
    _build,
    _contents,
    _durable,
    _files,
    _generation,
    _history,
    _lock,
    _packages,
    _pins,
    _progress,
    _record,
    _removal,
    _seal,
    _stage,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._process import Run
from ansible_collections.larry.binhost.plugins.module_utils._target import PARTIAL, Target

#: How one unpacks the stage: what stands there afterwards.
Unpack = t.Callable[[Run, str, _stage.Offer, t.Mapping[str, str]], t.Any]
#: Lines that are told of a package.
_SHOWN: t.Final = 20


@dataclass(frozen=True)
class Request:
    """What is asked for, in values that JSON can carry."""

    target: str
    number: int
    state: str
    stage_source: str  # path or URL
    distdir: str
    restricted: str = ""
    network: str = "none"
    keep: bool = False  # whether what was built stays

    @property
    def folder(self) -> str:
        """Where it is built, a state folder of its own."""
        return os.path.join(self.state, "rebuilds", self.target, str(self.number))

    @property
    def place(self) -> Place:
        """Where the target is."""
        return Place(self.target, self.state)

    @property
    def root(self) -> str:
        """The root in which it is built."""
        return Place(self.target, self.folder).root

    @property
    def live(self) -> str:
        """Where emerge tells how far it is."""
        return os.path.join(self.folder, "live", self.target)


@dataclass
class Compared:
    """What a rebuild came to."""

    same: list[str] = field(default_factory=list)  # PATH of the generation
    differs: dict[str, list[str]] = field(default_factory=dict)  # PATH -> a line for each file
    absent: list[str] = field(default_factory=list)  # PATH that was not built again: no world asks for it any more
    more: list[str] = field(default_factory=list)  # package that the generation lacks


def rebuild(run: Run, request: Request, *, unpack: Unpack = _stage.install) -> dict[str, t.Any]:
    """Build the generation again and compare; return what a module tells of it.  Raises ``BinhostError``."""
    folder, (generation, record, inputs) = request.place.generation(request.number), possible(request)
    what = f"rebuilds generation {request.number} of {request.target}"
    with _lock.held(f"rebuild-{request.target}", state=request.state, what=what):
        _removal.tree(request.folder)
        _prepare(run, request, record, unpack)
        try:
            _record.configure(request.root, inputs)
            repositories = _trees(request, record, generation.seal)
            result = _build.build(run, _target(request, inputs, repositories))
            compared = compare(folder, generation.packages, os.path.join(request.folder, "pkgdir", request.target))
        finally:
            if not request.keep:
                _removal.tree(request.folder)
    return told(request, compared, result.problems)


def possible(request: Request) -> tuple[_generation.Generation, _record.Record, _record.Inputs]:
    """Return the generation and what it was made from.  Raises ``BinhostError`` where that isn't known."""
    generation = _known(request)
    record = _record.of(request.place.generation(request.number), generation.seal)
    return generation, record, _record.inputs(record, request.state)


def work(run: Run, parameters: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Do what a ``Request``, given as a dictionary, says, as a job."""
    return rebuild(run, Request(**parameters))


def source(parameters: t.Mapping[str, t.Any]) -> _progress.Source:
    """Return where the emerge of a rebuild tells how far it is."""
    request = Request(**parameters)
    return _progress.Source(request.live, request.root + _history.LOG)


def _known(request: Request) -> _generation.Generation:
    """Return the generation.  Raises ``BinhostError`` where there is none."""
    folder = request.place.generation(request.number)
    try:
        return _generation.check(folder)
    except (BinhostError, OSError, EOFError) as exc:
        have = ", ".join(map(str, request.place.numbers())) or "none"
        raise BinhostError(
            f"generation {request.number} of target {request.target}: expected a complete one to build again, "
            f"found: {exc}; there are {have}"
        ) from None


def _prepare(run: Run, request: Request, record: _record.Record, unpack: Unpack) -> None:
    """Unpack the recorded stage, and no other."""
    sha512 = record.stage.get("sha512")
    if not sha512:
        raise BinhostError(
            f"{request.place.root}: expected a root that was unpacked from a stage by larry.binhost, found another: "
            f"what generation {request.number} began with isn't known"
        )
    offer = _stage.Offer(request.stage_source)
    if offer.file != record.stage["file"]:
        beside = os.path.join(os.path.dirname(request.stage_source), record.stage["file"])
        cached = os.path.join(request.state, "stages", record.stage["file"])
        offer = _stage.Offer(cached if os.path.isfile(cached) else beside)
    _stage.present(offer)
    os.makedirs(os.path.dirname(request.root), mode=0o700)
    unpack(run, request.root, offer, {"SHA512": sha512})


def _target(request: Request, inputs: _record.Inputs, repositories: t.Mapping[str, str]) -> Target:
    sources = {"distdir": request.distdir, "restricted": request.restricted}
    where = {"root": request.root, "state_dir": request.folder, **sources}
    own = inputs.as_target(**where, repositories=repositories, publish=PARTIAL)
    _files.directory(own.live)
    return own


def _trees(request: Request, record: _record.Record, seal: _seal.Seal) -> dict[str, str]:
    """Unpack the generation's ebuild repositories; return name to what leads to each, as to one that is pinned."""
    found = {}
    for name, repository in seal.repositories.items():
        if record.repositories.get(name) != repository.revision[:12]:
            at = record.repositories.get(name, "none")
            raise BinhostError(f"repository {name}: expected revision {repository.revision[:12]}, recorded is {at}")
        archive = os.path.join(request.place.generation(request.number), repository.archive)
        if _durable.digests(archive, "sha512")["sha512"] != repository.sha512:
            raise BinhostError(f"{archive}: expected the archive that the seal names, found another")
        folder = os.path.join(request.folder, "repos", repository.folder(name))
        _files.directory(os.path.dirname(folder))
        _archive.unpack(archive, folder)
        found[name] = _pins.link(name, request.folder)
        _files.link(found[name], f"../repos/{repository.folder(name)}")
    return found


def compare(folder: str, entries: t.Mapping[str, _packages.Package], pkgdir: str) -> Compared:
    """Compare each package of a generation with what a PKGDIR has of the same version and USE."""
    index = _generation.parsed(_generation.read(os.path.join(pkgdir, "Packages")), where=pkgdir)
    built = _newest(_packages.packages(index))
    known = _newest(entries.values())
    compared = Compared(more=sorted({entry.cpv for what, entry in built.items() if what not in known}))
    for path, entry in sorted(entries.items()):
        again = built.get(_what(entry))
        if again is None or known[_what(entry)].path != path:
            compared.absent.append(path)
            continue
        before, after = _contents.of(os.path.join(folder, path)), _contents.of(os.path.join(pkgdir, again.path))
        lines = _contents.differences(before, after)
        if lines:
            compared.differs[path] = lines
        else:
            compared.same.append(path)
    return compared


def _what(entry: _packages.Package) -> tuple[str, ...]:
    """Return what makes a package another one than its neighbours of that version."""
    return (entry.cpv, *(entry.values.get(name, "") for name in ("USE", "SLOT", "RDEPEND", "REPO")))


def _newest(entries: t.Iterable[_packages.Package]) -> dict[tuple[str, ...], _packages.Package]:
    return {_what(entry): entry for entry in sorted(entries, key=lambda entry: (entry.build_id or 0, entry.path))}


def told(request: Request, compared: Compared, problems: t.Sequence[str]) -> dict[str, t.Any]:
    """Return what a module tells; ``text`` is for a person."""
    lines = [
        f"generation {request.number} of {request.target}, built again from its record: {len(compared.same)} packages "
        f"have the same files, {len(compared.differs)} differ, {len(compared.absent)} were not built again"
    ]
    for path, found in sorted(compared.differs.items()):
        lines.append(f"{path} differs:")
        lines += [f"    {line}" for line in found[:_SHOWN]]
        lines += [f"    and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    lines += [f"{path}: not built again, no world asks for it" for path in compared.absent]
    lines += [f"{cpv}: built now, and not in the generation" for cpv in compared.more]
    lines += problems
    lines += [f"what was built is in {request.folder}"] if request.keep else []
    return {
        "changed": False,
        "same": compared.same,
        "differs": compared.differs,
        "absent": compared.absent,
        "more": compared.more,
        "problems": list(problems),
        "text": lines,
    }
