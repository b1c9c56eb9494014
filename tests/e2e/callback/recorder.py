# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what a run did into the file that BINHOST_RECORD names, one JSON object per line, beside the usual output."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

from ansible import constants
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: recorder
type: aggregate
short_description: Writes results and the recap as JSON lines
description: Writes results and the recap into the file that the environment variable E(BINHOST_RECORD) names.
"""


class CallbackModule(CallbackBase):
    """One line per task and host, and one for the recap."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "recorder"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        """Let all runs that record into one folder share the modules that Ansible packs, for one state of the project.

        Ansible keeps them as long as a run lasts; to pack them is half of what a run that changes nothing costs here.
        """
        super().__init__()
        shared = Path(os.environ["BINHOST_RECORD"]).with_name("modules")
        shared.mkdir(exist_ok=True)
        (Path(constants.DEFAULT_LOCAL_TMP) / "ansiballz_cache").symlink_to(shared)

    def _write(self, **event: t.Any) -> None:
        with Path(os.environ["BINHOST_RECORD"]).open("a", encoding="utf-8") as record:
            record.write(json.dumps(event, default=str) + "\n")

    def _result(self, status: str, result: t.Any) -> None:
        task = result.task
        self._write(
            status=status,
            host=result.host.get_name(),
            task=task.get_name(),
            action=task.resolved_action or task.action,
            result=result.result,
        )

    def v2_runner_on_ok(self, result: t.Any) -> None:
        """Record a task that went well, changed or not."""
        self._result("ok", result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        """Record a task that failed."""
        self._result("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        """Record a task that was left out."""
        self._result("skipped", result)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        """Record a host that did not answer."""
        self._result("unreachable", result)

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        """Record the recap."""
        self._write(status="recap", recap={host: stats.summarize(host) for host in stats.processed})
