#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pins
short_description: Ebuild repositories are pinned, and their pins moved
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Keeps one bare clone of each repository of type V(git), and of every state that is pinned a read-only checkout
    with its metadata
    cache (C(metadata/md5-cache)), made once by this host's egencache with the eclasses of the repository's masters.
  - What is pinned stays until it is moved, or until its declaration names another pin. A network is needed for what
    was never here, and
    to move.
  - All pins move, or none does.
  - The work is a job, V(pins), which no lost connection ends.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: partial
    details: Nothing is fetched, so what would be built is not told. The newest commit is asked of the remote.
  diff_mode:
    support: full
options:
  repositories:
    description: Every repository that is pinned on this host; one that is no longer named loses its pin.
    type: dict
    required: true
  others:
    description: Repositories that are not pinned, name to place on this host. They may be masters of the others.
    type: dict
    default: {}
  to:
    description:
      - What to move the pins to. V(newest), a day such as V(2026-01-31), or of one repository a commit or a tag.
      - Without it they stay. What the inventory pins to a commit, a tag or a day is not moved.
    type: str
    default: ""
  only:
    description: The repositories that are to move; all of them, unless said.
    type: list
    elements: str
    default: []
  targets:
    description:
      - Targets, as the plan has them, of which is told what a build would compile now. Of each C(repositories), name to
        place, and C(build_on_slave) are read.
    type: dict
    default: {}
  distdir:
    description: Where the sources are kept on this host.
    type: path
    default: /var/cache/distfiles
  jobs:
    description: How many ebuilds are read at a time for the metadata cache.
    type: int
    default: 1
  state_dir:
    description: Where everything is kept on this host.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: The repositories are where they were, or at their newest state if they were never pinned
  larry.binhost.pins:
    repositories:
      gentoo:
        type: webrsync
        uri: https://distfiles.gentoo.org
      guru:
        type: git
        uri: https://anongit.gentoo.org/git/repo/proj/guru.git

- name: The pins move to the state of a day
  larry.binhost.pins:
    repositories:
      guru:
        type: git
        uri: https://anongit.gentoo.org/git/repo/proj/guru.git
    others:
      gentoo: /var/db/repos/gentoo
    to: "2026-01-31"
"""

RETURN = r"""
pins:
  description:
    - Repository to what it is pinned to, its C(type), C(revision), the C(date) of the day whose changes it contains,
      the declared pin
      that led there (C(asked)), and its C(snapshot).
    - Empty if nothing was done.
  returned: success
  type: dict
moved:
  description: Repository to C(before) and C(after), as a person reads them.
  returned: success
  type: dict
stays:
  description: Repository that was to move and doesn't, to the reason.
  returned: success
  type: dict
remarks:
  description: What a person should know besides.
  returned: success
  type: list
  elements: str
rebuilds:
  description:
    - Target to the C(packages) that a build would compile now, what it would remove (C(removed)), the C(seconds) that
      these took here
      before, how many never were compiled here (C(unknown)), or C(why) that isn't known.
  returned: success
  type: dict
text:
  description: All that in lines.
  returned: success
  type: list
  elements: str
"""

import typing as t
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _jobs, _last_plan, _mounts, _pinning, _program
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

SPEC = {
    "repositories": {"type": "dict", "required": True},
    "others": {"type": "dict", "default": {}},
    "to": {"type": "str", "default": ""},
    "only": {"type": "list", "elements": "str", "default": []},
    "targets": {"type": "dict", "default": {}},
    "distdir": {"type": "path", "default": _mounts.DISTDIR},
    "jobs": {"type": "int", "default": 1},
    "state_dir": {"type": "path", "default": STATE},
}


def looked_at(target: t.Mapping[str, t.Any], distdir: str) -> dict[str, t.Any]:
    """Return what of a target matters here."""
    places, alone = target["repositories"], target.get("build_on_slave", [])
    return {"repositories": places, "build_on_slave": alone, "distdir": distdir}


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Return the result. Raises ``BinhostError``."""
    given = {name: module.params[name] for name in ("repositories", "others", "to", "only", "jobs")}
    request = _pinning.Request(**given, state=module.params["state_dir"])
    targets = {name: looked_at(target, module.params["distdir"]) for name, target in module.params["targets"].items()}
    nothing = {**_pinning.told(_pinning.Result()), "rebuilds": {}}
    if module.check_mode:
        return {**nothing, **_pinning.told(_pinning.foreseen(module.run_command, request))}
    # For the timer of a master without a controller; of targets it tells nobody anything.
    _last_plan.remember_pins(request.state, {**asdict(request), "to": "", "only": [], "targets": {}})
    needed = bool(_pinning.lacking(request) or request.to or targets)
    name = _program.begin("pins", "pin", {**asdict(request), "targets": targets}, needed=needed, state=request.state)
    if not name:
        return nothing
    return _jobs.outcome(_jobs.finish(name, state=request.state), state=request.state)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        result = run(module)
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))
    for remark in result.get("remarks", ()):
        module.warn(remark)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
