# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a build root's Portage what each slave's configuration would have built beyond the target's; nothing is built.

The root's own configuration and worlds are covered by those that are asked about, and stay as they are.
"""

from __future__ import annotations

import json
import os
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import (
    _atom,
    _divergence,
    _emerge,
    _files,
    _fragments,
    _host,
    _merge_list,
    _mounts,
    _portage_query,
    _removal,
    _rootrun,
    _tree_plan,
)
from ansible_collections.larry.binhost.plugins.module_utils._divergence import Answer, Difference, Wanted
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._mounts import Mount

#: As on a machine with nothing installed; what lacks a binary is no reason to list it.
EVERYTHING: t.Final = {"emptytree": True, "with_bdeps": "n"}
FEATURES: t.Final = "-buildpkg -buildpkg-proactive -getbinpkg"
WORLDS: t.Final = os.path.dirname(_host.WORLD)
#: Why a package is masked (portage lib/portage/package/ebuild/getmaskingstatus.py), of those that there are.
PROGRAM: t.Final = """
import json, sys, portage
db = portage.db[portage.root]["porttree"].dbapi
masked = {cpv: list(map(str, portage.getmaskingstatus(cpv, settings=portage.config(clone=portage.settings), portdb=db)))
          for cpv in sys.argv[1:] if db.cpv_exists(cpv)}
print(json.dumps(masked))
"""


@dataclass(frozen=True)
class Side:
    """A configuration and what is to be installed with it: a slave's, or the target's own."""

    name: str
    files: Mapping[str, str]  # relative to etc/portage
    world: Sequence[str]
    wishes: Sequence[str]


@dataclass(frozen=True)
class Place:
    """Where Portage is asked."""

    run: _portage_query.Run
    root: str
    repositories: Mapping[str, str]  # name -> place on this host
    links: Mapping[str, str]  # below etc/portage
    scratch: str  # a folder of ours, emptied


class RefusedError(BinhostError):
    """Portage finds no way to install a world."""


def ask(place: Place, target: Side, slaves: Sequence[Side]) -> dict[str, Answer]:
    """Return slave -> what its configuration asks for beyond the target's. Raises ``BinhostError``.

    ``target`` has everybody's worlds. Where they don't go together, each slave is compared with what the target's
    configuration makes of its own world.
    """
    _removal.empty(place.scratch)
    try:
        together = _wanted(place, target)
    except RefusedError:
        together = None
    answers = {}
    for slave in slaves:
        try:
            alone = Side(f"{slave.name}.target", target.files, slave.world, slave.wishes)
            answers[slave.name] = Answer(_compared(place, slave, together or _wanted(place, alone)))
        except RefusedError as exc:
            answers[slave.name] = Answer(refused=str(exc))
    _removal.empty(place.scratch)
    return answers


def _compared(place: Place, slave: Side, target: tuple[Side, list[_merge_list.Merge]]) -> list[Difference]:
    _side, merges = _wanted(place, slave)
    other, built = target
    here = _masked(place, slave, _divergence.missing_here(merges, built))
    there = _masked(place, other, _divergence.missing_here(built, merges))
    return _divergence.compare(Wanted(merges, slave.files, here), Wanted(built, other.files, there))


def _wanted(place: Place, side: Side) -> tuple[Side, list[_merge_list.Merge]]:
    command = _emerge.argv(["@world"], EVERYTHING, pretend=True)
    environment = {**_emerge.ENVIRONMENT, "FEATURES": FEATURES}
    status, stdout, stderr = place.run(_rootrun.argv(place.root, _seen(place, side), command, environment))
    if status != 0:
        raise RefusedError(_emerge.last_words(stdout + stderr))
    return side, [merge for merge in _merge_list.parse(stdout) if merge.kind == "ebuild"]


def _masked(place: Place, side: Side, cpvs: Sequence[str]) -> dict[str, list[str]]:
    if not cpvs:
        return {}
    interpreter = next(
        (path for path in _portage_query.INTERPRETERS if os.path.exists(place.root + path)),
        _portage_query.INTERPRETERS[0],
    )
    command = [interpreter, "-c", PROGRAM, *cpvs]
    status, stdout, stderr = place.run(_rootrun.argv(place.root, _seen(place, side), command, _emerge.ENVIRONMENT))
    if status != 0:
        raise BinhostError(f"{place.root}: expected why packages are masked, found: {_emerge.last_words(stderr, 3)}")
    return t.cast("dict[str, list[str]]", json.loads(stdout.strip().splitlines()[-1]))


def _seen(place: Place, side: Side) -> list[Mount]:
    """Write the side's configuration and worlds unless they are there; return what covers the root's own."""
    folder = os.path.join(place.scratch, side.name)
    if not os.path.isdir(folder):
        _lay_out(place, side, folder)
    return [
        *_mounts.standard(repositories=place.repositories),
        Mount(f"/{_tree_plan.CONFIG}", "bind", os.path.join(folder, _tree_plan.CONFIG), ("ro",)),
        Mount(f"/{WORLDS}", "bind", os.path.join(folder, WORLDS)),
    ]


def _lay_out(place: Place, side: Side, folder: str) -> None:
    """The paths are a slave's word: ``desired`` refuses those that lead anywhere else."""
    header = _fragments.header(f"The world of {side.name}.", "slave_world")
    text = _fragments.package_set(_there(place, side.world), header=header)
    for path, entry in _tree_plan.desired(side.files, place.links, text).items():
        (_files.link if entry.kind == "link" else _files.write)(os.path.join(folder, path), entry.content)
    _files.write(os.path.join(folder, _host.WORLD_SETS), f"{_host.OUR_SET}\n")
    _files.write(os.path.join(folder, _host.WORLD), "".join(f"{atom}\n" for atom in _there(place, side.wishes)))


def _there(place: Place, atoms: Sequence[str]) -> list[str]:
    """Return the atoms whose package is in one of the repositories; the others are told of elsewhere."""
    names = {atom: _atom.category_package(atom) for atom in sorted(set(atoms))}
    folders = list(place.repositories.values())
    return [atom for atom, name in names.items() if any(os.path.isdir(os.path.join(each, name)) for each in folders)]
