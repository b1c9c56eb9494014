#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: build_root
short_description: Remove a target's build root from its master
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Refuses, before anything is deleted, while a job or a build of the target runs, while a stage is unpacked, and while
    anything is mounted at or below what is to go. M(larry.binhost.chroot_mounts) with C(state=unmounted) takes mounts
    away that were left.
  - Deletes without following a link and without entering another mount or file system, be it mounted meanwhile.
  - Killed half-way, no half of a root stands under its name, and the next run goes on.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
    details: Counts what would be deleted.
  diff_mode:
    support: full
options:
  target:
    description: Name of the target.
    type: str
    required: true
  state:
    description:
      - V(absent) removes the build root, what killed runs left beside it, the private PKGDIR, and the record of what
        was built. Sources and ebuild repositories stay, they are not the target's alone.
    type: str
    choices: [absent]
    required: true
  everything:
    description: Whether the published packages and all generations go too. Slaves then have nothing to install from.
    type: bool
    default: false
  state_dir:
    description: Where this collection keeps its state.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: The laptops' build root is gone, their packages are still served
  larry.binhost.build_root:
    target: laptops
    state: absent
"""

RETURN = r"""
removed:
  description: What was, or in check mode would be, deleted.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The file or folder.
      type: str
      returned: success
    files:
      description: How many files of any kind, folders included.
      type: int
      returned: success
    size:
      description: Bytes on the disk. Of a file with several names in there it counts once; with names elsewhere it
        frees nothing.
      type: int
      returned: success
  sample:
    - {path: /var/lib/larry-binhost/roots/laptops, files: 183204, size: 5368709120}
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _teardown
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

SPEC = {
    "target": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["absent"], "required": True},
    "everything": {"type": "bool", "default": False},
    "state_dir": {"type": "path", "default": STATE},
}


def absent(module: AnsibleModule) -> dict[str, object]:
    """Return the result.  Raises ``BinhostError``."""
    asked = {"state": module.params["state_dir"], "everything": module.params["everything"]}
    parts = _teardown.plan(module.params["target"], **asked)
    if parts and not module.check_mode:
        parts = list(_teardown.remove(module.params["target"], **asked))
    return {
        "changed": bool(parts),
        "removed": [{"path": part.path, **asdict(part.extent)} for part in parts],
        "diff": {"before": "".join(f"{part}\n" for part in parts), "after": ""},
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        result = absent(module)
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
