# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target whose packages are what its master has installed for itself (mode ``shared``).

Its person's emerge leaves packages in the target's PKGDIR (FEATURES=buildpkg); what was installed before that is
packed with quickpkg.  Facts about Portage:

- A package that quickpkg made has the BUILD_TIME of the installed one: with CPV it tells what is packed already.
- In the place of a configuration file that it leaves out quickpkg packs one that holds a comment (gpkg.py,
  ``_quickpkg``), and a slave that hasn't that file gets it.
- quickpkg ends with status 0 although some packages failed; only the index tells what there is.
- No index names CFLAGS, so no slave refuses a package for them.  They are in the package and in the VDB: what not all
  slaves can run is not packed, and if the person's own emerge left it in PKGDIR it is withheld from publication.
"""

from __future__ import annotations

import os
import socket
import typing as t
from dataclasses import asdict, dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import (
    _atom,
    _emerge,
    _fingerprint,
    _generation,
    _lock,
    _packages,
    _paths,
    _repository,
    _runnable,
    _vdb,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._portage_query import Run

#: Which configuration files are packed -> quickpkg's words for it.
CONFIG: t.Final[t.Mapping[str, tuple[str, ...]]] = {
    "none": ("--include-config=n", "--include-unmodified-config=n"),
    "unmodified": ("--include-config=n", "--include-unmodified-config=y"),
    "all": ("--include-config=y", "--include-unmodified-config=y"),
}
#: Packages per call: a command line has its limit.
_BATCH: t.Final = 200


@dataclass(frozen=True)
class Shared:
    """What is wanted of the installation."""

    name: str
    repositories: t.Mapping[str, str]  # name -> location
    world: t.Mapping[str, t.Sequence[str]]  # atom -> the slaves that are to have it
    members: t.Mapping[str, t.Sequence[str]]  # slave -> what its CPU has, in the kernel's names
    chost: str
    cflags: str  # the target's
    quickpkg: bool  # whether to pack what is installed and has no package
    config: str  # which configuration files to pack, a key of CONFIG
    modified: bool  # whether to pack what has modified files
    root: str = "/"
    state_dir: str = _paths.STATE

    @property
    def place(self) -> Place:
        """Where its packages are."""
        return Place(self.name, self.state_dir)

    @property
    def record(self) -> str:
        """Where it is kept what the last run found."""
        return os.path.join(self.state_dir, "fingerprints", f"shared-{self.name}.json")


@dataclass
class Result:
    """What was found and done."""

    packed: list[str] = field(default_factory=list)  # in check mode what would be
    modified: dict[str, list[str]] = field(default_factory=dict)  # not packed: package -> the paths that differ
    foreign: dict[str, str] = field(default_factory=dict)  # not packed: package -> why not all slaves can run it
    withheld: dict[str, str] = field(default_factory=dict)  # in PKGDIR, not to be published: path -> why
    missing: dict[str, list[str]] = field(default_factory=dict)  # atom that no package satisfies -> who asks for it
    snapshots: dict[str, str] = field(default_factory=dict)  # repository -> copy of it


class Known(t.NamedTuple):
    """What the last run kept."""

    state: t.Mapping[str, str]
    flags: t.Mapping[str, t.Sequence[t.Any]]  # path in PKGDIR -> [its stat, its flags]
    config: t.Mapping[str, str]  # build -> how quickpkg packed its configuration files
    modified: t.Mapping[str, t.Sequence[str]]
    foreign: t.Mapping[str, str]
    withheld: t.Mapping[str, str]


def converge(run: Run, wanted: Shared, *, check: bool) -> Result:
    """Pack what is to be packed, unless this is only a check, and return what was found.

    Raises ``BinhostError``, also where there would be nothing to publish.
    """
    if check:
        revisions = {name: _repository.revision(place)[:12] for name, place in wanted.repositories.items()}
        copies = {
            name: os.path.join(wanted.state_dir, "repos", f"{name}-{revision}") for name, revision in revisions.items()
        }
        return _converge(run, wanted, copies, check=True)
    with _lock.held(f"build-{wanted.name}", state=wanted.state_dir, what=f"packs {wanted.name}"):
        os.makedirs(wanted.place.pkgdir, exist_ok=True)
        copies = {
            name: _repository.snapshot(name, place, wanted.state_dir) for name, place in wanted.repositories.items()
        }
        found = _converge(run, wanted, copies, check=False)
    if not set(_entries(wanted)) - set(found.withheld):
        raise BinhostError(
            f"{wanted.place.pkgdir}: expected a package to publish, found none. Install on {socket.gethostname()} what "
            "the slaves are to have: it is packed while it is built; or let the target have quickpkg: true."
        )
    return found


def settled(wanted: Shared) -> bool:
    """Return whether a run would start no program: nothing has changed since the last one."""
    known = _known(wanted)
    return known.state == _state(wanted, known.modified)


def told(found: Result) -> dict[str, t.Any]:
    """Return what a module tells of it."""
    lines = "".join(f"{cpv}\n" for cpv in found.packed)
    return {"changed": bool(found.packed), "diff": {"before": "", "after": lines}, **asdict(found)}


def _converge(run: Run, wanted: Shared, copies: dict[str, str], *, check: bool) -> Result:
    known, result = _known(wanted), Result(snapshots=copies)
    if settled(wanted):
        result.modified = {cpv: list(paths) for cpv, paths in known.modified.items()}
        result.foreign, result.withheld = dict(known.foreign), dict(known.withheld)
    else:
        _look(run, wanted, known, result, check=check)
    offered = [entry.cpv for path, entry in _entries(wanted).items() if path not in result.withheld]
    result.missing = _missing(wanted.world, [*offered, *(result.packed if check else ())])
    return result


def _look(run: Run, wanted: Shared, known: Known, result: Result, *, check: bool) -> None:
    """Find out what is to be packed, pack it, and what of all that may be published."""
    judge = _runnable.Judge(run, wanted.chost, wanted.cflags, wanted.members)
    judge.target(wanted.cflags)
    packing = _choose(run, wanted, judge, _unpacked(wanted, known.config), result)
    result.packed = [package.cpv for package in packing]
    if packing and not check:
        _pack(run, wanted, packing)
    flags = _flags(run, wanted, known.flags)
    reasons = {path: judge.why_not(said) for path, (_stat, said) in flags.items()}
    result.withheld = {path: why for path, why in reasons.items() if why}
    if not check:
        config = {**known.config, **{_build(package): wanted.config for package in packing}}
        found = Known({}, flags, config, result.modified, result.foreign, result.withheld)
        _fingerprint.record(wanted.record, found._replace(state=_state(wanted, found.modified))._asdict())


def _known(wanted: Shared) -> Known:
    """Return what the last run kept; nothing where none did, or an older one of another form."""
    kept = _fingerprint.recorded(wanted.record)
    return Known(*(kept[name] if isinstance(kept.get(name), dict) else {} for name in Known._fields))


def _state(wanted: Shared, modified: t.Mapping[str, t.Sequence[str]]) -> dict[str, str]:
    """Return a digest for each thing that decides what is to pack."""
    asked = [wanted.members, wanted.chost, wanted.cflags, wanted.quickpkg, wanted.config, wanted.modified]
    paths = [path for each in modified.values() for path in each]
    return {
        "wanted": _fingerprint.digest(asked),
        "installed": _fingerprint.digest(_fingerprint.vdb(wanted.root)),
        "packages": _stat(os.path.join(wanted.place.pkgdir, "Packages")),
        # Whether they were put right; that other files were modified meanwhile doesn't matter, their package is packed.
        "modified": _fingerprint.digest([_stat(os.path.join(wanted.root, path.lstrip("/"))) for path in paths]),
    }


def _stat(path: str) -> str:
    try:
        status = os.lstat(path)
    except OSError:
        return "none"
    return f"{status.st_size} {status.st_mtime_ns}"


def _entries(wanted: Shared) -> dict[str, _packages.Package]:
    """Return what PKGDIR's index has, by path."""
    path = os.path.join(wanted.place.pkgdir, "Packages")
    if not os.path.exists(path):
        return {}
    index = _packages.parse(_generation.read(path).decode("utf-8", "surrogateescape"))
    return _generation.by_path(index, where=wanted.place.pkgdir)


def _build(package: _vdb.Package) -> str:
    return f"{package.cpv} {package.build_time}"


def _unpacked(wanted: Shared, config: t.Mapping[str, str]) -> list[_vdb.Package]:
    """Return what is installed without a package of the very same build, or with one that was packed another way."""
    if not wanted.quickpkg:
        return []
    there = {(entry.cpv, entry.build_time) for entry in _entries(wanted).values()}
    return [
        package
        for package in _vdb.packages(wanted.root)
        if (package.cpv, package.build_time) not in there or config.get(_build(package), wanted.config) != wanted.config
    ]


def _choose(
    run: Run, wanted: Shared, judge: _runnable.Judge, packages: t.Sequence[_vdb.Package], result: Result
) -> list[_vdb.Package]:
    """Return what of these is packed; the result says why the others aren't."""
    reasons = {package.cpv: judge.why_not(package.flags) for package in packages}
    result.foreign = {cpv: why for cpv, why in reasons.items() if why}
    runnable = [package for package in packages if not reasons[package.cpv]]
    if runnable and not wanted.modified:
        spared = _configuration(run)
        paths = {each.cpv: _vdb.changed(wanted.root, each.cpv, spared=spared) for each in runnable}
        result.modified = {cpv: found for cpv, found in paths.items() if found}
    return [package for package in runnable if package.cpv not in result.modified]


def _configuration(run: Run) -> t.Callable[[str], bool]:
    """Return the function that tells configuration files: those are modified on purpose."""
    command = ["portageq", "envvar", "CONFIG_PROTECT", "CONFIG_PROTECT_MASK"]
    status, stdout, stderr = run(command)
    lines = stdout.split("\n")
    if status != 0 or len(lines) < 2:
        raise BinhostError(f"{' '.join(command)}: expected two lines, found status {status}: {stderr.strip()}")
    protect, mask = lines[0].split(), lines[1].split()
    return lambda path: _vdb.protected(path, protect, mask)


def _pack(run: Run, wanted: Shared, packages: t.Sequence[_vdb.Package]) -> None:
    """Run quickpkg.  Raises ``BinhostError`` for what has no package afterwards; what has one keeps it."""
    words = ""
    environment = {**_emerge.ENVIRONMENT, "PKGDIR": wanted.place.pkgdir, "FEATURES": "binpkg-multi-instance"}
    before = _entries(wanted)
    for start in range(0, len(packages), _BATCH):
        atoms = [f"={package.cpv}" for package in packages[start : start + _BATCH]]
        variables = [f"{name}={value}" for name, value in environment.items()]
        command = ["env", *variables, "quickpkg", "--ignore-default-opts", *CONFIG[wanted.config], *atoms]
        _status, stdout, stderr = run(command)
        words += stdout + stderr
    new = [each for path, each in _entries(wanted).items() if path not in before or before[path].md5 != each.md5]
    there = {(entry.cpv, entry.build_time) for entry in new}
    failed = [each.cpv for each in packages if (each.cpv, each.build_time) not in there]
    if failed:
        told = _emerge.last_words(words)
        raise BinhostError(f"quickpkg: expected a package of {', '.join(failed)}, found none:\n{told}")


def _flags(
    run: Run, wanted: Shared, known: t.Mapping[str, t.Sequence[t.Any]]
) -> dict[str, tuple[str, _runnable.Flags]]:
    """Return path in PKGDIR -> its stat and its flags; only files that are new are asked for theirs."""
    stats = {path: _stat(os.path.join(wanted.place.pkgdir, path)) for path in _entries(wanted)}
    old = {path: known[path][1] for path, stat in stats.items() if path in known and known[path][0] == stat}
    new = {os.path.join(wanted.place.pkgdir, path): path for path in stats if path not in old}
    said = {new[place]: flags for place, flags in _runnable.recorded(run, list(new)).items()}
    return {path: (stat, old[path] if path in old else said.get(path)) for path, stat in stats.items()}


def _missing(world: t.Mapping[str, t.Sequence[str]], cpvs: t.Sequence[str]) -> dict[str, list[str]]:
    """Return the atoms of whose package there is no version at all."""
    there = {_atom.category_package(f"={cpv}") for cpv in cpvs}
    return {atom: sorted(hosts) for atom, hosts in world.items() if _atom.category_package(atom) not in there}
