# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``larry-binhost.pyz build``, ``status`` and ``update``: what they do is read when asked for."""

from __future__ import annotations

import argparse
import json
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _auto_update, _host_run, _say
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


def arguments(commands: t.Any) -> None:
    """Add the commands to a parser's."""
    build = commands.add_parser("build", help="build and publish what the last plan says, without a controller")
    build.add_argument("targets", nargs="*", metavar="TARGET", help="these alone (all that this master builds)")
    build.add_argument("--retry", action="store_true", help="try again what failed, though nothing has changed")
    build.add_argument("--interrupted", action="store_true", help="only if a builder was killed before its end")
    build.add_argument("--no-wait", action="store_true", help="end where a person has to do something first")
    build.add_argument("--poll", type=float, default=30, metavar="SECONDS", help="between two looks (%(default)s)")
    build.set_defaults(act=_build)
    update = commands.add_parser("update", help="install what is new, at its time and with AC power")
    _auto_update.add_options(update)
    status = commands.add_parser("status", help="tell what is built, waited for, published and failed")
    status.add_argument("--json", action="store_true", help="as a program reads it")
    status.set_defaults(act=_status)


def _build(options: argparse.Namespace) -> int:
    from ansible_collections.larry.binhost.plugins.module_utils import _builder, _status

    if options.interrupted and not _status.interrupted(options.state):
        return 0
    how = _builder.How(options.state, options.targets, options.retry, not options.no_wait, options.poll)
    try:
        outcomes = _builder.run(_host_run.run, how)
    except BinhostError as exc:
        if f"{_builder.LOCK}.lock: expected to be free" not in str(exc):
            raise
        _say.tell(f"nothing to do here: {exc}")
        return 0
    for one in outcomes:
        number = f" generation {one.number}" if one.number else ""
        _say.tell(f"{one.target}: {one.state}{number}" + (f"\n{one.message}" if one.message else ""))
    return 1 if any(one.state in ("failed", "waiting") for one in outcomes) else 0


def _status(options: argparse.Namespace) -> int:
    from ansible_collections.larry.binhost.plugins.module_utils import _status

    told = _status.now(options.state)
    _say.tell(json.dumps(told, indent=1, sort_keys=True) if options.json else "\n".join(_status.lines(told)))
    return 0
