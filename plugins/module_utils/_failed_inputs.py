# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that decides how the build of a package goes, as digests by which one sees whether any of it has changed.

The root's Portage says what it would build the package with: ``setcpv`` applies profile, make.conf and package.*
(portage package/ebuild/config.py). What it only reads while it builds (patches, bashrc, env, savedconfig) is on disk.
"""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _fingerprint,
    _host,
    _merge_world,
    _paths,
    _patterns,
    _portage_query,
    _tree_plan,
    _vdb,
)
from ansible_collections.larry.binhost.plugins.module_utils._merge_world import Place

PROGRAM: t.Final = """
import hashlib, json, portage, subprocess, sys
database = portage.portdb
depends = ("DEPEND", "BDEPEND", "RDEPEND", "PDEPEND", "IDEPEND")
found = {}
for cpv in filter(database.cpv_exists, sys.argv[1:]):
    settings = portage.config(clone=portage.settings)
    settings.setcpv(cpv, mydb=database)
    names = ("INHERITED", "SRC_URI", "repository", *depends)
    known = dict(zip(names, database.aux_get(cpv, list(names))))
    told = {name: sorted(settings.get(name, "").split()) for name in settings}
    ebuild, repository = database.findname2(cpv)
    eclasses = [each.location + "/eclass" for each in database.repositories.get_repo_for_location(repository).masters]
    found[cpv] = {
        "settings": hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest(),
        "ebuild": ebuild,
        "eclass": [repository + "/eclass", *eclasses],
        "inherited": known["INHERITED"].split(),
        "sources": known["SRC_URI"].split(),
        "depends": " ".join(known[name] for name in depends),
    }
compiler = subprocess.run(["sh", "-c", "gcc -v; ld -v; ls -lL --time-style=+%s $(command -v gcc ld)"],
                          capture_output=True, text=True)
print(json.dumps({"packages": found, "compiler": compiler.stdout + compiler.stderr}))
"""
#: What no ebuild names that it is compiled with.
TOOLCHAIN: t.Final = ("sys-devel/gcc", "sys-devel/binutils", "sys-libs/glibc", "sys-libs/musl", "llvm-core/clang")
#: Of etc/portage: what is read while a package is built. The rest is in what Portage says of its settings.
_READ: t.Final = ("bashrc", "env", "patches", "profile", "savedconfig")
# category/name of >=category/name-1.2:0=[use]
_NAMED = re.compile(r"[A-Za-z0-9_][\w+.-]*/[A-Za-z0-9_][\w+-]*(?:\.[\w+-]+)*")
Inputs = dict[str, str]


def of(place: Place, packages: t.Sequence[str]) -> dict[str, Inputs]:
    """Return package to its inputs, name to digest; packages of which Portage can't tell are left out."""
    if not packages:
        return {}

    def run(args: t.Any, /) -> tuple[int, str, str]:
        return _merge_world.inside(place, args, _merge_world.environment())

    told = _portage_query.answer(run, PROGRAM, *packages)
    read = _read(place)
    return {cpv: _digests(place, cpv, known, told["compiler"], read) for cpv, known in told["packages"].items()}


def _read(place: Place) -> str:
    folder = os.path.join(config(place), _tree_plan.CONFIG)
    parts = [_fingerprint.files(os.path.join(folder, name)) for name in _READ]
    return _fingerprint.digest([parts, _text(os.path.join(folder, "bashrc"))])


def config(place: Place) -> str:
    """Return the folder whose etc/portage is read in a place: the root's own, or what is mounted over it."""
    over = next((each.source for each in place.own if each.target == f"/{_tree_plan.CONFIG}"), "")
    return over[: -len(_tree_plan.CONFIG) - 1] if over else place.root


def _digests(place: Place, cpv: str, known: t.Mapping[str, t.Any], compiler: str, read: str) -> Inputs:
    installed = _host.installed(place.target.root)
    ebuild = _outside(place, known["ebuild"])
    names = {word.rpartition("/")[2] for word in known["sources"]}
    eclasses = [os.path.join(folder, f"{name}.eclass") for name in known["inherited"] for folder in known["eclass"]]
    values = {
        "ebuild": [_text(ebuild), _fingerprint.files(os.path.join(os.path.dirname(ebuild), "files"))],
        "eclasses": [_text(_outside(place, path)) for path in eclasses],
        "distfiles": [line for line in _manifest(ebuild) if line.split(" ")[1:2] and line.split(" ")[1] in names],
        "dependencies": _dependencies(place.target.root, installed, known["depends"]),
        "configuration": [known["settings"], read],
        "compiler": [compiler, [_build(place.target.root, each) for each in _named(installed, TOOLCHAIN)]],
    }
    return {name: _fingerprint.digest(value) for name, value in values.items()}


def _outside(place: Place, path: str) -> str:
    """Return where a file of a repository, as the root sees it, is on the host."""
    for name, snapshot in place.snapshots.items():
        top = f"{_paths.REPOSITORIES}/{name}/"
        if path.startswith(top):
            return os.path.join(snapshot, path[len(top) :])
    return os.path.join(place.root, path.lstrip("/"))


def _manifest(ebuild: str) -> list[str]:
    return _text(os.path.join(os.path.dirname(ebuild), "Manifest")).splitlines()


def _dependencies(root: str, installed: t.Sequence[str], depends: str) -> list[str]:
    """Return what is installed of all that a package names, and of what that needs when it runs, each with its build.

    The root's: what a clone has beyond it is made anew each time.
    """
    by_name: dict[str, list[str]] = {}
    for cpv in installed:
        by_name.setdefault(_patterns.package(cpv), []).append(cpv)
    seen: set[str] = set()
    ahead = set(_NAMED.findall(depends))
    while ahead:
        name = _known(ahead.pop(), by_name)
        for cpv in by_name.get(name, ()) if name not in seen else ():
            ahead.update(_NAMED.findall(_vdb.read(root, cpv, "RDEPEND")))
        seen.add(name)
    return [_build(root, cpv) for name in sorted(seen) for cpv in by_name.get(name, ())]


def _known(name: str, by_name: t.Mapping[str, t.Any]) -> str:
    """Return the package of a name that may have a version at its end."""
    return name if name in by_name else _patterns.package(name)


def _named(installed: t.Sequence[str], names: t.Collection[str]) -> list[str]:
    return [cpv for cpv in installed if _patterns.package(cpv) in names]


def _build(root: str, cpv: str) -> str:
    return " ".join([cpv, *(_vdb.read(root, cpv, name).strip() for name in ("BUILD_TIME", "USE"))])


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return ""
