#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: shared_packages
short_description: What this machine has installed is a target's packages
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - For a target of mode C(shared), whose packages are those that its master installs for itself. Nothing is installed,
    updated or configured here.
  - >-
    What the machine's person emerges is left as a package in the target's PKGDIR by Portage itself
    (FEATURES=buildpkg, which M(larry.binhost.portage_config) is told). What was installed before that is packed with
    C(quickpkg) if O(quickpkg) says so, each build once.
  - >-
    Not packed, and named instead, is what has modified files (unless O(modified)), and what was compiled with flags
    that not all slaves can run. The latter is also withheld from publication where the person's own emerge made it a
    package, say with C(-march=native) of a C(package.env).
  - Packing is a job of its own, C(pack-TARGET), which goes on where the connection is lost, and the next run joins it.
  - A fingerprint tells whether anything can have changed; if nothing has, no program is started.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  name:
    description: The target.
    type: str
    required: true
  repositories:
    description: The ebuild repositories, name to place on this host. They are copied as they are now.
    type: dict
    required: true
  world:
    description: Atom to the list of hosts that are to have it; those of which there is no package are named.
    type: dict
    default: {}
  members:
    description: Each slave with what its CPU has, in the kernel's names.
    type: dict
    required: true
  chost:
    description: The target's CHOST.
    type: str
    required: true
  cflags:
    description: What the target's packages are compiled with.
    type: str
    required: true
  quickpkg:
    description: Whether what is installed and has no package is packed.
    type: bool
    default: false
  config:
    description:
      - Which configuration files (CONFIG_PROTECT) are packed then. They can hold secrets of this machine.
      - In the place of each other one Portage packs a file that holds but a comment; a slave that has that file keeps
        its own.
      - V(unmodified) packs those that are as the package installed them.
    type: str
    choices: [none, unmodified, all]
    default: none
  modified:
    description: Whether packages whose other files were modified since installation are packed, as they are now.
    type: bool
    default: false
  state_dir:
    description: The folder below which all of this is. Everything else in this collection expects the default.
    type: path
    default: /var/lib/larry-binhost
seealso:
  - module: larry.binhost.target_packages
"""

EXAMPLES = r"""
- name: What is installed here is the laptops' packages
  larry.binhost.shared_packages:
    name: laptops
    repositories:
      gentoo: /var/db/repos/gentoo
    members:
      laptop: [sse4_2, popcnt]
    chost: x86_64-pc-linux-gnu
    cflags: -O2 -pipe -march=x86-64-v2
    quickpkg: true
"""

RETURN = r"""
packed:
  description: Installed packages that quickpkg packed, or in check mode would.
  returned: success
  type: list
  elements: str
modified:
  description: Packages that were not packed, each with the paths that are not as it installed them.
  returned: success
  type: dict
foreign:
  description: Packages that were not packed, each with the reason why not all slaves could run it.
  returned: success
  type: dict
withheld:
  description: Paths in PKGDIR that are not to be published, each with the reason why not all slaves could run it.
  returned: success
  type: dict
missing:
  description: Atoms of O(world) of which there is no package, each with the hosts that ask for it.
  returned: success
  type: dict
snapshots:
  description: Repository to the copy that is, or would be, published with the packages.
  returned: success
  type: dict
"""

import typing as t
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _paths, _program, _quickpkg
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


def converge(module: AnsibleModule) -> dict[str, t.Any]:
    """Return the result. Raises ``BinhostError``."""
    wanted = _quickpkg.Shared(**module.params)
    if module.check_mode or _quickpkg.settled(wanted):
        return _quickpkg.told(_quickpkg.converge(module.run_command, wanted, check=module.check_mode))
    name, holds = f"pack-{wanted.name}", [wanted.place.pkgdir]
    return _program.run(name, "pack", asdict(wanted), holds=holds, state=wanted.state_dir)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "repositories": {"type": "dict", "required": True},
            "world": {"type": "dict", "default": {}},
            "members": {"type": "dict", "required": True},
            "chost": {"type": "str", "required": True},
            "cflags": {"type": "str", "required": True},
            "quickpkg": {"type": "bool", "default": False},
            "config": {"type": "str", "choices": list(_quickpkg.CONFIG), "default": "none"},
            "modified": {"type": "bool", "default": False},
            "state_dir": {"type": "path", "default": _paths.STATE},
        },
        supports_check_mode=True,
    )
    module.run_command_environ_update = {"LC_ALL": "C.UTF-8"}
    try:
        result = converge(module)
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
