# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine that isn't in the inventory needs to use a target's packages, for it to fetch from the master.

::

    STATE/generations/T/
        binrepos.conf     to be put into its /etc/portage/binrepos.conf
        key.asc           the keys that sign
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.larry.binhost.plugins.module_utils import _fragments
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

STANZA: t.Final = "binrepos.conf"
KEY: t.Final = "key.asc"
#: Ultimate trust counts as that of a key which is signed, and needs no key of the machine's own (Portage's gpkg.py,
#: ``_check_gpg_status``); gpg verifies there as nobody.
_WORDS: t.Final = """\
Binary packages of target {name}, for a machine that larry.binhost doesn't manage. It needs the target's profile
({profile}) and a CPU that runs {cflags}.
As root, once:
    cd /etc/portage && mkdir -p -m 755 binrepos.conf gnupg
    wget -O binrepos.conf/{name}.conf {uri}/{name}/{stanza}
    wget -O - {uri}/{name}/{key} | gpg --homedir gnupg --import
    gpg --homedir gnupg --list-keys      and compare: it has to be {fingerprint}
    echo {fingerprint}:6: | gpg --homedir gnupg --import-ownertrust
    gpg --homedir gnupg --check-trustdb
    chmod -R a+rX gnupg
and FEATURES="getbinpkg binpkg-request-signature" in make.conf. Its person's own changes to this file stay."""


def files(plan: Mapping[str, t.Any], master: str, key: Mapping[str, t.Any]) -> dict[str, str]:
    """Return the text of each file, by absolute path, for the targets that a master builds.

    ``key`` is what ``signing_key`` said; while there is none nobody could believe the packages, and there are no files.
    """
    found = {}
    for name, target in plan["targets"].items():
        if target["master"] == master and key.get("public") and key.get("fingerprint"):
            folder = Place(name).folder
            found[f"{folder}/{STANZA}"] = stanza(name, target, str(key["fingerprint"]))
            found[f"{folder}/{KEY}"] = str(key["public"])
    return found


def stanza(name: str, target: Mapping[str, t.Any], fingerprint: str) -> str:
    """Return a target's entry of binrepos.conf, headed by what there is to do."""
    words = _WORDS.format(
        name=name,
        profile=next(iter(target["links"].values()), "").rpartition("profiles/")[2],
        cflags=target["cpu"]["cflags"],
        uri=target["uri"],
        stanza=STANZA,
        key=KEY,
        fingerprint=fingerprint,
    )
    options = {"priority": "10", "sync-uri": f"{target['uri']}/{name}/current", "verify-signature": "true"}
    return _fragments.ini({name: options}, header="".join(f"# {line}\n" for line in words.splitlines()))
