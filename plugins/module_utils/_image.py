# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target's build root as a tarball to install or recover a machine from, signed as stages are.

::

    FOLDER/T-20260131T120000Z.tar.xz
    FOLDER/T-20260131T120000Z.tar.xz.DIGESTS   clear-signed, as Gentoo's release engineering writes it (see _stage)
    FOLDER/T-20260131T120000Z.tar.xz.asc       detached signature

The ebuild repositories of the current generation go along, at the place where a slave has them, so that Portage works
there before anything else is brought; the first generation that is takes their place (see _local, number 0).
"""

from __future__ import annotations

import os
import time
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import (
    _build_disk,
    _durable,
    _files,
    _generation,
    _keys,
    _lock,
    _mounts,
    _paths,
    _repository,
    _signing,
    _stage,
    _trees,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place
from ansible_collections.larry.binhost.plugins.module_utils._process import Run

_PATIENCE: t.Final = 60  # seconds to wait for a build to end
_SUFFIX: t.Final = ".tar.xz"
#: What is in these folders of a build root is no part of a machine; the folders themselves are.
_EMPTY: t.Final = (
    "/dev",
    "/proc",
    "/run",
    "/sys",
    "/tmp",
    _mounts.BUILDS,
    _build_disk.ON_DISK,
    _mounts.DISTDIR,
    _mounts.RESTRICTED,
    _mounts.PKGDIR,
    "/var/log/portage",
    _paths.STATE,
)
_NOBODY: t.Final = ("--numeric-owner", "--owner=0", "--group=0")
_TAR: t.Final = ("tar", "--create", "--numeric-owner", "--xattrs", "--xattrs-include=*.*", "--one-file-system")


@dataclass(frozen=True)
class Request:
    """What is asked for, in values that JSON can carry."""

    target: str
    state: str
    folder: str  # where the image goes
    level: int = 2  # of xz: 0 to 9

    @property
    def place(self) -> Place:
        """Where the target is."""
        return Place(self.target, self.state)


def work(run: Run, parameters: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Do what a ``Request``, given as a dictionary, says, as a job."""
    return export(run, Request(**parameters))


def possible(request: Request) -> None:
    """Raise ``BinhostError`` where there is nothing to export, or nobody to sign it."""
    if not 0 <= request.level <= 9:
        raise BinhostError(f"level: expected 0 to 9, found {request.level}")
    if not os.path.isdir(os.path.join(request.place.root, "etc/portage")):
        raise BinhostError(f"{request.place.root}: expected a build root, found none; a target of mode shared has none")
    ring = _keys.load(request.state)
    if ring is None or not ring.fingerprint:
        raise BinhostError(f"{_keys.folder(request.state)}: expected a key to sign with, found none")


def export(run: Run, request: Request) -> dict[str, t.Any]:
    """Write the image; return its path, size and digests.  No build of the target runs meanwhile.

    The tarball appears under its name once it is complete and its digests are signed.
    """
    possible(request)
    name = f"{request.target}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}{_SUFFIX}"
    path = os.path.join(request.folder, name)
    _files.directory(request.folder)
    for leftover in _durable.drafts(request.folder):
        if os.path.basename(leftover).startswith(f"{_durable.DRAFT}{request.target}-"):
            _durable.remove(leftover)
    draft, beside = _durable.draft(path), _durable.draft(path + ".beside")
    what = f"exports {request.target}"
    try:
        with _lock.held(f"build-{request.target}", state=request.state, wait=_PATIENCE, what=what):
            _lay_out(request.place, beside)
            _pack(run, request, beside, draft)
        sums = _durable.digests(draft, *_stage.ALGORITHMS.values())
        _sign(run, request, draft, path, sums)
        os.replace(draft, path)
        _durable.sync_folder(request.folder)
    finally:
        for each in (draft, beside):
            _durable.remove(each)
    return {"changed": True, "path": path, "size": os.path.getsize(path), "digests": sums}


def _lay_out(place: Place, beside: str) -> None:
    """Make what goes into the image besides the root: the ebuild repositories, as on a slave."""
    _durable.remove(beside)
    top = os.path.join(beside, _paths.STATE.lstrip("/"))
    own = f"generations/{place.target}/0"
    folders = _repositories(place)
    for name, folder in folders.items():
        copy = os.path.join(top, own, "repos", name)
        _files.directory(copy)
        _repository.link(folder, copy)
    _files.directory(top)
    if folders:
        _files.link(os.path.join(top, "current"), own)


def _repositories(place: Place) -> dict[str, str]:
    """Return repository to folder: those of the current generation, or the newest where nothing is published."""
    try:
        seal = _generation.seal_of(place.generation("current"))
    except (BinhostError, OSError):
        return _repository.newest(place.state)
    return {name: os.path.join(_trees.store(place), each.folder(name)) for name, each in seal.repositories.items()}


def _pack(run: Run, request: Request, beside: str, path: str) -> None:
    """Write the tarball; what a root's namespaces mount there isn't seen from outside."""
    excluded = [f"--exclude=.{folder}/*" for folder in _EMPTY]
    own = os.path.join(".", _paths.STATE.lstrip("/"))
    archive = path + ".tar"
    try:
        _do(run, [*_TAR, "--file", archive, "--anchored", *excluded, "--directory", request.place.root, "."])
        _do(run, ["tar", "--append", *_NOBODY, "--file", archive, "--directory", beside, own])
        _do(run, ["xz", "--threads=0", f"-{request.level}", "--force", archive])
        os.replace(f"{archive}.xz", path)
    finally:
        for each in (archive, f"{archive}.xz"):
            _durable.remove(each)
    os.chmod(path, _durable.FILE_MODE)


def _do(run: Run, argv: t.Sequence[str]) -> None:
    status, _out, words = run(argv)
    if status != 0:
        raise BinhostError(f"{argv[0]}: expected to write the image, found status {status}: {words.strip()}")


def _sign(run: Run, request: Request, draft: str, path: str, sums: t.Mapping[str, str]) -> None:
    """Write the signed digests, and the signature, of what will be ``path``."""
    ring = _keys.load(request.state)
    if ring is None:
        raise BinhostError(f"{_keys.folder(request.state)}: expected a key to sign with, found none")
    name = os.path.basename(path)
    text = "".join(f"# {title} HASH\n{sums[own]}  {name}\n" for title, own in sorted(_stage.ALGORITHMS.items()))
    plain = _durable.draft(path + ".plain")
    try:
        _durable.write(plain, text.encode())
        _durable.remove(_durable.draft(path + ".DIGESTS"))
        _signing.clear(run, ring.key(), plain, _durable.draft(path + ".DIGESTS"), state=request.state)
        os.replace(_durable.draft(path + ".DIGESTS"), path + ".DIGESTS")
    finally:
        _durable.remove(plain)
    _signing.file(run, ring.key(), draft, path + ".asc", state=request.state)
