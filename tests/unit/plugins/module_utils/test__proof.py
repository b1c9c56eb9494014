# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _merge_list, _proof
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

HEADER = "PACKAGES: 1\nTIMESTAMP: 1\nVERSION: 0\n\n"
ONE = "app/one/one-1-1.gpkg.tar"


def installed(root: Path, cpv: str, size: str, needed: str = "ELF") -> None:
    entry = root / "var/db/pkg" / cpv
    entry.mkdir(parents=True)
    (entry / "SIZE").write_text(f"{size}\n")
    (entry / "NEEDED.ELF.2").write_text(needed)


def ebuild(place: Path, package: str) -> None:
    (place / package).mkdir(parents=True)
    (place / package / f"{package.partition('/')[2]}-1.ebuild").touch()


def merges(*lines: str) -> list[_merge_list.Merge]:
    return _merge_list.parse("".join(f"[{line}\n" for line in lines))


def test_the_smallest_program_of_the_stage(tmp_path: Path) -> None:
    root, place = tmp_path / "root", tmp_path / "repository"
    for cpv, size, needed in (
        ("app/large-1", "9000", "ELF"),
        ("app/small-2.1", "800", "ELF"),
        ("app/text-1", "5", ""),
        ("app/unknown-1", "?", "ELF"),
        ("app/gone-1", "1", "ELF"),
    ):
        installed(root, cpv, size, needed)
    for package in ("app/large", "app/small", "app/text", "app/unknown"):
        ebuild(place, package)
    assert _proof.choose(str(root), [str(tmp_path / "none"), str(place)], []) == "app/small"


@pytest.mark.parametrize(
    ("lines", "atom"),
    [
        (
            ["ebuild  N ] a/b-1::r  1,200 KiB", "ebuild  N ] a/c-2::r  90 KiB", "binary  N ] a/d-1-1::r  1 KiB"],
            "=a/c-2",
        ),
        (
            ["ebuild  N ] virtual/x-1::r  0 KiB", "ebuild  N ] acct-user/y-0::r  0 KiB", "ebuild  N ] a/b-1::r"],
            "=a/b-1",
        ),
        (["ebuild  N ] virtual/x-1::r  0 KiB"], "=virtual/x-1"),
        ([], ""),
    ],
)
def test_else_the_smallest_of_what_is_to_be_built(tmp_path: Path, lines: Sequence[str], atom: str) -> None:
    assert _proof.choose(str(tmp_path), [], merges(*lines)) == atom


@pytest.mark.parametrize(
    ("files", "index", "error"),
    [
        ([], None, "expected a package of app/one and no other, found none"),
        ([ONE, "app/two/two-1-1.gpkg.tar"], None, f"no other, found {ONE}, app/two/two-1-1.gpkg.tar"),
        ([ONE], None, f"Packages: expected it to list {ONE}, found no index"),
        ([ONE], HEADER, f"expected it to list app/one in {ONE} and nothing else, found nothing"),
        ([ONE], f"{HEADER}CPV: app/one-1\nPATH: other\n\n", "found app/one-1 in other"),
        (["one.tbz2"], f"{HEADER}CPV: app/two-1\nPATH: one.tbz2\n\n", "found app/two-1 in one.tbz2"),
    ],
)
def test_what_proves_nothing(tmp_path: Path, files: Sequence[str], index: str | None, error: str) -> None:
    lay(tmp_path, files, index)
    with pytest.raises(BinhostError, match=f"{re.escape(error)}$"):
        _proof.verify(str(tmp_path), "=app/one-1")


def lay(pkgdir: Path, files: Sequence[str], index: str | None) -> None:
    for name in files:
        (pkgdir / name).parent.mkdir(parents=True, exist_ok=True)
        (pkgdir / name).touch()
    if index is not None:
        (pkgdir / "Packages").write_text(index)


@pytest.mark.parametrize("atom", ["app/one", "=app/one-1"])
def test_what_does(tmp_path: Path, atom: str) -> None:
    lay(tmp_path, [ONE], f"{HEADER}CPV: app/one-1\nPATH: {ONE}\n\n")
    _proof.verify(str(tmp_path), atom)
