# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the inventory, or make the plan from it and from the facts of its hosts.

See the documentation of the module of this name.
"""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _changes, _inventory, _kept, _plan, _plan_text


class ActionModule(ActionBase):
    """Runs on the controller alone."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the plan as the fact ``binhost_plan``, or as lines for a person."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _checked, options = self.validate_argument_spec(
            {"state": {"choices": ["checked", "planned", "shown"], "default": "planned"}}
        )
        fleet = _inventory.fleet(variables["groups"], variables["hostvars"])
        problems = _inventory.problems(fleet)
        if problems:
            raise AnsibleActionFail("The inventory needs a change; no host was touched.\n" + "\n".join(problems))
        if options["state"] == "checked":
            return {**result, "changed": False}
        try:
            return {**result, "changed": False, **self._planned(fleet, variables, keep=options["state"] == "planned")}
        except BinhostError as exc:
            raise AnsibleActionFail(f"There is no plan; no host was touched.\n{exc}") from None

    def _planned(self, fleet: _inventory.Fleet, variables: t.Mapping[str, t.Any], *, keep: bool) -> dict[str, t.Any]:
        place = variables["inventory_dir"]
        seen, kept = _facts(fleet, variables)
        facts, previous = {**kept, **seen}, _kept.plan(place)
        requests = variables["binhost_requests"] if "binhost_requests" in variables else _kept.requests(place)
        plan = _plan.plan(fleet, facts, previous, requests)
        changes = _changes.sentences(plan, previous, facts)
        unseen = [host for host in [*fleet.masters, *fleet.slaves] if host not in facts]
        told = {
            "absent": sorted(kept),
            "unseen": unseen,
            "changes": changes,
            "rebuilds": _changes.rebuilds(plan, previous, facts),
        }
        if not keep:
            lines = _plan_text.text(plan, changes, unseen).splitlines()
            return {**told, "msg": lines, "_ansible_verbose_always": True}
        if not self._task.check_mode:
            for host, known in seen.items():
                _kept.keep_facts(place, host, known)
            _kept.keep_plan(place, plan)
        warnings = [
            f"{host} was never seen: the plan does without it. "
            "Switch it on and run again, without --limit; or take it out of the inventory."
            for host in unseen
        ]
        return {**told, "ansible_facts": {"binhost_plan": plan}, "warnings": [*changes, *warnings]}


def _facts(fleet: _inventory.Fleet, variables: t.Mapping[str, t.Any]) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """Return the facts of the hosts that answered in this run, and those kept of the others."""
    hosts = [*fleet.masters, *fleet.slaves]
    seen = {
        host: variables["hostvars"][host]["binhost_host"]
        for host in hosts
        if "binhost_host" in variables["hostvars"][host]
    }
    kept = {host: _kept.facts(variables["inventory_dir"], host) for host in hosts if host not in seen}
    return seen, {host: facts for host, facts in kept.items() if facts is not None}
