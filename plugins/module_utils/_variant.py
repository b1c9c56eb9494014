# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build once more what one slave's own configuration, or its world, asks for beyond what the root has packages of.

It happens in a throw-away clone of the root, with that slave's whole configuration and world, into the same PKGDIR.
What its world conflicts with, the clone has still installed from the others' worlds; ``!!`` blockers never give way by
themselves, so all but the system is then removed first.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _build_disk,
    _cycle,
    _files,
    _fragments,
    _host,
    _isolate,
    _merge_world,
    _patterns,
    _removal,
    _root_copy,
    _root_world,
    _tree_plan,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._merge_world import Place, UnresolvedError
from ansible_collections.larry.binhost.plugins.module_utils._mounts import Mount
from ansible_collections.larry.binhost.plugins.module_utils._target import Target, Variant


def cover(root: Place, variant: Variant, missing: t.Collection[str], covered: t.Iterable[Variant] = ()) -> list[str]:
    """Build what the slave lacks a package of and return it; ``missing`` are atoms that no repository has.

    One that asks for what one of ``covered`` does lacks nothing. Afterwards emerge, asked with this slave's
    configuration, finds a binary for everything but what it builds itself, or the ``BinhostError`` names what it would
    compile. It is a ``FailedError`` if that failed to build.
    """
    clone = os.path.join(root.target.variants_dir, f".{variant.name}.root")
    _removal.tree(clone)  # a killed run's
    itself = _root_world.on_slave([*variant.world, *variant.wishes], variant.build_on_slave, root.snapshots)
    own = _lay_out(root.target, variant, {*missing, *itself})
    # Machines are often alike, and emerge takes long to say of a large world that nothing is lacking.
    if any(_asks(variant) == _asks(each) for each in covered):
        return []
    place = dataclasses.replace(root, own=own, on_slave=tuple(variant.build_on_slave))
    with contextlib.suppress(UnresolvedError):  # with what the others have installed
        lacking = uncovered(place, itself)
        if not lacking:
            return []
        _isolate.foresee(place, lacking, variant.name)
    try:
        _root_copy.clone(root.run, root.root, clone)
        return _build(dataclasses.replace(place, root=clone), variant, itself)
    finally:
        _removal.tree(clone)


def _asks(variant: Variant) -> tuple[t.Any, ...]:
    """Return what decides which packages a slave wants: not its name, which its files have in comments.

    A patch counts as it is: Portage compares its digest with that of a package (_config/UserPatches.py).
    """
    files = {path: text if path.startswith("patches/") else _said(text) for path, text in variant.files.items()}
    return files, list(variant.world), list(variant.wishes), list(variant.build_on_slave)


def _said(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def _build(place: Place, variant: Variant, itself: t.Sequence[str]) -> list[str]:
    options = {**_merge_world.UPDATE, "usepkg": True}
    if itself:
        options["usepkg_exclude"] = " ".join(variant.build_on_slave)
    try:
        circles = _cycle.opened(place, options)
    except UnresolvedError:
        _leave_the_system(place)
        circles = _cycle.opened(place, options)
    built = circles.built + _isolate.bring(place, circles.options(options), variant.name, merges=circles.merges)
    _cycle.prove(place, circles)
    if itself:
        built += _merge_world.bring(place, {"onlydeps": True, **options}, itself)
    left = uncovered(place, itself)
    if left:
        raise BinhostError(f"expected a binary for every package of its world, found none for {', '.join(left)}")
    return built


def uncovered(place: Place, itself: t.Sequence[str]) -> list[str]:
    """Return what emerge would compile on a machine with this configuration and nothing installed.

    What that machine builds itself is left out, but not what it needs for that. Raises ``UnresolvedError``.
    """
    options = {"emptytree": True, "usepkg": True, "with_bdeps": "n"}
    merges = _merge_world.pending(place, options, [*_merge_world.WORLD, *itself], features=_merge_world.CLIENT)
    compiled = [merge.cpv for merge in merges if merge.kind == "ebuild"]
    return [cpv for cpv in compiled if not _patterns.matches(place.on_slave, cpv)]


def _leave_the_system(place: Place) -> None:
    """Remove from a clone what only worlds ask for.

    depclean rewrites the world file, which it can't where that is a mount.
    """
    sets = os.path.join(place.root, _host.WORLD_SETS)
    _files.write(os.path.join(place.root, _host.WORLD), "")
    _files.write(sets, "")
    mounted = [mount for mount in place.own if mount.target != f"/{_host.WORLD}"]
    _merge_world.depclean(dataclasses.replace(place, own=mounted))
    _files.write(sets, f"{_host.OUR_SET}\n")


def _lay_out(target: Target, variant: Variant, left_out: t.Container[str]) -> list[Mount]:
    """Write the variant's configuration and worlds; return the mounts that put them over the root's own.

    The paths are a slave's word: ``desired`` refuses those that lead anywhere else.
    """
    place = os.path.join(target.variants_dir, variant.name)
    header = _fragments.header(f"The world of {variant.name}.", "slave_world")
    text = _fragments.package_set([atom for atom in variant.world if atom not in left_out], header=header)
    ours = {path: text for path, text in _build_disk.files(target).items() if text}
    _removal.empty(place)
    for path, entry in _tree_plan.desired({**variant.files, **ours}, target.links, text).items():
        (_files.link if entry.kind == "link" else _files.write)(os.path.join(place, path), entry.content)
    wishes = _root_world.lines(atom for atom in variant.wishes if atom not in left_out)
    _files.write(os.path.join(place, _host.WORLD), wishes)
    return [
        Mount(f"/{_tree_plan.CONFIG}", "bind", os.path.join(place, _tree_plan.CONFIG)),
        Mount(f"/{_host.WORLD}", "bind", os.path.join(place, _host.WORLD), is_file=True),
    ]
