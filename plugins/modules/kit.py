#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kit
short_description: All that one slave needs is on a stick
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - >-
    Runs on a master, where the stick is mounted. Asks the Portage of the target's build root what the slave would
    install if it had nothing, and writes these packages, the index, the seal, the ebuild repositories, the sources of
    what it compiles itself, the keys that sign and C(larry-binhost.pyz) to C(DEST/larry-binhost/SLAVE).
  - On the slave C(larry-binhost.pyz kit DEST) installs from there, or C(slave_transports) has V(kit).
  - >-
    Run again it writes what is new and removes what is no longer needed. A stick that was pulled meanwhile is
    recognised by whoever reads it, and completed by the next run.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
    details: Sources that would have to be fetched are not.
  diff_mode:
    support: full
options:
  slave:
    description: The slave's name in the inventory.
    type: str
    required: true
  target:
    description: Its target.
    type: str
    required: true
  dest:
    description: The folder in which the stick is mounted; it has to be there.
    type: path
    required: true
  number:
    description: The number of the generation that the slave is pinned to; without it, the current one.
    type: int
  world:
    description: What the slave is to have installed. The build root knows it but for what is in O(build_on_slave).
    type: list
    elements: str
    default: []
  build_on_slave:
    description: Packages that the slave compiles itself, as category/package; V(*) stands for any text.
    type: list
    elements: str
    default: []
  max_source:
    description: How many other packages may be compiled there before the installation from the stick refuses to begin.
    type: int
  distdir:
    description: Where the sources are.
    type: path
    default: /var/cache/distfiles
  verify:
    description: Whether every byte of the stick is compared, and not only what changed since it was last complete.
    type: bool
    default: false
  state_dir:
    description: Where everything is kept on the master.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: A laptop without a network gets its packages
  larry.binhost.kit:
    slave: laptop
    target: laptops
    dest: /media/stick
"""

RETURN = r"""
path:
  description: Where the kit is.
  returned: success
  type: str
  sample: /media/stick/larry-binhost/laptop
number:
  description: The generation that it is of.
  returned: success
  type: int
  sample: 41
total:
  description: The bytes of all of it.
  returned: success
  type: int
  sample: 734003200
written:
  description: The bytes that were, or in check mode would be, written.
  returned: success
  type: int
  sample: 20480
copied:
  description: The files that these are, below RV(path).
  returned: success
  type: list
  elements: str
  sample: [packages/laptops/41/app-misc/hello/hello-2.10-1.gpkg.tar]
removed:
  description: Files that are no longer needed.
  returned: success
  type: list
  elements: str
  sample: [packages/laptops/40/app-misc/hello/hello-2.9-1.gpkg.tar]
remarks:
  description: What is unusual, such as a source that nobody has.
  returned: success
  type: list
  elements: str
  sample: ["foo-1.tar.gz: not in the kit, since nobody has it"]
"""

import typing as t
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _kit_make, _program
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

SPEC: dict[str, dict[str, t.Any]] = {
    "slave": {"type": "str", "required": True},
    "target": {"type": "str", "required": True},
    "dest": {"type": "path", "required": True},
    "number": {"type": "int"},
    "world": {"type": "list", "elements": "str", "default": []},
    "build_on_slave": {"type": "list", "elements": "str", "default": []},
    "max_source": {"type": "int"},
    "distdir": {"type": "path", "default": "/var/cache/distfiles"},
    "verify": {"type": "bool", "default": False},
    "state_dir": {"type": "path", "default": STATE},
}


def converge(module: AnsibleModule) -> dict[str, t.Any]:
    """Write the kit unless in check mode; return the result.  Raises ``BinhostError``."""
    wanted = _kit_make.request(module.params)
    if module.check_mode:
        return _kit_make.run(module.run_command, wanted, check=True)
    name = f"kit-{wanted.target}-{wanted.slave}"
    return _program.run(name, "kit", asdict(wanted), holds=[wanted.place.folder], state=wanted.state)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        done = converge(module)
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))
    for remark in done["remarks"]:
        module.warn(remark)
    module.exit_json(**done)


if __name__ == "__main__":
    main()
