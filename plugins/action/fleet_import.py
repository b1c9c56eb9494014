# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make an inventory from machines as they are; see the documentation of the module of this name."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _import_files, _import_offer

#: What the playbook registers of each host.
REGISTERED: t.Final = "binhost_imported"


class ActionModule(ActionBase):
    """Runs on the controller alone."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return what was written, as lines for a person."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        self.validate_argument_spec({})
        variables = task_vars or {}
        place, hostvars = variables["inventory_dir"], variables["hostvars"]
        found = {
            host: hostvars[host][REGISTERED]["configuration"]
            for host in variables["ansible_play_hosts_all"]
            if "configuration" in hostvars[host].get(REGISTERED, {})
        }
        if not found:
            raise AnsibleActionFail("Nothing to import: expected at least one host that answered, found none.")
        targets = {host: hostvars[host].get("binhost_target") for host in found}
        declared = next(
            (dict(hostvars[host]["binhost_targets"]) for host in found if hostvars[host].get("binhost_targets")), {}
        )
        try:
            offer = _import_offer.offer(place, found, targets, sorted(declared))
            files = _import_files.writings(place, offer.files)
            if not self._task.check_mode:
                _import_files.write(place, files)
        except (BinhostError, OSError) as exc:
            raise AnsibleActionFail(str(exc)) from None
        verb = "would be written" if self._task.check_mode else "written"
        new = {file.path for file in files}
        told = [f"{path}: {verb if path in new else 'as it was'}" for path in offer.files]
        return {
            **result,
            "changed": bool(files),
            "paths": sorted(new),
            "msg": [*told, *offer.advice],
            "_ansible_verbose_always": True,
            "diff": [
                {
                    "before": file.before or "",
                    "after": file.after,
                    "before_header": file.path if file.before is not None else f"{file.path} (absent)",
                    "after_header": file.path,
                }
                for file in files
            ],
        }
