# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import json
import os
import re
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _merge_list
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._merge_list import Flag, Merge, Refused
from ansible_collections.larry.binhost.plugins.module_utils._refusal import Proposal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CORPUS = Path(os.environ.get("BINHOST_CORPUS") or Path(__file__).parents[5] / "shared/corpus") / "emerge-logs"
#: No merge list: a build that failed, and where the others come from.
NO_LIST = {"compile-failed-chromium.txt"}

PRETEND = """
 * IMPORTANT: 11 news items need reading for repository 'gentoo'.
 * Use eselect news read to view new items.

These are the packages that would be merged, in order:

Calculating dependencies... done!
Dependency resolution took 0.21 s (backtrack: 0/20).

[binary     U  ] dev-libs/glib-2.80.5-r1-4:2::gentoo [2.78.3:2::gentoo] USE="(mime) xattr*" VIDEO_CARDS="-intel%" 0 KiB
[ebuild  N     ] app-misc/hello-2.10::lab  USE="nls" 726 KiB
[binary   R    ] app-arch/gzrt-0.8-2::lab to /mnt/root/ 1,031 KiB
[uninstall     ] sys-apps/old-1::lab  USE=""
[nomerge       ]  virtual/pager-0::lab
[blocks b      ] <sys-apps/foo-2 ("<sys-apps/foo-2" is soft blocking sys-apps/bar-1, sys-apps/baz-2)
[blocks B      ] sys-apps/qux (is hard blocking sys-apps/bar-1)

Total: 3 packages (1 upgrade, 1 new, 1 reinstall, 2 binaries, 1 uninstall), Size of downloads: 1757 KiB
Conflict: 2 blocks (1 unsatisfied)

The following packages are causing rebuilds:

  (dev-libs/glib-2.80.5-r1-4:2/2::gentoo, binary scheduled for merge) causes rebuilds for:
    (app-arch/gzrt-0.8-2:0/0::lab, binary scheduled for merge)
"""
READ = [
    Merge(
        "binary",
        "dev-libs/glib-2.80.5-r1",
        4,
        "gentoo",
        "U",
        '[2.78.3:2::gentoo] USE="(mime) xattr*" VIDEO_CARDS="-intel%" 0 KiB',
        "upgrade",
        slot="2",
        old=("2.78.3:2::gentoo",),
        use=(
            Flag("mime", True, forced=True),
            Flag("xattr", True, "changed"),
            Flag("intel", False, "new", group="VIDEO_CARDS"),
        ),
        size=0,
    ),
    Merge(
        *("ebuild", "app-misc/hello-2.10", None, "lab", "N", 'USE="nls" 726 KiB', "new"),
        use=(Flag("nls", True),),
        size=726 * 1024,
    ),
    Merge(
        *("binary", "app-arch/gzrt-0.8", 2, "lab", "R", "to /mnt/root/ 1,031 KiB", "reinstall"),
        root="/mnt/root/",
        size=1031 * 1024,
    ),
    Merge("uninstall", "sys-apps/old-1", None, "lab", "", 'USE=""', "uninstall"),
    Merge("nomerge", "virtual/pager-0", None, "lab", "", "", "nomerge"),
    Merge(
        *("blocks", "<sys-apps/foo-2", None, "", "b"),
        '("<sys-apps/foo-2" is soft blocking sys-apps/bar-1, sys-apps/baz-2)',
        "settled",
    ),
    Merge("blocks", "sys-apps/qux", None, "", "B", "(is hard blocking sys-apps/bar-1)", "blocked"),
]


def test_parse() -> None:
    assert _merge_list.parse(PRETEND) == READ


@pytest.mark.parametrize(
    ("marks", "action"),
    [
        (" N     ", "new"),
        (" NS    ", "slot"),
        ("  R    ", "reinstall"),
        (" rR   ~", "rebuild"),
        ("    U  ", "upgrade"),
        ("    UD#", "downgrade"),
        (" r  U  ", "upgrade"),
        ("IN f  *", "new"),
        (" N F   ", "new"),
        (" NSg   ", "slot"),
    ],
)
def test_the_marks_say_what_is_done(marks: str, action: str) -> None:
    (merge,) = _merge_list.parse(f"[ebuild {marks}] x/y-1::z  0 KiB\n")
    assert (merge.action, merge.marks) == (action, marks.replace(" ", ""))


@pytest.mark.parametrize(
    ("word", "flag"),
    [
        ("nls", Flag("nls", True)),
        ("-nls", Flag("nls", False)),
        ("nls*", Flag("nls", True, "changed")),
        ("-nls*", Flag("nls", False, "changed")),
        ("nls%*", Flag("nls", True, "new")),
        ("-nls%", Flag("nls", False, "new")),
        ("(-nls%)", Flag("nls", False, "removed")),
        ("(-nls%*)", Flag("nls", False, "removed")),
        ("(nls)", Flag("nls", True, forced=True)),
        ("(nls%*)", Flag("nls", True, "new", forced=True)),
        ("(-nls*)", Flag("nls", False, "changed", forced=True)),
        ("{-test}", Flag("test", False)),
    ],
)
def test_flags(word: str, flag: Flag) -> None:
    (merge,) = _merge_list.parse(f'[ebuild  N     ] x/y-1::z  USE="{word}" 0 KiB\n')
    assert merge.use == (flag,)


def test_a_flag_of_use_expand_has_the_name_that_a_person_writes() -> None:
    assert [Flag("intel", True, group="VIDEO_CARDS").full, Flag("nls", True).full] == ["video_cards_intel", "nls"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[surprise  N ] app-misc/hello-2.10", "a line of the merge list, found '[surprise  N ] app-misc/hello-2.10'"),
        ("something else", "a line of the merge list, found 'something else'"),
        ("[ebuild  X     ] app-misc/hello-2.10", "found '[ebuild  X     ] app-misc/hello-2.10'"),
        ("[ebuild        ] app-misc/hello-2.10", "one of the marks N S U D R r, found"),
        ("[ebuild  N     ] app-misc/hello", "'category/name-version:slot::repository', found 'app-misc/hello'"),
        ("[ebuild  N     ] app-misc/hello-2-3", "repository', found 'app-misc/hello-2-3'"),
        ("[ebuild  N     ] a/b-1::c  USE=nls", "after the package, found 'USE=nls'"),
        ('[ebuild  N     ] a/b-1::c  USE="nls?"', "a USE flag in USE, found 'nls?'"),
        ("[ebuild  N     ] a/b-1::c  12 MiB", "after the package, found '12 MiB'"),
        ("[blocks B      ] <a/b-1", "'[blocks B or b] atom (is blocking package)', found '[blocks B      ] <a/b-1'"),
        ("[blocks       ] <a/b-1 (is blocking a/c-1)", "'[blocks B or b] atom (is blocking package)', found"),
        ("Total: 3 packages (3 new), Size of downloads: 0 KiB", "3 packages, as emerge says, found 1"),
    ],
)
def test_what_is_not_understood_is_an_error_with_its_line(line: str, message: str) -> None:
    before = "\n[ebuild  N     ] app-misc/first-1::lab  0 KiB\n"
    with pytest.raises(BinhostError, match=rf"^emerge --pretend, line 3: expected .*{re.escape(message)}"):
        _merge_list.parse(f"{before}{line}\n")


def test_an_explanation_may_run_over_any_lines_and_hides_no_entry() -> None:
    told = "!!! Something is strange:\nwords [of any] kind\n\n[ebuild  N     ] a/b-1::c  0 KiB\n"
    fetch = "\nFetch instructions for a/b-1:\nput it there\n"
    assert [merge.cpv for merge in _merge_list.parse(told + fetch)] == ["a/b-1"]
    with pytest.raises(BinhostError, match="line 5: expected a line of the merge list, found 'stray'"):
        _merge_list.parse(f"{told}stray\n")
    with pytest.raises(BinhostError, match="line 7"):
        _merge_list.parse(f"{told}{fetch.strip()}\n[ebuild  ? ] a/c-1\n")


def test_each_count_is_of_the_list_above_it() -> None:
    text = "[ebuild  N     ] a/b-1::c  0 KiB\n\nTotal: 1 package (1 new), Size of downloads: 0 KiB\n"
    assert len(_merge_list.parse(text * 2)) == 2


def test_an_excerpt_is_read_without_its_count() -> None:
    text = "[ebuild  N     ] a/b-1::c  0 KiB\n\nTotal: 14 packages (14 new), Size of downloads: 0 KiB\n"
    assert len(_merge_list.parse(text, whole=False)) == 1


def test_the_package_of_a_merge() -> None:
    assert [merge.package for merge in READ if merge.kind != "nomerge"] == [
        *("dev-libs/glib", "app-misc/hello", "app-arch/gzrt", "sys-apps/old", "sys-apps/foo", "sys-apps/qux")
    ]


def test_shown() -> None:
    fix = (Proposal("package.use", "=a/b-1 -nls"),)
    why = Refused("app-misc/hello/hello-2.10-1.gpkg.tar", 1, "use", "non matching USE", fix)
    merges = [dataclasses.replace(each, refused=(why,)) if each.kind == "ebuild" else each for each in READ]
    assert (
        _merge_list.shown(merges)
        == """\
upgrade   binary dev-libs/glib:2 2.78.3:2::gentoo -> 2.80.5-r1-4 USE="xattr* -video_cards_intel%"
new       source app-misc/hello 2.10 726.0 KiB
    app-misc/hello/hello-2.10-1.gpkg.tar: non matching USE
        taken with package.use: =a/b-1 -nls
reinstall binary app-arch/gzrt 0.8-2 to /mnt/root/ 1.0 MiB
uninstall        sys-apps/old 1
settled   <sys-apps/foo-2 ("<sys-apps/foo-2" is soft blocking sys-apps/bar-1, sys-apps/baz-2)
blocked   sys-apps/qux (is hard blocking sys-apps/bar-1)
"""
    )


def test_an_entry_comes_back_from_json() -> None:
    fix = (Proposal("package.use", "=a/b-1 -nls"),)
    why = Refused("app-misc/hello/hello-2.10-1.gpkg.tar", 1, "use", "non matching USE", fix)
    for merge in (dataclasses.replace(each, refused=(why, why)) for each in READ):
        values = json.loads(json.dumps(dataclasses.asdict(merge)))
        assert _merge_list.restored({**values, "newer": 1}) == merge


def _texts() -> list[Path]:
    return sorted([*CORPUS.rglob("emerge*-p*.out"), *(CORPUS / "transcribed").glob("*.txt")])


def test_the_corpus_is_read() -> None:
    if not CORPUS.is_dir():
        pytest.skip(f"no corpus in {CORPUS}")
    for path in _texts():
        text = path.read_text()
        if path.name in NO_LIST:
            continue
        # What was copied by hand are excerpts.
        merges = _merge_list.parse(text, whole=path.parent.name != "transcribed")
        entries = [line for line in text.splitlines() if re.match(r"\[(ebuild|binary|blocks|nomerge|uninstall)", line)]
        assert len(merges) == len(entries), path
        for merge, line in zip(merges, entries, strict=True):
            assert merge.cpv in line, path
            assert [_word(flag) for flag in merge.use] == " ".join(_groups(line)).translate(BRACES).split(), path


def _groups(line: str) -> list[str]:
    return re.findall(r'[A-Z][A-Z0-9_]*="([^"]*)"', line)


#: What FEATURES=test sets, said by older versions.
BRACES: t.Final = str.maketrans("", "", "{}")


def _word(flag: Flag) -> str:
    """Return a flag as Portage prints it; of one that is gone it also says whether it was set, which nobody asks."""
    sign = {"": "", "changed": "*", "new": "%*" if flag.enabled else "%", "removed": "%"}[flag.change]
    word = f"{'' if flag.enabled else '-'}{flag.name}{sign}"
    return f"({word})" if flag.forced or flag.change == "removed" else word


# The renderer, after portage lib/_emerge/resolver/output.py.


def render(merge: Merge, indent: int, *, mask: bool) -> str:
    columns = "".join(next((m for m in merge.marks if m in letters), " ") for letters in ("I", "Nr", "SR", "fFg"))
    columns += "".join(letter if letter in merge.marks else " " for letter in "UD")
    columns += next((m for m in merge.marks if m in "#*~"), " ") if mask else ""
    build = "" if merge.build_id is None else f"-{merge.build_id}"
    slot = f":{merge.slot}" if merge.slot else ""
    repository = f"::{merge.repository}" if merge.repository else ""
    groups: dict[str, list[str]] = {}
    for flag in merge.use:
        groups.setdefault(flag.group, []).append(_word(flag))
    old = f"[{', '.join(merge.old)}]" if merge.old else ""
    root = f"{' ' if old else ''}to {merge.root}" if merge.root != "/" else ""
    use = "".join(f'{group}="{" ".join(words)}" ' for group, words in groups.items())
    size = "" if merge.size is None else f"{merge.size // 1024} KiB"
    name = f"{' ' * indent}{merge.cpv}{build}{slot}{repository}"
    return f"[{merge.kind} {columns}] {name} {old}{root} {use}{size}"


_names = st.sampled_from(["a", "gtk+", "libx-11bb", "python_targets", "x-c++-y", "7zip", "foo-2bar"])
_versions = st.sampled_from(["0", "1.2", "2.80.5-r1", "20240101", "1.0b_alpha_p3-r12", "9999", "1_rc"])
_flags = st.builds(
    lambda name, enabled, change, forced: Flag(name, enabled, change, forced and change in ("", "changed")),
    _names,
    st.booleans(),
    st.sampled_from(["", "changed", "new"]),
    st.booleans(),
)
_gone = st.builds(lambda name: Flag(name, False, "removed"), _names)


@st.composite
def _merges(draw: t.Callable[..., t.Any]) -> Merge:
    kind = draw(st.sampled_from(["ebuild", "binary"]))
    action, marks = draw(
        st.sampled_from(
            [("new", "N"), ("slot", "NS"), ("reinstall", "R"), ("rebuild", "rR"), ("upgrade", "U"), ("downgrade", "UD")]
        )
    )
    group = draw(st.sampled_from(["USE", "VIDEO_CARDS", "CPU_FLAGS_X86"]))
    use = tuple(dataclasses.replace(flag, group=group) for flag in draw(st.lists(_flags | _gone, max_size=4)))
    return Merge(
        kind,
        f"{draw(_names)}/{draw(_names)}-{draw(_versions)}",
        draw(st.none() | st.integers(1, 99)) if kind == "binary" else None,
        draw(st.sampled_from(["", "gentoo", "my_repo-1"])),
        marks,
        "",
        action,
        draw(st.sampled_from(["", "0/1.2", "3.12", "2/sub+1"])),
        tuple(draw(st.lists(_versions, max_size=2))),
        use,
        draw(st.sampled_from(["/", "/mnt/root/"])),
        draw(st.none() | st.integers(0, 10**7).map(lambda kib: kib * 1024)),
    )


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(_merges(), st.integers(0, 3)), max_size=5), st.booleans())
def test_what_portage_prints_is_read_back(merges: list[tuple[Merge, int]], mask: bool) -> None:  # noqa: FBT001
    lines = [render(merge, indent, mask=mask) for merge, indent in merges]
    total = f"\nTotal: {len(merges)} package{'' if len(merges) == 1 else 's'}, Size of downloads: 0 KiB\n"
    found = _merge_list.parse("\n".join([*lines, total]))
    assert [dataclasses.replace(merge, rest="") for merge in found] == [merge for merge, _indent in merges]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.text(max_size=200))
def test_whatever_is_said_ends_in_an_answer_or_an_error_that_says_where(text: str) -> None:
    try:
        assert _merge_list.parse(text) == []
    except BinhostError as exc:
        assert str(exc).startswith("emerge --pretend, line ")
