# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _portage_lacks


@pytest.mark.parametrize(
    ("version", "lacking"),
    [
        ("3.0.83", []),
        ("3.0.100", []),
        ("3.0.83-r1", []),
        ("3.1", []),
        ("HEAD", []),
        ("9999", []),
        ("3.0.82", ["patches"]),
        ("3.0.79", ["buildpkg-proactive", "observability", "cgroup", "patches"]),
        ("3.0.66.1", list(_portage_lacks.SINCE)[2:]),
        ("2.3.99", list(_portage_lacks.SINCE)),
    ],
)
def test_lacks(version: str, lacking: list[str]) -> None:
    assert [one["feature"] for one in _portage_lacks.lacks(version)] == lacking


def test_what_is_lost_is_said() -> None:
    assert _portage_lacks.lacks("3.0.82") == [
        {
            "feature": "patches",
            "since": "3.0.83",
            "lost": "a binary is taken though /etc/portage/patches here differ from what it was built with",
        }
    ]
