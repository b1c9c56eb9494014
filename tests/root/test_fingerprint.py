# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whenever Portage's answer becomes another, so does the fingerprint, and asking Portage changes neither."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _fingerprint

from tests.root.build_root import BuildRoot

EBUILD: t.Final = """\
EAPI=8
DESCRIPTION="Planted for a test"
LICENSE="GPL-3"
SLOT="0"
KEYWORDS="amd64"
IUSE="a b c d"
S="${WORKDIR}"
"""


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def converged(build_root: BuildRoot) -> BuildRoot:
    """Return a root in which nothing is left to do."""
    for name in ("one", "other", "third"):
        build_root.ebuild(f"app-misc/{name}-1", EBUILD)
    make_conf = build_root.path / "etc/portage/make.conf"
    write(make_conf, f"{make_conf.read_text()}source /etc/mine.conf\n")
    write(build_root.path / "etc/mine.conf", "")
    write(build_root.path / "etc/portage/sets/mine", "app-misc/third\n")
    write(build_root.path / "var/lib/portage/world", "app-misc/one\n")
    build_root.emerge("-1", "app-misc/one")
    return build_root


def answer(root: BuildRoot) -> list[str]:
    """Return what emerge would merge, with its USE."""
    return re.findall(r"^\[.*\] app-misc/.*", root.emerge("-puvDN", "@world").stdout, re.MULTILINE)


def state(root: BuildRoot) -> str:
    return _fingerprint.digest(_fingerprint.root_state(str(root.path)))


#: Each makes emerge want something more or something else.
CHANGES: t.Final[dict[str, Callable[[BuildRoot], t.Any]]] = {
    "configuration": lambda root: write(root.path / "etc/portage/package.use/mine", "app-misc/one a\n"),
    "what make.conf sources": lambda root: write(root.path / "etc/mine.conf", 'USE="b"\n'),
    "an ebuild": lambda root: root.ebuild("app-misc/one-1", EBUILD.replace(" c ", " +c ")),
    "a profile": lambda root: write(
        (root.path / "etc/portage/make.profile").resolve() / "package.use", "app-misc/one d\n"
    ),
    "a further ebuild": lambda root: root.ebuild("app-misc/one-2", EBUILD),
    "what is installed": lambda root: root.emerge("-C", "app-misc/one"),
    "world": lambda root: write(root.path / "var/lib/portage/world", "app-misc/one\napp-misc/other\n"),
    "world_sets": lambda root: write(root.path / "var/lib/portage/world_sets", "@mine\n"),
}


def test_whatever_changes_portages_answer_changes_it(converged: BuildRoot) -> None:
    before = answer(converged), state(converged)
    assert before[0] == []
    for name, change in CHANGES.items():
        change(converged)
        changed = state(converged)
        wanted = answer(converged)
        assert wanted != before[0], name
        assert changed != before[1], name
        assert state(converged) == changed, f"{name}: asking has changed it"
        before = wanted, changed


def test_a_package_that_is_merged_once_more_changes_it(converged: BuildRoot) -> None:
    before = state(converged)
    converged.emerge("-1", "app-misc/one")
    assert state(converged) != before
