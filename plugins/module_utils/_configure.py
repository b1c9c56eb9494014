# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have a portage tree configured as declared: what the module portage_config does, and the builder again."""

from __future__ import annotations

import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _config_check, _held, _tree, _tree_plan
from ansible_collections.larry.binhost.plugins.module_utils._portage_query import Run


class Done(t.NamedTuple):
    """What was, or would be, done."""

    result: dict[str, t.Any]  # the module's
    warnings: t.Sequence[str]


def converge(run: Run, asked: t.Mapping[str, t.Any], *, place: str, check: bool) -> Done:
    """Return what is done to ``asked["root"]``; ``place`` is a folder for a draft.  Raises ``BinhostError``."""
    if check:
        return _converge(run, asked, place, check=True)
    with _tree.held(asked["root"]):
        return _converge(run, asked, place, check=False)


def _converge(run: Run, asked: t.Mapping[str, t.Any], place: str, *, check: bool) -> Done:
    root = asked["root"]
    intent = _tree.asked(root, asked)
    if intent.changes and root != "/":
        _held.free(root, _held.roots(asked["state_dir"]))
    verdict = _config_check.check(run, root, intent.changes, place=place, repositories=asked["repositories"])
    if not check:
        _tree.carry_out(root, intent)
    result = {
        "changed": bool(intent.changes) or intent.record != intent.known,
        "paths": [change.path for change in intent.changes],
        "adopted": [change.path for change in intent.changes if change.action == "adopt"],
        "edited": sorted(intent.edited),
        "read_by": verdict.read_by,
        "diff": _tree_plan.as_diff(root, intent.changes, edited=intent.edited),
    }
    return Done(result, verdict.warnings)
