# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _patterns
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


@pytest.mark.parametrize(
    ("pattern", "cpv", "matches"),
    [
        ("sys-kernel/*-sources", "sys-kernel/gentoo-sources-6.12.5-r1", True),
        ("sys-kernel/*-sources", "sys-kernel/gentoo-sources", True),
        ("sys-kernel/*-sources", "sys-kernel/gentoo-kernel-6.12.5", False),
        ("*/*", "a/b-1", True),
        ("x11-drivers/nvidia-drivers", "x11-drivers/nvidia-drivers-550.1_p2", True),
        ("x11-drivers/nvidia", "x11-drivers/nvidia-drivers-550", False),
        ("dev-libs/c++*", "dev-libs/c++-tools-1", True),
    ],
)
def test_matches(pattern: str, cpv: str, matches: bool) -> None:
    _patterns.check(pattern)
    assert _patterns.matches([pattern], cpv) is matches


@pytest.mark.parametrize(
    "pattern", ["hello", "=a/b-1", "a/b-1", "a/b:0", "a/**", "a/[b]", "a/b ", "!a/b", "@world", ""]
)
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(BinhostError, match="expected category/package, with"):
        _patterns.check(pattern)
