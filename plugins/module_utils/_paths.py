# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where this collection keeps things on a managed host.

::

    /var/lib/larry-binhost/
        roots/T/           master: the build root of target T
        pkgdir/T/          master: that root's private PKGDIR
        pool/T/            master: the packages that were ever published for T
        generations/T/N/   master: one published state; slave: its seal, index and links to its repositories
        generations/T/current -> N             (master)
        current -> generations/T/N             (slave)
        repos/NAME-REVISION/   snapshots of ebuild repositories, never changed once complete
        records/T/         master: what builds were made from (see _record)
        restricted/        master: sources that no program may fetch
        rebuilds/T/N/      master: where a generation is built again (see _rebuild)
        images/            master: build roots as tarballs (see _image)
        keys/              master: what it signs with, for root alone (see _keys)
        trusted.asc        slave: whose signatures it believes (see _trust)
        sync.json          slave: what it asks for without a controller (see _orders)
        mirror/            mirror and slave: the key by which they read packages over ssh (see _mirror_link)
        builder.json, builder/T/   master: what the last run asked for, which a timer does again (see _last_plan)
        failed/T.json, failed/T/   master: what failed to build, and the logs (see _failed)
        status.json        master: how it stands, as of the builder's last step (see _status)
        update.json        slave: what it installs by itself (see _auto_update)
        fingerprints/      what the last run that had nothing left to do depended on
"""

from __future__ import annotations

import os
import re

STATE = "/var/lib/larry-binhost"
#: In a build root and on a slave alike, so that repos.conf and make.profile are the same bytes in both.
REPOSITORIES = STATE + "/current/repos"
TARGET_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*\Z")


def below(*parts: str, state: str = STATE) -> str:
    """Return the absolute path of ``parts`` below the state folder."""
    return os.path.join(state, *parts)
