#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_report
short_description: The run as a person wants to be told it
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Tells per target the generation and its URL, per slave what was installed from binaries, compiled and failed.
  - >-
    Runs on the controller, from what the roles left behind in this run, and is kept as C(.binhost/report.txt) beside
    the inventory. Meant
    for C(run_once) at the end.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: No host is changed.
options: {}
"""

EXAMPLES = r"""
- name: The report
  larry.binhost.fleet_report:
  run_once: true
"""

RETURN = r"""
msg:
  description: The report's lines.
  returned: success
  type: list
  elements: str
"""
