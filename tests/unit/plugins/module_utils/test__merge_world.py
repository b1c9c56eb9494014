# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What emerge said of its sources; what it does with them is tests/root's business."""

from __future__ import annotations

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _merge_world

FAR = """\
>>> Fetching (1 of 2) x/far-1::planted
!!! Couldn't download '.layout.conf.mirror.example.org'. Aborting.
--2026-11-21 13:52:33--  http://127.0.0.1:9/far-1.txt
!!! Couldn't download 'far-1.txt'. Aborting.
!!! Couldn't download 'far-1.txt'. Aborting.
"""
SHY = """\
!!! x/shy-1 has fetch restriction turned on.
!!! This probably means that this ebuild's files must be downloaded
!!! manually.  See the comments in the ebuild for more information.

 * Please buy shy-1.txt
 * at example.org

>>> Failed to emerge x/shy-1
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FAR, "/d: expected to fetch far-1.txt, found no place that has it"),
        (
            SHY,
            "x/shy-1 may not be fetched by a program; put its files into /d. It says:\n"
            "Please buy shy-1.txt\nat example.org",
        ),
        ("something else\n", "emerge --fetchonly failed:\nsomething else"),
    ],
)
def test_unfetched(text: str, words: str) -> None:
    assert _merge_world.unfetched(text, "/d") == words
