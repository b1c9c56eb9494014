# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.larry.binhost.plugins.module_utils import _outcome

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


def test_outcome_is_read_from_the_log() -> None:
    assert _outcome.outcome(LOG) == _outcome.Outcome(
        binary=["app-misc/hello-2.10"],
        source=["sys-apps/sed-4.9"],
        failed=["app-text/tree-2.1.0"],
        removed=["app-misc/hello-2.9"],
    )
