# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What failed and only persons wished for: nothing that the inventory declares is held back for it.

Portage says who needs what: it is asked once more, as if the root's world file, which has the wishes, were empty.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.larry.binhost.plugins.module_utils import _atom, _host, _merge_world, _patterns
from ansible_collections.larry.binhost.plugins.module_utils._merge_world import Options, Place, UnresolvedError
from ansible_collections.larry.binhost.plugins.module_utils._mounts import Mount
from ansible_collections.larry.binhost.plugins.module_utils._outcome import Outcome


def alone(place: Place, options: Options, outcome: Outcome) -> str:
    """Return in words that nothing which the inventory declares needs what failed; empty if something does."""
    undone = {*outcome.failed, *(each.cpv for each in outcome.dropped)}
    if not undone or not place.target.wishes or undone & _declared(place, options, undone):
        return ""
    named = ", ".join(_of(place.target.wishes, undone))
    return f"nothing that the inventory declares needs it, so that the rest is published{named and ': '}{named}"


def _of(wishes: t.Mapping[str, t.Sequence[str]], cpvs: t.Iterable[str]) -> list[str]:
    """Return the wishes for one of these packages, each with whose it is."""
    names = {_patterns.package(cpv) for cpv in cpvs}
    return [
        f"{atom} ({', '.join(hosts)})"
        for atom, hosts in sorted(wishes.items())
        if _atom.category_package(atom) in names
    ]


def _declared(place: Place, options: Options, undone: t.Collection[str]) -> set[str]:
    """Return what of the world is to be built without the wishes; where Portage finds no way, all that is undone."""
    world = Mount(f"/{_host.WORLD}", "bind", "/dev/null", ("ro",), is_file=True)
    try:
        merges = _merge_world.pending(replace(place, own=[*place.own, world]), options)
    except UnresolvedError:
        return set(undone)
    return {each.cpv for each in merges}
