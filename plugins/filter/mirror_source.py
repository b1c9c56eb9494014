# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.larry.binhost.plugins.plugin_utils import _inventory

DOCUMENTATION = r"""
name: mirror_source
short_description: How a mirror reaches a master
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Returns what M(larry.binhost.mirror) takes as one of O(larry.binhost.mirror#module:masters).
  - The host keys and the keys that sign are known only if the master did its part in this run; the mirror keeps what it
    learnt before.
positional: hostvars
options:
  _input:
    description: The master's name in the inventory.
    type: str
    required: true
  hostvars:
    description: The variables of all hosts.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: How the master is reached
  ansible.builtin.debug:
    msg: "{{ 'desktop' | larry.binhost.mirror_source(hostvars) }}"
"""

RETURN = r"""
_value:
  description: C(host), C(port), C(user), C(host_keys) and C(signing_keys).
  type: dict
"""


def mirror_source(master: str, hostvars: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return how a mirror reaches a master."""
    variables = hostvars[master]
    known = {name: variables[name] for name in ("binhost_address", "ansible_host") if name in variables}
    access, key = variables.get("_master_access", {}), variables.get("_master_key", {})
    return {
        "host": _inventory.address(known, master),
        "port": int(variables.get("ansible_port") or 22),
        "user": str(variables.get("ansible_user") or "root"),
        "host_keys": access.get("host_keys", []),
        "signing_keys": key.get("public", ""),
    }


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return name to function."""
        return {"mirror_source": mirror_source}
