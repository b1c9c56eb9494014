# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is predicted of a slave's own configuration is what emerge then does with the target's binaries."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _diverge, _emerge, _merge_list, _mounts, _rootrun
from ansible_collections.larry.binhost.plugins.module_utils._diverge import Side
from ansible_collections.larry.binhost.plugins.module_utils._mounts import Mount
from ansible_collections.larry.binhost.plugins.plugin_utils import _declared, _target_files

from tests.root.build_root import BuildRoot, finished

LINKS = {"make.profile": _target_files.profile_link("lab:default/linux/amd64")}
EBUILD = (
    'EAPI=8\nDESCRIPTION="x"\nSLOT="0"\nKEYWORDS="{keywords}"\nIUSE="{iuse}"\nRDEPEND="{rdepend}"\nS="${{WORKDIR}}"\n'
)
INSTALLS = "src_install() { insinto /usr/share; doins - < <(echo x) || die; }\n"
WORLD = ["app-misc/card", "app-misc/flag", "app-misc/keyed", "app-misc/masked", "app-misc/patched", "app-misc/plain"]
PATCH = "--- a/file\n+++ b/file\n@@ -1 +1 @@\n-one\n+two\n"
TARGET = {
    "make.conf/01-target.conf": 'FEATURES="${FEATURES} -news"\nUSE="${USE} -nls"\nBINPKG_FORMAT="gpkg"\n',
    "repos.conf/zz-binhost.conf": "[DEFAULT]\nmain-repo = lab\n\n[lab]\n"
    "location = /var/lib/larry-binhost/current/repos/lab\nauto-sync = no\n",
}
#: A person's own repository, which is not on the master.
OVERLAY = {"repos.conf/mine.conf": "[mine]\nlocation = /var/db/repos/mine\nmasters = lab\n"}
#: One planted divergence each: what the slave declares, and of what it would be compiled.
PLANTED = {
    "use": ({"slave_package_use": {"app-misc/flag": ["nls"]}}, {"app-misc/flag-1", "app-misc/needed-1"}),
    "expand": ({"slave_make_conf": {"VIDEO_CARDS": "intel"}}, {"app-misc/card-1"}),
    "keyword": ({"slave_package_accept_keywords": {"app-misc/keyed": ["~amd64"]}}, {"app-misc/keyed-2"}),
    "mask": ({"slave_package_mask": ["=app-misc/masked-2"]}, {"app-misc/masked-1"}),
    "patch": ({"slave_patches": {"app-misc/patched": {"fix": PATCH}}}, {"app-misc/patched-1"}),
    "none": ({"slave_package_use": {"app-misc/plain": ["nls"]}}, set()),
}


def ebuild(repository: Path, name: str, *, keywords: str = "amd64", iuse: str = "", rdepend: str = "") -> None:
    folder = repository / "app-misc" / name.rpartition("-")[0]
    folder.mkdir(parents=True, exist_ok=True)
    text = EBUILD.format(keywords=keywords, iuse=iuse, rdepend=rdepend)
    (folder / f"{name}.ebuild").write_text(text)


@pytest.fixture
def repository(build_root: BuildRoot, tmp_path: Path) -> Path:
    """Return the lab's repository with what the divergences are planted in, and an empty @system."""
    made = tmp_path / "lab"
    shutil.copytree(build_root.repository, made)
    (made / "profiles/default/linux/amd64/packages").write_text("")
    ebuild(made, "plain-1")
    ebuild(made, "needed-1")
    ebuild(made, "flag-1", iuse="nls", rdepend="nls? ( app-misc/needed )")
    ebuild(made, "card-1", iuse="video_cards_intel video_cards_amdgpu")
    for version, keywords in (("1", "amd64"), ("2", "~amd64")):
        ebuild(made, f"keyed-{version}", keywords=keywords)
        ebuild(made, f"masked-{version}")
    ebuild(made, "patched-1")
    (made / "app-misc/patched/patched-1.ebuild").open("a").write(
        'src_unpack() { echo one > "${S}"/file || die; }\nsrc_install() { insinto /usr/share; doins file; }\n'
    )
    return made


def run(args: list[str]) -> tuple[int, str, str]:
    done = finished(args, check=False)
    return done.returncode, done.stdout, done.stderr


def slave(name: str, variables: dict[str, object]) -> Side:
    settings = _declared.settings(variables, "slave_")
    conf = "".join(f'{variable}="{value}"\n' for variable, value in settings.items())
    own = _declared.files(variables, _declared.Layer("02", "host", "slave_"))
    files = {**TARGET, **OVERLAY, **own, "make.conf/02-host.conf": conf}
    return Side(name, files, WORLD, [])


def would_compile(place: _diverge.Place, side: Side, pkgdir: Path) -> set[str]:
    binds = [*_diverge._seen(place, side), Mount(_mounts.PKGDIR, "bind", str(pkgdir))]
    command = _emerge.argv(["@world"], {"emptytree": True, "usepkg": True, "with_bdeps": "n"}, pretend=True)
    environment = {**_emerge.ENVIRONMENT, "FEATURES": _diverge.FEATURES}
    status, stdout, stderr = run(_rootrun.argv(place.root, binds, command, environment))
    assert status == 0, stdout + stderr
    return {merge.cpv for merge in _merge_list.parse(stdout) if merge.kind == "ebuild"}


def together(found: dict[str, object], further: dict[str, object]) -> dict[str, object]:
    """Return variables with what lines of the report add to them."""
    merged = dict(found)
    for name, value in further.items():
        there = merged.get(name)
        merged[name] = {**there, **value} if isinstance(value, dict) and isinstance(there, dict) else value
    return merged


def test_the_lines_of_the_report_are_the_remedy(build_root: BuildRoot, repository: Path, tmp_path: Path) -> None:
    place = _diverge.Place(run, str(build_root.path), {"lab": str(repository)}, LINKS, str(tmp_path / "scratch"))
    variables: dict[str, object] = {}
    for name in ("use", "expand", "keyword", "mask"):
        variables = together(variables, PLANTED[name][0])
    target = Side("target", TARGET, WORLD, [])
    found = _diverge.ask(place, target, [slave("one", variables)])["one"].differences
    take, share = variables, {}
    for each in found:
        take = together(take, {f"slave_{name}": value for name, value in each.take.items()})
        share = together(share, dict(each.share))
    answers = _diverge.ask(place, target, [slave("taking", take)])
    assert answers["taking"].differences == []
    shared = Side("target", {**TARGET, **_declared.files(share, _declared.Layer("01", "target"))}, WORLD, [])
    answers = _diverge.ask(place, shared, [slave("one", variables)])
    assert answers["one"].differences == []


def test_a_world_that_cannot_be_installed_is_told(build_root: BuildRoot, repository: Path, tmp_path: Path) -> None:
    place = _diverge.Place(run, str(build_root.path), {"lab": str(repository)}, LINKS, str(tmp_path / "scratch"))
    refusing = slave("refusing", {"slave_package_mask": ["app-misc/plain"]})
    answer = _diverge.ask(place, Side("target", TARGET, WORLD, []), [refusing])["refusing"]
    assert "app-misc/plain" in answer.refused
    assert "masked" in answer.refused


def test_the_prediction_is_what_emerge_does(build_root: BuildRoot, repository: Path, tmp_path: Path) -> None:
    place = _diverge.Place(run, str(build_root.path), {"lab": str(repository)}, LINKS, str(tmp_path / "scratch"))
    target = Side("target", TARGET, WORLD, [])
    slaves = [slave(name, variables) for name, (variables, _expected) in PLANTED.items()]
    answers = _diverge.ask(place, target, slaves)
    predicted = {name: {each.cpv for each in answer.differences} for name, answer in answers.items()}
    assert predicted == {name: expected for name, (_variables, expected) in PLANTED.items()}

    binds = [*_diverge._seen(place, target), Mount(_mounts.PKGDIR, "bind", str(build_root.pkgdir))]
    command = _emerge.argv(["@world"], {"emptytree": True}, pretend=False)
    environment = {**_emerge.ENVIRONMENT, "FEATURES": "buildpkg"}
    finished(_rootrun.argv(place.root, binds, command, environment))
    assert {each.name: would_compile(place, each, build_root.pkgdir) for each in slaves} == predicted
