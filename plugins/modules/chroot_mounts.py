#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: chroot_mounts
short_description: Mount what a build root needs, for a person who wants a shell there, and take it away again
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Builds don't need this module. They have the same mounts in a namespace of their own, and these vanish with them.
  - V(mounted) is the whole set, in order - the root over itself, proc, sys, a dev of its own with pts and shm, run,
    the ebuild repositories read-only, distfiles, the private PKGDIR and resolv.conf. What is right already stays. What
    shows something else than declared is replaced, in the right order.
  - V(unmounted) takes away everything that is mounted below the root, by whomever, hidden mounts too, innermost first.
    Nothing is ever unmounted lazily; of a busy mount the processes are named that hold it. The empty folders that were
    mounted on stay.
  - Nothing that is mounted or unmounted here shows anywhere else, and no place is followed through a link.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  root:
    description: The build root.
    type: path
    required: true
  state:
    description: Whether the set is to be mounted, or nothing at all.
    type: str
    choices: [mounted, unmounted]
    default: mounted
  repositories:
    description: Name to path on this host of each ebuild repository. They are read-only in the root.
    type: dict
    default: {}
  distdir:
    description: Where the sources are kept on this host.
    type: path
    default: /var/cache/distfiles
  pkgdir:
    description: The root's private PKGDIR on this host. Required with O(state=mounted).
    type: path
  tmp_size:
    description: How much memory builds may have for their files, as V(8G) or V(512M), less than there is. Without it
      they are on the root's disk.
    type: str
  portage_run:
    description: A folder of this host that is to stand at C(/run/portage), where emerge tells how far it is.
    type: path
  cgroup:
    description: Whether the host's control groups are there, for FEATURES=cgroup.
    type: bool
    default: false
  network:
    description: Whether the host's resolv.conf is there.
    type: bool
    default: true
  state_dir:
    description: Where this collection keeps its state.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: The build root can be entered
  larry.binhost.chroot_mounts:
    root: /var/lib/larry-binhost/roots/laptops
    repositories:
      gentoo: /var/db/repos/gentoo
    pkgdir: /var/lib/larry-binhost/pkgdir/laptops

- name: Nothing is left mounted in the build root
  larry.binhost.chroot_mounts:
    root: /var/lib/larry-binhost/roots/laptops
    state: unmounted
"""

RETURN = r"""
changes:
  description: What was, or in check mode would be, mounted, unmounted and set anew.
  returned: success
  type: list
  elements: str
  sample: ["mount /var/lib/larry-binhost/roots/laptops/proc: proc nosuid,nodev,noexec"]
leaks:
  description: Each mount, at the beginning, below any root of ours that no running job holds, in order.
  returned: success
  type: list
  elements: str
  sample: [/var/lib/larry-binhost/roots/old/proc]
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _held, _mount_plan, _mountinfo, _mounting, _size
from ansible_collections.larry.binhost.plugins.module_utils import _mounts as mounts
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

SPEC = {
    "root": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["mounted", "unmounted"], "default": "mounted"},
    "repositories": {"type": "dict", "default": {}},
    "distdir": {"type": "path", "default": mounts.DISTDIR},
    "pkgdir": {"type": "path"},
    "tmp_size": {"type": "str"},
    "portage_run": {"type": "path"},
    "cgroup": {"type": "bool", "default": False},
    "network": {"type": "bool", "default": True},
    "state_dir": {"type": "path", "default": STATE},
}


def desired(asked: dict[str, object]) -> list[mounts.Mount]:
    """Return the set that the options declare.  Raises ``BinhostError`` if it doesn't fit into memory."""
    same = ("repositories", "distdir", "pkgdir", "portage_run", "cgroup", "network")
    size = _size.in_memory(str(asked["tmp_size"]), "tmp_size") if asked["tmp_size"] else None
    return mounts.standard(tmp_size=size, **{name: asked[name] for name in same})  # type: ignore[arg-type]


def converge(module: AnsibleModule) -> dict[str, object]:
    """Return the result.  Raises ``BinhostError``."""
    asked, root = module.params, os.path.realpath(module.params["root"])
    held = _held.roots(asked["state_dir"])
    before = _mountinfo.read()
    leaks = _mount_plan.leaks(before, os.path.realpath(asked["state_dir"]), held)
    wanted = desired(asked) if asked["state"] == "mounted" else None
    changes = _mounting.planned(root, wanted)
    if changes:
        _held.free(root, held)
    if changes and not module.check_mode:
        _mounting.apply(root, wanted, changes)
    places = [f"{each.target}\n" for each in _mount_plan.below(before, root)]
    return {
        "changed": bool(changes),
        "changes": [str(change) for change in changes],
        "leaks": [each.target for each in leaks],
        "diff": {"before": "".join(places), "after": "".join(_mount_plan.after(places, changes))},
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec=SPEC, supports_check_mode=True, required_if=[("state", "mounted", ("pkgdir",))]
    )
    try:
        result = converge(module)
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
