# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have emerge begun as a job, watch that, and collect what it did; see the module of this name."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.larry.binhost.plugins.module_utils import _acceptance, _emerge_collect
from ansible_collections.larry.binhost.plugins.plugin_utils import _job_watch

MODULE: t.Final = "larry.binhost.emerge"
Result = dict[str, t.Any]


#: What the module and this say to each other.
UNTOLD = ("foreseen", "joined", "request", "timed")


class ActionModule(ActionBase):
    """Goes to the host only for what the controller can't know."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        """Return what the module returned last."""
        result: Result = super().run(tmp, task_vars)
        args, variables = dict(self._task.args), task_vars or {}
        state = args.get("state", "present")
        given = args.get("begun") if state == "finished" else None
        begun: Result = given if isinstance(given, dict) and "foreseen" in given else {}
        begun = begun or self._module({**args, "state": "started"}, variables)
        if not given:
            self._foretell(begun, variables)
        if state != "started" and not begun.get("failed"):
            begun = self._finished(args, begun, variables)
        return {**result, **begun}

    def _foretell(self, begun: Result, variables: Result) -> None:
        """Tell a person what is going to be compiled, and why, before they wait for it."""
        tell = _job_watch.teller(variables)
        for line in _acceptance.lines(begun.get("acceptance") or {}):
            tell(line)

    def _finished(self, args: Result, begun: Result, variables: Result) -> Result:
        """Return what was done once no job is left."""
        kept = {name: args[name] for name in ("state_dir",) if name in args}
        while begun.get("job"):
            watched = _job_watch.until_over(self, {**kept, "names": [begun["job"]]}, variables)
            if watched.get("failed"):
                return watched
            job = watched["jobs"][begun["job"]]
            if job["phase"] == "finished" and _emerge_collect.is_own(begun, job["request"]):
                begun = _emerge_collect.done(begun, job["result"])  # the host has nothing to add
                break
            begun = self._module({**args, "state": "finished", "begun": _plain(begun), "wait": False}, variables)
            if begun.get("failed"):
                return begun
        if "foreseen" not in begun:  # the module has told it already
            return begun
        told = {name: value for name, value in _plain(begun).items() if name not in UNTOLD}
        words = told.pop("words", [])
        return {**told, **begun["foreseen"], **({"warnings": words} if words else {})}

    def _module(self, args: Result, variables: Result) -> Result:
        answer: Result = self._execute_module(module_name=MODULE, module_args=args, task_vars=variables)
        return answer


def _plain(begun: Result) -> Result:
    """Return the module's own part of a result."""
    own = ("changed", "failed", "invocation", "warnings", "deprecations", "skipped", "joined")
    kept = {name: value for name, value in begun.items() if name not in own and not name.startswith("_ansible")}
    return {**kept, "joined": bool(begun.get("joined"))}
