#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: builder
short_description: A master builds and publishes by itself what its last plan says, and tells how it stands
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - >-
    What M(larry.binhost.stage), M(larry.binhost.portage_config), M(larry.binhost.target_packages) and
    M(larry.binhost.generation) are asked for a target is kept on the master, and C(larry-binhost.pyz build) does it
    again without a controller. This module says for which targets, at which time, and whom to tell.
  - >-
    One builder works at a time. Where only a person can go on (no room on the disk, a key that can't sign, something
    that Portage refuses) it idles, says what it waits for, and goes on by itself once that is another. Then nothing
    that was built is built again.
  - At its time a timer of systemd starts it, or cron, which has to be installed under OpenRC; and after a boot, if it
    was building or waiting when the machine went down.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  state:
    description:
      - V(scheduled), the builder has these targets and this time.
      - V(told), nothing is changed; RV(status) and RV(text) tell how the master stands.
    type: str
    choices: [scheduled, told]
    default: scheduled
  targets:
    description: The targets that it builds, in this order; those of mode C(shared) are none of its.
    type: list
    elements: str
    default: []
  schedule:
    description:
      - When it builds, a time of each day such as V(04:00), or an interval that divides an hour or a day, such as
        V(30min) or V(6h).
      - Without it, only when somebody calls C(larry-binhost.pyz build).
    type: str
    default: ""
  move_pins:
    description: Whether pinned ebuild repositories are moved to their newest state before.
    type: bool
    default: false
  plan_days:
    description: After how many days without a run of the playbook it says that the plan is old.
    type: int
    default: 30
  notify_command:
    description: >-
      A command that tells a person what is wrong, and that it no longer is. Its last argument is a subject, its
      standard input the text.
    type: list
    elements: str
    default: []
  notify_mail:
    description: An address to which C(/usr/sbin/sendmail) brings the same.
    type: str
  state_dir:
    description: Where everything is kept on the host.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: What changes is built at night
  larry.binhost.builder:
    targets: [laptops]
    schedule: "04:00"
    notify_mail: larry@example.org
"""

RETURN = r"""
status:
  description: >-
    How the master stands. C(doing) is V(idle), V(building) or V(waiting); C(live) how far the build is; C(waiting)
    target to what it waits for; C(targets) target to its generation and what failed, with the ends of the logs;
    C(plan), C(disk) (bytes) and C(key).
  returned: O(state=told)
  type: dict
text:
  description: The same as lines for a person.
  returned: O(state=told)
  type: list
  elements: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import (
    _builder_files,
    _last_plan,
    _notify,
    _program,
    _schedule,
    _status,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

SPEC: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["scheduled", "told"], "default": "scheduled"},
    "targets": {"type": "list", "elements": "str", "default": []},
    "schedule": {"type": "str", "default": ""},
    "move_pins": {"type": "bool", "default": False},
    "plan_days": {"type": "int", "default": _status.OLD},
    "notify_command": {"type": "list", "elements": "str", "default": []},
    "notify_mail": {"type": "str"},
    "state_dir": {"type": "path", "default": STATE},
}


def scheduled(module: AnsibleModule) -> dict[str, t.Any]:
    """Return the result.  Raises ``BinhostError``."""
    asked, state, check = module.params, module.params["state_dir"], module.check_mode
    notify = {"command": asked["notify_command"], "mail": asked["notify_mail"] or ""}
    _notify.words(notify)
    if asked["schedule"]:
        _schedule.parse(asked["schedule"], "schedule")
    settings = {**{name: asked[name] for name in ("targets", "schedule", "move_pins", "plan_days")}, "notify": notify}
    changed = _last_plan.differs(state, settings)
    timer = _builder_files.Timer(
        "larry-binhost-build",
        "The fleet's packages are built",
        "build",
        asked["schedule"],
        "master_rebuild",
        boot="build --interrupted",
    )
    diff = _builder_files.converge(module.run_command, timer, check=check, state=state)
    if not check:
        _program.present(_program.path(state), state=state)
        _last_plan.settle(state, settings)
    return {"changed": changed or bool(diff), "diff": diff}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        if module.params["state"] == "told":
            told = _status.now(module.params["state_dir"])
            result = {"changed": False, "status": told, "text": _status.lines(told)}
        else:
            result = scheduled(module)
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
