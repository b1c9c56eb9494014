# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fragments say is what Portage does with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _depclean, _emerge, _files, _fragments, _merge_list
from ansible_collections.larry.binhost.plugins.plugin_utils import _declared, _remarks

from tests.root.build_root import BuildRoot

EBUILD = """\
EAPI=8
DESCRIPTION="x"
SLOT="0"
KEYWORDS="amd64"
IUSE="nls lz4 video_cards_intel video_cards_amdgpu"
S="${WORKDIR}"
src_unpack() { echo one > file || die; }
src_install() { insinto "/usr/share/${PN}"; doins file; newins - bashrc <<< "${PLANTED} ${ENVED}"; }
"""
PATCH = "--- a/file\n+++ b/file\n@@ -1 +1 @@\n-{}\n+{}\n"
ATOM = "app-misc/planted"
LAYERS = (
    (
        _declared.Layer("01", "target", env={"own": "01-own"}),
        {
            "bashrc": "PLANTED=target",
            "patches": {ATOM: {"fix": PATCH.format("one", "two")}},
            "package_use": {ATOM: ["-nls"], "*/*": ["VIDEO_CARDS:", "amdgpu"]},
            "package_env": {ATOM: ["own"]},
            "env": {"own": {"USE": ["nls", "lz4"], "ENVED": "yes"}},
        },
    ),
    (
        _declared.Layer("02", "host"),
        {"bashrc": 'PLANTED="${PLANTED} host"', "patches": {f"{ATOM}-1": {"more": PATCH.format("two", "three")}}},
    ),
)


@pytest.fixture
def root(build_root: BuildRoot) -> BuildRoot:
    """Return a root with the planted package and the fragments of both layers."""
    build_root.ebuild(f"{ATOM}-1", EBUILD)
    conf = {"make.conf/01-target.conf": _fragments.make_conf({"USE": ["nls"], "VIDEO_CARDS": "intel"}, header="")}
    etc = build_root.path / "etc/portage"
    (etc / "make.conf").unlink()
    for layer, variables in LAYERS:
        conf.update(_declared.files(variables, layer))
    for path, text in conf.items():
        _files.write(str(etc / path), text)
    return build_root


def test_what_is_declared_is_what_portage_does(root: BuildRoot) -> None:
    (merge,) = _merge_list.parse(root.emerge("--pretend", "--verbose", ATOM).stdout)
    # env/ adds to make.conf, and package.use has the last word; */* has no effect on what make.conf says.
    assert 'USE="lz4 -nls"' in merge.rest
    assert 'VIDEO_CARDS="intel -amdgpu"' in merge.rest
    files = {str(path.relative_to(root.path / "etc/portage")): path.read_text() for path in _conf(root)}
    assert [(path, variable) for path, variable, _conf_path in _remarks.defeated(files)] == [
        ("package.use/01-target", "VIDEO_CARDS")
    ]
    root.emerge(ATOM)
    planted = root.path / "usr/share/planted"
    assert (planted / "file").read_text() == "three\n"
    assert (planted / "bashrc").read_text() == "target host yes\n"


def _conf(root: BuildRoot) -> list[Path]:
    etc = root.path / "etc/portage"
    return [path for name in ("make.conf", "package.use") for path in (etc / name).rglob("*") if path.is_file()]


def test_depclean_takes_what_nothing_asks_for(root: BuildRoot) -> None:
    root.ebuild("app-misc/kept-1", EBUILD)

    def run(args: list[str]) -> tuple[int, str, str]:
        done = root.run(*args, environment=_emerge.ENVIRONMENT, check=False)
        return done.returncode, done.stdout, done.stderr

    root.emerge("--oneshot", ATOM)
    root.emerge("app-misc/kept")
    assert _depclean.pending(run, "n") == [f"{ATOM}-1"]
    assert _depclean.remove(run, "n") == [f"{ATOM}-1"]
    assert not (root.path / "usr/share/planted/file").is_symlink()
    assert sorted(path.name for path in (root.path / "var/db/pkg/app-misc").iterdir()) == ["kept-1"]
    assert _depclean.remove(run, "n") == []
