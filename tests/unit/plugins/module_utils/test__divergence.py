# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences of two merge lists; that they are what emerge does is shown in tests/root."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _divergence, _merge_list
from ansible_collections.larry.binhost.plugins.module_utils._divergence import Answer, Difference, Wanted

PATCH = {"patches/a/b/1.patch": "x"}


def wanted(*lines: str, files: t.Any = None, **masked: t.Any) -> Wanted:
    text = "".join(f"[ebuild  N     ] {line}\n" for line in lines)
    return Wanted(_merge_list.parse(text), files or {}, masked.get("masked", {}))


@pytest.mark.parametrize(
    ("slave", "target", "expected"),
    [
        (wanted('a/b-1::lab  USE="x -y"'), wanted('a/b-1::lab  USE="x* (-y)"'), []),
        (
            wanted('a/b-1::lab  USE="x -y" PYTHON_TARGETS="python3_13 -python3_12"'),
            wanted('a/b-1::lab  USE="-x -y" PYTHON_TARGETS="-python3_13 python3_12"'),
            [
                Difference(
                    "a/b-1",
                    "use",
                    "USE is -python_targets_python3_12 python_targets_python3_13 x here, "
                    "the target's python_targets_python3_12 -python_targets_python3_13 -x",
                    {"package_use": {"a/b": ["python_targets_python3_12", "-python_targets_python3_13", "-x"]}},
                    {"package_use": {"a/b": ["-python_targets_python3_12", "python_targets_python3_13", "x"]}},
                )
            ],
        ),
        (
            wanted("a/b-1::lab"),
            wanted("c/d-1::lab"),
            [Difference("a/b-1", "absent", "nothing that the target builds needs it", {}, {})],
        ),
        (
            wanted("a/b-2::lab"),
            wanted("a/b-1::lab", masked={"a/b-2": ["~amd64 keyword"]}),
            [
                Difference(
                    "a/b-2",
                    "version",
                    "the target's version is b-1: a/b-2 is masked for the target by ~amd64 keyword",
                    {"package_mask": ["=a/b-2"]},
                    {"package_accept_keywords": {"=a/b-2": ["~amd64"]}},
                )
            ],
        ),
        (
            wanted("a/b-1::lab", masked={"a/b-2": ["package.mask", "EULA license(s)"]}),
            wanted("a/b-2::lab"),
            [
                Difference(
                    "a/b-1",
                    "version",
                    "the target's version is b-2: a/b-2 is masked here by package.mask, EULA license(s)",
                    {"package_unmask": ["=a/b-2"], "package_license": {"=a/b-2": ["EULA"]}},
                    {"package_mask": ["=a/b-2"]},
                )
            ],
        ),
        (
            wanted("a/b-1::guru"),
            wanted("a/b-1::lab"),
            [
                Difference(
                    "a/b-1",
                    "repository",
                    "from guru, the target's is from lab",
                    {"package_mask": ["=a/b-1::guru"]},
                    {"package_mask": ["=a/b-1::lab"]},
                )
            ],
        ),
        (
            wanted("a/b-1::lab", files=PATCH),
            wanted("a/b-1::lab"),
            [Difference("a/b-1", "patches", "1 of one's own patches here, 0 of the target's, and they differ", {}, {})],
        ),
        (wanted("a/b-1::lab", files=PATCH), wanted("a/b-1::lab", files={"patches/a/b-1/01-x.diff": "x"}), []),
        (wanted("a/b-1:1::lab", "a/b-2:2::lab"), wanted("a/b-2:2::lab", "a/b-1:1::lab"), []),
    ],
)
def test_compare(slave: Wanted, target: Wanted, expected: list[Difference]) -> None:
    assert _divergence.compare(slave, target) == expected


def test_patches_are_in_the_order_of_their_names() -> None:
    files = {
        "patches/a/b-1/02-own.patch": "2",
        "patches/a/b/01-fix.patch": "1",
        "patches/a/b:3/03.diff": "3",
        "patches/a/b/README": "no",
        "patches/a/bc/0.patch": "no",
    }
    assert _divergence.patches(files, "a/b-1") == ["1", "2", "3"]


def test_other_versions_of_what_both_have() -> None:
    mine = wanted("a/b-1::lab", "c/d-1::lab").merges
    theirs = wanted("a/b-2::lab", "c/d-1::lab", "e/f-1::lab").merges
    assert _divergence.missing_here(mine, theirs) == ["a/b-2"]


def test_told() -> None:
    differences = [Difference("a/b-1", "use", "why", {"package_use": {"a/b": ["-x"]}}, {"package_mask": ["=a/b-2"]})]
    assert _divergence.told("amd", "laptops", Answer(differences)) == [
        "amd: 1 package is compiled for it alone",
        "  a/b-1: why",
        '    to take the target\'s: amd: slave_package_use: {"a/b": ["-x"]}',
        '    for the whole target: binhost_targets.laptops.package_mask: ["=a/b-2"]',
    ]
    assert _divergence.told("amd", "laptops", Answer()) == ["amd: takes the target's binary of everything"]
    assert _divergence.told("amd", "laptops", Answer(refused="one\ntwo"))[1:] == ["  one", "  two"]
