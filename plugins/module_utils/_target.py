# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a target's packages in its build root, and once more for each slave whose own configuration asks for other
ones.

What a build leaves behind is its private PKGDIR; publishing is another matter (see ``_generation``). Facts about
Portage:

- The first build is ``--emptytree``: what a stage brought has no binary package, and ``-uDN`` would never make one.
- ``--usepkg`` turns build-time dependencies off unless told; a root is complete only with ``--with-bdeps=y``.
- ``--changed-deps=y`` and FEATURES=buildpkg-proactive (Portage 3.0.80) rebuild what slaves would refuse after an
  edited ebuild.
- Neither looks at CFLAGS, which no index names either: when they change, the old binaries have to go.
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import (
    _atom,
    _emerge,
    _files,
    _fingerprint,
    _fragments,
    _paths,
    _removal,
    _repository,
    _rootrun,
    _world,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

PKGDIR = "/var/cache/binpkgs"
DISTDIR = "/var/cache/distfiles"
FEATURES = "buildpkg buildpkg-proactive -getbinpkg"


class Run(t.Protocol):
    """How to run a program; ``AnsibleModule.run_command`` is one."""

    def __call__(self, args: t.Any, /) -> tuple[int, str, str]:
        """Return exit status, stdout and stderr; a status other than 0 is no exception."""


@dataclass(frozen=True)
class Variant:
    """A slave with its whole configuration, as its packages have to fit it."""

    name: str
    files: t.Mapping[str, str]  # relative to etc/portage
    world: t.Sequence[str]


@dataclass(frozen=True)
class Target:
    """What is to be built."""

    name: str
    root: str
    repositories: t.Mapping[str, str]  # name -> location on the master
    world: t.Mapping[str, t.Sequence[str]]  # atom -> the hosts that ask for it
    variants: t.Sequence[Variant]
    links: t.Mapping[str, str]  # relative to etc/portage, the same for every variant
    compile: str  # digest of what decides which CPUs can run the packages
    distdir: str
    options: t.Mapping[str, t.Any]  # emerge's
    makeopts: str
    state_dir: str = _paths.STATE

    @property
    def pkgdir(self) -> str:
        """The private PKGDIR."""
        return os.path.join(self.state_dir, "pkgdir", self.name)

    @property
    def record(self) -> str:
        """Where the last complete build's fingerprint is."""
        return os.path.join(self.state_dir, "fingerprints", f"target-{self.name}.json")


@dataclass
class Result:
    """What a build did."""

    snapshots: dict[str, str] = field(default_factory=dict)  # repository -> the copy that was built from
    built: list[str] = field(default_factory=list)  # in the root
    variants: dict[str, list[str]] = field(default_factory=dict)  # slave -> what was built once more for it
    unsatisfiable: dict[str, list[str]] = field(
        default_factory=dict
    )  # atom that no repository has -> hosts that ask for it
    problems: list[str] = field(default_factory=list)  # a slave's packages that could not be built; the others' could


def revisions(target: Target) -> dict[str, str]:
    """Return the revision that each repository is at now, as its snapshot is named by it."""
    return {name: _repository.revision(place)[:12] for name, place in target.repositories.items()}


def snapshots(target: Target, revisions: t.Mapping[str, str]) -> dict[str, str]:
    """Return where each repository's snapshot at its revision is, or will be once it is built from."""
    return {name: os.path.join(target.state_dir, "repos", f"{name}-{revision}") for name, revision in revisions.items()}


def state(target: Target, revisions: t.Mapping[str, str]) -> dict[str, str]:
    """Return a digest for each thing that decides whether there is anything to build."""
    wanted = {
        "world": {atom: sorted(hosts) for atom, hosts in target.world.items()},
        "variants": [[variant.name, dict(variant.files), sorted(variant.world)] for variant in target.variants],
        "links": dict(target.links),
    }
    return {
        "wanted": _fingerprint.digest(wanted),
        "compile": target.compile,
        "root": _fingerprint.digest(_fingerprint.root_state(target.root)),
        "repositories": _fingerprint.digest(dict(revisions)),
        "packages": _index(target.pkgdir),
    }


def _index(pkgdir: str) -> str:
    try:
        stat = os.stat(os.path.join(pkgdir, "Packages"))
    except FileNotFoundError:
        return "none"
    return f"{stat.st_size} {stat.st_mtime_ns}"


def differs(target: Target, revisions: t.Mapping[str, str]) -> list[str]:
    """Return the names of what changed since the last complete build; empty means that there is nothing to do."""
    recorded = _fingerprint.recorded(target.record)
    return [name for name, value in state(target, revisions).items() if recorded.get(name) != value]


def build(run: Run, target: Target) -> Result:
    """Build everything and return what was built. Raises ``BinhostError`` if the root's own build fails."""
    how = _begin(target)
    copies = {name: _repository.snapshot(name, place, target.state_dir) for name, place in target.repositories.items()}
    result = Result(snapshots=copies, unsatisfiable=_unsatisfiable(target, copies))
    _declare_world(target.root, [atom for atom in target.world if atom not in result.unsatisfiable])
    result.built = _emerge_in(run, target, target.root, _binds(target, copies), how)
    _fingerprint.record(target.record, {"whole": target.compile})
    for variant in target.variants:
        try:
            result.variants[variant.name] = _cover(run, target, variant, copies, result.unsatisfiable)
        except BinhostError as exc:
            result.problems.append(f"{variant.name}: {exc}")
    at = {name: _repository.revision_of(name, path) for name, path in copies.items()}
    if not result.problems:
        _fingerprint.record(target.record, {"whole": target.compile, **state(target, at)})
    return result


def _begin(target: Target) -> dict[str, t.Any]:
    """Return emerge's options for the root, and record that it is begun.

    A first build that was cut short goes on with the packages it has made; one for other CPUs starts without any.
    """
    recorded = _fingerprint.recorded(target.record)
    if recorded.get("whole") == target.compile:
        return {"update": True, "deep": True, "newuse": True, "changed_deps": True}
    resumed = recorded.get("begun") == target.compile
    if not resumed:
        _removal.empty(target.pkgdir)
    os.makedirs(target.pkgdir, exist_ok=True)
    _fingerprint.record(target.record, {"begun": target.compile})
    return {"emptytree": True, "usepkg": resumed}


def _unsatisfiable(target: Target, snapshots: t.Mapping[str, str]) -> dict[str, list[str]]:
    def somewhere(atom: str) -> bool:
        return atom.startswith("@") or any(
            os.path.isdir(os.path.join(place, _atom.category_package(atom))) for place in snapshots.values()
        )

    return {atom: sorted(hosts) for atom, hosts in target.world.items() if not somewhere(atom)}


def _declare_world(root: str, atoms: t.Iterable[str]) -> None:
    text = _fragments.package_set(sorted(atoms), header=_fragments.header("the target's world", "slave_world"))
    _files.write(os.path.join(root, "etc/portage/sets/binhost"), text)
    _files.write(os.path.join(root, "var/lib/portage/world_sets"), "@binhost\n")


def _binds(target: Target, snapshots: t.Mapping[str, str], configuration: str | None = None) -> list[_rootrun.Bind]:
    binds = [_rootrun.Bind(place, f"{_paths.REPOSITORIES}/{name}") for name, place in snapshots.items()]
    binds += [
        _rootrun.Bind(target.pkgdir, PKGDIR, writable=True),
        _rootrun.Bind(target.distdir, DISTDIR, writable=True),
    ]
    binds += (
        [_rootrun.Bind(os.path.realpath("/etc/resolv.conf"), "/etc/resolv.conf")]
        if os.path.exists("/etc/resolv.conf")
        else []
    )
    return [*binds, _rootrun.Bind(configuration, "/etc/portage")] if configuration else binds


def _environment(target: Target, features: str) -> dict[str, str]:
    own = {"FEATURES": features, "PKGDIR": PKGDIR, "DISTDIR": DISTDIR, "MAKEOPTS": target.makeopts}
    return {**_emerge.ENVIRONMENT, **own}


def _emerge_in(
    run: Run, target: Target, root: str, binds: list[_rootrun.Bind], how: t.Mapping[str, t.Any]
) -> list[str]:
    """Run emerge @world in a root and return what it compiled. Raises ``BinhostError`` with its last words."""
    log = os.path.join(root, "var/log/emerge.log")
    offset = _world.log_size(log)
    command = _emerge.argv(["@world"], {**target.options, "with_bdeps": "y", "keep_going": True, **how}, pretend=False)
    status, stdout, stderr = run(_rootrun.argv(root, binds, command, _environment(target, FEATURES)))
    done = _emerge.outcome(_world.log_since(offset, log))
    if status != 0:
        failed = f", {' '.join(done.failed)} failed" if done.failed else ""
        words = _world.why_failed(done, _emerge.last_words(stdout + stderr), root)
        raise BinhostError(
            f"target {target.name}: emerge @world in {root}: expected status 0, found {status}{failed}:\n{words}"
        )
    return done.source


def _cover(
    run: Run, target: Target, variant: Variant, snapshots: t.Mapping[str, str], missing: t.Container[str]
) -> list[str]:
    """Build what the variant's own configuration asks for beyond the root's packages, and return it.

    The clone is thrown away. Afterwards emerge, asked with this slave's configuration, finds a binary for everything,
    or the
    ``BinhostError`` names what it would compile.
    """
    configuration = os.path.join(target.state_dir, "variants", target.name, variant.name)
    _lay_out(configuration, target, variant, missing)
    binds = _binds(target, snapshots, configuration)
    if not _uncovered(run, target, binds):
        return []
    clone = os.path.join(target.state_dir, "variants", target.name, f".{variant.name}.root")
    _removal.tree(clone)
    status, _stdout, stderr = run(["cp", "-a", "-x", "--reflink=auto", target.root, clone])
    if status != 0:
        raise BinhostError(f"{clone}: expected a copy of {target.root}, found: {stderr.strip()}")
    try:
        built = _emerge_in(
            run,
            target,
            clone,
            binds,
            {"update": True, "deep": True, "newuse": True, "changed_deps": True, "usepkg": True},
        )
    finally:
        _removal.tree(clone)
    uncovered = _uncovered(run, target, binds)
    if uncovered:
        raise BinhostError(f"expected a binary for every package of its world, found none for {', '.join(uncovered)}")
    return built


def _lay_out(place: str, target: Target, variant: Variant, missing: t.Container[str]) -> None:
    _removal.empty(place)
    for path, text in variant.files.items():
        _files.write(os.path.join(place, path), text)
    for path, source in target.links.items():
        os.makedirs(os.path.dirname(os.path.join(place, path)), exist_ok=True)
        os.symlink(source, os.path.join(place, path))
    atoms = sorted(atom for atom in variant.world if atom not in missing)
    _files.write(
        os.path.join(place, "sets/binhost"), _fragments.package_set(atoms, header=f"# The world of {variant.name}.\n")
    )


def _uncovered(run: Run, target: Target, binds: list[_rootrun.Bind]) -> list[str]:
    """Return what emerge would compile on a machine with this configuration and nothing installed."""
    options = {"emptytree": True, "usepkg": True, "with_bdeps": "n"}
    command = _emerge.argv(["@world"], options, pretend=True)
    status, stdout, stderr = run(
        _rootrun.argv(target.root, binds, command, _environment(target, "-buildpkg-proactive -getbinpkg"))
    )
    if status != 0:
        raise BinhostError(
            f"expected a merge list of its world, found status {status}:\n{_emerge.last_words(stdout + stderr)}"
        )
    return [merge.cpv for merge in _emerge.merge_list(stdout) if merge.kind == "ebuild"]
