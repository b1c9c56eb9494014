#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mirror_access
short_description: Mirrors and slaves may read what a master publishes, and nothing else
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - >-
    Owns the mirrors' and slaves' lines in a user's C(~/.ssh/authorized_keys). Whoever comes with such a key gets no
    shell and no forwarding: sshd runs C(larry-binhost.pyz mirror-source), which lists generations, lets rsync read
    one, and hands out a file of one.
  - All other lines stay as they are.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  keys:
    description:
      - Mirror to its public ssh key. A mirror that isn't named loses its line.
      - The line of one whose key is empty, which isn't known now, stays as it is.
    type: dict
    default: {}
  slaves:
    description: Slave to its public ssh key, likewise.
    type: dict
    default: {}
  user:
    description: As whom they come. It needs to read what everybody can, so any user that can log in will do.
    type: str
    default: root
  state_dir:
    description: The folder below which everything is.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: The mirror in the attic may read what is published here
  larry.binhost.mirror_access:
    keys:
      attic: ssh-ed25519 AAAAC3Nza... mirror attic
"""

RETURN = r"""
host_keys:
  description: The public host keys of this machine.
  returned: success
  type: list
  elements: str
  sample: [ssh-ed25519 AAAAC3Nza...]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _mirror_source, _program, _ssh_access
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

SPEC = {
    "keys": {"type": "dict", "default": {}, "no_log": False},
    "slaves": {"type": "dict", "default": {}},
    "user": {"type": "str", "default": "root"},
    "state_dir": {"type": "path", "default": STATE},
}


def run(module: AnsibleModule) -> dict[str, object]:
    """Return the result.  Raises ``BinhostError``."""
    state = module.params["state_dir"]
    program = _program.path(state)
    file = _ssh_access.File.of(module.params["user"])
    before = _ssh_access.read(file)
    command = f"{program} --state={state} {_mirror_source.COMMAND}"
    after = before
    for kind, option in (("mirror", "keys"), ("slave", "slaves")):
        keys = {str(name): str(key or "") for name, key in module.params[option].items()}
        after = _ssh_access.wanted(after, keys, command, kind)
    if not module.check_mode:
        _program.present(program, state=state)
        if after != before:
            _ssh_access.write(file, after)
    return {
        "changed": after != before,
        "host_keys": _ssh_access.host_keys(),
        "diff": {"before_header": file.path, "after_header": file.path, "before": before, "after": after},
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        module.exit_json(**run(module))
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))


if __name__ == "__main__":
    main()
