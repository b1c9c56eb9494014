# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A root like a desktop's: thousands of installed packages, and a repository of many times as many ebuilds.

All is installed in its newest version and nothing is left to do. The repository has its metadata cache, as Gentoo's
has when it comes by rsync or as a snapshot: without it Portage would be slower by far.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import typing as t
from pathlib import Path

PACKAGES: t.Final = 2_000
EBUILDS: t.Final = 20_000
NAME: t.Final = "large"
_CATEGORIES: t.Final = 150
_BUILT: t.Final = 1_700_000_000  # seconds since the epoch
_FLAGS: t.Final = [f"flag{number}" for number in range(60)]
_PROFILE: t.Final = {
    "metadata/layout.conf": "masters =\nthin-manifests = true\nsign-manifests = false\ncache-formats = md5-dict\n",
    "profiles/repo_name": f"{NAME}\n",
    "profiles/eapi": "8\n",
    "profiles/arch.list": "amd64\n",
    "profiles/profiles.desc": "amd64 base stable\n",
    "profiles/base/eapi": "8\n",
    "profiles/base/packages": "",
    "profiles/base/make.defaults": 'ARCH="amd64"\nCHOST="x86_64-pc-linux-gnu"\nACCEPT_KEYWORDS="amd64"\n'
    f'USE="{" ".join(_FLAGS[::3])}"\nGENTOO_MIRRORS=""\nFEATURES="-sandbox -usersandbox -news"\n',
}


def emptied(root: Path) -> Path:
    """Remove a stage's own packages, configuration and repositories; return the root."""
    for name in ("etc/portage", "var/db/pkg", "var/db/repos"):
        shutil.rmtree(root / name)
    return root


def fill(root: Path, packages: int = PACKAGES, ebuilds: int = EBUILDS) -> Path:
    """Make the root's repository and installed packages those; return the repository."""
    dice = random.Random(packages)
    repository = root / "var/db/repos" / NAME
    names = [f"cat-{number % _CATEGORIES:03}/package{number:05}" for number in range(packages)]
    for path, text in _PROFILE.items():
        _write(repository / path, text)
    _write(repository / "profiles/categories", "".join(f"cat-{number:03}\n" for number in range(_CATEGORIES)))
    versions = [f"1.{number}" for number in range(max(1, ebuilds // packages))]
    for number, name in enumerate(names):
        flags = sorted(dice.sample(_FLAGS, 5))
        needs = sorted(dice.sample(names[:number], min(number, 4)))
        needed = " ".join([*needs[:3], *(f"{flags[0]}? ( {each} )" for each in needs[3:])])
        for version in versions:
            _ebuild(repository, f"{name}-{version}", needed, flags)
        _install(root, f"{name}-{versions[-1]}", needed, flags, number + 1)
    _configure(root, names)
    return repository


def _ebuild(repository: Path, cpv: str, needed: str, flags: list[str]) -> None:
    category, name = cpv.split("/")
    keys = {"DESCRIPTION": "One of many", "SLOT": "0", "LICENSE": "GPL-2", "KEYWORDS": "amd64", "IUSE": " ".join(flags)}
    keys["RDEPEND"] = needed
    text = "EAPI=8\n" + "".join(f'{key}="{value}"\n' for key, value in keys.items())
    _write(repository / category / name.rpartition("-")[0] / f"{name}.ebuild", text)
    sum_ = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    cached = {**keys, "DEFINED_PHASES": "-", "EAPI": "8", "_md5_": sum_}
    lines = "".join(f"{key}={value}\n" for key, value in sorted(cached.items()) if value)
    _write(repository / "metadata/md5-cache" / cpv, lines)


def _install(root: Path, cpv: str, needed: str, flags: list[str], counter: int) -> None:
    category, name = cpv.split("/")
    used = [flag for flag in flags if flag in _FLAGS[::3]]
    files = {
        "BUILD_TIME": str(_BUILT + counter),
        "CATEGORY": category,
        "CHOST": "x86_64-pc-linux-gnu",
        "CONTENTS": f"dir /usr\nobj /usr/share/{name} d41d8cd98f00b204e9800998ecf8427e {_BUILT}\n",
        "COUNTER": str(counter),
        "DEFINED_PHASES": "-",
        "EAPI": "8",
        "IUSE": " ".join(flags),
        "IUSE_EFFECTIVE": " ".join(flags),
        "KEYWORDS": "amd64",
        "LICENSE": "GPL-2",
        "PF": name,
        "RDEPEND": needed.replace(f"{flags[0]}? ( ", "").replace(" )", "") if flags[0] in used else needed,
        "SIZE": "1",
        "SLOT": "0",
        "USE": " ".join(["amd64", *used]),
        "repository": NAME,
        f"{name}.ebuild": "EAPI=8\n",
    }
    if flags[0] not in used:
        files["RDEPEND"] = needed.partition(f" {flags[0]}? (")[0]
    for key, value in files.items():
        _write(root / "var/db/pkg" / category / name / key, f"{value.rstrip()}\n")


def _configure(root: Path, names: list[str]) -> None:
    where = f"/var/db/repos/{NAME}"
    _write(root / "etc/portage/make.conf", 'BINPKG_FORMAT="gpkg"\n')
    _write(
        root / "etc/portage/repos.conf/large.conf", f"[DEFAULT]\nmain-repo = {NAME}\n\n[{NAME}]\nlocation = {where}\n"
    )
    (root / "etc/portage/make.profile").symlink_to(f"../..{where}/profiles/base")
    _write(root / "var/lib/portage/world", "".join(f"{name}\n" for name in names))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
