# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep what is asked for on some slaves; see the documentation of the module of this name."""

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _kept, _requests


class ActionModule(ActionBase):
    """Runs on the controller alone."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return all requests as the fact ``binhost_requests``, and those of the play's slaves as lines."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _checked, options = self.validate_argument_spec(
            {name: {"type": "raw", "default": []} for name in ("atoms", "forget")}
        )
        try:
            return {**result, **self._kept(options, variables)}
        except BinhostError as exc:
            raise AnsibleActionFail(f"Nothing was kept or changed.\n{exc}") from None

    def _kept(self, options: t.Mapping[str, t.Any], variables: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        place, hosts = variables["inventory_dir"], self._slaves(variables)
        wanted = _requests.atoms(options["atoms"], "binhost_atoms")
        gone = _requests.atoms(options["forget"], "binhost_forget")
        before = _kept.requests(place)
        after = _requests.without(before, hosts, gone)
        after = _requests.added(after, hosts, wanted, time.strftime("%Y-%m-%d")) if wanted else after
        if after != before and not self._task.check_mode:
            _kept.keep_requests(place, after)
        texts = {
            name: "".join(f"{line}\n" for line in _requests.lines(each, each))
            for name, each in (("before", before), ("after", after))
        }
        return {
            "changed": after != before,
            "ansible_facts": {"binhost_requests": after},
            "atoms": wanted,
            "forget": gone,
            "diff": texts,
            "msg": _requests.lines(after, hosts) or ["nothing is asked for there"],
        }

    def _slaves(self, variables: t.Mapping[str, t.Any]) -> list[str]:
        """Return the slaves that this run is for."""
        hosts = [host for host in variables["ansible_play_hosts"] if host in variables["groups"].get("slaves", ())]
        if not hosts:
            raise BinhostError("expected slaves (--limit HOST), found none in this run")
        return hosts
