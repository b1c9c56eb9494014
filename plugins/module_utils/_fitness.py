# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a generation each slave of its target could not run, told where it is published."""

from __future__ import annotations

import os
import time
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _generation,
    _gpkg,
    _intent,
    _machine,
    _pool,
    _seal,
    _unfit,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

#: Slave -> what ``_machine.of_facts`` says of it.
Machines = t.Mapping[str, t.Mapping[str, t.Any]]


def told(seal: _seal.Seal, machines: Machines) -> dict[str, t.Any]:
    """Return ``kernel``, the oldest that all packages start on, and ``unfit``, slave to PATH to the reason."""
    found = {slave: _unfit.reasons(seal, _machine.planned(each)) for slave, each in sorted(machines.items())}
    unfit = {slave: {path: each.text for path, each in why.items()} for slave, why in found.items() if why}
    return {"kernel": _unfit.floor(seal), "unfit": unfit}


def of_current(place: Place, machines: Machines) -> dict[str, t.Any]:
    """Return the same of what is published, nothing where that is no generation."""
    try:
        return told(_generation.seal_of(place.generation("current")), machines)
    except (BinhostError, OSError):
        return {"kernel": "", "unfit": {}}


def foreseen(place: Place, wanted: _intent.Plan, machines: Machines) -> dict[str, t.Any]:
    """Return the same of what would be published; a package that never was is opened for that.

    What can't be read is left out: publishing tells what is wrong with it.
    """
    packages = {}
    for path, (_cpv, source) in wanted.content.items():
        kept = _pool.kept(place.pool, path)
        if kept and kept.package.source == source:
            packages[path] = kept.package
            continue
        try:
            facts = _gpkg.facts(os.path.join(wanted.folder, path))
        except (BinhostError, OSError):
            continue
        packages[path] = _seal.Package("", 0, "", facts.cflags, facts.kernel, facts.glibc, facts.isa, source)
    now, nothing = _seal.utc(time.time()), _seal.File("", 0)
    return told(_seal.Seal(place.target, wanted.number, now, now, 0, "", 0, nothing, {}, packages), machines)
