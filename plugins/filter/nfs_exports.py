# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _inventory, _serving

DOCUMENTATION = r"""
name: nfs_exports
short_description: What a master's NFS server offers
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Returns a file of C(/etc/exports.d), with one line for each client and path. Everything is read-only, and root there
    is nobody here.
  - Addresses and networks are merged. Nothing is exported to everybody; clients that are so many are refused.
positional: paths, hostvars
options:
  _input:
    description: Networks, and hosts of the inventory, whose address is taken.
    type: list
    elements: str
    required: true
  paths:
    description: The folders. The first holds the others, which are file systems of their own.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variables of all hosts.
    type: dict
    default: {}
  root:
    description: What the machine exports as the root of all that NFSv4 shows, where slaves mount by that version.
    type: str
    default: ""
  variable:
    description: The variable that says who the clients are.
    type: str
    default: binhost_networks
"""

EXAMPLES = r"""
- name: What is exported is shown
  ansible.builtin.debug:
    msg: "{{ binhost_networks | larry.binhost.nfs_exports(['/srv/larry-binhost']) }}"
"""

RETURN = r"""
_value:
  description: The text of the file.
  type: str
"""


def nfs_exports(
    clients: t.Sequence[str],
    paths: t.Sequence[str],
    hostvars: t.Mapping[str, t.Any] | None = None,
    root: str = "",
    variable: str = "binhost_networks",
) -> str:
    """Return the text. Raises ``AnsibleFilterError`` for clients that are everybody, and for what nobody would find."""
    known = hostvars or {}
    said = [_address(str(client), known[client]) if client in known else str(client) for client in clients]
    try:
        return _serving.exports(said, [str(path) for path in paths], root=root, variable=variable)
    except BinhostError as exc:
        raise AnsibleFilterError(f"nfs_exports: {exc}") from None


def _address(host: str, variables: t.Mapping[str, t.Any]) -> str:
    return _inventory.address(
        {name: variables[name] for name in ("binhost_address", "ansible_host") if name in variables}, host
    )


class FilterModule:
    """Tells Ansible the filter's name."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return name -> function."""
        return {"nfs_exports": nfs_exports}
