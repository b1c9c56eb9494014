# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _refusal
from ansible_collections.larry.binhost.plugins.module_utils._refusal import Problem, Proposal
from hypothesis import given
from hypothesis import strategies as st

CORPUS = Path(os.environ.get("BINHOST_CORPUS") or Path(__file__).parents[5] / "shared/corpus") / "emerge-logs"
BEFORE: t.Final = """
These are the packages that would be merged, in order:

Calculating dependencies ... done!
Dependency resolution took 0.24 s (backtrack: 1/20).

[ebuild  N     ] x/lib-2::planted  USE="-nls" 0 KiB

Total: 1 package (1 new), Size of downloads: 0 KiB
"""
AFTER: t.Final = """
!!! The following installed packages are masked:
- sys-apps/which-2.21::lab (masked by: GPL-3+ license(s))
For more information, see the MASKED PACKAGES section in the emerge
man page or refer to the Gentoo Handbook.

"""
#: Portage's words -> what they are.
SAID: t.Final[t.Sequence[tuple[str, Problem]]] = [
    (
        '!!! The ebuild selected to satisfy "x/required" has unmet requirements.\n'
        '- x/required-1::planted USE="-a -b"\n\n'
        "  The following REQUIRED_USE flag constraints are unsatisfied:\n    exactly-one-of ( a b )",
        Problem("required_use", ("x/required-1",), ""),
    ),
    (
        " * Error: circular dependencies:\n\n"
        "(x/pool-1:0/0::planted, ebuild scheduled for merge) depends on\n"
        " (x/loop-1-3:0/0::planted, binary scheduled for merge to '/mnt/') (buildtime, USE=doc)\n"
        "  (x/pool-1:0/0::planted, ebuild scheduled for merge) (buildtime, USE=lib)\n\n"
        "It might be possible to break this cycle\nby applying any of the following changes:\n"
        "- x/loop-1 (Change USE: -lib +x)\n- x/pool-1 (Change USE: -doc)\n\n"
        "Note that this change can be reverted, once the package has been installed.",
        Problem("circular", ("x/pool-1", "x/loop-1"), "", (Proposal("package.use", ">=x/loop-1 -lib x"),)),
    ),
    (
        '!!! All ebuilds that could satisfy "x/lib" have been masked.\n'
        "!!! One of the following masked packages is required to complete your request:\n"
        "- x/lib-9999::planted (masked by: missing keyword)\n"
        "- x/lib-3::planted (masked by: package.mask, ~amd64 keyword)\n"
        "/var/db/repos/planted/profiles/base/package.mask:\n# Broken [everywhere].\n\n"
        "- x/lib-2::planted (masked by: Strange license(s), ~amd64 keyword)\n"
        '(dependency required by "@world" [argument])',
        Problem(
            *("license", ("x/lib-9999", "x/lib-3", "x/lib-2"), ""),
            (Proposal("package.license", "=x/lib-2 Strange"), Proposal("package.accept_keywords", "=x/lib-2 ~amd64")),
        ),
    ),
    (
        'All binary packages that could satisfy "x/lib" for /mnt/ have been masked.\n'
        "!!! One of the following masked packages is required to complete your request:\n"
        "- x/lib-3::planted (masked by: EAPI 99)\n- x/lib-2::planted (masked by: exclude option)",
        Problem("masked", ("x/lib-3", "x/lib-2"), ""),
    ),
    (
        'emerge: there are no ebuilds built with USE flags to satisfy "x/lib[nls]".\n'
        "!!! One of the following packages is required to complete your request:\n"
        "- x/lib-2::planted (Change USE: +nls, this change violates use flag constraints defined by x/lib-2: 'a')\n"
        "- x/top-1::planted (Change USE: -lib)",
        Problem("use", ("x/lib-2", "x/top-1"), "", (Proposal("package.use", ">=x/top-1 -lib"),)),
    ),
    (
        'emerge: there are no ebuilds to satisfy "x/none".\n(dependency required by "x/needs-none" [argument])',
        Problem("missing", ("x/none",), ""),
    ),
    (
        "!!! Ebuilds for the following packages are either all\n!!! masked or don't exist:\nx/gone y/gone:2",
        Problem("skipped", ("x/gone", "y/gone:2"), ""),
    ),
    (
        "The following USE changes are necessary to proceed:\n"
        "# required by x/a-1::planted\n# required by x/a (argument)\n>=x/lib-2:1 nls -doc",
        Problem("use", ("x/lib-2",), "", (Proposal("package.use", ">=x/lib-2:1 nls -doc"),)),
    ),
    (
        "WARNING: One or more updates/rebuilds have been skipped due to a dependency conflict:\n\n"
        "x/lib:0\n\n  (x/lib-3:0/3::planted, ebuild scheduled for merge) conflicts with\n"
        "    <x/lib-3 required by (x/a-1:0/0::planted, installed)\n    ^     ^",
        Problem("skipped", ("x/lib:0",), ""),
    ),
    (
        "!!! [master] Error fetching binhost package info from 'http://192.0.2.1/'\n"
        "!!! [master] HTTP Error 404: Not Found",
        Problem("fetch", (), ""),
    ),
    (
        "!!! '=x/lib' is not a valid package atom.\n!!! Please check ebuild(5) for full details.",
        Problem("other", ("=x/lib",), ""),
    ),
]


@pytest.mark.parametrize(("words", "problem"), SAID)
def test_each_is_read_among_what_is_no_reason(words: str, problem: Problem) -> None:
    found = _refusal.explain(f"{BEFORE}\n{words}\n\n{AFTER}")
    expected = Problem(problem.kind, problem.packages, words, problem.proposals)
    assert found[0] == expected
    # An update that is left out is no reason to refuse: there has to be another.
    assert [each.kind for each in found[1:]] == (["other"] if problem.kind == "skipped" else [])


SLOTS: t.Final = """\
!!! Multiple package instances within a single package slot have been pulled
!!! into the dependency graph, resulting in a slot conflict:

x/lib:0

  (x/lib-2:0/0::planted, ebuild scheduled for merge) USE="-nls" pulled in by
    x/lib[-nls] required by (x/two-1:0/0::planted, ebuild scheduled for merge) USE=""
          ^^^^

  (x/lib-1:0/0::planted, installed) USE="nls" pulled in by
    (no parents that aren't satisfied by other packages in this slot)

y/lib:0/2 for /mnt/

  (y/lib-2:0/2::planted, ebuild scheduled for merge) pulled in by
    (and 3 more with the same problem)

NOTE: Use the '--verbose-conflicts' option to display parents omitted above


"""


@pytest.mark.parametrize(
    ("solution", "proposals"),
    [
        ("", ()),
        (
            "It might be possible to solve these slot collisions\nby applying all of the following changes:\n"
            "   - x/two-1 (Change USE: -old)\n   - x/lib-2 (Change USE: +nls)\n\n",
            (Proposal("package.use", ">=x/two-1 -old"), Proposal("package.use", ">=x/lib-2 nls")),
        ),
        (
            "It might be possible to solve these slot collisions\nby applying one of the following solutions:\n"
            "  Solution: Apply all of:\n     - x/lib-2 (Change USE: +nls)\n\n"
            "  Solution: Apply all of:\n     - x/two-1 (Change USE: -old)\n\n",
            (Proposal("package.use", ">=x/lib-2 nls"),),
        ),
    ],
)
def test_slot_conflicts_are_told_apart(solution: str, proposals: tuple[Proposal, ...]) -> None:
    first, second = _refusal.explain(SLOTS + solution + AFTER)
    assert (first.kind, first.packages, first.proposals) == ("slot_conflict", ("x/lib-2", "x/lib-1"), proposals)
    assert (second.kind, second.packages, second.proposals) == ("slot_conflict", ("y/lib-2",), proposals)
    assert "y/lib" not in first.words
    assert first.words.startswith("!!! Multiple package instances")


def test_blockers_are_told_with_what_they_block() -> None:
    text = (
        '[blocks B      ] x/rival ("x/rival" is hard blocking x/blocker-1)\n\n'
        " * Error: The above package list contains packages which cannot be\n"
        " * installed at the same time on the same system.\n\n"
        "  (x/blocker-1:0/0::planted, ebuild scheduled for merge) pulled in by\n    x/blocker\n\n\n"
        "For more information about Blocked Packages, please refer to the following\n"
    )
    (problem,) = _refusal.explain(BEFORE + text)
    assert (problem.kind, problem.packages) == ("blocked", ("x/blocker-1", "x/rival"))
    assert problem.words.startswith('[blocks B      ] x/rival ("x/rival" is hard')
    assert problem.words.endswith("pulled in by\n    x/blocker")


def test_each_line_of_autounmask_is_a_problem_of_its_own() -> None:
    text = """\

The following keyword changes are necessary to proceed:
 (see "package.accept_keywords" in the portage(5) man page for more details)
# required by x/a (argument)
=x/b-1 ~amd64
# required by x/c (argument)
=x/c-1 **

The following mask changes are necessary to proceed:
 (see "package.unmask" in the portage(5) man page for more details)
# required by x/c (argument)
# /etc/portage/package.mask/mine:
# it is broken
=x/c-1

Use --autounmask-write to write changes to config files (honoring
CONFIG_PROTECT). Carefully examine the list of proposed changes,
"""
    assert [(each.kind, each.proposals[0]) for each in _refusal.explain(text)] == [
        ("keywords", Proposal("package.accept_keywords", "=x/b-1 ~amd64")),
        ("keywords", Proposal("package.accept_keywords", "=x/c-1 **")),
        ("masked", Proposal("package.unmask", "=x/c-1")),
    ]
    assert _refusal.explain(text)[1].words == (
        "The following keyword changes are necessary to proceed:\n# required by x/c (argument)\n=x/c-1 **"
    )
    assert _refusal.explain(text)[2].words == (
        "The following mask changes are necessary to proceed:\n# required by x/c (argument)\n"
        "# /etc/portage/package.mask/mine:\n# it is broken\n=x/c-1"
    )


def test_what_has_no_known_form_is_told_in_its_own_words() -> None:
    text = f"{BEFORE}\n!!! The moon is in the wrong phase.\nWait.\n"
    (problem,) = _refusal.explain(text)
    assert (problem.kind, problem.packages, problem.proposals) == ("other", (), ())
    assert problem.words.endswith("!!! The moon is in the wrong phase.\nWait.")


#: The corpus's files of a refusal -> kinds and packages.
REFUSED: t.Final = {
    "autounmask-keyword-netcat.txt": [("keywords", "net-analyzer/openbsd-netcat-1.105-r1")],
    "autounmask-mask-and-use-systemd-utils.txt": [
        ("masked", "sys-apps/systemd-utils-254.5-r2"),
        ("use", "sys-apps/systemd-utils-254.5-r2"),
    ],
    "circular-kotlin-nomerge.txt": [("circular", "virtual/kotlin-1.4")],
    "circular-libcap-pam.txt": [("circular", "sys-libs/libcap-2.63")],
    "licence-refused.txt": [("license", "x11-drivers/nvidia-drivers-610.57.04")],
    "no-such-package.txt": [("missing", "app-misc/not-a-real-package")],
    "nvidia-slot-conflict.txt": [("slot_conflict", "x11-drivers/nvidia-drivers-358.16-r1")],
    "update-skipped-conflict-qrencode.txt": [("skipped", "media-gfx/qrencode:0"), ("other", "")],
}


def test_the_corpus_is_explained() -> None:
    if not CORPUS.is_dir():
        pytest.skip(f"no corpus in {CORPUS}")
    found = {}
    for name in REFUSED:
        problems = _refusal.explain((CORPUS / "transcribed" / name).read_text())
        found[name] = [(each.kind, (each.packages or ("",))[0]) for each in problems]
    assert found == REFUSED


@given(st.lists(st.sampled_from([line for words, _problem in SAID for line in words.split("\n")]), max_size=12))
def test_any_order_of_lines_has_an_explanation(lines: list[str]) -> None:
    assert _refusal.explain("\n".join(lines))
