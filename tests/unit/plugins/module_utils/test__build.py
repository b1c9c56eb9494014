# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a target's builds follow one another; what emerge itself then does is the end-to-end tests' business."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _build, _lock, _record, _target
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._target import Target, Variant

MINE = "[ebuild   R    ] app-misc/hello-2.10::lab\n"
COVERED = "[binary   R    ] app-misc/hello-2.10-1::lab\n"
AMD = Variant("amd", {"package.use/02-host": "app-misc/hello -nls\n"}, ["app-misc/hello"], ["app-misc/wish"], ["avx"])


class Emerge:
    """Stands for emerge and cp: notes what it is asked and answers as told."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.questions: list[str] = []  # --pretend
        self.environments: list[str] = []  # what stood before that
        self.pretended: list[str] = []  # answers still to be given to slaves; when there are none, all is covered
        self.refused: list[set[str]] = []  # worlds of a root that don't resolve: those that have all of these atoms
        self.enabled = ""  # what else the compiler would use
        self.failing = ""  # a word of the command that fails
        self.target: Target  # whose root it works in

    def __call__(self, args: t.Any, /) -> tuple[int, str, str]:
        if "cp" in args:
            if self.failing == "cp":
                os.mkdir(args[-1])
                return 1, "", "cp: No space left on device"
            shutil.copytree(args[-2], args[-1], symlinks=True)
            return 0, "", ""
        if "gcc" in args:
            return 0, "The following options are target specific:\n  -mavx   \t\t[enabled]\n" + self.enabled, ""
        if "emaint" in args:
            return self._index()
        if args[-1] == _record.TOOLS:
            return 0, "Portage 3.0.83\n", ""
        command = " ".join(args[args.index("emerge") :])
        if "--pretend" in command:
            self.questions.append(command)
            return self._pretend(command)
        self.asked.append(command)
        self.environments.append(" ".join(args[: args.index("emerge")]))
        if "--oneshot" in command and "--fetchonly" not in command:
            self._package()
        return (1, "", "it failed") if self.failing and self.failing in command else (0, "", "")

    def _pretend(self, command: str) -> tuple[int, str, str]:
        if "--depclean" in command:
            return 0, "All selected packages: =app-misc/old-1\n", ""
        if "--with-bdeps=n" in command:
            return 0, self.pretended.pop(0) if self.pretended else COVERED, ""
        world = set(Path(self.target.root, "etc/portage/sets/binhost").read_text().splitlines())
        refused = any(atoms <= world for atoms in self.refused)
        return (1, "they block each other", "") if refused else (0, MINE, "")

    def _index(self) -> tuple[int, str, str]:
        paths = [path.relative_to(self.target.pkgdir) for path in Path(self.target.pkgdir).rglob("*.gpkg.tar")]
        stanzas = "".join(f"CPV: x/{path.name}\nPATH: {path}\n\n" for path in paths)
        Path(self.target.pkgdir, "Packages").write_text(f"PACKAGES: {len(paths)}\n\n{stanzas}")
        return 0, "", ""

    def _package(self) -> None:
        pkgdir = Path(self.target.pkgdir)
        (pkgdir / "app-misc/hello").mkdir(parents=True)
        (pkgdir / "app-misc/hello/hello-2.10-1.gpkg.tar").touch()
        listed = "CPV: app-misc/hello-2.10\nPATH: app-misc/hello/hello-2.10-1.gpkg.tar"
        (pkgdir / "Packages").write_text(f"PACKAGES: 1\nTIMESTAMP: 1\nVERSION: 0\n\n{listed}\n\n")


@pytest.fixture
def emerge() -> Emerge:
    """Return an emerge that does all that it is asked."""
    return Emerge()


@pytest.fixture
def target(tmp_path: Path, emerge: Emerge) -> Target:
    """Return a target with one repository and one slave."""
    (tmp_path / "lab/app-misc/hello").mkdir(parents=True)
    (tmp_path / "roots/laptops/etc/portage").mkdir(parents=True)
    emerge.target = Target(
        name="laptops",
        root=str(tmp_path / "roots/laptops"),
        repositories={"lab": str(tmp_path / "lab")},
        world={"app-misc/hello": ["amd"], "app-misc/unknown": ["amd"]},
        wishes={"app-misc/wish": ["amd"]},
        variants=[AMD],
        links={"make.profile": "../../profiles/a"},
        compile="v2",
        cflags="-O2 -march=x86-64-v2",
        distdir=str(tmp_path / "distfiles"),
        options={"jobs": 2},
        state_dir=str(tmp_path),
    )
    return emerge.target


def kinds(emerge: Emerge) -> list[str]:
    """Return what was built, without what was fetched for it."""
    return [kind(command) for command in emerge.asked if "--fetchonly" not in command]


def kind(command: str) -> str:
    if "--oneshot" in command:
        return "proof"
    if "--emptytree" in command:
        return "first, resumed" if "--usepkg" in command else "first"
    return "variant" if "--usepkg" in command else "update"


def differs(target: Target) -> list[str]:
    return _target.differs(target, _target.revisions(target))


def test_the_first_build_makes_everything_and_later_ones_what_changed(emerge: Emerge, target: Target) -> None:
    assert set(differs(target)) == {"wanted", "compile", "root", "repositories", "packages"}
    _build.build(emerge, target)
    assert differs(target) == []
    _build.build(emerge, target)
    assert kinds(emerge) == ["proof", "first", "update"]
    assert all("--with-bdeps=y" in command for command in emerge.asked)
    assert "--changed-deps=y" in emerge.asked[-1]


def test_what_a_slave_cannot_run_is_not_even_begun(emerge: Emerge, target: Target) -> None:
    emerge.enabled = "  -mavx2   \t\t[enabled]\n"
    expected = "-O2 -march=x86-64-v2: they make the compiler use what amd lacks: avx2"
    with pytest.raises(BinhostError, match=f"^{re.escape(expected)}$"):
        _build.build(emerge, target)
    assert emerge.asked == []


def test_other_cpus_drop_every_old_package(emerge: Emerge, target: Target) -> None:
    _build.build(emerge, target)
    old = Path(target.pkgdir, "old.gpkg.tar")
    old.touch()
    _build.build(emerge, dataclasses.replace(target, compile="v1"))
    assert kind(emerge.asked[-1]) == "first"
    assert not old.exists()


def test_a_first_build_that_failed_goes_on_with_what_it_made(emerge: Emerge, target: Target) -> None:
    emerge.failing = "--emptytree"
    words = f"emerge @world in {target.root}: expected status 0, found 1:\nit failed"
    with pytest.raises(BinhostError, match=f"^emerge --fetchonly failed:\nit failed\n{re.escape(words)}$"):
        _build.build(emerge, target)
    made = Path(target.pkgdir, "made.gpkg.tar")
    made.touch()
    emerge.failing = ""
    _build.build(emerge, target)
    assert kinds(emerge) == ["proof", "first", "first, resumed"]
    assert made.exists()


def test_an_update_that_failed_goes_on_with_what_it_made(emerge: Emerge, target: Target) -> None:
    _build.build(emerge, target)
    emerge.failing = "--update"
    with pytest.raises(BinhostError, match="it failed"):
        _build.build(emerge, target)
    emerge.failing = ""
    emerge.asked.clear()
    _build.build(emerge, target)
    assert "--usepkg" in next(command for command in emerge.asked if "--update" in command)
    emerge.asked.clear()
    _build.build(emerge, target)
    assert kinds(emerge) == ["update"]


def test_a_variant_is_built_only_where_something_is_uncovered(emerge: Emerge, target: Target) -> None:
    emerge.pretended = [MINE, COVERED]
    assert _build.build(emerge, target).problems == []
    assert kinds(emerge) == ["proof", "first", "variant"]
    assert not list(Path(target.state_dir, "variants/laptops").glob(".*"))


def named(slave: str, files: dict[str, str] | None = None, **other: t.Any) -> Variant:
    """Return a slave whose files say its name, as those of ours do."""
    written = {path: f"# {slave}'s own.\n{text}" for path, text in {**AMD.files, **(files or {})}.items()}
    return dataclasses.replace(AMD, name=slave, files=written, **other)


@pytest.mark.parametrize(
    ("other", "questions"),
    [
        ({}, 2),
        ({"files": {"package.use/02-host": "app-misc/hello nls\n"}}, 3),
        ({"files": {"package.use/02-host": "# app-misc/hello nls\n"}}, 3),
        ({"world": []}, 3),
        ({"wishes": []}, 3),
        ({"build_on_slave": ["app-misc/hello"]}, 3),
    ],
)
def test_emerge_is_asked_once_of_the_root_and_once_of_slaves_that_are_alike(
    emerge: Emerge, target: Target, other: dict[str, t.Any], questions: int
) -> None:
    """What lies between asking and building changes nothing: a large world takes a minute, each time."""
    target = dataclasses.replace(target, variants=[named("amd"), named("twin", **other)])
    _build.build(emerge, target)
    emerge.questions.clear()
    result = _build.build(emerge, target)
    assert (result.variants["amd"], result.variants["twin"]) == ([], [])
    assert len(emerge.questions) == questions
    assert Path(target.variants_dir, "twin/etc/portage/package.use/02-host").read_text().startswith("# twin's own.")


def test_a_slave_is_asked_for_where_one_that_is_alike_could_not_be_covered(emerge: Emerge, target: Target) -> None:
    emerge.pretended = [MINE] * 4
    found = _build.build(emerge, dataclasses.replace(target, variants=[named("amd"), named("twin")]))
    assert [problem.partition(":")[0] for problem in found.problems] == ["amd", "twin"]
    assert found.variants == {}


def test_slaves_whose_patches_name_them_are_not_alike(emerge: Emerge, target: Target) -> None:
    """Portage compares a patch's digest with that of a package; the same patch for both has each one's name in it."""
    patch = {"patches/app-misc/hello/02-a.patch": "+x\n"}
    _build.build(emerge, dataclasses.replace(target, variants=[named("amd", patch), named("twin", patch)]))
    assert len([command for command in emerge.questions if "--with-bdeps=n" in command]) == 2


def test_a_root_that_has_just_proven_itself_is_asked_again(emerge: Emerge, target: Target) -> None:
    """By then what proves it is installed."""
    _build.build(emerge, target)
    of_the_root = [command for command in emerge.questions if "--with-bdeps=n" not in command]
    assert len(of_the_root) == 3, "whether the worlds go together, what is to come, and what is left of that"


def test_what_stays_uncovered_is_a_problem_and_is_tried_again(emerge: Emerge, target: Target) -> None:
    emerge.pretended = [MINE, MINE]
    assert _build.build(emerge, target).problems == [
        "amd: expected a binary for every package of its world, found none for app-misc/hello-2.10"
    ]
    assert differs(target)


def test_a_full_disk_leaves_no_clone(emerge: Emerge, target: Target) -> None:
    emerge.pretended, emerge.failing = [MINE], "cp"
    (problem,) = _build.build(emerge, target).problems
    assert problem.endswith(f"expected a copy of {target.root}, found: cp: No space left on device")
    assert not list(Path(target.state_dir, "variants/laptops").glob(".*"))


def test_what_a_killed_emerge_left_is_cleared_up(emerge: Emerge, target: Target) -> None:
    _build.build(emerge, target)
    unseen, half = Path(target.pkgdir, "x/a-1-1.gpkg.tar"), Path(target.pkgdir, "x/a-1-2.gpkg.tar24md5s5v.77")
    unseen.parent.mkdir()
    for path in (unseen, half):
        path.touch()
    merging = Path(target.root, "var/db/pkg/x/-MERGING-a-1")
    merging.mkdir(parents=True)
    _build.build(emerge, target)
    assert [path.exists() for path in (unseen, half, merging)] == [True, False, False]
    assert "PATH: x/a-1-1.gpkg.tar" in Path(target.pkgdir, "Packages").read_text()


def test_a_killed_runs_clone_goes(emerge: Emerge, target: Target) -> None:
    clone = Path(target.state_dir, "variants/laptops/.amd.root")
    clone.mkdir(parents=True)
    _build.build(emerge, target)
    assert not clone.exists()


@pytest.mark.parametrize(
    ("changed", "removes"),
    [
        ({}, True),
        ({"depclean": False}, False),
        ({"world": {"app-misc/unknown": ["amd"]}}, False),
        ({"build_on_slave": ["app-misc/hel*"]}, False),
        ({"variants": [dataclasses.replace(AMD, files={"../out": ""})]}, False),
    ],
)
def test_what_nobody_asks_for_leaves_the_root_when_all_is_done(
    emerge: Emerge, target: Target, changed: dict[str, t.Any], removes: bool
) -> None:
    wanted = {"depclean": True, "world": {"app-misc/hello": ["amd"]}, **changed}
    result = _build.build(emerge, dataclasses.replace(target, **wanted))
    assert result.removed == (["app-misc/old-1"] if removes else [])
    assert any("--depclean --with-bdeps=y" in command for command in emerge.asked) == removes


def test_a_depclean_that_fails_is_told(emerge: Emerge, target: Target) -> None:
    emerge.failing = "--depclean"
    wanted = dataclasses.replace(target, depclean=True, world={"app-misc/hello": ["amd"]})
    assert _build.build(emerge, wanted).problems == [
        f"{target.root}: emerge --depclean: expected status 0, found 1:\nit failed"
    ]


def test_how_much_a_build_takes_is_left_to_the_configuration(emerge: Emerge, target: Target) -> None:
    """A variable of the environment would defeat what package.env says of one package."""
    _build.build(emerge, target)
    assert emerge.asked
    assert not any("MAKEOPTS=" in command or "PORTAGE_TMPDIR=" in command for command in emerge.environments)


def test_worlds(emerge: Emerge, target: Target) -> None:
    result = _build.build(emerge, target)
    assert result.unsatisfiable == {"app-misc/unknown": ["amd"]}
    declared = Path(target.root, "etc/portage/sets/binhost").read_text().splitlines()
    assert [line for line in declared if not line.startswith("#")] == ["app-misc/hello"]
    assert Path(target.root, "var/lib/portage/world").read_text() == "app-misc/wish\n"
    assert Path(target.root, "var/lib/portage/world_sets").read_text() == "@binhost\n"


@pytest.mark.parametrize("path", ["../../../out", "/etc/cron.d/out", "make.conf/../../../../out"])
def test_a_slave_cannot_name_a_place_elsewhere(emerge: Emerge, target: Target, path: str) -> None:
    evil = dataclasses.replace(AMD, files={path: "root's"})
    (problem,) = _build.build(emerge, dataclasses.replace(target, variants=[evil])).problems
    assert problem == f"amd: files: expected a path below etc/portage without '..', found {path!r}"
    assert not list(Path(target.state_dir).rglob("out"))


def test_what_is_a_slaves_or_a_stages_is_for_root_alone(emerge: Emerge, target: Target) -> None:
    _build.build(emerge, target)
    folders = [Path(target.state_dir, name) for name in ("roots", "variants/laptops")]
    assert [oct(folder.stat().st_mode)[-3:] for folder in folders] == ["700", "700"]


def test_two_builds_of_one_target_never_run_at_once(emerge: Emerge, target: Target) -> None:
    with _lock.held("build-laptops", state=target.state_dir), pytest.raises(BinhostError, match=str(os.getpid())):
        _build.build(emerge, target)
    assert emerge.asked == []
