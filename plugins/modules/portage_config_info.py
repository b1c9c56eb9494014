#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: portage_config_info
short_description: A machine's own /etc/portage and world, as Portage reads them
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Returns what a machine's person has configured, the whole of C(/etc/portage) and the world, without what this
    collection wrote there. What M(larry.binhost.fleet_import) makes an inventory from.
  - The values are those that the machine's own Portage reads; a configuration that it can't read is a failure with
    Portage's words.
  - The result can hold passwords, where a C(make.conf) does.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
    details: Nothing is ever changed.
  diff_mode:
    support: none
    details: Nothing is ever changed.
options:
  root:
    description: The root whose C(/etc/portage) is read.
    type: path
    default: /
"""

EXAMPLES = r"""
- name: The machine's own configuration is known
  larry.binhost.portage_config_info:
  register: binhost_imported
"""

RETURN = r"""
configuration:
  description: The machine's own configuration.
  returned: success
  type: dict
  contains:
    make_conf:
      description: The variables of C(make.conf), references and sourced files resolved.
      type: dict
      returned: always
    incrementals:
      description: Which variables add to what comes before them.
      type: list
      elements: str
      returned: always
    tables:
      description: Of C(package.use) and its like, pairs of an atom and its words; a line break is a word of its own.
      type: dict
      returned: always
    lists:
      description: The lines of C(package.mask) and C(package.unmask).
      type: dict
      returned: always
    profile:
      description: The profile's absolute path.
      type: str
      returned: always
    repositories:
      description: Where each ebuild repository is.
      type: dict
      returned: always
    files:
      description: The text of each file, by its path relative to C(/etc/portage).
      type: dict
      returned: always
    left_out:
      description: Files that are no such text, and why.
      type: dict
      returned: always
    world:
      description: The atoms of the world file and of the machine's own sets in the world.
      type: list
      elements: str
      returned: always
    sets:
      description: The sets in the world that are no list of atoms.
      type: list
      elements: str
      returned: always
    words:
      description: What Portage complained about while it read.
      type: list
      elements: str
      returned: always
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _own_config
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec={"root": {"type": "path", "default": "/"}}, supports_check_mode=True)
    module.run_command_environ_update = {"LC_ALL": "C"}

    def run(args: list[str]) -> tuple[int, str, str]:
        return t.cast("tuple[int, str, str]", module.run_command(args, handle_exceptions=False))

    try:
        found = _own_config.of(run, root=module.params["root"])
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=False, configuration=found)


if __name__ == "__main__":
    main()
