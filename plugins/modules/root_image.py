#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: root_image
short_description: A target's build root is written to a signed tarball
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Writes the build root of a target, with the ebuild repositories of its current generation, to a tarball from which a
    machine can be installed or recovered, with C(.DIGESTS) and C(.asc) beside it as a stage has them, signed by the
    master's key. M(larry.binhost.stage) verifies and unpacks it.
  - Sources, packages, logs of builds and what was left of them are not in it. Nobody's password is either, unless one
    was set in the build root.
  - No build of the target begins meanwhile. The job is V(image-NAME); M(larry.binhost.job) waits for it.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
    details: Looks whether what it needs is there.
  diff_mode:
    support: none
options:
  target:
    description: The target.
    type: str
    required: true
  folder:
    description: Where on this host the image goes.
    type: path
    default: /var/lib/larry-binhost/images
  level:
    description: How hard xz tries, from 0 to 9. Above 6 it needs GiBs of memory and wins little.
    type: int
    default: 2
  state_dir:
    description: Where everything is kept on this host.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: The laptops' build root is written to a tarball
  larry.binhost.root_image:
    target: laptops
  register: image

- name: The image is there
  larry.binhost.job:
    names: ["{{ image.job }}"]
"""

RETURN = r"""
job:
  description: The job that writes; empty in check mode. Its result has C(path), C(size) in bytes, and C(digests).
  returned: success
  type: str
  sample: image-laptops
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _image, _program
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

SPEC: dict[str, dict[str, object]] = {
    "target": {"type": "str", "required": True},
    "folder": {"type": "path", "default": f"{STATE}/images"},
    "level": {"type": "int", "default": 2},
    "state_dir": {"type": "path", "default": STATE},
}


def begin(module: AnsibleModule) -> str:
    """Return the job, which was started or joined; empty in check mode.  Raises ``BinhostError``."""
    asked = dict(module.params)
    place = Place(asked["target"], asked.pop("state_dir"))
    request = _image.Request(**asked, state=place.state)
    _image.possible(request)
    if module.check_mode:
        return ""
    name = f"image-{place.target}"
    return _program.start(name, "image", asdict(request), holds=[place.root], state=place.state).name


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        job = begin(module)
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=bool(job), job=job)


if __name__ == "__main__":
    main()
