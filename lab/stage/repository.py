# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's ebuild repository: copied from the checkout, with Manifests of the real distfiles."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from lab.stage.cache import StageError


def install(source: Path, into: Path, distfiles: Path) -> set[str]:
    """Copy the repository, write the Manifest of each package; return the names of the distfiles they need."""
    needed = set()
    shutil.copytree(source, into)
    for path in [into, *into.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    for package in sorted({ebuild.parent for ebuild in into.glob("*/*/*.ebuild")}):
        names = {name for ebuild in package.glob("*.ebuild") for name in distfile_names(ebuild)}
        if names:
            lines = [manifest_line(distfiles / name) for name in sorted(names)]
            (package / "Manifest").write_text("".join(lines), "utf-8")
        needed |= names
    return needed


def distfile_names(ebuild: Path) -> list[str]:
    """Return the files that an ebuild's SRC_URI names, which may use ${PN}, ${PV} and ${P} alone."""
    match = re.fullmatch(r"(.+)-(\d[^-]*)(-r\d+)?", ebuild.stem)
    if not match:
        raise StageError(f"{ebuild}: expected <name>-<version>.ebuild")
    words = {"PN": match[1], "PV": match[2], "P": f"{match[1]}-{match[2]}"}
    value = re.search(r'(?m)^SRC_URI="([^"]*)"', ebuild.read_text("utf-8"))
    return re.sub(r"\$\{(PN|PV|P)\}", lambda found: words[found[1]], value[1]).split() if value else []


def manifest_line(distfile: Path) -> str:
    """Return the DIST line of a thin Manifest (GLEP 74).  Raises ``StageError`` if there is no such file."""
    try:
        data = distfile.read_bytes()
    except FileNotFoundError:
        have = ", ".join(sorted(path.name for path in distfile.parent.iterdir()))
        raise StageError(f"{distfile.parent}: expected {distfile.name}, found {have}") from None
    sums = f"BLAKE2B {hashlib.blake2b(data).hexdigest()} SHA512 {hashlib.sha512(data).hexdigest()}"
    return f"DIST {distfile.name} {len(data)} {sums}\n"
