#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: rebuild
short_description: A published generation is built again from its record, and compared
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Builds a generation again from its record alone (stage, ebuild repositories, configuration, worlds, what slaves
    differ in) in a root beside the target's, and compares the packages' files one by one, with their modes, owners and
    links. Times are not compared.
  - The record is written when a target is built and published; generations of older versions of this collection have
    none.
  - A target on a base is built without the base's root; what the base has is then built too, and told as further
    packages.
  - The target's own root, packages and generations are only read. Nothing is published.
  - The job is V(rebuild-NAME); M(larry.binhost.job) waits for it.
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
  number:
    description: The generation.
    type: int
    required: true
  stage_source:
    description:
      - The stage, a path on this host or a URL. It has to have the recorded digest.
      - Where this is another file than the recorded one, the one of the recorded name is looked for beside it, and
        among those that were fetched before.
    type: str
    required: true
  distdir:
    description: Where the sources are kept on this host.
    type: path
    default: /var/cache/distfiles
  restricted:
    description: The folder of sources that no program may fetch.
    type: path
  network:
    description: What builds reach, as O(larry.binhost.target_packages#module:network).
    type: str
    default: none
  keep:
    description: Whether root and packages of the rebuild stay, in C(/var/lib/larry-binhost/rebuilds).
    type: bool
    default: false
  state_dir:
    description: Where everything is kept on this host.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: Generation 41 is built again
  larry.binhost.rebuild:
    target: laptops
    number: 41
    stage_source: /srv/stage3-amd64-openrc-20260101T000000Z.tar.xz
  register: again

- name: The rebuild is over
  larry.binhost.job:
    names: ["{{ again.job }}"]
"""

RETURN = r"""
job:
  description: >-
    The job that builds. Its result has C(same), C(differs) (package file to a line for each file that differs),
    C(absent), C(more), C(problems), and C(text), all of it for a person.
  returned: success
  type: str
  sample: rebuild-laptops
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _mounts, _program, _rebuild
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

SPEC: dict[str, dict[str, object]] = {
    "target": {"type": "str", "required": True},
    "number": {"type": "int", "required": True},
    "stage_source": {"type": "str", "required": True},
    "distdir": {"type": "path", "default": _mounts.DISTDIR},
    "restricted": {"type": "path"},
    "network": {"type": "str", "default": "none"},
    "keep": {"type": "bool", "default": False},
    "state_dir": {"type": "path", "default": STATE},
}


def begin(module: AnsibleModule) -> str:
    """Return the job, which was started or joined; empty in check mode.  Raises ``BinhostError``."""
    asked = dict(module.params)
    place = Place(asked["target"], asked.pop("state_dir"))
    asked["restricted"] = asked["restricted"] or ""
    request = _rebuild.Request(**asked, state=place.state)
    _rebuild.possible(request)
    if module.check_mode:
        return ""
    name = f"rebuild-{place.target}"
    return _program.start(name, "rebuild", asdict(request), holds=[request.root], state=place.state).name


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        job = begin(module)
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(changed=False, job=job)


if __name__ == "__main__":
    main()
