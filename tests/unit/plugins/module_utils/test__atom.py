# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is an atom, by table and by Portage itself."""

from __future__ import annotations

import re

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _atom
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

GOOD = [
    "app-misc/hello",
    "=app-misc/hello-2.10",
    "=app-misc/hello-2*",
    ">=sys-devel/gcc-13.2.1_p20240210-r1:13",
    "~dev-libs/glib-2.80.5",
    "<x11-libs/gtk+-4:3",
    "dev-lang/python:3.12",
    "dev-libs/openssl:0/3=",
    "dev-libs/openssl:=",
    "media-libs/mesa[video_cards_intel,-wayland]",
    "media-libs/mesa[vulkan(+)]",
    "app-misc/hello::lab",
    "app-misc/hello:0::lab[nls]",
    "virtual/libc",
    "dev-libs/a-b",
    "_x/_y",
]

BAD = [
    ("hello", "expected category/name"),
    ("", "expected one word"),
    ("app-misc/hello ", "expected one word"),
    ("app-misc/hello\n", "expected one word"),
    ("app-misc/hello-2.10", "expected an operator (=, ~, <, <=, >, >=) before version '2.10'"),
    ("=app-misc/hello", "expected a version after operator '='"),
    (">=app-misc/hello-2*", "'*' after a version goes with '=' alone"),
    ("=app-misc/hello-2.10-3", "a build number can't be asked for"),
    ("=app-misc/hello-2-3", "the name ends in what is a version"),
    ("!app-misc/hello", "it is a blocker; expected a package to have"),
    ("app-misc/hello[nls?]", "a USE conditional has no meaning outside an ebuild"),
    ("app-misc/hello[!nls=]", "a USE conditional has no meaning outside an ebuild"),
    ("app-misc/hel$lo", "expected [operator]category/name[-version][:slot][::repository][[use]]"),
    ("app-misc/*", "expected [operator]category/name[-version][:slot][::repository][[use]]"),
    ("-app/x", "expected [operator]category/name[-version][:slot][::repository][[use]]"),
    ("a/b/c", "expected [operator]category/name[-version][:slot][::repository][[use]]"),
    ("@", "expected a set's name after '@'"),
]


@pytest.mark.parametrize("atom", [*GOOD, "@world", "@x11-module-rebuild"])
def test_good(atom: str) -> None:
    _atom.check(atom)


@pytest.mark.parametrize(("atom", "reason"), BAD)
def test_bad(atom: str, reason: str) -> None:
    with pytest.raises(BinhostError, match=f"^{re.escape(f'{atom!r} is no package atom: {reason}')}$"):
        _atom.check(atom)


@pytest.mark.parametrize("atom", ["*/*", "dev-qt/*", "*/firefox*", "app-misc/hello", "=app-misc/hello-1", "*/*::lab"])
def test_entry(atom: str) -> None:
    _atom.check_entry(atom)


@pytest.mark.parametrize("atom", ["@world", "app-misc/hello[nls]", "**/*", "*", "app-misc/hello-1"])
def test_no_entry(atom: str) -> None:
    with pytest.raises(BinhostError):
        _atom.check_entry(atom)


def test_category_package() -> None:
    assert _atom.category_package(">=sys-devel/gcc-13.2:13::gentoo[nls]") == "sys-devel/gcc"
    assert _atom.category_package("dev-libs/a-b") == "dev-libs/a-b"
    with pytest.raises(BinhostError, match="'@world' names a set: expected one package"):
        _atom.category_package("@world")


def _portage_says(atom: str) -> bool:
    dep = pytest.importorskip("portage.dep", reason="Portage isn't installed here")
    exception = pytest.importorskip("portage.exception")
    try:
        found = dep.Atom(atom, allow_build_id=False)
    except exception.InvalidAtom:
        return False
    return not found.blocker and not (found.use and found.use.conditional)


@pytest.mark.parametrize("operator", ["", "=", ">=", "<", "~", "!", "=="])
@pytest.mark.parametrize("version", ["", "-1", "-1.2b_rc3_p-r4", "-1*", "-1-r1*", "-1-2", "-", "-1.", "-r1"])
def test_as_portage(operator: str, version: str) -> None:
    for suffix in ["", ":0", ":0/1=", ":=", ":*", ":0*", ":", "::lab", ":0::lab", "::-x", "[a,-b(-)]", "[]", "[a?]"]:
        for name in ["a/b", "a-1/b-c", "a/+b", "a.b/c+", "A_/b_", "a", "a/b-1a", "a/b.c"]:
            atom = f"{operator}{name}{version}{suffix}"
            try:
                _atom.check(atom)
            except BinhostError:
                assert not _portage_says(atom), atom
            else:
                assert _portage_says(atom), atom


def test_entry_as_portage() -> None:
    dep = pytest.importorskip("portage.dep", reason="Portage isn't installed here")
    for atom in ["*/*", "dev-qt/*", "*/firefox*", "a+*/*b::lab", "a*/b:0"]:
        _atom.check_entry(atom)
        dep.Atom(atom, allow_wildcard=True)
