# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.larry.binhost.plugins.plugin_utils import _export

DOCUMENTATION = r"""
name: rsync_export
short_description: What a master's rsyncd offers
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Returns the 01 files and C(env/) of each target that a master builds, and a manifest of them, in the form that
    M(larry.binhost.service_config) takes as O(larry.binhost.service_config#module:files).
  - A slave fetches them with the command C(config-sync), without a controller.
positional: master
options:
  _input:
    description: The plan.
    type: dict
    required: true
  master:
    description: The master's name in the inventory.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: The target's configuration is offered
  larry.binhost.service_config:
    files: "{{ binhost_plan | larry.binhost.rsync_export(inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: The content of each file, by its absolute path.
  type: dict
"""


def rsync_export(plan: t.Any, master: str) -> dict[str, dict[str, str]]:
    """Return {path: {content}}. Raises ``AnsibleFilterError`` for what is no plan."""
    try:
        return {path: {"content": text} for path, text in _export.files(plan, master).items()}
    except (KeyError, TypeError, AttributeError) as exc:
        raise AnsibleFilterError(f"rsync_export: expected a plan, found something without {exc}") from None


class FilterModule:
    """Tells Ansible the filter's name."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return name -> function."""
        return {"rsync_export": rsync_export}
