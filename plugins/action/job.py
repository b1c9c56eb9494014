# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait for jobs with many short questions, none of which may be lost for good; see the module of this name."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.larry.binhost.plugins.plugin_utils import _job_watch


class ActionModule(ActionBase):
    """Asks the host again while its jobs run."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return what the module returned last."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        args = dict(self._task.args)
        if args.get("state", "waited") != "waited":
            return {
                **result,
                **self._execute_module(module_name=_job_watch.MODULE, module_args=args, task_vars=variables),
            }
        if not args.get("names"):
            return {**result, "changed": False, "jobs": {}}
        return {**result, **_job_watch.until_over(self, args, variables)}
