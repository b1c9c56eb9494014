# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small ebuild repository with a profile of its own, for builds that take seconds."""

from __future__ import annotations

import hashlib
import typing as t
from collections.abc import Mapping
from pathlib import Path

NAME: t.Final = "planted"
PROFILE: t.Final = "base"
_FILES: t.Final = {
    "metadata/layout.conf": "masters =\nthin-manifests = true\nsign-manifests = false\n",
    "profiles/repo_name": f"{NAME}\n",
    "profiles/eapi": "8\n",
    "profiles/arch.list": "amd64\n",
    "profiles/profiles.desc": f"amd64 {PROFILE} stable\n",
    f"profiles/{PROFILE}/eapi": "8\n",
    f"profiles/{PROFILE}/packages": "*x/plain\n",
    # The stage has no sandbox program, nothing here must survive a power cut, and each of Portage's namespaces takes
    # a start of Python in each phase (that they work in a root: test_isolation.py, test_end.py).
    f"profiles/{PROFILE}/make.defaults": 'ARCH="amd64"\nCHOST="x86_64-pc-linux-gnu"\nACCEPT_KEYWORDS="amd64"\n'
    'GENTOO_MIRRORS=""\nFEATURES="-sandbox -usersandbox -merge-sync -qa-unresolved-soname-deps '
    '-ipc-sandbox -mount-sandbox -network-sandbox -pid-sandbox"\n',
}
_HEAD: t.Final = """\
EAPI=8
DESCRIPTION="Planted for a test"
HOMEPAGE="https://example.org/"
LICENSE="GPL-2"
SLOT="0"
KEYWORDS="amd64"
S="${WORKDIR}"
"""
#: Installs one file that says what it is.
FILE: t.Final = """\
src_install() {
    echo ${PF} ${USE} >file || die
    insinto /usr/share/planted/${PN}
    doins file
}
"""
#: Installs a program that was compiled and linked.
PROGRAM: t.Final = """\
src_compile() {
    echo 'int main(void) { return 0; }' >planted.c || die
    gcc ${CFLAGS} -o ${PN} planted.c || die
}
src_install() {
    dobin ${PN}
}
"""


def repository(
    place: Path, ebuilds: Mapping[str, str], distfiles: Mapping[str, Mapping[str, bytes]] | None = None
) -> Path:
    """Make the repository, whose @system is ``x/plain``, and return its place.

    ``distfiles``: ebuild -> file -> content, for its Manifest.
    """
    for path, text in _FILES.items():
        _write(place / path, text)
    for cpv, body in {"x/plain-1": PROGRAM, **ebuilds}.items():
        ebuild(place, cpv, body, (distfiles or {}).get(cpv, {}))
    return place


def ebuild(place: Path, cpv: str, body: str, distfiles: Mapping[str, bytes] | None = None) -> None:
    """Write one ebuild ``category/name-version`` with what its body adds to the usual variables."""
    category, pf = cpv.split("/")
    folder = place / category / pf.rpartition("-")[0]
    _write(folder / f"{pf}.ebuild", _HEAD + body)
    manifest = [_dist(name, data) for name, data in (distfiles or {}).items()]
    if manifest:
        _write(folder / "Manifest", "".join(manifest))
    categories = sorted(
        path.name for path in place.iterdir() if path.is_dir() and path.name not in ("metadata", "profiles")
    )
    _write(place / "profiles/categories", "".join(f"{name}\n" for name in categories))


def _dist(name: str, data: bytes) -> str:
    sums = f"BLAKE2B {hashlib.blake2b(data).hexdigest()} SHA512 {hashlib.sha512(data).hexdigest()}"
    return f"DIST {name} {len(data)} {sums}\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
