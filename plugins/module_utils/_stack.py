# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target that stands on another one: only what the other hasn't got is built for it.

Its root begins as the base's, with its own configuration, and is made from that anew after each build of the base; what
was built for it comes back from its packages. The base's packages stand among its own, as further names of the same
files, so that its index lacks nothing, and Portage chooses between the two as it does between any two builds.

::

    STATE/pkgdir/T/                    the target's own packages, and links to the base's
    STATE/fingerprints/base-T.json     which state of the base it stands on, and which packages are links
"""

from __future__ import annotations

import os
import time
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _durable,
    _files,
    _fingerprint,
    _fresh,
    _generation,
    _job_files,
    _lock,
    _packages,
    _process,
    _removal,
    _root_copy,
    _target,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._process import Run
from ansible_collections.larry.binhost.plugins.module_utils._target import Target

_PATIENCE: t.Final = 7 * 86400.0  # seconds that a build of the base may take
_STEP: t.Final = 1.0
#: Keys of an index's header that its entries inherit (portage getbinpkg.py, ``PackageIndex``).
_INHERITED: t.Final = ("CHOST", "REPO")


def settle(run: Run, target: Target) -> None:
    """Let a target stand on its base as that is now; nothing happens where it has none, or does so already.

    Waits for a build of the base that goes on.  Raises ``BinhostError`` if the base was never built.
    """
    if not target.base:
        return
    job = f"build-{target.base}"
    _process.until(lambda: _job_files.find(job, target.state_dir).phase != "running", _PATIENCE, _STEP)
    with _lock.held(job, state=target.state_dir, wait=_PATIENCE, what=f"is the base of {target.name}"):
        if _target.base_differs(target):
            _stand(run, target, Place(target.base, target.state_dir))


def _stand(run: Run, target: Target, base: Place) -> None:
    whole = _fingerprint.recorded(_target.record_of(base.target, base.state)).get("whole")
    if not whole or not os.path.isdir(os.path.join(base.root, "etc/portage")):
        raise BinhostError(
            f"{base.root}: expected the root on which {target.name} stands, found that it was never built"
        )
    before, now = _fingerprint.recorded(target.base_record), _target.base_state(target)
    known = _fingerprint.recorded(target.record)
    if known.get("whole") not in (None, target.compile):
        _removal.empty(target.pkgdir)  # made for other CPUs, and no index says so
    _root(run, target.root, base.root)
    links = _link(Place(target.name, target.state_dir), base, before.get("links", []))
    # Its own packages are installed from what was built of them.
    _fingerprint.record(target.record, {"whole": target.compile, "apart": known.get("apart", []), "updating": True})
    _fingerprint.record(target.base_record, {"state": now, "links": links})


def _root(run: Run, root: str, base: str) -> None:
    """Make a root of a copy of the base's, with its own configuration."""
    _root_copy.check_root(root)
    draft = os.path.join(os.path.dirname(root), f".{os.path.basename(root)}.base")
    _root_copy.clone(run, base, draft)
    _fresh.configure(root, draft)
    _durable.remove(os.path.join(draft, _root_copy.MARK))
    _root_copy.check_root(root)
    _root_copy.exchange(draft, root)
    _removal.tree(draft)


def _link(place: Place, base: Place, before: t.Sequence[str]) -> list[str]:
    """Put the base's packages among a target's own; return the paths of all of them.

    Where both have a file of one name, it is the base's: its root is what the target's begins with.
    """
    index = _generation.built(base)
    if index is None:
        raise BinhostError(f"{base.pkgdir}/Packages: expected the index of the base, found none")
    theirs = sorted(_generation.by_path(index, where=base.pkgdir))
    path = os.path.join(place.pkgdir, "Packages")
    _files.directory(place.pkgdir)
    own = _packages.without(_own(path, index), {*before, *theirs})
    for gone in {*before} - {*theirs}:
        _durable.remove(os.path.join(place.pkgdir, gone))
    for each in theirs:
        _durable.remove(os.path.join(place.pkgdir, each))
        _durable.link(os.path.join(base.pkgdir, each), os.path.join(place.pkgdir, each))
    both = _packages.Index(index.header, (*own.stanzas, *index.stanzas), ())
    now = int(time.time())
    header = {"PACKAGES": str(len(both.stanzas)), "TIMESTAMP": str(now)}
    data = _packages.dump(_packages.with_header(both, header)).encode("utf-8", "surrogateescape")
    _durable.remove(f"{path}.gz")  # of the old one; Portage writes it with the next package
    _durable.write(path, data, mtime=now)
    return theirs


def _own(path: str, base: _packages.Index) -> _packages.Index:
    """Return what a target has of packages; none where they can't stand in one index with the base's."""
    nothing = _packages.Index(base.header, (), ())
    if not os.path.exists(path):
        return nothing
    found = _generation.parsed(_generation.read(path), where=path)
    mine, theirs = found.header.values(), base.header.values()
    return found if all(mine.get(key) == theirs.get(key) for key in _INHERITED) else nothing
