#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_facts
short_description: All that the plan needs to know of a host
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Returns in one call the CPU, what Portage says of itself, the world file, the installed packages and the person's
    own configuration.
  - Reads local files and asks Portage once; it never touches a network mount and starts no dependency calculation.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Nothing is changed.
options:
  cpuinfo:
    description: The file that the kernel describes the CPU in.
    type: path
    default: /proc/cpuinfo
"""

EXAMPLES = r"""
- name: The fleet is known
  larry.binhost.host_facts:
"""

RETURN = r"""
ansible_facts:
  description: The facts.
  returned: always
  type: dict
  contains:
    binhost_host:
      description:
        - C(cpu) (vendor, model_name, features, flags, level, why_not, uneven), C(portage) (chost, arch, profile,
          version, repositories),
          C(world) and C(world_sets) (lists), C(installed) (sorted list of category/name-version), C(configuration)
          (the person's own
          files of /etc/portage), C(kernel), C(libc), C(python), C(free_bytes).
      type: dict
      returned: always
    service_mgr:
      description: V(systemd), V(openrc) or V(none).
      type: str
      returned: always
"""

import os
import platform

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _host, _paths, _portage_query, _tree
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


def facts(module: AnsibleModule) -> dict[str, object]:
    """Return the facts of this host. Raises ``BinhostError``."""
    return {
        "cpu": _host.cpu(module.params["cpuinfo"]),
        "portage": _portage_query.ask(lambda args: module.run_command(args, handle_exceptions=False)),
        "world": _host.world(),
        "world_sets": _host.lines("/" + _host.WORLD_SETS),
        "installed": _host.installed(),
        "configuration": _host.configuration("/", ours=_tree.owned_paths("/")),
        "kernel": platform.release(),
        "libc": "-".join(platform.libc_ver()),
        "python": platform.python_version(),
        "processors": os.cpu_count() or 1,
        "free_bytes": _host.free_bytes(_paths.STATE),
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"cpuinfo": {"type": "path", "default": "/proc/cpuinfo"}}, supports_check_mode=True
    )
    try:
        found = facts(module)
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=False, ansible_facts={"binhost_host": found, "service_mgr": _host.service_manager()})


if __name__ == "__main__":
    main()
