#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_plan
short_description: The plan for the whole fleet
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Checks the inventory as a whole, and from it and the facts of its hosts makes the plan that every role reads.
  - >-
    Runs on the controller. The facts of hosts that do not answer, or that C(--limit) leaves out, are those of the last
    run that saw them;
    they are kept in C(.binhost) beside the inventory.
  - Meant for C(run_once) in a play on the fleet, after M(larry.binhost.host_facts).
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: No host is changed.
options:
  state:
    description: V(checked) looks at the inventory alone and asks no host; V(planned) makes the plan.
    type: str
    choices: [checked, planned]
    default: planned
"""

EXAMPLES = r"""
- name: The fleet is planned
  larry.binhost.fleet_plan:
  run_once: true
"""

RETURN = r"""
ansible_facts:
  description: The plan, as C(binhost_plan).
  returned: when O(state=planned)
  type: dict
absent:
  description: Hosts whose kept facts were used.
  returned: when O(state=planned)
  type: list
  elements: str
unseen:
  description: Hosts that were never seen; the plan does without them.
  returned: when O(state=planned)
  type: list
  elements: str
"""
