# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target whose build is its master's own installation (mode ``shared``): what the master itself is told.

Of the target's files the master gets those that decide how packages are compiled, its slaves all of them.  Its
repositories and its profile stay its person's: they are synced and chosen there as ever, and have to be the target's.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.larry.binhost.plugins.module_utils import _fragments, _paths
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _inventory, _target_files
from ansible_collections.larry.binhost.plugins.plugin_utils._inventory import Variables
from ansible_collections.larry.binhost.plugins.plugin_utils._targets import Group

Part = dict[str, t.Any]


def part(name: str, group: Group, spec: Variables, facts: Mapping[str, t.Any], files: Mapping[str, str]) -> Part | None:
    """Return what is wanted of the master; None where it builds in a root of its own.

    ``files`` are the target's, those that have the last word included.  Raises ``BinhostError`` where the master has
    another profile.
    """
    if _inventory.mode(spec) != _inventory.SHARED:
        return None
    found = facts["portage"].get("profile_name") or "none that a repository of its has"
    if found != spec["profile"]:
        raise BinhostError(
            f"{group.master}: profile: expected {spec['profile']}, as binhost_targets.{group.declared}.profile says, "
            f"since that target is of mode {_inventory.SHARED}, found {found}. Choose it there with eselect profile, "
            f"declare the one that is there, or let the target be of mode {_inventory.CHROOT}."
        )
    header = _fragments.header(
        f"What is emerged here is published for target {name}.", f"binhost_targets.{group.declared}.mode"
    )
    settings = {"FEATURES": ["buildpkg", "binpkg-multi-instance"], "PKGDIR": _paths.below("pkgdir", name)}
    return {
        "files": {
            **{path: text for path, text in files.items() if path != _target_files.REPOS_CONF},
            # Read after the person's own: every emerge of theirs leaves its packages where they are published from.
            _target_files.BUILD_CONF: _fragments.make_conf(settings, header=header),
        },
        "quickpkg": spec.get("quickpkg", False),
        "config": spec.get("quickpkg_config", _inventory.WORDS["quickpkg_config"][0]),
        "modified": spec.get("quickpkg_modified", False),
    }
