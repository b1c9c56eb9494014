# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be built for a target, and whether anything that decides it has changed since it was."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import _fingerprint, _job_files, _paths, _repository

#: A build in which a package of the root failed is not published.
COMPLETE: t.Final = "complete"
#: It is, without what failed and what needs that.
PARTIAL: t.Final = "partial"


@dataclass(frozen=True)
class Variant:
    """A slave with its whole configuration, as its packages have to fit it."""

    name: str
    files: t.Mapping[str, str]  # relative to etc/portage
    world: t.Sequence[str]  # what the inventory declares
    wishes: t.Sequence[str]  # what its person installed
    features: t.Collection[str]  # what its CPU has, in the kernel's names
    build_on_slave: t.Sequence[str] = ()  # packages that it makes itself, the target's included; "*" for any text


@dataclass(frozen=True)
class Target:
    """What is to be built."""

    name: str
    root: str
    repositories: t.Mapping[str, str]  # name -> location on the master
    world: t.Mapping[str, t.Sequence[str]]  # atom that the inventory declares -> the hosts that it does for
    wishes: t.Mapping[str, t.Sequence[str]]  # atom of a person's world file -> the hosts that have it there
    variants: t.Sequence[Variant]
    links: t.Mapping[str, str]  # relative to etc/portage, the same for every variant
    compile: str  # digest of what decides which CPUs can run the packages
    cflags: str  # what the compiler is told of those CPUs
    distdir: str
    options: t.Mapping[str, t.Any]  # emerge's
    build_on_slave: t.Sequence[str] = ()  # packages that every slave makes itself; "*" for any text
    restricted: str = ""  # folder of sources that only persons may fetch; empty: they are in ``distdir``
    network: str = "none"  # of builds: none, host, or HOST:PORT that alone is reached; sources are fetched before
    tmpfs: int | None = None  # bytes of memory for builds; None: on the root's disk
    on_disk: t.Sequence[str] = ()  # packages that are too large for that; "*" for any text
    proof: str | None = None  # the package with which a new root proves itself; None: a small one is chosen
    depclean: bool = False  # whether what no world asks for any more leaves the root
    base: str = ""  # the target on which this one stands (see ``_stack``); "": none
    # {"atom", "use"}: a package and the USE with which it is built first where it stands in a circle of dependencies
    cycles: t.Sequence[t.Mapping[str, str]] = ()
    # "source", "key", "fingerprint", "verify": the stage that a root which takes over is unpacked from; none: none does
    stage: t.Mapping[str, t.Any] = field(default_factory=dict)
    publish: str = COMPLETE  # or PARTIAL: what is to come of a build in which a package failed
    retry: bool = False  # whether packages that failed are tried again although nothing that decides it has changed
    state_dir: str = _paths.STATE

    @property
    def pkgdir(self) -> str:
        """The private PKGDIR."""
        return os.path.join(self.state_dir, "pkgdir", self.name)

    @property
    def live(self) -> str:
        """What stands at /run/portage in the root: there emerge tells how far it is."""
        return os.path.join(self.state_dir, "live", self.name)

    @property
    def variants_dir(self) -> str:
        """Where the slaves' configurations, and the clones of the root, are while they are built for."""
        return os.path.join(self.state_dir, "variants", self.name)

    @property
    def failures(self) -> str:
        """Where it is kept which packages failed, of what, and what decided it."""
        return os.path.join(self.state_dir, "failed", f"{self.name}.json")

    @property
    def record(self) -> str:
        """Where the last complete build's fingerprint is."""
        return record_of(self.name, self.state_dir)

    @property
    def base_record(self) -> str:
        """Where it is written down on which state of its base it stands."""
        return os.path.join(self.state_dir, "fingerprints", f"base-{self.name}.json")


@dataclass
class Result:
    """What a build did."""

    snapshots: dict[str, str] = field(default_factory=dict)  # repository -> the copy that was built from
    built: list[str] = field(default_factory=list)  # in the root
    removed: list[str] = field(default_factory=list)  # from the root, since nothing asks for it any more
    variants: dict[str, list[str]] = field(default_factory=dict)  # slave -> what was built once more for it
    apart: dict[str, str] = field(default_factory=dict)  # slave whose world isn't in the root -> Portage's words
    unsatisfiable: dict[str, list[str]] = field(default_factory=dict)  # atom that no repository has -> who asks for it
    # {"packages", "line"}: circles of dependencies, and the line of package.use with which one was built first
    cycles: list[dict[str, t.Any]] = field(default_factory=list)
    # {"package", "cpv", "old", "new", "rebuilds"}: languages, compilers and libcs that came in another slot or version
    major: list[dict[str, t.Any]] = field(default_factory=list)
    fresh: str = ""  # why a root from the stage took the old one's place; "" if none did
    seconds: dict[str, float] = field(default_factory=dict)  # package that was compiled -> how long that took
    problems: list[str] = field(default_factory=list)  # a slave's packages that could not be built; the others' could
    # "x/a-1", or "x/a-1 for SLAVE", to what ``_failed.Failed`` has of it: all that stand failed now
    # Not "failed": to Ansible that would say that the module is.
    failures: dict[str, dict[str, t.Any]] = field(default_factory=dict)
    dropped: dict[str, str] = field(
        default_factory=dict
    )  # what was not begun for that -> whose failure it goes back to
    held: str = ""  # why this isn't to be published; empty if it is


def record_of(name: str, state_dir: str) -> str:
    """Return where the fingerprint of a target's last complete build is."""
    return os.path.join(state_dir, "fingerprints", f"target-{name}.json")


def revisions(target: Target) -> dict[str, str]:
    """Return the revision that each repository is at now, as its snapshot is named by it."""
    return {name: _repository.digits(name, place, target.state_dir) for name, place in target.repositories.items()}


def snapshots(target: Target, revisions: t.Mapping[str, str]) -> dict[str, str]:
    """Return where each repository's snapshot at its revision is, or will be once it is built from."""
    return {name: os.path.join(target.state_dir, "repos", f"{name}-{revision}") for name, revision in revisions.items()}


def state(target: Target, revisions: t.Mapping[str, str]) -> dict[str, str]:
    """Return a digest for each thing that decides whether there is anything to build."""
    wanted = {
        "world": {atom: sorted(hosts) for atom, hosts in target.world.items()},
        "wishes": {atom: sorted(hosts) for atom, hosts in target.wishes.items()},
        "variants": [
            [each.name, dict(each.files), sorted(each.world), sorted(each.wishes), sorted(each.build_on_slave)]
            for each in target.variants
        ],
        "build_on_slave": sorted(target.build_on_slave),
        "links": dict(target.links),
        "depclean": target.depclean,
    }
    return {
        "wanted": _fingerprint.digest(wanted),
        "compile": target.compile,
        "root": _fingerprint.digest(_fingerprint.root_state(target.root)),
        "repositories": _fingerprint.digest(dict(revisions)),
        "packages": index_state(target.pkgdir),
    }


def index_state(pkgdir: str) -> str:
    """Return what tells PKGDIR's index from another one, without reading it."""
    try:
        stat = os.stat(os.path.join(pkgdir, "Packages"))
    except FileNotFoundError:
        return "none"
    return f"{stat.st_size} {stat.st_mtime_ns}"


def differs(target: Target, revisions: t.Mapping[str, str]) -> list[str]:
    """Return the names of what changed since the last complete build; empty means that there is nothing to do."""
    recorded = _fingerprint.recorded(target.record)
    changed = [name for name, value in state(target, revisions).items() if recorded.get(name) != value]
    # While the base is built it isn't known yet what it will be.
    busy = target.base and _job_files.find(f"build-{target.base}", target.state_dir).phase == "running"
    return [*changed, *(["base"] if busy or base_differs(target) else [])]


def base_differs(target: Target) -> bool:
    """Return whether the base is another than the one on which a target stands; false where it stands on none."""
    if not target.base:
        return False
    stands = _fingerprint.recorded(target.record).get("whole") == target.compile  # else its root was removed since
    return not stands or _fingerprint.recorded(target.base_record).get("state") != base_state(target)


def base_state(target: Target) -> str:
    """Return a digest of what of its base a target depends on, and of the CPUs that it is for itself."""
    built = _fingerprint.recorded(record_of(target.base, target.state_dir))
    index = index_state(os.path.join(target.state_dir, "pkgdir", target.base))
    return _fingerprint.digest([built, index, target.compile])
