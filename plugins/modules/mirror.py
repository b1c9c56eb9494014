#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mirror
short_description: A mirror has the generations that its masters publish
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - >-
    Asks each master over ssh which generations it keeps, and begins the job C(mirror), which fetches those that are
    missing here with rsync. What another generation has as well is linked, not fetched. A generation counts, and
    C(current) becomes it by one rename, once it is signed and every file is as its seal says; what the master has
    removed is removed here too. M(larry.binhost.job) waits for it.
  - A lost connection or a killed job leaves what is served as it was; the next run goes on where it ended.
  - A master that doesn't answer is no failure; what is here is served on.
  - Whose key may read from a master is M(larry.binhost.mirror_access)'s concern.
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
    details: The masters are asked what they have, nothing is fetched.
  diff_mode:
    support: full
options:
  state:
    description:
      - V(keyed) makes this machine's own ssh key unless it has one, and tells its public part.
      - V(started) begins what there is to do.
    type: str
    choices: [keyed, started]
    default: started
  name:
    description: What the mirror's key is called.
    type: str
    default: mirror
  masters:
    description: Master to how it is reached, and by which keys it is known.
    type: dict
    default: {}
  targets:
    description: Target to the master that it comes from, one of O(masters).
    type: dict
    default: {}
  allow_older:
    description: Whether generations may be replaced by earlier ones, or by others of the same number.
    type: bool
    default: false
  state_dir:
    description: The folder below which all of this is. Everything else in this collection expects the default.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: The mirror has a key
  larry.binhost.mirror:
    state: keyed
    name: attic

- name: What is new comes here
  larry.binhost.mirror:
    masters:
      desktop:
        host: 192.168.1.10
        user: root
        host_keys: ["ssh-ed25519 AAAA..."]
        signing_keys: "{{ lookup('file', 'public.asc') }}"
    targets:
      laptops: desktop
"""

RETURN = r"""
public_key:
  description: The public part of this machine's ssh key; empty in check mode if it has none yet.
  returned: success
  type: str
  sample: ssh-ed25519 AAAAC3Nza... mirror attic
job:
  description: The job to wait for, empty if there is nothing to do.
  returned: success
  type: str
  sample: mirror
targets:
  description: Target to how it is here, and what is to be done.
  returned: success
  type: dict
  contains:
    number:
      description: The generation that is served.
      type: int
      returned: always
    wanted:
      description: The generation that the master serves, V(none) if it didn't say.
      type: int
      returned: always
    fetched:
      description: The generations that are to come.
      type: list
      elements: int
      returned: always
    removed:
      description: The generations that are to go.
      type: list
      elements: int
      returned: always
    problem:
      description: What is wrong; empty if nothing is.
      type: str
      returned: always
    message:
      description: Why there is nothing to do although the master was asked for more.
      type: str
      returned: always
"""

import typing as t
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _host, _mirror_link, _mirroring, _program
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

SPEC = {
    "state": {"type": "str", "choices": ["keyed", "started"], "default": "started"},
    "name": {"type": "str", "default": "mirror"},
    "masters": {"type": "dict", "default": {}},
    "targets": {"type": "dict", "default": {}},
    "allow_older": {"type": "bool", "default": False},
    "state_dir": {"type": "path", "default": STATE},
}


def run(module: AnsibleModule) -> dict[str, t.Any]:
    """Return the result.  Raises ``BinhostError``."""
    asked, state = module.params, module.params["state_dir"]
    known = _mirror_link.public_key(state)
    if asked["state"] == "keyed":
        key = known if module.check_mode else _mirror_link.make_key(module.run_command, asked["name"], state)
        facts = {"service_mgr": _host.service_manager()}
        changed = not known
        return {"changed": changed, "public_key": key, "job": "", "targets": {}, "ansible_facts": facts}
    sources = {name: _mirror_link.source(name, said, state) for name, said in asked["masters"].items()}
    if not module.check_mode:
        for name, said in asked["masters"].items():
            _mirror_link.remember(sources[name], said.get("host_keys") or [], said.get("signing_keys") or "")
    targets = {name: sources[master] for name, master in asked["targets"].items()}
    states, wishes = _mirroring.look(module.run_command, targets, state=state, allow_older=asked["allow_older"])
    parameters = {
        "targets": {name: asdict(source) for name, source in targets.items()},
        "state": state,
        "allow_older": asked["allow_older"],
    }
    needed = any(wish.changed for wish in wishes.values())
    job = "" if module.check_mode else _program.begin(_mirroring.JOB, "mirror", parameters, needed=needed, state=state)
    return {
        "changed": needed,
        "public_key": known,
        "job": job,
        "targets": {name: asdict(each) for name, each in states.items()},
        "diff": _mirroring.diff(states),
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
