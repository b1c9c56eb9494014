# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.larry.binhost.plugins.plugin_utils import _outsiders

DOCUMENTATION = r"""
name: outsiders
short_description: What a machine that isn't in the inventory needs
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Returns for each target that a master builds an entry of C(binrepos.conf), and the keys that sign, in the form that
    M(larry.binhost.service_config) takes as O(larry.binhost.service_config#module:files).
  - They are served beside the target's packages. While there is no key there are no files.
positional: master, key
options:
  _input:
    description: The plan.
    type: dict
    required: true
  master:
    description: The master's name in the inventory.
    type: str
    required: true
  key:
    description: What M(larry.binhost.signing_key) returned there.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: A friend's machine finds what it needs
  larry.binhost.service_config:
    files: "{{ binhost_plan | larry.binhost.outsiders(inventory_hostname, key) }}"
"""

RETURN = r"""
_value:
  description: The content of each file, by its absolute path.
  type: dict
"""


def outsiders(plan: t.Any, master: str, key: t.Mapping[str, t.Any]) -> dict[str, dict[str, str]]:
    """Return {path: {content}}. Raises ``AnsibleFilterError`` for what is no plan."""
    try:
        return {path: {"content": text} for path, text in _outsiders.files(plan, master, key).items()}
    except (KeyError, TypeError, AttributeError) as exc:
        raise AnsibleFilterError(f"outsiders: expected a plan, found something without {exc}") from None


class FilterModule:
    """Tells Ansible the filter's name."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return name -> function."""
        return {"outsiders": outsiders}
