# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an atom means, which is what Portage says that it means."""

from __future__ import annotations

import types
import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _atom, _atom_match, _packages
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

HEADER = {
    "REPO": "gentoo",
    "IUSE_IMPLICIT": "prefix",
    "USE_EXPAND_IMPLICIT": "ARCH ELIBC",
    "USE_EXPAND_UNPREFIXED": "ARCH",
    "USE_EXPAND_VALUES_ARCH": "amd64 x86",
    "USE_EXPAND_VALUES_ELIBC": "glibc musl",
}
PACKAGES = [
    {"CPV": "a/b-1.2", "USE": "nls amd64 elibc_glibc", "IUSE": "+nls -static doc"},
    {"CPV": "a/b-1.2-r3", "SLOT": "2/5"},
    {"CPV": "a/b-1.20", "REPO": "lab"},
    {"CPV": "a/b-1.2_rc1", "SLOT": "2"},
    {"CPV": "a/b-01.2a", "IUSE": "nls", "USE": ""},
    {"CPV": "a/b-c-1"},
    {"CPV": "a/b-10-r1"},
    {"CPV": "c/b-0"},
    {"CPV": "c/b-0.1.0"},
]
VERSIONS = ["1", "1.2", "1.2-r0", "1.2-r3", "01.2", "1.20", "1.2_rc", "1.2_rc1", "1.2a", "10", "0", "00.1", "2"]
ATOMS = [f"{operator}{cp}-{version}" for operator in ("=", "~", "<", "<=", ">", ">=") for cp in ("a/b", "c/b")
         for version in VERSIONS if not (operator == "~" and "-r" in version)]  # fmt: skip
GLOBS = [f"={cp}-{version}*" for cp in ("a/b", "c/b") for version in VERSIONS]
NAMES = [
    "a/b",
    "a/b-c",
    "c/b",
    "a/c",
    "*/b",
    "a/*",
    "*/*",
    "*/*b*",
    "a/b:2",
    "a/b:2/5",
    "a/b:0/0",
    "a/b:2=",
    "a/b:=",
    "a/b:*",
]
NAMES += ["a/b::lab", "a/b:0::gentoo", "a/*::lab", "*/*:2"]
FLAGS = [
    "nls",
    "-nls",
    "static",
    "-static",
    "doc,nls",
    "nls,-doc",
    "x",
    "-x",
    "x(+)",
    "x(-)",
    "-x(+)",
    "-x(-)",
    "amd64",
    "-x86",
]
FLAGS += ["elibc_glibc", "-elibc_musl", "prefix", "-prefix", "nls(-)", "-nls(+)", "arch_amd64"]


def package(values: t.Mapping[str, str]) -> _packages.Package:
    return _packages.Package(1, {**_packages.base(HEADER), **values})


def meant(atom: str) -> list[str]:
    """Return the CPVs that we say are meant."""
    wish = _atom_match.Wish([atom])
    found = [one for one in map(package, PACKAGES) if wish.means(one, _atom_match.implicit(HEADER))]
    assert all(wish.names(one.cpv) for one in found)
    return [one.cpv for one in found]


def meant_by_portage(atom: str) -> list[str]:
    """Return those that Portage says are meant."""
    dep = pytest.importorskip("portage.dep", reason="Portage isn't installed here")
    versions = pytest.importorskip("portage.versions")
    implicit = _atom_match.implicit(HEADER)
    candidates = []
    for one in map(package, PACKAGES):
        cpv = versions._pkg_str(one.cpv, slot=one.slot, repo=one.repo, eapi="8")
        declared = {flag.lstrip("+-") for flag in one.values["IUSE"].split()} | implicit
        parts = {key: getattr(cpv, key) for key in ("cp", "version", "slot", "sub_slot", "repo", "cpv_split")}
        valid = types.SimpleNamespace(is_valid_flag=lambda flags, declared=declared: (
            flags in declared if isinstance(flags, str) else declared.issuperset(flags)))  # fmt: skip
        enabled = types.SimpleNamespace(enabled=frozenset(one.values["USE"].split()))
        candidates.append(types.SimpleNamespace(cpv=cpv, use=enabled, iuse=valid, **parts))
    found = dep.match_from_list(dep.Atom(atom, allow_wildcard=True, allow_repo=True), candidates)
    return [str(one.cpv) for one in found]


@pytest.mark.parametrize("atoms", [ATOMS, GLOBS, NAMES, [f"a/b[{flags}]" for flags in FLAGS]], ids="vgnf")
def test_as_portage(atoms: list[str]) -> None:
    assert {atom: meant(atom) for atom in atoms} == {atom: meant_by_portage(atom) for atom in atoms}


MEANT = [
    ("=a/b-1.2*", ["a/b-1.2", "a/b-1.2-r3", "a/b-1.2_rc1", "a/b-01.2a"]),
    ("~a/b-1.2", ["a/b-1.2", "a/b-1.2-r3"]),
    ("<a/b-1.2", ["a/b-1.2_rc1"]),
    (">=a/b-1.2:2", ["a/b-1.2-r3"]),
    ("a/b::lab", ["a/b-1.20"]),
    ("a/b[nls,-static]", ["a/b-1.2"]),
    ("a/b-c", ["a/b-c-1"]),
    ("c/*", ["c/b-0", "c/b-0.1.0"]),
]


@pytest.mark.parametrize(("atom", "expected"), MEANT)
def test_meant(atom: str, expected: list[str]) -> None:
    assert meant(atom) == expected


@pytest.mark.parametrize(
    "atom", ["@world", "!a/b", "a/b[nls?]", "=a/b-1-2", "a/b-1", "b", "", "**/*", "=*/*-1", "a/b c/d"]
)
def test_refused(atom: str) -> None:
    with pytest.raises(BinhostError, match="names a set|is no package atom"):
        _atom_match.Wish([atom])


def test_parts() -> None:
    atom = _atom.parse("=sys-devel/gcc-13*:13/13=::gentoo[nls,-static(-),x(+)]")
    flags = (_atom.Flag("nls", True, None), _atom.Flag("static", False, False), _atom.Flag("x", True, True))
    assert atom == _atom.Atom("sys-devel/gcc", "=*", "13", "13", "13", "gentoo", flags)
    assert _atom.parse("dev-qt/*:5") == _atom.Atom("dev-qt/*", "", "", "5", "", "", ())


def test_what_is_no_cpv_is_never_meant() -> None:
    wish = _atom_match.Wish(["a/b", ">=a/b-0"])
    for cpv in ["", "a/b", "a", "a/b-", "a/b--1", "a/b-x", "-r1"]:
        assert not wish.means(package({"CPV": cpv})), cpv
