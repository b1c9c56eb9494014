#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_import
short_description: Make an inventory from machines as they are
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Turns what M(larry.binhost.portage_config_info) found on each host of the play, registered as C(binhost_imported),
    into the variables of a slave, so that their fragments say to Portage what the machine's own files said.
  - A host without variables of its own gets C(host_vars/HOST.yml). The variables of any other are left alone; what was
    found is proposed in C(.binhost/import/host_vars/HOST.yml) beside the inventory.
  - Of several hosts, what those of one target have in common is proposed as that target's, in
    C(.binhost/import/shared/targets.yml), with what then remains of each in C(.binhost/import/shared/host_vars).
  - What a variable can't hold is carried as the text of files in C(slave_files). What isn't taken over at all is said
    in the result and at the top of each file.
  - A proposal that somebody edited is not overwritten; the run fails and names it. The files are readable by their
    owner only, since a C(make.conf) can hold a password.
  - Runs on the controller and changes no host.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options: {}
"""

EXAMPLES = r"""
- name: The machine's own configuration is known
  larry.binhost.portage_config_info:
  register: binhost_imported

- name: The inventory says what the machines are
  larry.binhost.fleet_import:
  run_once: true
"""

RETURN = r"""
paths:
  description: The files that were, or in check mode would be, written.
  returned: success
  type: list
  elements: str
  sample: [/home/larry/fleet/host_vars/laptop.yml]
msg:
  description: What was written where, and what is not taken over.
  returned: success
  type: list
  elements: str
"""
