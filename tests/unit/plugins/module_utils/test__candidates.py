# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _candidates, _ignored, _merge_list
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._merge_list import Merge, Refused
from ansible_collections.larry.binhost.plugins.module_utils._refusal import Proposal

#: What emerge says on stderr beside its list.
SAID: t.Final = """
!!! The following binary packages have been ignored due to non matching USE:

    =x/flag-1 -nls
    =x/flag-1 -doc -nls # for /mnt/
    =x/card-1 video_cards_intel

NOTE: The --binpkg-respect-use=n option will prevent emerge
      from ignoring these binary packages if possible.
      Using --binpkg-respect-use=y will silence this warning.

!!! The following binary packages have been ignored due to changed dependencies:

     x/moved-1::lab
     x/gone-1-r2::lab for /mnt/

NOTE: The --binpkg-changed-deps=n option will prevent emerge
     x/never-1::lab

!!! The following binary packages have been ignored due to user patches:

     x/patched-1-3
     x/patched-2:2-1
     x/patched-3

!!! These user patches are triggering this warning:

    x/patched/fix.patch
    x/patched-2/other.patch

NOTE: The --binpkg-respect-user-patches=n option will prevent
      emerge from ignoring these binary packages.
!!! The following installed packages are masked:
     x/no-1::lab
"""


def test_what_emerge_says_of_ignored_binaries() -> None:
    assert _ignored.read(SAID) == _ignored.Ignored(
        use={"x/flag-1": [("-nls",), ("-doc", "-nls")], "x/card-1": [("video_cards_intel",)]},
        changed_deps=frozenset({"x/moved-1", "x/gone-1-r2"}),
        patched=frozenset({"x/patched-1", "x/patched-2", "x/patched-3"}),
        patches=("x/patched/fix.patch", "x/patched-2/other.patch"),
    )


def stanza(cpv: str, number: int = 1, **more: str) -> str:
    values = {"CPV": cpv, "PATH": f"{cpv}-{number}.gpkg.tar", "BUILD_ID": str(number), "REPO": "lab", **more}
    return "".join(f"{key}: {value}\n" for key, value in values.items())


@pytest.fixture
def index(tmp_path: Path) -> t.Callable[..., str]:
    def write(*stanzas: str) -> str:
        (tmp_path / "Packages").write_text("\n".join([f"PACKAGES: {len(stanzas)}\n", *stanzas]))
        return str(tmp_path)

    return write


def answering(**answers: t.Any) -> t.Callable[[t.Any], tuple[int, str, str]]:
    """Return a run that answers of each path, by the name of its package, what is given."""

    def run(args: t.Any, /) -> tuple[int, str, str]:
        wanted = json.loads(args[-1])
        usual = {"masks": [], "older": False, "built": [], "chost": "x"}
        return 0, json.dumps({path: {**usual, **answers.get(path.split("-")[0][2:], {})} for path in wanted}), ""

    return run


def ebuild(line: str) -> Merge:
    return _merge_list.parse(f"[ebuild  N     ] {line} 0 KiB\n")[0]


#: What is compiled, what the index has, what Portage's Python answers -> kind, reason, fix.
CASES: t.Final[t.Mapping[str, tuple[str, str, dict[str, t.Any], tuple[str, str, tuple[Proposal, ...]]]]] = {
    "words": (
        'x/flag-1::lab USE="nls doc"',
        stanza("x/flag-1", IUSE="nls doc", USE="amd64"),
        {},
        (
            "use",
            "ignored due to non matching USE: -doc -nls",
            (Proposal("package.use", "=x/flag-1 -doc -nls"),),
        ),
    ),
    "use": (
        'x/lib-1::lab USE="nls (-gone%)" VIDEO_CARDS="intel"',
        stanza("x/lib-1", IUSE="+nls gone video_cards_intel", USE="gone video_cards_intel"),
        {},
        ("use", 'built with USE="-nls", which is not what is wanted here', ()),
    ),
    "moved": (
        *("x/moved-1::lab", stanza("x/moved-1"), {}),
        ("changed_deps", "ignored due to changed dependencies: it has to be built anew", ()),
    ),
    "patched": (
        *("x/patched-1::lab", stanza("x/patched-1"), {}),
        ("patches", "ignored due to user patches: x/patched/fix.patch", ()),
    ),
    "masked": (
        *("x/moved-1::lab", stanza("x/moved-1"), {"masks": ["package.mask", "~amd64 keyword"]}),
        (
            *("masked", "masked by: package.mask, ~amd64 keyword"),
            (Proposal("package.unmask", "=x/moved-1"), Proposal("package.accept_keywords", "=x/moved-1 ~amd64")),
        ),
    ),
    "chost": (
        *("x/a-1::lab", stanza("x/a-1", CHOST="i686"), {"masks": ["CHOST: i686"], "chost": "x86_64"}),
        ("chost", "masked by: CHOST: i686", (Proposal("make.conf", 'ACCEPT_CHOSTS="x86_64 i686"'),)),
    ),
    "older": (
        *("x/a-2::lab", stanza("x/a-1"), {"older": True}),
        ("version", "the index has x/a-1, Portage prefers x/a-2", (Proposal("package.mask", "=x/a-2"),)),
    ),
    "newer": (
        *("x/a-2::lab", stanza("x/a-3"), {}),
        ("version", "the index has x/a-3, Portage prefers x/a-2", ()),
    ),
    "repository": (
        *("x/a-1::mine", stanza("x/a-1"), {}),
        (
            *("repository", "from the repository lab, Portage prefers mine"),
            (Proposal("package.mask", "=x/a-1::mine"),),
        ),
    ),
    "absent": (
        *("x/a-1::lab", stanza("x/a-1"), {"built": [["x/sub", "0/1", False]]}),
        ("slot", "built against x/sub:0/1=, which is not installed", ()),
    ),
    "silent": (
        *("x/a-1::lab", stanza("x/a-1"), {"built": [["x/sub", "0/1", True]]}),
        ("unknown", "Portage gives no reason; see emerge --debug", ()),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_reason(index: t.Callable[..., str], name: str) -> None:
    line, entry, answer, expected = CASES[name]
    merge = ebuild(line)
    package = merge.package[2:]
    found = _candidates.why(answering(**{package: answer}), [merge], index(entry), said=SAID)
    (refused,) = found[merge.cpv]
    assert (refused.kind, refused.reason, refused.fix) == expected
    assert refused.build_id == 1


def test_what_the_merge_list_makes_of_a_dependency_counts(index: t.Callable[..., str]) -> None:
    place = index(stanza("x/a-1"), stanza("x/b-1"))
    text = "x/a-1::lab", "x/sub-2:0/2::lab", "x/b-1::lab", "x/same-3:3::lab"
    merges = [ebuild(line) for line in text]
    answers = {
        "a": {"built": [["x/same", "3/3", False], ["x/sub", "0/1", True]]},
        "b": {"built": [["x/sub", "1/1", True]]},
    }
    found = _candidates.why(answering(**answers), merges, place)
    assert [(cpv, each[0].reason) for cpv, each in found.items()] == [
        ("x/a-1", "built against x/sub:0/1=, which becomes x/sub:0/2"),
        ("x/b-1", "Portage gives no reason; see emerge --debug"),
    ]


def test_excluded_packages_are_known_by_their_pattern(index: t.Callable[..., str]) -> None:
    merges = [ebuild("x/a-1::lab"), ebuild("y/a-1::lab")]
    place = index(stanza("x/a-1"), stanza("y/a-1"))
    found = _candidates.why(answering(), merges, place, excluded=["z/*", "x/*"])
    assert [each[0].reason for each in found.values()] == [
        "excluded by build_on_slave, which names x/*",
        "Portage gives no reason; see emerge --debug",
    ]


def only(reasons: t.Mapping[str, t.Sequence[_candidates.Refused]]) -> t.Sequence[_candidates.Refused]:
    """Return why the one package's binaries are refused."""
    assert len(reasons) == 1
    return next(iter(reasons.values()))


def test_builds_of_the_version_go_before_others_of_its_slot(index: t.Callable[..., str]) -> None:
    place = index(stanza("x/a-1"), stanza("x/a-2", 1), stanza("x/a-2", 7), stanza("x/a-0", SLOT="2"), stanza("x/ab-2"))
    found = only(_candidates.why(answering(), [ebuild("x/a-2::lab")], place))
    assert [each.path for each in found] == ["x/a-2-1.gpkg.tar", "x/a-2-7.gpkg.tar"]
    found = only(_candidates.why(answering(), [ebuild("x/a-3:0/3::lab")], place))
    assert [each.path for each in found] == ["x/a-1-1.gpkg.tar", "x/a-2-1.gpkg.tar", "x/a-2-7.gpkg.tar"]
    found = only(_candidates.why(answering(), [ebuild("x/a-3:2::lab")], place))
    assert [each.path for each in found] == ["x/a-0-1.gpkg.tar"]
    assert _candidates.why(answering(), [ebuild("x/a-3:3::lab")], place) == {}


def never(args: t.Any, /) -> tuple[int, str, str]:
    raise AssertionError(args)


def test_portage_is_asked_only_if_there_are_candidates(index: t.Callable[..., str], tmp_path: Path) -> None:
    binary = _merge_list.parse("[binary  N     ] x/a-1-1::lab 0 KiB\n")
    assert _candidates.why(never, binary, index(stanza("x/a-1"))) == {}
    assert _candidates.why(never, [ebuild("x/b-1::lab")], index(stanza("x/a-1"))) == {}
    assert _candidates.why(never, [ebuild("x/a-1::lab")], str(tmp_path / "nowhere")) == {}


def test_many_candidates_are_asked_for_in_parts(index: t.Callable[..., str]) -> None:
    asked = []

    def run(args: t.Any, /) -> tuple[int, str, str]:
        asked.append(len(json.loads(args[-1])))
        return answering()(args)

    merges = [ebuild(f"x/a{number}z-1::lab") for number in range(900)]
    place = index(*(stanza(f"x/a{number}z-1") for number in range(900)))
    assert len(_candidates.why(run, merges, place)) == 900
    assert asked == [400, 400, 100]


def test_a_portage_that_does_not_answer_is_an_error(index: t.Callable[..., str]) -> None:
    def run(args: t.Any, /) -> tuple[int, str, str]:
        return 1, "", "ImportError: no portage"

    with pytest.raises(BinhostError, match=re.escape("can import it, found /usr/bin/python3: ImportError: no portage")):
        _candidates.why(run, [ebuild("x/a-1::lab")], index(stanza("x/a-1")))


def test_the_merges_carry_the_reasons() -> None:
    merges = [*_merge_list.parse("[binary  N     ] x/a-1-1::lab 0 KiB\n"), ebuild("x/a-1::lab"), ebuild("x/b-1::lab")]
    why = Refused("x/a-1-1.gpkg.tar", 1, "use", "because")
    found = _candidates.explained(merges, {"x/a-1": (why,)})
    assert [merge.refused for merge in found] == [(), (why,), ()]


def test_what_this_machine_cannot_run(index: t.Callable[..., str]) -> None:
    """Another build of it that the index still has is told after it."""
    folder = index(stanza("x/one-1", 2))
    left_out = {
        "x/one/one-1-1.gpkg.tar": {"kind": "kernel", "text": "too old a kernel"},
        "x/one/one-2-1.gpkg.tar": {"kind": "kernel", "text": "another version"},
        "y/one/one-1-1.gpkg.tar": {"kind": "kernel", "text": "another package"},
        "x/two/two-1-7.gpkg.tar": {"kind": "cpu", "text": "too old a CPU"},
    }
    Path(folder, "excluded.json").write_text(json.dumps(left_out))
    merges = [Merge("ebuild", f"x/{name}-1", None, "lab", "N", "") for name in ("one", "two", "three")]
    found = _candidates.why(answering(one={"masks": ["~amd64 keyword"]}), merges, folder)
    assert {cpv: [(each.build_id, each.kind) for each in refused] for cpv, refused in found.items()} == {
        "x/one-1": [(1, "unfit"), (2, "keywords")],
        "x/two-1": [(7, "unfit")],
    }
    assert found["x/two-1"] == (Refused("x/two/two-1-7.gpkg.tar", 7, "unfit", "too old a CPU"),)
    Path(folder, "excluded.json").write_text("{")
    assert list(_candidates.why(answering(one={"masks": ["~amd64 keyword"]}), merges, folder)) == ["x/one-1"]
