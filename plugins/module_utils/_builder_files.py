# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What starts ``larry-binhost.pyz`` at its time: a timer of systemd, or a line for cron."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import (
    _jobs,
    _program,
    _schedule,
    _service_files,
    _services,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._openpgp import Run
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE

_UNITS: t.Final = "/etc/systemd/system"
_CRON: t.Final = "/etc/cron.d"
_INIT: t.Final = "/etc/init.d"
#: Those that read _CRON, with the user in each line: Gentoo's, and what others call theirs.
_CRONS: t.Final = ("cronie", "cron")
_WRITTEN: t.Final = "# Written by larry.binhost; change {variable} in the inventory. Changes made here are undone.\n"
_SERVICE: t.Final = """\
{written}\
[Unit]
Description={title}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart={command}
Nice=10
"""
_TIMER: t.Final = """\
{written}\
[Unit]
Description={title}: when

[Timer]
{when}

[Install]
WantedBy=timers.target
"""
_CALENDAR: t.Final = "OnCalendar={calendar}\nPersistent=true"
#: After a boot; where that was long ago, at once.
_BOOT: t.Final = "OnBootSec=2min"
#: cron mails what is said, as it always does. Of itself it has no folder of system administration in PATH (cronie).
_LINES: t.Final = "{written}PATH={path}\n{cron} root {command}\n"
_BOOT_LINE: t.Final = "@reboot root {command}\n"


@dataclass(frozen=True)
class Timer:
    """What is to be done when."""

    name: str  # of units, of the file for cron, and of whom they belong to
    title: str
    words: str  # of larry-binhost.pyz
    schedule: str  # as ``_schedule.parse`` has it; empty: never
    variable: str  # of the inventory that says so
    boot: str = ""  # the same after each boot; empty: nothing


def files(timer: Timer, manager: str) -> dict[str, dict[str, str]]:
    """Return path to content and mode, as ``_service_files`` takes them.  Raises ``BinhostError``."""
    if not timer.schedule:
        return {}
    when = _schedule.parse(timer.schedule, timer.variable)
    clock = _CALENDAR.format(calendar=when.calendar)
    runs = {timer.name: (timer.words, clock), **({_boot(timer): (timer.boot, _BOOT)} if timer.boot else {})}
    texts: dict[str, str] = {}
    if manager == _services.SYSTEMD.name:
        for name, (words, at) in runs.items():
            texts[f"{_UNITS}/{name}.service"] = _text(_SERVICE, timer, words)
            texts[f"{_UNITS}/{name}.timer"] = _text(_TIMER, timer, words, when=at)
    else:
        lines = _text(_LINES, timer, timer.words, cron=when.cron, path=_jobs.FIXED["PATH"])
        texts[f"{_CRON}/{timer.name}"] = lines + (_text(_BOOT_LINE, timer, timer.boot) if timer.boot else "")
    return {path: {"content": text, "mode": "0644"} for path, text in texts.items()}


def _boot(timer: Timer) -> str:
    return f"{timer.name}-boot"


def _text(text: str, timer: Timer, words: str, **more: str) -> str:
    written = _WRITTEN.format(variable=timer.variable)
    return text.format(written=written, title=timer.title, command=f"{_program.path(STATE)} {words}", **more)


def wish(timer: Timer, manager: _services.Manager | None) -> _service_files.Wish:
    """Return what is declared.  Raises ``BinhostError``."""
    found = files(timer, manager.name if manager else "")
    units = {name: f"{_UNITS}/{name}.timer" for name in (timer.name, _boot(timer))}
    services = [_services.Service(f"{name}.timer", restart_on=(unit,)) for name, unit in units.items() if unit in found]
    if manager is _services.OPENRC and found:
        services.append(_services.Service(_cron(timer.variable)))
    return _service_files.Wish(timer.name, _service_files.wanted(found), services=services)


def _cron(variable: str) -> str:
    """Return the service that does what stands in cron's folder.  Raises ``BinhostError``."""
    name = next((each for each in _CRONS if os.path.exists(f"{_INIT}/{each}")), "")
    if not name:
        raise BinhostError(
            f"{variable}: expected cronie, which starts it under OpenRC, found no {_INIT}/{_CRONS[0]}; "
            "emerge sys-process/cronie"
        )
    return name


def converge(run: Run, timer: Timer, *, check: bool, state: str = STATE) -> list[dict[str, str]]:
    """Let exactly this start it; return the differences as Ansible shows them.  Raises ``BinhostError``."""
    manager = _services.manager()
    asked = wish(timer, manager)
    intent = _service_files.intent(run, asked, state=state, manager=manager)
    if not check:
        _service_files.carry_out(run, asked, intent, state=state)
    return _service_files.as_diff(intent)
