# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _guard
from ansible_collections.larry.binhost.plugins.module_utils._guard import Breach, Rules
from ansible_collections.larry.binhost.plugins.module_utils._merge_list import Merge


def merge(kind: str, cpv: str, action: str = "new", rest: str = "", old: tuple[str, ...] = ()) -> Merge:
    return Merge(kind, cpv, None, "lab", "N", rest, action, old=old)


HELLO = merge("ebuild", "app-misc/hello-2.10", rest='USE="nls"')
TREE = merge("binary", "app-text/tree-2.1.0")
LISTED = [
    *(merge("ebuild", cpv) for cpv in ("virtual/pager-0", "acct-user/nginx-0", "acct-group/nginx-0")),
    merge("ebuild", "sys-kernel/gentoo-sources-6.6.1"),
]


@pytest.mark.parametrize(
    ("merges", "rules"),
    [
        ([HELLO, TREE], Rules()),
        ([HELLO, TREE], Rules(max_source=1)),
        ([TREE], Rules(max_source=0)),
        (LISTED, Rules(max_source=0)),
        ([HELLO], Rules(max_source=0, on_slave=["app-misc/*"])),
        ([merge("binary", "app-misc/hello-2.9", "downgrade", old=("2.10",))], Rules()),
        ([merge("ebuild", "sys-libs/glibc-2.40", "upgrade", old=("2.39",))], Rules()),
        ([merge("uninstall", "mail-mta/exim-4", "uninstall")], Rules(allow_uninstall=["mail-mta/*"])),
        ([merge("blocks", "mail-mta/exim", "settled")], Rules()),
    ],
)
def test_what_was_agreed_to_passes(merges: list[Merge], rules: Rules) -> None:
    assert _guard.breaches(merges, rules) == []


def test_a_kernel_is_compiled_and_counts() -> None:
    assert _guard.breaches([merge("ebuild", "sys-kernel/gentoo-kernel-6.6.1")], Rules(max_source=0)) != []


def test_what_would_be_compiled_is_told_with_what_changes_it() -> None:
    why = {HELLO.cpv: ["a.gpkg.tar: USE differs; taken with =app-misc/hello-2.10 -nls in package.use"]}
    assert _guard.breaches([HELLO, TREE], Rules(max_source=0, remedy="Do this."), why) == [
        Breach(
            "source",
            ["app-misc/hello-2.10"],
            "merge list: expected at most 0 packages to compile here, found 1:\n"
            '  app-misc/hello-2.10::lab USE="nls"\n'
            "    a.gpkg.tar: USE differs; taken with =app-misc/hello-2.10 -nls in package.use\n"
            "Nothing was started. Do this.",
        )
    ]


def test_many_packages_fit_a_screen() -> None:
    (breach,) = _guard.breaches([merge("ebuild", f"a/b{number}-1") for number in range(40)], Rules(max_source=1))
    assert len(breach.packages) == 40
    assert len(breach.words.splitlines()) == 15
    assert breach.words.splitlines()[-2] == "  and 28 more"


def test_what_may_not_become_older() -> None:
    older = merge("binary", "sys-libs/glibc-2.39", "downgrade", old=("2.40:2.2::lab",))
    (breach,) = _guard.breaches([older], Rules())
    assert (breach.kind, breach.packages) == ("downgrade", ["sys-libs/glibc-2.39"])
    assert breach.words == (
        "merge list: expected none of sys-libs/glibc, sys-libs/musl to become older, found:\n"
        "  sys-libs/glibc-2.39 instead of 2.40:2.2::lab\n"
        "Nothing was started. Mask the older version, or take the package out of forbid_downgrade"
    )
    hello = merge("binary", "app-misc/hello-2.9", "downgrade", old=("2.10",))
    assert _guard.breaches([hello], Rules(forbid_downgrade=["*/*"])) != []


def test_what_would_be_uninstalled_is_told_with_the_line_that_allows_it() -> None:
    blocker = Merge("blocks", "mail-mta/exim", None, "", "b", '("mail-mta/exim" is soft blocking x/y-1)', "settled")
    (breach,) = _guard.breaches([blocker, merge("uninstall", "mail-mta/exim-4", "uninstall")], Rules())
    assert breach.words == (
        "merge list: expected nothing to be uninstalled to make room for another package, found:\n"
        '  mail-mta/exim-4\n    mail-mta/exim ("mail-mta/exim" is soft blocking x/y-1)\n'
        "Nothing was started. If that may go, say so: allow_uninstall: [mail-mta/exim]"
    )
