# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _merge_list
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._merge_list import Merge

PRETEND = """
These are the packages that would be merged, in order:

Calculating dependencies... done!
Dependency resolution took 0.21 s (backtrack: 0/20).

[binary     U  ] dev-libs/glib-2.80.5-r1-4:2::gentoo [2.78.3:2::gentoo] USE="(mime) xattr" 0 KiB
[ebuild  N     ] app-misc/hello-2.10::lab  USE="nls" 726 KiB
[binary   R    ] app-arch/gzrt-0.8-2::lab to /mnt/root/ 0 KiB
[uninstall     ] sys-apps/old-1::lab  USE=""
[nomerge       ] virtual/pager-0::lab
[blocks B      ] <sys-apps/foo-2 ("<sys-apps/foo-2" is hard blocking sys-apps/bar-1)

Total: 3 packages (1 upgrade, 1 new, 1 reinstall, 2 binaries), Size of downloads: 726 KiB
"""


def test_merge_list() -> None:
    assert _merge_list.merge_list(PRETEND) == [
        Merge("binary", "dev-libs/glib-2.80.5-r1", 4, "gentoo", "U", '[2.78.3:2::gentoo] USE="(mime) xattr" 0 KiB'),
        Merge("ebuild", "app-misc/hello-2.10", None, "lab", "N", 'USE="nls" 726 KiB'),
        Merge("binary", "app-arch/gzrt-0.8", 2, "lab", "R", "to /mnt/root/ 0 KiB"),
        Merge("uninstall", "sys-apps/old-1", None, "lab", "", 'USE=""'),
        Merge("nomerge", "virtual/pager-0", None, "lab", "", ""),
        Merge("blocks", "<sys-apps/foo-2", None, "", "B", '("<sys-apps/foo-2" is hard blocking sys-apps/bar-1)'),
    ]


def test_a_line_that_is_not_understood_is_an_error() -> None:
    with pytest.raises(
        BinhostError, match=r"^emerge --pretend: expected '\[ebuild.*found '\[surprise  N \] app-misc/hello-2.10'$"
    ):
        _merge_list.merge_list("[surprise  N ] app-misc/hello-2.10\n")
