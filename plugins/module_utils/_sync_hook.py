# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs ``binhost-sync`` on a machine: a word of ours before a person's emerge, and a timer.

Portage has no hook before it reads its configuration, and later is too late: the index and the repositories change
together.  So ``/usr/local/bin/emerge``, which a shell finds first, synchronises and becomes ``/usr/bin/emerge``.
"""

from __future__ import annotations

import os
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ansible_collections.larry.binhost.plugins.module_utils import _files, _program, _service_files, _services
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._openpgp import Run
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

OWNER: t.Final = "larry-binhost-sync"
HOOK: t.Final = "/usr/local/bin/emerge"
EMERGE: t.Final = "/usr/bin/emerge"
#: Said to emerge where we run it: what it works on is not to change between two runs.
QUIET: t.Final = "LARRY_BINHOST_SYNC"
#: How often the timer may run, as systemd.time(7) and crontab(5) both call it.
TIMES: t.Final = ("", "hourly", "daily", "weekly")
_UNITS: t.Final = "/etc/systemd/system/larry-binhost-sync"
_CRON: t.Final = "/etc/cron.d/larry-binhost-sync"
_MOST: t.Final = 60  # seconds that an emerge waits at most
_WRITTEN: t.Final = "# Written by larry.binhost; change {} in the inventory. Changes made here are undone.\n"
_SCRIPT: t.Final = """\
#!/bin/sh
{written}\
# The newest packages and ebuilds are here before emerge looks. Nothing of that fails, and off-line it is over at once.
if [ -z "${{{quiet}-}}" ] && [ "$(id -u)" = 0 ]; then
    {quiet}=done
    export {quiet}
    timeout --foreground --kill-after=5 {most} {program} binhost-sync --hook </dev/null || :
fi
exec {emerge} "$@"
"""
_SERVICE: t.Final = """\
{written}\
[Unit]
Description=The newest binary packages are known here

[Service]
Type=oneshot
ExecStart={program} binhost-sync --quiet
Nice=10
"""
_TIMER: t.Final = """\
{written}\
[Unit]
Description=The newest binary packages are looked for

[Timer]
OnCalendar={often}
RandomizedDelaySec=10min
Persistent=true

[Install]
WantedBy=timers.target
"""


@dataclass(frozen=True)
class Wanted:
    """Who is to run it."""

    hook: bool
    timer: str  # one of TIMES


def files(wanted: Wanted, manager: str) -> dict[str, dict[str, str]]:
    """Return path to content and mode, as ``_service_files`` takes them.  Raises ``BinhostError``."""
    if wanted.timer not in TIMES:
        raise BinhostError(
            f"timer: expected one of {', '.join(filter(None, TIMES))}, or nothing, found {wanted.timer!r}"
        )
    words = {"program": _program.path(STATE), "emerge": EMERGE, "quiet": QUIET, "most": _MOST, "often": wanted.timer}

    def made(text: str, variable: str, mode: str) -> dict[str, str]:
        return {"content": text.format(written=_WRITTEN.format(variable), **words), "mode": mode}

    found = {HOOK: made(_SCRIPT, "slave_sync_hook", "0755")} if wanted.hook else {}
    if wanted.timer and manager == "systemd":
        found[f"{_UNITS}.service"] = made(_SERVICE, "slave_sync_timer", "0644")
        found[f"{_UNITS}.timer"] = made(_TIMER, "slave_sync_timer", "0644")
    elif wanted.timer:
        line = "{written}@{often} root {program} binhost-sync --quiet\n"
        found[_CRON] = made(line, "slave_sync_timer", "0644")
    return found


def wish(wanted: Wanted, manager: _services.Manager | None) -> _service_files.Wish:
    """Return what is declared.  Raises ``BinhostError``."""
    told: Mapping[str, t.Any] = files(wanted, manager.name if manager else "none")
    timer = f"{_UNITS}.timer"
    services = [_services.Service("larry-binhost-sync.timer", restart_on=(timer,))] if timer in told else []
    return _service_files.Wish(OWNER, _service_files.wanted(told), services=services)


def converge(run: Run, wanted: Wanted, *, check: bool, state: str = STATE) -> tuple[list[dict[str, str]], str]:
    """Let exactly these run it; return what differs as Ansible shows it, and a warning.  Raises ``BinhostError``."""
    manager = _services.manager()
    warning = foreign(HOOK, state) if wanted.hook else ""
    asked = wish(replace(wanted, hook=wanted.hook and not warning), manager)
    intent = _service_files.intent(run, asked, state=state, manager=manager)
    if not check:
        _service_files.carry_out(run, asked, intent, state=state)
    return _service_files.as_diff(intent), warning


def foreign(path: str, state: str = STATE) -> str:
    """Return what to say of a file that is there and isn't ours; empty if there is none."""
    ours = _files.load_record(os.path.join(state, _service_files.RECORD)).get(OWNER, {})
    if path in ours or not os.path.lexists(path):
        return ""
    return (
        f"{path}: expected no file of anybody else's, found one, which stays: what a person emerges is of the "
        "generation that the last run or timer brought. slave_sync_hook: false says that this is meant"
    )
