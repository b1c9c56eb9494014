# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the Portage of a target's build root what a machine with nothing installed would take of some packages.

The folder of a generation stands where the root has its PKGDIR, read-only.
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import (
    _files,
    _host,
    _merge_world,
    _patterns,
    _tree_plan,
)
from ansible_collections.larry.binhost.plugins.module_utils._mounts import PKGDIR, Mount
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._process import Run
from ansible_collections.larry.binhost.plugins.module_utils._target import Target


@dataclass(frozen=True)
class Asking:
    """How the root of a target is asked."""

    run: Run
    place: Place
    snapshots: t.Mapping[str, str]  # of the repositories
    distdir: str
    on_slave: t.Sequence[str] = field(default=())  # what each slave builds itself; "*" for any text
    without: t.Collection[str] = field(default=())  # what may be missing, since it failed to build

    @property
    def possible(self) -> bool:
        """Whether there is a root; a target of mode shared has none."""
        return os.path.isdir(os.path.join(self.place.root, "etc/portage"))

    @property
    def variants_dir(self) -> str:
        """Where the configurations of its slaves are, as they were last built for."""
        return self.target().variants_dir

    def target(self) -> Target:
        """Return what a build would know of the target, as far as it matters here."""
        nothing: t.Any = {}
        parts = {"repositories": nothing, "world": nothing, "wishes": nothing, "links": nothing, "options": nothing}
        texts: t.Any = {"compile": "", "cflags": "", "distdir": self.distdir, "state_dir": self.place.state}
        return Target(name=self.place.target, root=self.place.root, variants=(), **parts, **texts)


def missing(asking: Asking, folder: str) -> list[str]:
    """Return in words what of the target's world, and all that it needs, ``folder`` has no package of.

    Raises ``BinhostError`` with Portage's words where it finds no way to install it.
    """
    compiled = [merge.cpv for merge in merges(asking, folder) if not merge.binary]
    expected = [cpv for cpv in compiled if not _patterns.matches(asking.on_slave, cpv)]
    lacking = [cpv for cpv in expected if cpv not in asking.without]
    words = f"{asking.place.target}: expected a package of all that its world needs, found none of {', '.join(lacking)}"
    return [words] if lacking else []


class Merge(t.NamedTuple):
    """A package that would be installed."""

    cpv: str
    build_id: int | None
    binary: bool


def merges(asking: Asking, folder: str, own: t.Sequence[Mount] = (), also: t.Sequence[str] = ()) -> list[Merge]:
    """Return what would be installed of ``folder``'s packages, with the root's configuration or that in ``own``.

    ``also`` are atoms beside the world, which has nothing that a slave builds itself.
    """
    target = asking.target()
    _files.directory(target.live)
    mounts = [*own, Mount(PKGDIR, "bind", folder, ("ro",))]
    root = _merge_world.Place(asking.run, target, target.root, asking.snapshots, own=mounts)
    options = {"emptytree": True, "usepkg": True, "with_bdeps": "n"}
    atoms = [*_merge_world.WORLD, *also]
    found = _merge_world.pending(root, options, atoms, features=_merge_world.CLIENT)
    return [
        Merge(each.cpv, each.build_id, each.kind == "binary") for each in found if each.kind in ("binary", "ebuild")
    ]


def slaves(asking: Asking) -> dict[str, list[Mount]]:
    """Return slave to the mounts that put its configuration and world, as they were last built for, over the root's."""
    found = {}
    for name in sorted(os.listdir(asking.variants_dir)) if os.path.isdir(asking.variants_dir) else []:
        config, world = (os.path.join(asking.variants_dir, name, path) for path in (_tree_plan.CONFIG, _host.WORLD))
        if not name.startswith(".") and os.path.isdir(config) and os.path.isfile(world):
            found[name] = [
                Mount(f"/{_tree_plan.CONFIG}", "bind", config),
                Mount(f"/{_host.WORLD}", "bind", world, is_file=True),
            ]
    return found
