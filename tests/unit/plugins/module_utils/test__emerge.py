# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _emerge
from ansible_collections.larry.binhost.plugins.module_utils._emerge import Step

LOG = """1700000000: Started emerge on: Nov 14, 2023 22:13:20
1700000000:  *** emerge --usepkg @world
1700000001:  >>> emerge (1 of 3) app-misc/hello-2.10 to /
1700000002:  === (1 of 3) Merging Binary (app-misc/hello-2.10::/var/cache/binpkgs/app-misc/hello/hello-2.10-1.gpkg.tar)
1700000003:  >>> AUTOCLEAN: app-misc/hello:0
1700000003:  === Unmerging... (app-misc/hello-2.9)
1700000003:  >>> unmerge success: app-misc/hello-2.9
1700000003:  ::: completed emerge (1 of 3) app-misc/hello-2.10 to /
1700000003:  >>> emerge (2 of 3) sys-apps/sed-4.9 to /
1700000004:  === (2 of 3) Compiling/Merging (sys-apps/sed-4.9::/var/db/repos/lab/sys-apps/sed/sed-4.9.ebuild)
1700000005:  ::: completed emerge (2 of 3) sys-apps/sed-4.9 to /
1700000006:  >>> emerge (3 of 3) app-text/tree-2.1.0 to /
1700000006:  === (3 of 3) Compiling/Merging (app-text/tree-2.1.0::/var/db/repos/lab/app-text/tree/tree-2.1.0.ebuild)
1700000009:  *** terminating.
"""


def test_argv() -> None:
    assert _emerge.argv(["@world"], {"update": True, "newuse": False, "jobs": 4, "with_bdeps": "n"}, pretend=True) == [
        *(
            "emerge",
            "--ignore-default-opts",
            "--ask=n",
            "--color=n",
            "--quiet=n",
            "--nospinner",
            "--pretend",
            "--verbose",
        ),
        *("--update", "--with-bdeps=n", "--jobs=4", "@world"),
    ]


def test_outcome_is_read_from_the_log() -> None:
    assert _emerge.outcome(LOG) == _emerge.Outcome(
        binary=["app-misc/hello-2.10"],
        source=["sys-apps/sed-4.9"],
        failed=["app-text/tree-2.1.0"],
        removed=["app-misc/hello-2.9"],
    )


def test_last_words_leave_progress_out() -> None:
    assert (
        _emerge.last_words("Calculating dependencies\n\none\n>>> Jobs: 1 of 2\ntwo\nthree\n", lines=2) == "two\nthree"
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (">>> Emerging (2 of 7) app-misc/hello-2.10::lab", Step("compiling", 2, 7, "app-misc/hello-2.10")),
        (">>> Emerging binary (1 of 7) app-misc/hello-2.10-1::lab", Step("unpacking", 1, 7, "app-misc/hello-2.10-1")),
        (">>> Installing (7 of 7) app-misc/hello-2.10::lab", Step("installing", 7, 7, "app-misc/hello-2.10")),
        (">>> Completed (7 of 7) app-misc/hello-2.10::lab", Step("completed", 7, 7, "app-misc/hello-2.10")),
        (">>> Jobs: 0 of 7 complete, 1 running", None),
        ("Calculating dependencies... done!", None),
    ],
)
def test_doing(line: str, expected: Step | None) -> None:
    assert _emerge.doing(line) == expected


def test_a_step_as_a_person_reads_it() -> None:
    assert Step("compiling", 2, 7, "app-misc/hello-2.10").words == "2 of 7: compiling app-misc/hello-2.10"
