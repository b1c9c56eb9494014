# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What real Portage prints before it does anything, or when it does nothing, is read for what it is."""

from __future__ import annotations

import dataclasses
import shutil
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _merge_list, _refusal, _removal
from ansible_collections.larry.binhost.plugins.module_utils._merge_list import Flag, Merge
from ansible_collections.larry.binhost.plugins.module_utils._refusal import Proposal

from tests.root import planted
from tests.root.machine import Machine
from tests.root.repeat import repeats

FETCHED: t.Final = {"x/secret-1": {"secret.tar.gz": b"x" * 1_500_000}}
RESTRICTED: t.Final = (
    'RESTRICT="fetch"\nSRC_URI="https://example.org/secret.tar.gz"\n'
    'pkg_nofetch() {\n    einfo "Go [there] and get it"\n    echo "[in any] words"\n}\n'
)
EBUILDS: t.Final[t.Mapping[str, str]] = {
    # What the merge list can say.
    "x/up-1": "",
    "x/up-2": 'IUSE="nls +new video_cards_intel video_cards_nv forced"\n',
    "x/down-1": 'SLOT="0/1"\n',
    "x/same-1": 'IUSE="nls doc"\n',
    "x/slotted-1": 'SLOT="1"\n',
    "x/slotted-2": 'SLOT="2/2.5"\n',
    "x/keyed-1": 'KEYWORDS="~amd64"\n',
    "x/secret-1": RESTRICTED,
    "x/asks-1": 'PROPERTIES="interactive"\n',
    "x/soft-1": 'RDEPEND="!x/rival"\n',
    "x/rival-1": "",
    "x/sub-2": 'SLOT="0/2"\n',
    "x/user-1": 'RDEPEND="x/sub:="\n',
    # Why it can't be.
    "x/required-1": 'IUSE="a b"\nREQUIRED_USE="^^ ( a b ) a? ( b )"\n',
    "x/ring-1": 'DEPEND="x/gnir"\n',
    "x/gnir-1": 'DEPEND="x/ring"\n',
    "x/loop-1": 'IUSE="+lib"\nDEPEND="lib? ( x/pool )"\n',
    "x/pool-1": 'IUSE="+doc"\nDEPEND="doc? ( x/loop )"\n',
    "x/lib-1": 'IUSE="nls"\n',
    "x/lib-2": 'IUSE="nls"\n',
    "y/lib-1": "",
    "x/one-1": 'RDEPEND="=x/lib-1"\n',
    "x/two-1": 'RDEPEND="=x/lib-2"\n',
    "x/masked-1": "",
    "x/unkeyed-1": 'KEYWORDS=""\n',
    "x/licensed-1": 'LICENSE="Strange"\n',
    "x/both-1": 'KEYWORDS="~amd64"\nLICENSE="|| ( Strange Odd )"\n',
    "x/future-1": "EAPI=99\n",
    "x/needs-keyed-1": 'RDEPEND="x/keyed"\n',
    "x/needs-masked-1": 'RDEPEND="x/masked"\n',
    "x/needs-licensed-1": 'RDEPEND="x/licensed"\n',
    "x/needs-use-1": 'RDEPEND="x/lib[nls]"\n',
    "x/needs-other-1": 'RDEPEND="x/lib[-nls]"\n',
    "x/needs-flag-1": 'RDEPEND="x/lib[strange]"\n',
    "x/needs-none-1": 'RDEPEND="x/none"\n',
    "x/blocker-1": 'RDEPEND="!!x/kept"\n',
    "x/kept-1": "",
    "x/renamed-1": "",
}
#: What is installed before: its USE is set, IUSE is known.
INSTALLED: t.Final[t.Mapping[str, Mapping[str, str]]] = {
    "x/up-1": {"IUSE": "nls old video_cards_intel video_cards_amd", "USE": "amd64 nls old video_cards_amd"},
    "x/down-2": {"SLOT": "0/2"},
    "x/same-1": {"IUSE": "nls doc", "USE": "amd64 nls"},
    "x/slotted-1": {"SLOT": "1"},
    "x/rival-1": {},
    "x/kept-1": {},
    "x/sub-1": {"SLOT": "0/1"},
    "x/user-1": {"RDEPEND": "x/sub:0/1="},
}


def plant(place: Path) -> None:
    planted.repository(place, EBUILDS, FETCHED)
    profile = place / "profiles" / planted.PROFILE
    (profile / "packages").write_text("")
    (profile / "package.mask").write_text(
        "# Larry <larry@example.org> (2026-01-01)\n# Broken [everywhere].\nx/masked\n"
    )
    (profile / "use.force").write_text("forced\n")
    with (profile / "make.defaults").open("a") as handle:
        handle.write('USE_EXPAND="VIDEO_CARDS"\nVIDEO_CARDS="intel"\nACCEPT_LICENSE="* -Strange -Odd"\n')
    for name in ("Strange", "Odd", "GPL-2"):
        (place / "licenses").mkdir(exist_ok=True)
        (place / "licenses" / name).write_text("as it says\n")


@pytest.fixture(scope="module")
def machine(pristine_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Return the one machine of all tests here: none changes more of it than what it puts back."""
    made = Machine.beside(pristine_root, tmp_path_factory.mktemp("merge-list"))
    plant(made.repository)
    for cpv, values in INSTALLED.items():
        made.install(cpv, values)
    (made.root.path / "var/lib/portage/world").write_text("x/kept\n")
    yield made
    _removal.tree(str(made.root.path))


def entry(cpv: str, action: str, marks: str, kind: str = "ebuild", **more: t.Any) -> Merge:
    values: dict[str, t.Any] = {"repository": planted.NAME, "size": 0, **more}
    return Merge(kind, cpv, None, marks=marks, action=action, rest="", **values)


OLD: t.Final = f"::{planted.NAME}"
LISTS: t.Final[t.Mapping[str, Sequence[Merge]]] = {
    "x/up": [
        entry(
            *("x/up-2", "upgrade", "U"),
            old=(f"1{OLD}",),
            use=(
                Flag("forced", True, "new", forced=True),
                Flag("new", True, "new"),
                Flag("nls", False, "changed"),
                Flag("old", False, "removed"),
                Flag("intel", True, "changed", group="VIDEO_CARDS"),
                Flag("nv", False, "new", group="VIDEO_CARDS"),
                Flag("amd", False, "removed", group="VIDEO_CARDS"),
            ),
        )
    ],
    "x/down": [entry("x/down-1", "downgrade", "UD", slot="0/1", old=(f"2:0/2{OLD}",))],
    "x/same": [entry("x/same-1", "reinstall", "R", use=(Flag("doc", False), Flag("nls", False, "changed")))],
    "x/slotted": [entry("x/slotted-2", "slot", "NS", slot="2/2.5", old=(f"1:1{OLD}",))],
    "x/secret": [entry("x/secret-1", "new", "NF", size=1465 * 1024)],
    "x/asks": [entry("x/asks-1", "new", "IN")],
    "--update --deep x/sub x/user": [
        entry("x/sub-2", "upgrade", "rU", slot="0/2", old=(f"1:0/1{OLD}",)),
        entry("x/user-1", "rebuild", "rR"),
    ],
    "x/soft": [
        entry("x/soft-1", "new", "N"),
        entry("x/rival-1", "uninstall", "", "uninstall", size=None),
        entry("x/rival", "settled", "b", "blocks", repository="", size=None),
    ],
    "--tree x/one": [
        entry("x/one-1", "new", "N"),
        entry("x/lib-1", "new", "N", use=(Flag("nls", False),)),
    ],
    "--update x/kept": [],
}


@pytest.mark.parametrize("words", LISTS)
def test_the_merge_list_is_read(machine: Machine, words: str) -> None:
    found = machine.merges("--oneshot", *words.split())
    assert [dataclasses.replace(merge, rest="") for merge in found] == LISTS[words]


def test_a_package_that_has_moved_is_told_before_the_list(machine: Machine) -> None:
    updates = machine.repository / "profiles/updates"
    updates.mkdir()
    (updates / "1Q-2026").write_text("move x/ancient x/renamed\n")
    machine.install("x/ancient-1", {})
    _status, stdout, _stderr = machine.emerge("--oneshot", "x/asks")
    shutil.rmtree(updates)
    assert "Performing Global Updates" in stdout
    assert [merge.cpv for merge in _merge_list.parse(stdout)] == ["x/asks-1"]


def test_what_is_left_out_is_no_refusal(machine: Machine) -> None:
    machine.install("x/holds-1", {"RDEPEND": "<x/up-2"})
    world = machine.root.path / "var/lib/portage/world"
    before = world.read_text()
    world.write_text("x/holds\nx/up\nx/vanished\n")
    status, stdout, stderr = machine.emerge("--update", "--deep", "@world")
    world.write_text(before)
    shutil.rmtree(machine.root.path / "var/db/pkg/x/holds-1")
    assert (status, _merge_list.parse(stdout)) == (0, [])
    found = [(problem.kind, problem.packages) for problem in _refusal.explain(stdout + stderr)]
    assert found[:-1] == [("skipped", ("x/up:0",)), ("skipped", ("x/holds", "x/vanished"))]


def test_another_root_is_told(machine: Machine) -> None:
    (machine.root.path / "other").mkdir()
    found = machine.merges("--root=/other", "--oneshot", "x/slotted")
    assert [(merge.root, merge.action) for merge in found] == [("/other/", "new")]


UNMASK: t.Final = Proposal("package.unmask", "=x/masked-1")
KEYWORD: t.Final = Proposal("package.accept_keywords", "=x/keyed-1 ~amd64")
LICENSE: t.Final = Proposal("package.license", "=x/licensed-1 Strange")
#: What is asked for -> kind, packages, something that Portage says of it, and what it proposes.
REFUSED: t.Final[t.Mapping[str, tuple[str, tuple[str, ...], str, Sequence[Proposal]]]] = {
    "x/required": ("required_use", ("x/required-1",), "exactly-one-of ( a b )", []),
    "x/ring": ("circular", ("x/gnir-1", "x/ring-1"), "depends on", []),
    "x/loop": ("circular", ("x/loop-1", "x/pool-1"), "any of the following changes", [Proposal("package.use", "-")]),
    "x/one x/two": ("slot_conflict", ("x/lib-1", "x/lib-2"), "=x/lib-2 required by (x/two-1", []),
    "x/masked": ("masked", ("x/masked-1",), "# Broken [everywhere].", [UNMASK]),
    "x/keyed": ("keywords", ("x/keyed-1",), "(masked by: ~amd64 keyword)", [KEYWORD]),
    "x/unkeyed": ("keywords", ("x/unkeyed-1",), "missing", [Proposal("package.accept_keywords", "=x/unkeyed-1 **")]),
    "x/licensed": ("license", ("x/licensed-1",), "A copy of the 'Strange' license", [LICENSE]),
    "x/future": ("masked", ("x/future-1",), "masked by: EAPI 99", []),
    "x/both": (
        *("license", ("x/both-1",), "|| ( Strange Odd ) license(s), ~amd64 keyword"),
        [Proposal("package.license", "=x/both-1 Strange Odd"), Proposal("package.accept_keywords", "=x/both-1 ~amd64")],
    ),
    "x/needs-keyed": ("keywords", ("x/keyed-1",), '(dependency required by "x/needs-keyed" [argument])', [KEYWORD]),
    "x/needs-use": ("use", ("x/lib-2",), "# required by x/needs-use-1", [Proposal("package.use", ">=x/lib-2 nls")]),
    "--autounmask=n x/needs-use": ("use", ("x/lib-2",), "Change USE: +nls", [Proposal("package.use", ">=x/lib-2 nls")]),
    "x/needs-flag": ("use", ("x/lib-2", "x/lib-1"), "(Missing IUSE: strange)", []),
    "x/needs-none": ("missing", ("x/none",), "there are no ebuilds to satisfy", []),
    "x/nothing-like-it": ("missing", ("x/nothing-like-it",), "searching for similar names", []),
    "@nothing": ("missing", ("nothing",), "The following sets exist:", []),
    "x/blocker": ("blocked", ("x/blocker-1", "x/kept"), '("x/kept" is hard blocking x/blocker-1)', []),
    "lib": ("other", ("lib",), "is ambiguous", []),
    "=x/lib": ("other", ("=x/lib",), "is not a valid package atom", []),
    "--autounmask=y --autounmask-keep-masks=n x/needs-masked": ("masked", ("x/masked-1",), "# Broken", [UNMASK]),
    "--autounmask=y x/needs-keyed": ("keywords", ("x/keyed-1",), "# required by x/needs-keyed (argument)", [KEYWORD]),
}


@pytest.mark.parametrize("words", REFUSED)
def test_why_emerge_refuses_is_read(machine: Machine, words: str) -> None:
    kind, packages, said, proposals = REFUSED[words]
    (problem,) = machine.problems(*words.split())
    assert (problem.kind, set(problem.packages)) == (kind, set(packages))
    assert said in problem.words
    if kind != "circular":  # in no order
        assert list(problem.proposals) == proposals


@pytest.mark.parametrize("words", ["x/loop", "x/needs-use", "x/both", "x/masked", "x/unkeyed", "x/needs-licensed"])
def test_what_is_proposed_settles_it(machine: Machine, words: str) -> None:
    problems = machine.problems(words)
    with machine.with_lines([proposal for problem in problems for proposal in problem.proposals]):
        assert machine.merges(words)


def test_what_is_proposed_for_many_reasons_is_told_one_by_one(machine: Machine) -> None:
    words = ("--autounmask=y", "x/needs-keyed", "x/needs-masked", "x/needs-licensed", "x/needs-use")
    problems = machine.problems(*words)
    assert {problem.kind for problem in problems} == {"keywords", "masked", "license", "use"}
    assert all(len(problem.proposals) == 1 for problem in problems)
    with machine.with_lines([proposal for problem in problems for proposal in problem.proposals]):
        assert len(machine.merges(*words)) == 8


FLAGS: t.Final = ("aa", "bb", "cc", "dd", "video_cards_intel", "video_cards_nv")


def chosen(random: Random) -> list[str]:
    return [flag for flag in FLAGS if random.random() < 0.5]


@pytest.mark.parametrize("seed", range(repeats(1, 10)))
def test_what_is_planted_is_what_is_read(machine: Machine, seed: int) -> None:
    """Plant packages with USE as it comes, some of them installed, and expect of each line what was planted."""
    random = Random(seed)
    expected, use = {}, []
    for number in range(40):
        cpv, iuse, enabled = f"z/of{seed}x{number}x-2", chosen(random), chosen(random)
        installed = random.choice(["", "", "1", "2", "3"])
        planted.ebuild(machine.repository, cpv, f'IUSE="{" ".join(iuse)}"\n')
        use.append(f"={cpv} {' '.join(flag if flag in enabled else f'-{flag}' for flag in FLAGS)}")
        old_iuse, old_use = (chosen(random), chosen(random)) if installed else ([], [])
        if installed:
            machine.install(f"{cpv[:-1]}{installed}", {"IUSE": " ".join(old_iuse), "USE": " ".join(old_use)})
        action = {"": "new", "1": "upgrade", "2": "reinstall", "3": "downgrade"}[installed]
        expected[cpv] = (
            action,
            {
                flag: change(flag in enabled if flag in iuse else None, flag in old_use if flag in old_iuse else None)
                if installed
                else (flag in enabled, "")
                for flag in {*iuse, *old_iuse}
            },
        )
    with machine.with_lines([Proposal("package.use", "\n".join(use))]):
        merges = machine.merges("--oneshot", "--nodeps", *(f"={cpv}" for cpv in expected))
    read = {each.cpv: (each.action, {flag.full: (flag.enabled, flag.change) for flag in each.use}) for each in merges}
    assert read == expected


def change(now: bool | None, before: bool | None) -> tuple[bool, str]:
    """Return whether a flag is set and what is new about that; None: the package doesn't know it."""
    if now is None:
        return False, "removed"
    return now, "new" if before is None else "" if now == before else "changed"
