#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: divergence
short_description: What slaves' own configurations would have compiled beyond their target
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Asks the Portage of a target's build root what it would install with the target's configuration, and what with each
    slave's. Where the answers differ a slave can't take the target's binary, and the master compiles one more, or the
    slave does.
  - Nothing is built or changed. Each slave costs one or two dependency calculations.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Nothing is changed.
options:
  name:
    description: The target.
    type: str
    required: true
  declared:
    description: The name in C(binhost_targets) that its configuration has.
    type: str
    required: true
  root:
    description: Its build root.
    type: path
    required: true
  repositories:
    description: The ebuild repositories, name to place on this host.
    type: dict
    required: true
  files:
    description: The target's own files, path below C(/etc/portage) to text.
    type: dict
    required: true
  links:
    description: Links below C(/etc/portage) that all share.
    type: dict
    default: {}
  world:
    description: Declared atom to the hosts that it is declared for.
    type: dict
    required: true
  wishes:
    description: Atom of a person's world file to the hosts that have it there.
    type: dict
    default: {}
  variants:
    description: The slaves as the plan has them, each with C(name), C(files), C(world) and C(wishes).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: What the slaves differ in
  larry.binhost.divergence:
    name: laptops
    declared: laptops
    root: "{{ binhost_plan.targets.laptops.root }}"
    repositories: "{{ binhost_plan.targets.laptops.repositories }}"
    files: "{{ binhost_plan.targets.laptops.files }}"
    links: "{{ binhost_plan.targets.laptops.links }}"
    world: "{{ binhost_plan.targets.laptops.world }}"
    wishes: "{{ binhost_plan.targets.laptops.wishes }}"
    variants: "{{ binhost_plan.targets.laptops.variants }}"
"""

RETURN = r"""
slaves:
  description:
    - Slave to C(differences), a list with C(cpv), C(kind) (V(use), V(version), V(absent), V(patches) or V(repository)),
      C(why), C(take) and C(share), what to write into the slave's or the target's variables; and to C(refused),
      Portage's words where it can't install the slave's world at all.
  returned: success
  type: dict
text:
  description: The same as lines for a person.
  returned: success
  type: list
  elements: str
"""

import os
import typing as t
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _diverge, _divergence, _paths
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

SPEC: dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "declared": {"type": "str", "required": True},
    "root": {"type": "path", "required": True},
    "repositories": {"type": "dict", "required": True},
    "files": {"type": "dict", "required": True},
    "links": {"type": "dict", "default": {}},
    "world": {"type": "dict", "required": True},
    "wishes": {"type": "dict", "default": {}},
    "variants": {"type": "list", "elements": "dict", "required": True},
}


def sides(params: dict[str, t.Any]) -> tuple[_diverge.Side, list[_diverge.Side]]:
    """Return the target and its slaves."""
    same = ("name", "files", "world", "wishes")
    target = _diverge.Side("target", params["files"], list(params["world"]), list(params["wishes"]))
    return target, [_diverge.Side(**{name: slave[name] for name in same}) for slave in params["variants"]]


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Return the result. Raises ``BinhostError``."""
    params = module.params
    if not os.path.isdir(params["root"]):
        told = f"target {params['name']}: unknown before its build root is there; run site.yml once"
        return {"slaves": {}, "text": [told]}
    scratch = _paths.below("divergence", params["name"])
    place = _diverge.Place(module.run_command, params["root"], params["repositories"], params["links"], scratch)
    answers = _diverge.ask(place, *sides(params))
    text = [line for host, answer in answers.items() for line in _divergence.told(host, params["declared"], answer)]
    return {"slaves": {host: asdict(answer) for host, answer in answers.items()}, "text": text}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        module.exit_json(changed=False, **run(module))
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))


if __name__ == "__main__":
    main()
