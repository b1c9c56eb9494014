# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A root that can't be brought over an upgrade is replaced by one made of the stage, once everything is built there.

::

    roots/T                                the root that can't
    roots/.T.snapshots/.new-fresh          the one that is being made; a killed build's goes with the next
    roots/.T.snapshots/auto-before-NAMES   the root before that upgrade; one is kept
    variants/T/.fresh.json                 what was tried so in vain

The new one has the old one's configuration and private PKGDIR, so that every package that is still valid is installed
instead of compiled. It takes the name in one exchange; until then nothing of the old one is touched.
"""

from __future__ import annotations

import os
import re
import shutil
import typing as t
from collections.abc import Callable, Sequence
from dataclasses import replace

from ansible_collections.larry.binhost.plugins.module_utils import (
    _build_disk,
    _durable,
    _failure_words,
    _fingerprint,
    _openpgp,
    _patterns,
    _removal,
    _root_copy,
    _stage,
    _target,
    _tree,
    _tree_plan,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._merge_world import Place
from ansible_collections.larry.binhost.plugins.module_utils._target import Target

AUTOMATIC: t.Final = "auto-before-"
_LONGEST: t.Final = 80
Done = t.TypeVar("Done")


def path(root: str) -> str:
    """Return where the root is made that is to take this one's place."""
    return _durable.draft(os.path.join(_root_copy.folder(root), "fresh"))


def keep(place: Place, what: Sequence[str]) -> str:
    """Keep the root as it is before all this; return the name of the snapshot.

    One that is there already is of before an upgrade that didn't end; those of earlier upgrades go.
    """
    name = AUTOMATIC + re.sub(r"[^A-Za-z0-9._-]", "-", "-".join(what))[:_LONGEST]
    known = [each.name for each in _root_copy.listing(place.root)]
    for other in known:
        if other.startswith(AUTOMATIC) and other != name:
            _root_copy.delete(place.root, other)
    if name not in known:
        _root_copy.snapshot(place.run, place.root, name)
    return name


def possible(target: Target) -> bool:
    """Return whether there is a stage to make a root of, and what there is to build wasn't tried so before.

    A target that stands on another has its root from that.
    """
    if target.base or not target.stage.get("source"):
        return False
    return _fingerprint.recorded(_record(target)).get("tried") != _inputs(target)


def _record(target: Target) -> str:
    return os.path.join(target.variants_dir, ".fresh.json")


def _inputs(target: Target) -> str:
    """Return a digest of what decides whether another attempt can end otherwise."""
    now = _target.state(target, _target.revisions(target))
    told = [now[name] for name in ("wanted", "compile", "repositories")]
    return _fingerprint.digest([*told, _offer(target).source, [dict(each) for each in target.cycles]])


def take_over(place: Place, work: Callable[[Place], Done]) -> Done:
    """Make a root of the stage, do the ``work`` of building there, put it into the old one's place and return the work.

    Raises whatever ends it; then the old root stands as it did, and the same isn't tried again unless it was for room.
    """
    target, fresh = place.target, path(place.root)
    try:
        _root_copy.check_root(place.root)
        _unpack(place, fresh)
        configure(place.root, fresh)
        # What failed in the old root has another chance here.
        there = replace(place, root=fresh, target=replace(target, root=fresh, retry=True))
        _build_disk.place(there.target)
        done = work(there)
        _root_copy.check_root(place.root)
        _root_copy.exchange(fresh, place.root)
    except BinhostError as exc:
        if not re.search(_failure_words.NO_SPACE, str(exc), re.IGNORECASE):
            _fingerprint.record(_record(target), {"tried": _inputs(target)})
        raise
    finally:
        _removal.tree(fresh)
    return done


def _offer(target: Target) -> _stage.Offer:
    stage = target.stage
    if not stage.get("verify", True):
        return _stage.Offer(stage["source"])
    return _stage.Offer(stage["source"], stage["key"], _openpgp.fingerprint(stage["fingerprint"]))


def _unpack(place: Place, fresh: str) -> None:
    offer = _offer(place.target)
    _stage.present(offer)
    _removal.tree(fresh)
    expected = _stage.promised(place.run, offer)
    _stage.install(place.run, fresh, offer, expected, cache=os.path.join(place.target.state_dir, "stages"))


def configure(root: str, fresh: str) -> None:
    """Give the new root the old one's configuration, with the record of whose it is."""
    config = os.path.join(fresh, _tree_plan.CONFIG)
    _removal.tree(config)
    shutil.copytree(os.path.join(root, _tree_plan.CONFIG), config, symlinks=True)
    record = os.path.join(root, _tree.RECORD)
    if os.path.exists(record):
        shutil.copy2(record, os.path.join(fresh, _tree.RECORD))


def concerned(failed: Sequence[str], upgraded: Sequence[str]) -> bool:
    """Return whether one of the packages that failed is, in any version, one of these."""
    names = {_patterns.package(cpv) for cpv in upgraded}
    return any(_patterns.package(cpv) in names for cpv in failed)


def explained(words: str, why: BinhostError) -> str:
    """Return the words of a failure with why no new root took over."""
    return f"{words}\nA root made of the stage was to take the old one's place. There:\n{why}"
