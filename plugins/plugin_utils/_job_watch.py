# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action does to watch jobs of its host: it asks the module ``job``, and tells a person what happens."""

from __future__ import annotations

import contextlib
import os
import time
import typing as t

from ansible import constants
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.larry.binhost.plugins.plugin_utils import _watch

MODULE: t.Final = "larry.binhost.job"
PATIENCE_S: t.Final = 900.0  # what the module's documentation says


def until_over(action: ActionBase, args: t.Mapping[str, t.Any], variables: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the answer of the module ``job`` once all jobs that its options ``args`` name are over.

    A lost connection is no failure until ``patience`` is over; ``variables`` are the task's.
    """
    known, controller = {**args, "collect": False}, os.getppid()
    watch = _watch.Watch(
        ask=lambda seen: ask(action, {**known, "seen": dict(seen)}, variables),
        tell=teller(variables),
        patience=float(known.get("patience", PATIENCE_S)),
    )
    answer = _watch.until_over(watch)
    # Only now does anybody have it: a question whose controller was killed is answered all the same, and what asks is
    # a process with a session of its own (ansible executor/process/worker.py, _detach), which outlives the controller.
    if not answer.get("failed") and os.getppid() == controller:
        with contextlib.suppress(_watch.NoAnswerError):
            ask(action, {**args, "seconds": 0, "collect": True}, variables)
    return answer


def ask(action: ActionBase, args: t.Mapping[str, t.Any], variables: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the module's answer to one question. Raises ``_watch.NoAnswerError``."""
    try:
        answer: dict[str, t.Any] = action._execute_module(
            module_name=MODULE, module_args=dict(args), task_vars=dict(variables), wrap_async=False
        )
    except AnsibleConnectionFailure as exc:
        action._connection.reset()
        raise _watch.NoAnswerError(str(exc)) from exc
    if answer.get("failed") and "module_stdout" in answer:  # it was killed with its connection or its machine
        raise _watch.NoAnswerError(str(answer.get("msg")))
    return answer


def teller(variables: t.Mapping[str, t.Any]) -> t.Callable[[str], None]:
    """Return what shows a line of this host to whoever runs the playbook; it shows none where nobody would read it."""
    host = variables.get("inventory_hostname", "")
    if _watch.quiet(os.environ, constants.config.get_config_value("DEFAULT_STDOUT_CALLBACK"), variables):
        return lambda words: None
    return lambda words: Display().display(f"{time.strftime('%H:%M:%S')} {host}: {words}", stderr=True)
