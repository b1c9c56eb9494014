# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _emerge
from ansible_collections.larry.binhost.plugins.module_utils._emerge import Step


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
