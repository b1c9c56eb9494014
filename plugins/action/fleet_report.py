# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell the run; see the documentation of the module of this name."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.larry.binhost.plugins.plugin_utils import _kept, _report

#: What the plays and roles leave behind -> what the report calls it.
LEFT_BEHIND: t.Final = {
    "binhost_failure": "failure",
    "_master_done": "done",
    "_master_key": "key",
    "_slave_index": "index",
    "_slave_packages": "packages",
    "_slave_requested": "requested",
    "_mirror_done": "mirror",
}


class ActionModule(ActionBase):
    """Runs on the controller alone."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return the report as lines, and keep it beside the inventory."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        self.validate_argument_spec({})
        variables = task_vars or {}
        place = variables["inventory_dir"]
        fleet = [*variables["groups"].get("masters", []), *variables["groups"].get("slaves", [])]
        fleet += variables["groups"].get("mirrors", [])
        hosts = {host: _host(variables["hostvars"][host], place, host) for host in fleet}
        text = _report.report(variables["binhost_plan"], hosts, check=self._task.check_mode)
        if not self._task.check_mode:
            _kept.keep_report(place, text)
        return {**result, "changed": False, "msg": text.splitlines(), "_ansible_verbose_always": True}


def _host(hostvars: t.Mapping[str, t.Any], place: str, host: str) -> dict[str, t.Any]:
    found = {ours: hostvars[theirs] for theirs, ours in LEFT_BEHIND.items() if theirs in hostvars}
    seen = "binhost_host" in hostvars or "public_key" in hostvars.get("_mirror_key", {})
    return {"seen": seen, "kept": _kept.facts(place, host) is not None, **found}
