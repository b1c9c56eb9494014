# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _merge_list, _resume
from ansible_collections.larry.binhost.plugins.module_utils._emerge_place import Place

LISTED = """\
[ebuild  N     ] x/one-1::lab  USE="nls -static" 0 KiB
[ebuild  N     ] x/two-1::lab  12 KiB
[binary  N     ] x/three-1-2::lab  0 KiB
"""
INDEX = """\
PACKAGES: 3
VERSION: 0

BUILD_TIME: 100
CPV: x/two-1
PATH: x/two/two-1-1.gpkg.tar

BUILD_TIME: 99
CPV: x/one-1
PATH: x/one/one-1-1.gpkg.tar

BUILD_TIME: 200
CPV: x/three-1
PATH: x/three/three-1-1.gpkg.tar
"""
OURS: t.Final = {"PKGDIR": "{state}/compiled", "FEATURES": "buildpkg -binpkg-signing"}


def merges(text: str = LISTED) -> list[dict[str, t.Any]]:
    return [dataclasses.asdict(merge) for merge in _merge_list.parse(text, whole=False)]


@pytest.fixture
def pkgdir(tmp_path: Path) -> Path:
    (tmp_path / "Packages").write_text(INDEX)
    for name in ("one", "two", "three"):
        (tmp_path / "x" / name).mkdir(parents=True)
        (tmp_path / "x" / name / f"{name}-1-1.gpkg.tar").touch()
    return tmp_path


def kept(
    pkgdir: Path, *, before: str = LISTED, now: str = LISTED, since: int = 0, place: Place | None = None
) -> list[str]:
    request = {"merge_list": merges(before), "environment": {"PKGDIR": str(pkgdir)}}
    return _resume.kept(place or Place(), request, merges(now), since)


def test_what_was_packed_is_installed_in_the_order_in_which_it_is_wanted(pkgdir: Path) -> None:
    assert kept(pkgdir) == ["x/one-1", "x/two-1"]  # what would come from a binary anyway isn't concerned


def test_what_is_older_than_the_job_is_not_its_own(pkgdir: Path) -> None:
    assert kept(pkgdir, since=100) == ["x/two-1"]


def test_what_was_not_finished_is_compiled_again(pkgdir: Path) -> None:
    (pkgdir / "x/one/one-1-1.gpkg.tar").unlink()
    assert kept(pkgdir) == ["x/two-1"]
    (pkgdir / "Packages").unlink()
    assert kept(pkgdir) == []


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (LISTED.replace("12 KiB", "0 KiB"), ["x/one-1", "x/two-1"]),  # its source has been fetched since
        (LISTED.replace("-static", "static"), ["x/two-1"]),
        (LISTED.replace("x/two-1::lab", "x/two-1::other"), ["x/one-1"]),
        (LISTED.replace("x/two-1::lab", "x/two-1:0/2::lab"), ["x/one-1"]),
        (LISTED.replace("x/two-1", "x/two-2"), ["x/one-1"]),
        ("", []),
    ],
)
def test_only_what_would_be_compiled_just_so_again_counts(pkgdir: Path, now: str, expected: list[str]) -> None:
    assert kept(pkgdir, now=now) == expected


def test_a_build_root_has_its_packages_on_the_host(pkgdir: Path) -> None:
    request = {"merge_list": merges(), "environment": {"PKGDIR": "/var/cache/binpkgs"}}
    assert _resume.kept(Place("/root", pkgdir=str(pkgdir)), request, merges(), 0) == ["x/one-1", "x/two-1"]
    assert _resume.kept(Place("/root"), request, merges(), 0) == []


@pytest.mark.parametrize(
    ("features", "index", "expected"),
    [
        ("getbinpkg", "", {"PKGDIR": "{state}/compiled", "FEATURES": "buildpkg -binpkg-signing"}),
        (
            "getbinpkg",
            "VERSION: 0\nPACKAGES: 0\n",
            {"PKGDIR": "{state}/compiled", "FEATURES": "buildpkg -binpkg-signing"},
        ),
        ("getbinpkg", INDEX, {}),  # emerge has to see these
        ("buildpkg getbinpkg", INDEX, {"PKGDIR": "{pkgdir}"}),
    ],
)
def test_packing(tmp_path: Path, features: str, index: str, expected: dict[str, str]) -> None:
    if index:
        (tmp_path / "Packages").write_text(index)

    def run(args: t.Sequence[str], /, **_how: t.Any) -> tuple[int, str, str]:
        assert args == ["portageq", "envvar", "FEATURES", "PKGDIR"]
        return 0, f"{features}\n{tmp_path}\n", ""

    places = {"state": "/s", "pkgdir": str(tmp_path)}
    assert _resume.packing(run, Place(state="/s")) == {name: text.format(**places) for name, text in expected.items()}


def test_nothing_is_packed_where_portage_does_not_say_where_to(tmp_path: Path) -> None:
    assert _resume.packing(lambda _args, /, **_how: (1, "", "no Portage"), Place(state=str(tmp_path))) == {}


def test_the_folder_is_nobody_elses_and_goes(tmp_path: Path) -> None:
    place = Place(state=str(tmp_path))
    _resume.begin(place, {"PKGDIR": "/var/cache/binpkgs"})
    assert list(tmp_path.iterdir()) == []
    for _time in range(2):
        _resume.begin(place, {"PKGDIR": _resume.folder(place)})
        assert (tmp_path / "compiled").stat().st_mode & 0o777 == 0o700
        assert list((tmp_path / "compiled").iterdir()) == []
        (tmp_path / "compiled/left").touch()
    _resume.end(place)
    assert list(tmp_path.iterdir()) == []


def test_a_build_root_leaves_the_hosts_alone(tmp_path: Path) -> None:
    _resume.begin(Place(state=str(tmp_path)), {"PKGDIR": str(tmp_path / "compiled")})
    _resume.end(Place(root="/roots/laptops", state=str(tmp_path)))
    assert (tmp_path / "compiled").is_dir()


@pytest.mark.parametrize(("seconds", "expected"), [(19, ["x/one"]), (20, []), (None, [])])
def test_what_is_compiled_in_no_time_is_not_worth_packing(
    tmp_path: Path, seconds: int | None, expected: list[str]
) -> None:
    log = tmp_path / "var/log/emerge.log"
    log.parent.mkdir(parents=True)
    if seconds is not None:
        # Of three it is known that it is quick, but it comes from a binary.
        for cpv in ("x/one-0.9", "x/three-1"):
            with log.open("a") as file:
                file.write(f"100:  >>> emerge (1 of 1) {cpv} to /\n")
                file.write(f"{100 + seconds}:  ::: completed emerge (1 of 1) {cpv} to /\n")
    assert _resume.quick(Place(root=str(tmp_path)), merges()) == expected
