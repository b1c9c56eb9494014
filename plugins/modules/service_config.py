#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_config
short_description: Own a role's files outside /etc/portage together with their services
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - Takes all files of one concern and the services that read them. New files are written beside the old ones, checked
    there by the services' own checkers, and only then renamed into place. A service is told what changed for it, and
    runs now and after every boot, under systemd or OpenRC.
  - What an NFS server would read, which has no checker of its own, is read here, and refused where it exports something
    to everybody or what a person exports already.
  - A declared file belongs to the collection from then on, by a record in C(/var/lib/larry-binhost/services.json). When
    it is no longer declared it is removed; if it defines a service, that is stopped and disabled first.
  - A run that was killed between a file and its service is completed by the next.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
    details: The checks are not run, since there are no new files to check.
  diff_mode:
    support: full
options:
  files:
    description:
      - The files by their absolute paths. Each has C(content), which is text, and may have C(mode), a string of octal
        digits, V("0644") by default.
    type: dict
    default: {}
  directories:
    description: Directories that are to be there. They are made with mode 0755, and never changed or removed.
    type: list
    elements: path
    default: []
  checks:
    description:
      - Commands, each a list of words, that must succeed before anything is changed. They are run if a file changes.
      - In their words the path of each file that changes is replaced by the path of its new version.
    type: list
    elements: list
    default: []
  services:
    description: The services that run, and are enabled.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The service's name, without C(.service).
        type: str
        required: true
      reload_on:
        description: Files with whose change it is told to read its configuration again.
        type: list
        elements: path
        default: []
      restart_on:
        description: Files with whose change it is started anew.
        type: list
        elements: path
        default: []
  commands:
    description:
      - What is run after the files are in place and the services were told, for what no service manager tells.
      - One is run if a file that it waits for is new or gone, and by the next run if this one is killed before.
    type: list
    elements: dict
    default: []
    suboptions:
      argv:
        description: The command's words.
        type: list
        elements: str
        required: true
      after:
        description: The files.
        type: list
        elements: path
        required: true
  owner:
    description: Who declares. Two roles that manage one host need two owners.
    type: str
    default: larry-binhost
  state_dir:
    description: Where the record is.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: The packages are served
  larry.binhost.service_config:
    files:
      /etc/larry-binhost/nginx.conf:
        content: "{{ lookup('ansible.builtin.template', 'nginx.conf.j2') }}"
    checks:
      - [/usr/sbin/nginx, -t, -q, -c, /etc/larry-binhost/nginx.conf]
    services:
      - name: nginx
        reload_on: [/etc/larry-binhost/nginx.conf]
"""

RETURN = r"""
paths:
  description: Directories and files that were, or in check mode would be, changed.
  returned: success
  type: list
  elements: str
  sample: [/etc/larry-binhost/nginx.conf]
services:
  description: What each service was, or would be, told, in that order.
  returned: success
  type: dict
  sample: {nginx: [enable, start]}
commands:
  description: The commands that were, or would be, run.
  returned: success
  type: list
  elements: str
  sample: [exportfs -ra]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _paths, _service_files, _services
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

SERVICE = {
    "name": {"type": "str", "required": True},
    "reload_on": {"type": "list", "elements": "path", "default": []},
    "restart_on": {"type": "list", "elements": "path", "default": []},
}
COMMAND = {
    "argv": {"type": "list", "elements": "str", "required": True},
    "after": {"type": "list", "elements": "path", "required": True},
}
SPEC = {
    "files": {"type": "dict", "default": {}},
    "directories": {"type": "list", "elements": "path", "default": []},
    "checks": {"type": "list", "elements": "list", "default": []},
    "services": {"type": "list", "elements": "dict", "default": [], "options": SERVICE},
    "commands": {"type": "list", "elements": "dict", "default": [], "options": COMMAND},
    "owner": {"type": "str", "default": "larry-binhost"},
    "state_dir": {"type": "path", "default": _paths.STATE},
}


def run(module: AnsibleModule) -> dict[str, object]:
    """Return the result. Raises ``BinhostError``."""
    asked, state = module.params, module.params["state_dir"]
    wish = _service_files.Wish(
        owner=asked["owner"],
        files=_service_files.wanted(asked["files"]),
        directories=asked["directories"],
        checks=[[str(word) for word in check] for check in asked["checks"]],
        services=[
            _services.Service(one["name"], tuple(one["reload_on"]), tuple(one["restart_on"]))
            for one in asked["services"]
        ],
        commands=[_service_files.Command(tuple(one["argv"]), tuple(one["after"])) for one in asked["commands"]],
    )
    intent = _service_files.intent(module.run_command, wish, state=state, manager=_services.manager())
    if not module.check_mode:
        _service_files.carry_out(module.run_command, wish, intent, state=state)
    told: dict[str, list[str]] = {}
    for step in intent.steps:
        if step.service:
            told.setdefault(step.service, []).append(step.verb)
    return {
        "changed": bool(intent.paths or intent.steps or intent.commands or intent.record != intent.known),
        "paths": intent.paths,
        "services": told,
        "commands": [command.words for command in intent.commands],
        "diff": _service_files.as_diff(intent),
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        module.exit_json(**run(module))
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))


if __name__ == "__main__":
    main()
