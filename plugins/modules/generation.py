#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: generation
short_description: What was built for a target is published as a signed, numbered state, and taken back
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - >-
    Publishes the packages of a target's PKGDIR together with the ebuild repositories that they were built from: the
    packages are copied into the target's pool, checked against the index and signed there; a generation is made of hard
    links into the pool, an index of exactly these files, an archive of each repository and a signed seal that names
    them all; it is checked, and one rename lets it be the current one.
  - >-
    A generation never changes. Numbers and the index's TIMESTAMP only grow, also where an older content is published
    again.
  - >-
    Nothing is published while packages, repositories and keys are those of the current generation, it is complete, and
    more than half of its seal's time is left.
  - >-
    Before it becomes current, the build root's Portage is asked whether the target's world and all that it needs is in
    it. A target of mode C(shared) has no build root and isn't asked.
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
    description:
      - V(published), what was built is current. A target that went back stays there unless O(latest).
      - V(rolled_back), the content of O(number) is current, under a new number.
      - V(verified), every byte and signature of O(number), or else of the current generation, was read and is right.
      - V(listed), nothing is done; RV(generations) and RV(text) tell what there is.
      - V(pruned), what nobody needs is gone, as far as O(budget) asks for it; in check mode RV(packages) and the diff
        say what that is. At most 1000 packages go in one run.
    type: str
    choices: [published, rolled_back, verified, listed, pruned]
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
  number:
    description: The generation to go back to, or to verify.
    type: int
  latest:
    description: Whether a target that went back is at what was built last again.
    type: bool
    default: false
  resign:
    description: Whether packages that another key signed, though it still counts, are signed anew. Nothing is built.
    type: bool
    default: false
  sign:
    description: Whether packages and seal are signed, by the key that M(larry.binhost.signing_key) made.
    type: bool
    default: true
  seal_days:
    description: How long a seal lasts; half of that before it expires, a new number with the same content is published.
    type: int
    default: 90
  keep:
    description: >-
      How many generations are left; the current one, the one it went back to and O(pinned) always are. What none of
      them needs of pool and snapshots is removed.
    type: int
    default: 5
  pinned:
    description: Generations that slaves are pinned to.
    type: list
    elements: int
    default: []
  pins:
    description: Who is pinned to which, slave to number, for RV(text).
    type: dict
    default: {}
  installed:
    description: What slaves have installed, as C(category/name-version). Their packages stay in PKGDIR.
    type: list
    elements: str
    default: []
  budget:
    description: >-
      GiB that all that is built and published for the target may take. Where it is more, packages that no slave has or
      would install go, the oldest first, whenever something is published.
    type: float
  build_on_slave:
    description: Packages that each slave makes itself, as category/package; V(*) stands for any text.
    type: list
    elements: str
    default: []
  without:
    description: Packages of the world, or that it needs, as C(category/name-version), that may be missing, since they
      failed to build.
    type: list
    elements: str
    default: []
  distdir:
    description: The folder with the sources.
    type: path
    default: /var/cache/distfiles
  machines:
    description:
      - >-
        The slaves, name to C(features) (what the CPU has, in the kernel's names), C(kernel), C(glibc) and C(arch), for
        RV(unfit).
    type: dict
    default: {}
  state_dir:
    description: The folder below which all of this is. Everything else in this collection expects the default.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: What was built for the laptops is published
  larry.binhost.generation:
    target: laptops

- name: The laptops are back at generation 41
  larry.binhost.generation:
    target: laptops
    state: rolled_back
    number: 41
"""

RETURN = r"""
number:
  description: The generation that is current afterwards, in check mode the one that would be.
  returned: O(state=published) or O(state=rolled_back)
  type: int
  sample: 42
path:
  description: Its folder.
  returned: O(state=published) or O(state=rolled_back)
  type: str
  sample: /var/lib/larry-binhost/generations/laptops/42
packages:
  description: How many packages it has; with O(state=pruned), the paths in PKGDIR of those that go.
  returned: O(state=published), O(state=rolled_back) or O(state=pruned)
  type: raw
  sample: 812
added:
  description: The paths of packages that are new or have new content, sorted.
  returned: O(state=published) or O(state=rolled_back)
  type: list
  elements: str
  sample: [app-misc/hello/hello-2.10-1.gpkg.tar]
removed:
  description: The paths of packages that are no longer part or have new content, sorted.
  returned: O(state=published) or O(state=rolled_back)
  type: list
  elements: str
  sample: []
repositories:
  description: Ebuild repository to the first 12 digits of its revision.
  returned: O(state=published) or O(state=rolled_back)
  type: dict
  sample: {gentoo: 0123456789ab}
reasons:
  description: Why there is something to publish; empty if there isn't.
  returned: O(state=published) or O(state=rolled_back)
  type: list
  elements: str
  sample: [its seal expires at 2026-05-01T12:00:00Z]
restores:
  description: The generation that the target went back to, 0 if it is at what was built last.
  returned: O(state=published) or O(state=rolled_back)
  type: int
  sample: 41
waiting:
  description: Whether something else was built and isn't published, since the target went back.
  returned: O(state=published) or O(state=rolled_back)
  type: bool
  sample: false
pruned:
  description: The paths of the packages in PKGDIR that went for the budget's sake.
  returned: O(state=published) or O(state=rolled_back)
  type: list
  elements: str
  sample: []
over_budget:
  description: Bytes by which O(budget) is exceeded nevertheless.
  returned: O(state=published), O(state=rolled_back) or O(state=pruned)
  type: int
  sample: 0
kernel:
  description: >-
    The oldest kernel that all packages' programs start on, empty if none of them says.
  returned: O(state=published) or O(state=rolled_back)
  type: str
  sample: 3.2.0
unfit:
  description: >-
    Of O(machines), those that can't run all packages, name to PATH to the reason. It is published all the same; the
    slave leaves these packages out.
  returned: O(state=published) or O(state=rolled_back)
  type: dict
  sample: {laptop-old: {app-misc/hello/hello-2.10-1.gpkg.tar: "its programs start on Linux 6.6.0 or newer, ..."}}
problems:
  description: What is wrong; then the module fails.
  returned: O(state=verified)
  type: list
  elements: str
  sample: []
closure:
  description: Whether there is a build root, whose Portage is asked whether all that the world needs is there.
  returned: O(state=published), O(state=rolled_back) or O(state=verified)
  type: bool
  sample: true
generations:
  description: >-
    The generations, oldest first; O(state=pruned): the numbers of those that go. C(own) is the bytes on the disk that
    the one before has no part of, C(change) what is otherwise than there, C(restores) the one it went back to.
  returned: O(state=listed) or O(state=pruned)
  type: list
  elements: raw
  sample:
    - number: 41
      current: true
      time: "2026-01-31T12:00:00Z"
      expires: "2026-05-01T12:00:00Z"
      packages: 812
      own: 1288490188
      restores: 0
      change: {added: [app-misc/hello-2.10], updated: [], removed: [], rebuilt: []}
      repositories: {gentoo: 0123456789ab}
      pinned_by: [laptop-amd]
      damage: ""
text:
  description: The same as lines for a person, the newest first.
  returned: O(state=listed)
  type: list
  elements: str
  sample: ["*  41      2026-01-31 12:00  812       1.2 GiB   2026-05-01  1 added: app-misc/hello-2.10"]
size:
  description: Bytes of the packages that go. The pool has them until no kept generation does.
  returned: O(state=pruned)
  type: int
  sample: 73400320
"""

import typing as t
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _last_plan, _listing, _program, _release
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

SPEC: dict[str, dict[str, t.Any]] = {
    "target": {"type": "str", "required": True},
    "state": {
        "type": "str",
        "choices": ["published", "rolled_back", "verified", "listed", "pruned"],
        "default": "published",
    },
    "repositories": {"type": "dict", "default": {}},
    "withhold": {"type": "list", "elements": "str", "default": []},
    "number": {"type": "int"},
    "latest": {"type": "bool", "default": False},
    "resign": {"type": "bool", "default": False},
    "sign": {"type": "bool", "default": True},
    "seal_days": {"type": "int", "default": 90},
    "keep": {"type": "int", "default": 5},
    "pinned": {"type": "list", "elements": "int", "default": []},
    "pins": {"type": "dict", "default": {}},
    "installed": {"type": "list", "elements": "str", "default": []},
    "budget": {"type": "float"},
    "build_on_slave": {"type": "list", "elements": "str", "default": []},
    "without": {"type": "list", "elements": "str", "default": []},
    "distdir": {"type": "path", "default": "/var/cache/distfiles"},
    "machines": {"type": "dict", "default": {}},
    "state_dir": {"type": "path", "default": STATE},
}


def published(module: AnsibleModule, wanted: _release.Request) -> dict[str, t.Any]:
    """Publish unless in check mode; return the result.  Raises ``BinhostError``."""
    if wanted.number is None and not module.check_mode:
        # What was built and what failed then is another thing each time.
        order = {**asdict(wanted), "repositories": {}, "without": [], "latest": False, "resign": False}
        _last_plan.remember(wanted.state, wanted.target, "publish", order)
    result = _release.foreseen(module.run_command, wanted, check=module.check_mode)
    if result["changed"] and not module.check_mode:
        result = job(module, "publish", wanted)
    for warning in _release.warnings(wanted, result):
        module.warn(warning)
    return {name: value for name, value in result.items() if name not in ("damage", "said")}


def job(module: AnsibleModule, kind: str, wanted: _release.Request) -> dict[str, t.Any]:
    """Run a job of this program to its end; return its result.  Raises ``BinhostError``."""
    place = wanted.place
    return _program.run(
        f"{kind}-{place.target}", kind, asdict(wanted), holds=[place.folder, place.pool], state=place.state
    )


def converge(module: AnsibleModule) -> dict[str, t.Any]:
    """Return the result.  Raises ``BinhostError``."""
    wanted, state = _release.request(module.params), module.params["state"]
    if state == "listed":
        found = _listing.lines(wanted.place, module.params["pins"])
        return {"changed": False, "generations": [asdict(line) for line in found], "text": _listing.table(found)}
    if state == "verified":
        result = job(module, "verify", wanted)
        if result["problems"]:
            raise BinhostError("\n".join(result["problems"]))
        return result
    if state == "pruned":
        return (
            _release.prune(module.run_command, wanted, check=True)
            if module.check_mode
            else job(module, "prune", wanted)
        )
    return published(module, wanted)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        done = converge(module)
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(**done)


if __name__ == "__main__":
    main()
