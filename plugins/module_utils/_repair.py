# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clear up what a killed emerge left and the next one doesn't: only while nothing builds there.

Facts about Portage:

- A merge is begun in the VDB as ``-MERGING-name-version``; only a merge of the same version replaces that.
- A package is written beside its place as ``….gpkg.tar.PID`` (_emerge/EbuildBinpkg.py), by way of
  ``….gpkg.tarRANDOM.PID``, and listed after it was renamed; in between it is there and no emerge sees it, since the
  index is trusted.
"""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _emerge,
    _files,
    _host,
    _merge_world,
    _mounts,
    _packages,
    _removal,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._merge_world import Place

PACKAGES: t.Final = (".gpkg.tar", ".xpak", ".tbz2")
_HALF = re.compile(r"\.(?:gpkg\.tar|xpak|tbz2)[^/]+\Z")
_MERGING: t.Final = "-MERGING-"


def repair(place: Place) -> None:
    """Make root and private PKGDIR what Portage takes them for.  Raises ``BinhostError``."""
    for path in _half_merged(place.root):
        _removal.tree(path)
    pkgdir = place.target.pkgdir
    for path in files(pkgdir):
        if _HALF.search(path):
            os.unlink(os.path.join(pkgdir, path))
    if set(packages(pkgdir)) == set(listed(pkgdir)):
        return
    status, stdout, stderr = _merge_world.inside(place, ["emaint", "--fix", "binhost"], _merge_world.environment())
    # What Portage can't read was cut short when the disk was full; the build makes it again.
    for path in set(packages(pkgdir)) - set(listed(pkgdir)):
        if f"Invalid binary package: '{_mounts.PKGDIR}/{path}'" in stdout + stderr:
            os.unlink(os.path.join(pkgdir, path))
    missing = set(packages(pkgdir)) ^ set(listed(pkgdir))
    if status != 0 or missing:
        words = _emerge.last_words(stdout + stderr)
        raise BinhostError(
            f"{pkgdir}: expected emaint to make an index of what is there, found status {status}, and in one of both "
            f"only: {', '.join(sorted(missing)) or 'nothing'}\n{words}"
        )


def _half_merged(root: str) -> list[str]:
    vdb = os.path.join(root, _host.VDB)
    return [
        os.path.join(vdb, category, name)
        for category in (os.listdir(vdb) if os.path.isdir(vdb) else ())
        if os.path.isdir(os.path.join(vdb, category))
        for name in os.listdir(os.path.join(vdb, category))
        if name.startswith(_MERGING)
    ]


def files(pkgdir: str) -> list[str]:
    """Return all files below PKGDIR, relative to it, sorted."""
    return sorted(
        os.path.relpath(os.path.join(folder, name), pkgdir)
        for folder, _folders, names in os.walk(pkgdir)
        for name in names
    )


def packages(pkgdir: str) -> list[str]:
    """Return the packages below PKGDIR, relative to it, sorted."""
    return [path for path in files(pkgdir) if path.endswith(PACKAGES)]


def listed(pkgdir: str) -> list[str]:
    """Return the paths that its index lists; none if it has no index."""
    path = os.path.join(pkgdir, "Packages")
    if not os.path.exists(path):
        return []
    return [entry.path for entry in _packages.packages(_packages.parse(_files.read(path)))]
