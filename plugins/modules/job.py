#!/usr/bin/python
# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: job
short_description: Long work on a host is waited for, ended, listed or forgotten
version_added: 0.1.0
author: larry.binhost contributors (@larry-binhost)
description:
  - >-
    What takes long on a host (building, unpacking, publishing) is a job there, that neither a lost connection nor a
    killed controller ends. Its state and its log are in C(/var/lib/larry-binhost/jobs/NAME).
  - >-
    With O(state=waited) the controller asks again and again, and each time the host answers when something has
    happened, after O(seconds) at the latest. A lost connection is no failure: it asks again until O(patience) is over.
    What happens is told on standard error, unless E(CI) is set, the variable C(binhost_quiet) is true or the output
    is for a program: each package when it is begun, a phase that lasts, and once a minute that it still goes on.
  - On the host the same is to be had with C(/var/lib/larry-binhost/larry-binhost.pyz job --help).
extends_documentation_fragment:
  - larry.binhost.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: That of the jobs that were waited for.
options:
  state:
    description:
      - V(waited) returns when all are over. A job that failed is no failure of this module; it is in RV(jobs).
      - V(cancelled) ends them with all their processes.
      - V(cleaned) removes what jobs that are over left. One that is at work is an error.
      - V(listed) tells of them.
    type: str
    choices: [waited, cancelled, cleaned, listed]
    default: waited
  names:
    description: The jobs; with O(state=listed), all there are if not given.
    type: list
    elements: str
    default: []
  seconds:
    description: How long one question may take.
    type: float
    default: 30
  seen:
    description: Name to RV(jobs.stamp) of what is known already. The answer comes when there is something else.
    type: dict
    default: {}
  patience:
    description: For how many seconds a host that doesn't answer is asked again.
    type: float
    default: 900
  grace:
    description: How many seconds a cancelled job has to end in an orderly way.
    type: float
    default: 15
  collect:
    description: Whether the results of jobs that are over count as told. Otherwise the next run is told of them again.
    type: bool
    default: true
  state_dir:
    description: Where everything is kept on the host.
    type: path
    default: /var/lib/larry-binhost
"""

EXAMPLES = r"""
- name: Both builds are over
  larry.binhost.job:
    names: [build-laptops, build-servers]
  register: built

- name: The build is ended
  larry.binhost.job:
    state: cancelled
    names: [build-laptops]
"""

RETURN = r"""
jobs:
  description: Name to what is known of the job.
  returned: success
  type: dict
  contains:
    phase:
      description: V(absent), V(running), V(finished), V(failed), V(died) or V(cancelled). V(died) is one that was
        killed, or was at work when the machine was restarted.
      type: str
      returned: always
    message:
      description: Why it has not finished.
      type: str
      returned: always
    doing:
      description: What it is at while it runs.
      type: str
      returned: always
    live:
      description: While emerge runs in it, how far that is. Empty otherwise, and before the first package is begun.
      type: dict
      returned: always
      contains:
        done:
          description: How many packages are merged.
          type: int
          returned: always
        total:
          description: Of how many.
          type: int
          returned: always
        cpv:
          description: The package that was begun first of those that are worked on now.
          type: str
          returned: always
        phase:
          description: Its phase, as Portage calls it, or V(merge).
          type: str
          returned: always
        elapsed:
          description: Seconds since it was begun.
          type: int
          returned: always
        left:
          description: Seconds that it will take still, if it takes as long as before on this machine (the median of the
            last five times in emerge.log, binary packages apart); null where it was never merged or takes longer.
          type: int
          returned: always
        tasks:
          description: RV(jobs.live.cpv) to RV(jobs.live.left) of all that are worked on now.
          type: list
          elements: dict
          returned: always
    result:
      description: What it has done, once it has finished.
      type: dict
      returned: always
    begun:
      description: When, UTC.
      type: str
      returned: always
    log:
      description: The file with all that it and its programs said.
      type: str
      returned: always
    stamp:
      description: A text that is another one when RV(jobs.phase) is, or a package or its phase.
      type: str
      returned: always
"""

import typing as t
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.larry.binhost.plugins.module_utils import _job_files, _jobs
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._job_files import Job
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

SPEC = {
    "state": {"type": "str", "choices": ["waited", "cancelled", "cleaned", "listed"], "default": "waited"},
    "names": {"type": "list", "elements": "str", "default": []},
    "seconds": {"type": "float", "default": 30},
    "seen": {"type": "dict", "default": {}},
    "patience": {"type": "float", "default": 900},
    "grace": {"type": "float", "default": 15},
    "collect": {"type": "bool", "default": True},
    "state_dir": {"type": "path", "default": STATE},
}


def waited(module: AnsibleModule, state: str) -> dict[str, t.Any]:
    """Return the jobs when there is news of one or the time is over."""
    asked = module.params
    jobs = _jobs.wait_any(asked["names"], asked["seconds"], asked["seen"], state=state)
    for job in jobs.values():
        if asked["collect"] and not module.check_mode and all(each.over for each in jobs.values()):
            _jobs.collect(job, state=state)
    return {"changed": any(job.result.get("changed") for job in jobs.values()), "jobs": jobs}


def cancelled(module: AnsibleModule, state: str) -> dict[str, t.Any]:
    """Return the jobs, none of which runs any more unless in check mode."""
    before = {name: _job_files.find(name, state) for name in module.params["names"]}
    changed = any(job.phase == "running" for job in before.values())
    if module.check_mode:
        return {"changed": changed, "jobs": before}
    jobs = {name: _jobs.cancel(name, module.params["grace"], state=state) for name in before}
    return {"changed": changed, "jobs": jobs}


def cleaned(module: AnsibleModule, state: str) -> dict[str, t.Any]:
    """Return the jobs as they were."""
    before = {name: _job_files.find(name, state) for name in module.params["names"]}
    for name, job in before.items():
        if job.phase == "running":
            raise BinhostError(f"job {name}: expected it to be over, found it at work since {job.begun}")
        if not module.check_mode:
            _jobs.clean(name, state=state)
    return {"changed": any(job.phase != "absent" for job in before.values()), "jobs": before}


def listed(module: AnsibleModule, state: str) -> dict[str, t.Any]:
    """Return the jobs asked for, or all."""
    names = module.params["names"] or [job.name for job in _jobs.listing(state=state)]
    return {"changed": False, "jobs": {name: _job_files.find(name, state) for name in names}}


ACTS: dict[str, t.Callable[[AnsibleModule, str], dict[str, t.Any]]] = {
    "waited": waited,
    "cancelled": cancelled,
    "cleaned": cleaned,
    "listed": listed,
}


def told(job: Job) -> dict[str, t.Any]:
    """Return a job as a result has it."""
    return {**asdict(job), "stamp": job.stamp}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        result = ACTS[module.params["state"]](module, module.params["state_dir"])
    except (BinhostError, OSError) as exc:
        module.fail_json(msg=str(exc))
    jobs = {name: told(job) for name, job in result["jobs"].items()}
    diff = [job["result"]["diff"] for job in jobs.values() if job["result"].get("diff")]
    module.exit_json(changed=result["changed"], jobs=jobs, diff=diff)


if __name__ == "__main__":
    main()
