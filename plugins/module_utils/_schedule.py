# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When something is to be done again: a time of the day, or an interval, for systemd, for cron and for ourselves."""

from __future__ import annotations

import re
import time
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

# 04:00
_DAILY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\Z")
# 30min, 6h
_EVERY = re.compile(r"(\d{1,2})(min|h)\Z")
_DAY: t.Final = 24 * 60  # minutes


@dataclass(frozen=True)
class Schedule:
    """Minutes of a day at which it is, and of how many in between."""

    first: int  # minutes after midnight
    every: int  # minutes; a day has a whole number of them

    @property
    def calendar(self) -> str:
        """OnCalendar of systemd.time(7)."""
        hours, minutes = divmod(self.every, 60)
        if self.every == _DAY:
            return f"*-*-* {self.first // 60:02}:{self.first % 60:02}:00"
        return f"*-*-* 00/{hours}:00:00" if hours else f"*-*-* *:00/{minutes}:00"

    @property
    def cron(self) -> str:
        """The first five fields of a line of crontab(5)."""
        hours, minutes = divmod(self.every, 60)
        if self.every == _DAY:
            return f"{self.first % 60} {self.first // 60} * * *"
        return f"0 */{hours} * * *" if hours else f"*/{minutes} * * * *"

    def after(self, now: float) -> float:
        """Return when it is next, as seconds since the epoch, by the machine's own clock and zone."""
        local = time.localtime(now)
        midnight = time.mktime((local.tm_year, local.tm_mon, local.tm_mday, 0, 0, 0, 0, 0, -1))
        times = (midnight + 60 * minute for minute in range(self.first, 2 * _DAY + self.first + 1, self.every))
        return next(when for when in times if when > now)


def parse(text: str, where: str) -> Schedule:
    """Return the schedule of ``04:00``, each day at that time, or of ``30min``, ``6h`` and the like.

    An interval has to divide an hour or a day, so that both managers mean the same by it. Raises ``BinhostError``,
    which names ``where``.
    """
    daily, every = _DAILY.match(text), _EVERY.match(text)
    if daily:
        return Schedule(60 * int(daily[1]) + int(daily[2]), _DAY)
    if every:
        minutes = int(every[1]) * (60 if every[2] == "h" else 1)
        whole = 60 if every[2] == "min" else _DAY
        if 0 < minutes < whole and whole % minutes == 0:
            return Schedule(0, minutes)
        if minutes == whole:
            return Schedule(0, whole)
    raise BinhostError(
        f"{where}: expected a time such as 04:00, or an interval that divides an hour or a day, such as 30min or 6h, "
        f"found {text!r}"
    )


@dataclass(frozen=True)
class Window:
    """A part of each day; over midnight where it ends before it begins."""

    begin: int  # minutes after midnight
    end: int

    def holds(self, now: float) -> bool:
        """Return whether a time, in seconds since the epoch, is in it, by the machine's own clock and zone."""
        local = time.localtime(now)
        minute = 60 * local.tm_hour + local.tm_min
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end


def window(text: str, where: str) -> Window:
    """Return the window of ``01:00-06:00``.  Raises ``BinhostError``, which names ``where``."""
    times = [_DAILY.match(part) for part in text.split("-")]
    found = [60 * int(each[1]) + int(each[2]) for each in times if each]
    if len(times) != 2 or len(found) != 2 or found[0] == found[1]:
        raise BinhostError(f"{where}: expected a part of the day such as 01:00-06:00, found {text!r}")
    return Window(*found)
