#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_request
short_description: Packages are asked for on some slaves
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Keeps in C(.binhost/requests.json) beside the inventory which packages somebody asked for on which slaves. They are
    wishes of these machines, as if their persons had emerged them, until they are forgotten; the plan has them.
  - Runs on the controller, for the slaves of the play, and changes no host. Meant for C(run_once).
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  atoms:
    description: Packages as C(category/name) or C(category/name:slot), a list or a text with spaces or commas between.
    type: raw
    default: []
  forget:
    description: Packages that are no longer asked for, likewise. One that nobody has asked for is an error.
    type: raw
    default: []
"""

EXAMPLES = r"""
- name: The laptops want an editor
  larry.binhost.fleet_request:
    atoms: app-editors/vim
  run_once: true
"""

RETURN = r"""
ansible_facts:
  description: All requests as C(binhost_requests), host to package to the day on which it was asked for.
  returned: success
  type: dict
atoms:
  description: The packages of O(atoms).
  returned: success
  type: list
  elements: str
forget:
  description: The packages of O(forget).
  returned: success
  type: list
  elements: str
msg:
  description: What is asked for on the slaves of the play, a line each.
  returned: success
  type: list
  elements: str
"""
