# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an emerge that was killed had compiled and not yet installed.

Portage forgets it: the next emerge cleans the build's folder, and its own list to resume (mtimedb) knows only what is
left to do. But with FEATURES=buildpkg a package is packed before it is installed, and with FEATURES=merge-wait, the
default, many are packed before one is. So packages are made of what is compiled; those that a killed run left are
installed first, and all are thrown away when none is left to do. Portage begins to compile nothing before all is there
that it needs, so what was compiled can be installed.
"""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _emerge,
    _files,
    _history,
    _packages,
    _paths,
    _removal,
)
from ansible_collections.larry.binhost.plugins.module_utils._emerge_place import Place, Run
from ansible_collections.larry.binhost.plugins.module_utils._mounts import PKGDIR

Merges = t.Sequence[t.Mapping[str, t.Any]]
#: They were made here, so nobody has signed them.
_FEATURES: t.Final = "-binpkg-request-signature -getbinpkg"
#: Seconds of a build that are worth packing it, which takes about half a second and, of something large, more.
WORTH: t.Final = 20


def folder(place: Place) -> str:
    """Return where the host's own packages are kept meanwhile."""
    return _paths.below("compiled", state=place.state)


def quick(place: Place, merges: Merges) -> list[str]:
    """Return, as category/name, what a host is to compile and is known to have compiled in less than WORTH."""
    known = _history.seconds(place.log)
    compiled = [merge["cpv"] for merge in merges if merge["kind"] == "ebuild"]
    times = ((cpv, known.of(cpv, binary=False)) for cpv in compiled)
    return list(dict.fromkeys(_history.name_of(cpv) for cpv, time in times if time is not None and time < WORTH))


def packing(run: Run, place: Place) -> dict[str, str]:
    """Return the environment with which what is compiled is packed; empty where it can't be.

    A person's own PKGDIR, if anything is in it, is one that emerge has to see: then nothing is packed that the person
    doesn't have packed anyway.
    """
    if not place.is_host:
        return {"PKGDIR": PKGDIR} if place.pkgdir else {}
    _status, stdout, _stderr = run(["portageq", "envvar", "FEATURES", "PKGDIR"])
    features, _newline, pkgdir = stdout.rstrip("\n").partition("\n")
    if "buildpkg" in features.split():
        return {"PKGDIR": pkgdir}
    if not pkgdir or _indexed(pkgdir):
        return {}
    return {"PKGDIR": folder(place), "FEATURES": "buildpkg -binpkg-signing"}


def begin(place: Place, environment: t.Mapping[str, str]) -> None:
    """Make the folder that the environment names, empty and nobody else's."""
    if environment.get("PKGDIR") == folder(place):
        end(place)
        _files.directory(folder(place))
        os.chmod(folder(place), 0o700)


def end(place: Place) -> None:
    """Throw the packages away; they are the host's own, and no build root's."""
    if not place.is_host:
        return
    with contextlib.suppress(FileNotFoundError):
        _removal.tree(folder(place))


def kept(place: Place, before: t.Mapping[str, t.Any], merges: Merges, since: int) -> list[str]:
    """Return the packages, in the order of ``merges``, that an earlier job compiled and didn't install.

    ``before`` is its request, ``since`` when it began. Only those count that would be compiled now just as they were
    to be then.
    """
    then = {_sense(merge) for merge in before.get("merge_list", ())}
    wanted = [merge["cpv"] for merge in merges if merge["kind"] == "ebuild" and _sense(merge) in then]
    pkgdir = before.get("environment", {}).get("PKGDIR", "")
    made = _made(pkgdir if place.is_host or not pkgdir else place.pkgdir or "", since)
    return [cpv for cpv in wanted if cpv in made]


def _sense(merge: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    """Return what tells whether two lines would compile the same."""
    flags = sorted(f"{flag['group']} {flag['name']} {flag['enabled']}" for flag in merge["use"])
    return (merge["kind"], merge["cpv"], merge["repository"], merge["slot"], *flags)


def _indexed(pkgdir: str) -> list[_packages.Package]:
    try:
        return _packages.packages(_packages.parse(_files.read(os.path.join(pkgdir, "Packages"))))
    except FileNotFoundError:
        return []


def _made(pkgdir: str, since: int) -> set[str]:
    """Return what was packed since then and is whole: Portage lists a package once it is."""
    return {
        package.cpv
        for package in (_indexed(pkgdir) if pkgdir else [])
        if (package.build_time or 0) >= since and os.path.exists(os.path.join(pkgdir, package.path))
    }


def install(run: Run, packages: t.Sequence[str], environment: t.Mapping[str, str]) -> None:
    """Install these from the packages that are kept in the PKGDIR that the environment names.

    What fails is compiled again by what comes after.
    """
    options = {"oneshot": True, "nodeps": True, "usepkgonly": True, "keep_going": True, "getbinpkg": False}
    if packages:
        command = _emerge.argv([f"={cpv}" for cpv in packages], options, pretend=False)
        run(command, environ_update={**environment, "FEATURES": _FEATURES})
