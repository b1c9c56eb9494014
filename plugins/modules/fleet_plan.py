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
    they are kept in C(.binhost) beside the inventory. The last plan is kept there too, and decides with which hosts one
    with an automatic target shares it. A file there that is no plan is an error.
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
    description:
      - V(checked) looks at the inventory alone and asks no host.
      - V(planned) makes the plan and keeps it, together with the facts, for the next run.
      - V(shown) makes the plan, keeps nothing and tells it to a person.
    type: str
    choices: [checked, planned, shown]
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
  returned: unless O(state=checked)
  type: list
  elements: str
unseen:
  description: Hosts that were never seen; the plan does without them.
  returned: unless O(state=checked)
  type: list
  elements: str
changes:
  description:
    - What differs from the last plan and costs something, a sentence each.
    - With O(state=planned) they are warnings too.
  returned: unless O(state=checked)
  type: list
  elements: str
rebuilds:
  description: Target to the packages installed on its slaves, for each target that will be compiled again.
  returned: unless O(state=checked)
  type: dict
msg:
  description: The plan, a line each.
  returned: when O(state=shown)
  type: list
  elements: str
"""
