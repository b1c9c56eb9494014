# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build a target's packages in its build root, and once more for each slave whose configuration asks for others.

What a build leaves behind is its private PKGDIR; publishing is another matter (see ``_generation``). Facts about
Portage:

- The first build is ``--emptytree``: what a stage brought has no binary package, and ``-uDN`` would never make one.
- ``--usepkg`` turns build-time dependencies off unless told; a root is complete only with ``--with-bdeps=y``.
- ``--changed-deps=y`` and FEATURES=buildpkg-proactive (Portage 3.0.80) rebuild what slaves would refuse after an
  edited ebuild.
- Neither looks at CFLAGS, which no index names either: when they change, the old binaries have to go.
- An atom of the world file that nothing satisfies is told and passed over; one of a set of ours stops all of @world
  (depgraph.py, ``_resolve``). So what persons installed is world, what the inventory declares is the set.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _atom,
    _compiler,
    _emerge,
    _files,
    _fingerprint,
    _fragments,
    _host,
    _lock,
    _paths,
    _removal,
    _repository,
    _rootrun,
    _target,
    _tree_plan,
    _world,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._target import Result, Target, Variant

PKGDIR = "/var/cache/binpkgs"
DISTDIR = "/var/cache/distfiles"
FEATURES = "buildpkg buildpkg-proactive -getbinpkg"
#: Portage's own (cnf/make.globals): a slave's configuration is read here, and its FETCHCOMMAND would be run.
FETCH = 'wget -t 3 -T 60 --passive-ftp -O "${DISTDIR}/${FILE}" "${URI}"'
UPDATE: t.Final[t.Mapping[str, t.Any]] = {"update": True, "deep": True, "newuse": True, "changed_deps": True}


class Run(t.Protocol):
    """How to run a program; ``AnsibleModule.run_command`` is one."""

    def __call__(self, args: t.Any, /) -> tuple[int, str, str]:
        """Return exit status, stdout and stderr; a status other than 0 is no exception."""


def build(run: Run, target: Target) -> Result:
    """Build everything and return what was built.

    Raises ``BinhostError`` if the root's own build fails, or if another build of this target still runs.
    """
    with _lock.held(f"build-{target.name}", state=target.state_dir):
        for folder in (os.path.dirname(target.root), _variants(target)):
            _private(folder)
        os.makedirs(target.distdir, exist_ok=True)
        return _build(run, target)


def _private(folder: str) -> None:
    """Make a folder that only root enters: it has a stage's old setuid programs, and slaves' passwords."""
    _files.directory(folder)
    os.chmod(folder, 0o700)


def _variants(target: Target) -> str:
    return os.path.join(target.state_dir, "variants", target.name)


def _build(run: Run, target: Target) -> Result:
    how = _begin(target)
    copies = {name: _repository.snapshot(name, place, target.state_dir) for name, place in target.repositories.items()}
    result = Result(snapshots=copies, unsatisfiable=_unsatisfiable(target, copies))
    _declare(target, result.unsatisfiable)
    _ask_compiler(run, target, _binds(target, copies))
    result.built = _emerge_in(run, target, target.root, _binds(target, copies), how)
    _fingerprint.record(target.record, {"whole": target.compile})
    for variant in target.variants:
        try:
            result.variants[variant.name] = _cover(run, target, variant, copies, result.unsatisfiable)
        except BinhostError as exc:
            result.problems.append(f"{variant.name}: {exc}")
    at = {name: _repository.revision_of(name, path) for name, path in copies.items()}
    if not result.problems:
        _fingerprint.record(target.record, {"whole": target.compile, **_target.state(target, at)})
    return result


def _ask_compiler(run: Run, target: Target, binds: list[_rootrun.Bind]) -> None:
    """Raise ``BinhostError`` if the root's compiler doesn't know the flags or would use what a slave lacks."""

    def inside(args: t.Sequence[str]) -> tuple[int, str, str]:
        return run(_rootrun.argv(target.root, binds, args, {}))

    problems = _compiler.verify(inside, target.cflags, {each.name: each.features for each in target.variants})
    if problems:
        raise BinhostError("\n".join(problems))


def _begin(target: Target) -> dict[str, t.Any]:
    """Return emerge's options for the root, and record that it is begun.

    A first build that was cut short goes on with the packages it has made; one for other CPUs starts without any.
    """
    recorded = _fingerprint.recorded(target.record)
    if recorded.get("whole") == target.compile:
        return dict(UPDATE)
    resumed = recorded.get("begun") == target.compile
    if not resumed:
        _removal.empty(target.pkgdir)
    os.makedirs(target.pkgdir, exist_ok=True)
    _fingerprint.record(target.record, {"begun": target.compile})
    return {"emptytree": True, "usepkg": resumed}


def _unsatisfiable(target: Target, snapshots: t.Mapping[str, str]) -> dict[str, list[str]]:
    """Return the declared atoms whose package is in none of the repositories."""

    def somewhere(atom: str) -> bool:
        package = _atom.category_package(atom)
        return any(os.path.isdir(os.path.join(place, package)) for place in snapshots.values())

    return {atom: sorted(hosts) for atom, hosts in target.world.items() if not somewhere(atom)}


def _declare(target: Target, missing: t.Container[str]) -> None:
    """Write the root's worlds."""
    header = _fragments.header(f"The world of target {target.name}.", "slave_world")
    text = _fragments.package_set([atom for atom in target.world if atom not in missing], header=header)
    _files.write(os.path.join(target.root, "etc/portage/sets/binhost"), text)
    _files.write(os.path.join(target.root, _host.WORLD_SETS), "@binhost\n")
    _files.write(os.path.join(target.root, _host.WORLD), _lines(target.wishes))


def _lines(atoms: t.Iterable[str]) -> str:
    return "".join(f"{atom}\n" for atom in sorted(atoms))


def _binds(target: Target, snapshots: t.Mapping[str, str]) -> list[_rootrun.Bind]:
    """Return what a command in the root sees of the host."""
    binds = [_rootrun.Bind(place, f"{_paths.REPOSITORIES}/{name}") for name, place in snapshots.items()]
    binds.append(_rootrun.Bind(target.pkgdir, PKGDIR, writable=True))
    binds.append(_rootrun.Bind(target.distdir, DISTDIR, writable=True))
    names = os.path.realpath("/etc/resolv.conf")
    return [*binds, _rootrun.Bind(names, "/etc/resolv.conf")] if os.path.exists(names) else binds


def _environment(target: Target, features: str) -> dict[str, str]:
    own = {"FEATURES": features, "PKGDIR": PKGDIR, "DISTDIR": DISTDIR, "MAKEOPTS": target.makeopts}
    return {**_emerge.ENVIRONMENT, **own, "FETCHCOMMAND": FETCH, "RESUMECOMMAND": FETCH.replace(" -O ", " -c -O ")}


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
        raise BinhostError(f"emerge @world in {root}: expected status 0, found {status}{failed}:\n{words}")
    return done.source


def _cover(
    run: Run, target: Target, variant: Variant, snapshots: t.Mapping[str, str], missing: t.Container[str]
) -> list[str]:
    """Build what the variant's own configuration asks for beyond the root's packages, and return it.

    Afterwards emerge, asked with this slave's configuration, finds a binary for everything, or the ``BinhostError``
    names what it would compile.
    """
    clone = os.path.join(_variants(target), f".{variant.name}.root")
    _removal.tree(clone)  # a killed run's
    binds = [*_binds(target, snapshots), *_lay_out(target, variant, missing)]
    if not _uncovered(run, target, binds):
        return []
    try:
        status, _stdout, stderr = run(["cp", "-a", "-x", "--reflink=auto", target.root, clone])
        if status != 0:
            raise BinhostError(f"{clone}: expected a copy of {target.root}, found: {stderr.strip()}")
        built = _emerge_in(run, target, clone, binds, {**UPDATE, "usepkg": True})
    finally:
        _removal.tree(clone)
    uncovered = _uncovered(run, target, binds)
    if uncovered:
        raise BinhostError(f"expected a binary for every package of its world, found none for {', '.join(uncovered)}")
    return built


def _lay_out(target: Target, variant: Variant, missing: t.Container[str]) -> list[_rootrun.Bind]:
    """Write the variant's configuration and worlds; return the binds that put them over the root's own.

    The paths are a slave's word: ``desired`` refuses those that lead anywhere else.
    """
    place = os.path.join(_variants(target), variant.name)
    header = _fragments.header(f"The world of {variant.name}.", "slave_world")
    text = _fragments.package_set([atom for atom in variant.world if atom not in missing], header=header)
    _removal.empty(place)
    for path, entry in _tree_plan.desired(variant.files, target.links, text).items():
        (_files.link if entry.kind == "link" else _files.write)(os.path.join(place, path), entry.content)
    _files.write(os.path.join(place, _host.WORLD), _lines(variant.wishes))
    return [
        _rootrun.Bind(os.path.join(place, _tree_plan.CONFIG), f"/{_tree_plan.CONFIG}"),
        _rootrun.Bind(os.path.join(place, _host.WORLD), f"/{_host.WORLD}", writable=True),
    ]


def _uncovered(run: Run, target: Target, binds: list[_rootrun.Bind]) -> list[str]:
    """Return what emerge would compile on a machine with this configuration and nothing installed."""
    command = _emerge.argv(["@world"], {"emptytree": True, "usepkg": True, "with_bdeps": "n"}, pretend=True)
    environment = _environment(target, "-buildpkg-proactive -getbinpkg")
    status, stdout, stderr = run(_rootrun.argv(target.root, binds, command, environment))
    if status != 0:
        words = _emerge.last_words(stdout + stderr)
        raise BinhostError(f"expected a merge list of its world, found status {status}:\n{words}")
    return [merge.cpv for merge in _emerge.merge_list(stdout) if merge.kind == "ebuild"]
