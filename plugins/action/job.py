# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait for jobs with many short questions, none of which may be lost for good; see the module of this name."""

from __future__ import annotations

import os
import time
import typing as t

from ansible import constants
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.larry.binhost.plugins.plugin_utils import _watch

MODULE: t.Final = "larry.binhost.job"


class ActionModule(ActionBase):
    """Asks the host again while its jobs run."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return what the module returned last."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        args = dict(self._task.args)
        if args.get("state", "waited") != "waited":
            return {**result, **self._execute_module(module_name=MODULE, module_args=args, task_vars=variables)}
        if not args.get("names"):
            return {**result, "changed": False, "jobs": {}}
        watch = _watch.Watch(
            ask=lambda seen: self._ask({**args, "seen": dict(seen)}, variables),
            tell=self._teller(variables),
            patience=float(args.get("patience", 900)),
        )
        return {**result, **_watch.until_over(watch)}

    def _ask(self, args: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the module's answer. Raises ``_watch.NoAnswerError``."""
        try:
            answer: dict[str, t.Any] = self._execute_module(
                module_name=MODULE, module_args=args, task_vars=variables, wrap_async=False
            )
        except AnsibleConnectionFailure as exc:
            self._connection.reset()
            raise _watch.NoAnswerError(str(exc)) from exc
        if answer.get("failed") and "module_stdout" in answer:  # it was killed with its connection or its machine
            raise _watch.NoAnswerError(str(answer.get("msg")))
        return answer

    def _teller(self, variables: t.Mapping[str, t.Any]) -> t.Callable[[str], None]:
        host = variables.get("inventory_hostname", "")
        if _watch.quiet(os.environ, constants.config.get_config_value("DEFAULT_STDOUT_CALLBACK"), variables):
            return lambda words: None
        return lambda words: Display().display(f"{time.strftime('%H:%M:%S')} {host}: {words}", stderr=True)
