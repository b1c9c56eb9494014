#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: generation
short_description: What was built for a target is published as a numbered state
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - >-
    Publishes the packages of a target's PKGDIR together with the ebuild repositories that they were built from:
    the packages are copied into the target's pool and checked against the index; a generation is made of hard
    links into the pool, an index of exactly these files, an archive of each repository and a seal that names them
    all; then one rename lets it be the current one.
  - A generation never changes. Numbers and the index's TIMESTAMP only grow.
  - Nothing is published while packages and repositories are those of the current generation and this is complete.
  - >-
    A crash at any moment leaves the current generation as it was; what it left unfinished is removed at the
    next publication.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
    details: Before the first build it isn't known what would be published; RV(number) is then V(none).
  diff_mode:
    support: full
options:
  target:
    description: The target.
    type: str
    required: true
  state:
    description: Whether what was built is published.
    type: str
    choices: [published]
    default: published
  repositories:
    description:
      - >-
        The snapshots of the ebuild repositories that the packages were built from, name to path. A path ends in
        C(NAME-REVISION).
      - If none is given, the newest snapshot of each repository.
    type: dict
    default: {}
  withhold:
    description: Paths in PKGDIR that are not to be published, as M(larry.binhost.shared_packages) names them.
    type: list
    elements: str
    default: []
  keep:
    description: >-
      How many generations are left; the current one always is. Packages and snapshots that none of them needs
      are removed.
    type: int
    default: 5
  state_dir:
    description: The folder below which all of this is. Everything else in this collection expects the default.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: What was built for the laptops is published
  larry.binhost.generation:
    target: laptops
"""

RETURN = r"""
number:
  description: The generation that is current afterwards, in check mode the one that would be.
  returned: success
  type: int
  sample: 42
path:
  description: Its folder.
  returned: success
  type: str
  sample: /var/lib/larry-binhost/generations/laptops/42
packages:
  description: How many packages it has.
  returned: success
  type: int
  sample: 812
added:
  description: The paths of packages that are new or have new content, sorted.
  returned: success
  type: list
  elements: str
  sample: [app-misc/hello/hello-2.10-1.gpkg.tar]
removed:
  description: The paths of packages that are no longer part or have new content, sorted.
  returned: success
  type: list
  elements: str
  sample: []
repositories:
  description: Ebuild repository to the first 12 digits of its revision.
  returned: success
  type: dict
  sample: {gentoo: 0123456789ab}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _generation, _program
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE
from ansible_collections.larry.binhost.plugins.module_utils._place import Place


def converge(module: AnsibleModule) -> dict[str, t.Any]:
    """Publish unless in check mode; return the result.  Raises ``BinhostError``."""
    asked = module.params
    place = Place(asked["target"], asked["state_dir"])
    if asked["keep"] < 1:
        raise BinhostError(f"keep: expected at least 1, found {asked['keep']}")
    wanted = _generation.plan(place, asked["repositories"], withhold=asked["withhold"])
    result = _generation.told(place, wanted)
    if wanted.changed and not module.check_mode:
        parameters = {
            "target": place.target,
            "state": place.state,
            "repositories": asked["repositories"],
            "keep": asked["keep"],
            "withhold": asked["withhold"],
        }
        name, holds = f"publish-{place.target}", [place.folder, place.pool]
        result = _program.run(name, "publish", parameters, holds=holds, state=place.state)
    damage = result.pop("damage")
    if damage:
        module.warn(f"the current generation of {place.target} is damaged, another takes its place: {damage}")
    return result


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "target": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["published"], "default": "published"},
            "repositories": {"type": "dict", "default": {}},
            "withhold": {"type": "list", "elements": "str", "default": []},
            "keep": {"type": "int", "default": 5},
            "state_dir": {"type": "path", "default": STATE},
        },
        supports_check_mode=True,
    )
    try:
        done = converge(module)
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(**done)


if __name__ == "__main__":
    main()
