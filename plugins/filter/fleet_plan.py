# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _inventory, _plan, _schema

DOCUMENTATION = r"""
name: fleet_plan
short_description: The plan for a fleet
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Makes the plan from the variables and facts of all hosts. Pure; the answer does not depend on the order of hosts.
  - The action M(larry.binhost.fleet_plan) does the same with the fleet of a run, and keeps facts and plan.
positional: previous
options:
  _input:
    description:
      - Host to its variables, in the form of C(hostvars). C(group_names) says whether it is of C(masters), C(slaves) or
        C(mirrors), other hosts are passed over.
      - C(binhost_host) holds what M(larry.binhost.host_facts) said of it; a host without was never seen.
    type: dict
    required: true
  previous:
    description: The last plan. Without it every host with an automatic target is new.
    type: dict
"""

EXAMPLES = r"""
- name: The plan is shown
  ansible.builtin.debug:
    msg: "{{ fleet | larry.binhost.fleet_plan }}"
  vars:
    common:
      binhost_networks: [192.168.1.0/24]
      binhost_targets:
        laptops: {profile: "gentoo:default/linux/amd64/23.0"}
    facts:
      cpu: {features: [cmov, cx8, fpu, fxsr, mmx, syscall, sse, sse2]}
      portage: {chost: x86_64-pc-linux-gnu, repositories: {gentoo: /var/db/repos/gentoo}}
      world: []
      configuration: {}
    fleet:
      desktop: "{{ common | combine({'group_names': ['masters'], 'binhost_host': facts}) }}"
      laptop: "{{ common | combine({'group_names': ['slaves'], 'binhost_host': facts, 'binhost_target': 'auto'}) }}"
"""

RETURN = r"""
_value:
  description: The plan; its form is described in C(docs/plan.md).
  type: dict
"""


def fleet_plan(hosts: t.Any, previous: t.Any = None) -> dict[str, t.Any]:
    """Return the plan; raises ``AnsibleFilterError`` with all that is wrong with the inventory, facts or last plan."""
    if not isinstance(hosts, t.Mapping):
        raise AnsibleFilterError(f"fleet_plan: expected a mapping of hosts to their variables, found {hosts!r}")
    fleet = _inventory.fleet(_groups(hosts), hosts)
    problems = _inventory.problems(fleet)
    if problems:
        raise AnsibleFilterError("\n".join(problems))
    facts = {host: hosts[host]["binhost_host"] for host in fleet.hosts if "binhost_host" in hosts[host]}
    try:
        return _plan.plan(fleet, facts, _schema.usable(previous, "previous") if previous else None)
    except BinhostError as exc:
        raise AnsibleFilterError(str(exc)) from None


def _groups(hosts: t.Mapping[str, t.Any]) -> dict[str, list[str]]:
    return {
        group: [host for host, variables in hosts.items() if group in variables.get("group_names", ())]
        for group in ("masters", "slaves", "mirrors")
    }


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Return name to function."""
        return {"fleet_plan": fleet_plan}
