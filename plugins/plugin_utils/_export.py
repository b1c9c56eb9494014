# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a master's rsyncd offers of each target: the 01 files as its slaves have them, and a manifest of them.

::

    STATE/config/T/
        manifest.json     what belongs to it; a copy that doesn't match it is no copy
        files/            relative to /etc/portage
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.larry.binhost.plugins.module_utils import _config_sync, _paths


def files(plan: Mapping[str, t.Any], master: str, state: str = _paths.STATE) -> dict[str, str]:
    """Return the text of each file, by absolute path, that a master is to offer."""
    found = {}
    for name, target in plan["targets"].items():
        if target["master"] == master:
            there = shared(target, plan["hosts"])
            top = _paths.below("config", name, state=state)
            found[f"{top}/{_config_sync.MANIFEST}"] = _config_sync.manifest(name, there, target["links"])
            found.update({f"{top}/{_config_sync.FILES}/{path}": text for path, text in there.items()})
    return found


def shared(target: Mapping[str, t.Any], hosts: Mapping[str, t.Any]) -> dict[str, str]:
    """Return the files of a target that its slaves have; what only its build root reads is not among them."""
    members = [hosts[slave]["files"] for slave in target["members"] if slave in hosts]
    return {
        path: text
        for path, text in sorted(target["files"].items())
        if not members or any(own.get(path) == text for own in members)
    }
