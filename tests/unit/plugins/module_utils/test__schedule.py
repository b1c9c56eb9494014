# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _builder_files, _schedule, _services
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def at(day: int, hour: int, minute: int) -> float:
    return float(1767225600 + 86400 * (day - 1) + 3600 * hour + 60 * minute)  # January 2026


@pytest.mark.parametrize(
    ("text", "calendar", "cron", "following"),
    [
        ("04:00", "*-*-* 04:00:00", "0 4 * * *", at(2, 4, 0)),
        ("23:59", "*-*-* 23:59:00", "59 23 * * *", at(1, 23, 59)),
        ("6h", "*-*-* 00/6:00:00", "0 */6 * * *", at(1, 18, 0)),
        ("24h", "*-*-* 00:00:00", "0 0 * * *", at(2, 0, 0)),
        ("30min", "*-*-* *:00/30:00", "*/30 * * * *", at(1, 13, 0)),
        ("60min", "*-*-* 00/1:00:00", "0 */1 * * *", at(1, 13, 0)),
    ],
)
def test_a_schedule_for_all_who_keep_it(text: str, calendar: str, cron: str, following: float) -> None:
    made = _schedule.parse(text, "master_rebuild")
    assert (made.calendar, made.cron, made.after(at(1, 12, 30))) == (calendar, cron, following)
    assert made.after(following - 1) == following


@pytest.mark.parametrize("text", ["", "4:00", "24:00", "720", "7h", "45min", "0h", "25h", "1d", "04:00 "])
def test_what_is_no_schedule(text: str) -> None:
    with pytest.raises(BinhostError) as caught:
        _schedule.parse(text, "master_rebuild")
    assert str(caught.value) == (
        "master_rebuild: expected a time such as 04:00, or an interval that divides an hour or a day, such as 30min or "
        f"6h, found {text!r}"
    )


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("01:00-06:00", [at(1, 1, 0), at(1, 5, 59)], [at(1, 0, 59), at(1, 6, 0)]),
        ("22:00-06:00", [at(1, 22, 0), at(1, 0, 0), at(1, 5, 59)], [at(1, 6, 0), at(1, 21, 59)]),
    ],
)
def test_a_part_of_each_day(text: str, inside: list[float], outside: list[float]) -> None:
    window = _schedule.window(text, "slave_auto_update")
    assert all(map(window.holds, inside))
    assert not any(map(window.holds, outside))


@pytest.mark.parametrize("text", ["", "01:00", "01:00-25:00", "01:00-01:00", "night"])
def test_what_is_no_part_of_a_day(text: str) -> None:
    with pytest.raises(BinhostError, match="^slave_auto_update: expected a part of the day such as 01:00-06:00, found"):
        _schedule.window(text, "slave_auto_update")


def test_a_timer_and_a_line_for_cron() -> None:
    timer = _builder_files.Timer("larry-binhost-build", "Title", "build", "6h", "master_rebuild")
    units = _builder_files.files(timer, "systemd")
    service, clock = (units[f"/etc/systemd/system/larry-binhost-build.{kind}"] for kind in ("service", "timer"))
    assert "\nExecStart=/var/lib/larry-binhost/larry-binhost.pyz build\n" in service["content"]
    assert "\nOnCalendar=*-*-* 00/6:00:00\n" in clock["content"]
    assert _builder_files.files(timer, "openrc") == {
        "/etc/cron.d/larry-binhost-build": {
            "content": "# Written by larry.binhost; change master_rebuild in the inventory. "
            "Changes made here are undone.\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
            "0 */6 * * * root /var/lib/larry-binhost/larry-binhost.pyz build\n",
            "mode": "0644",
        }
    }
    assert _builder_files.files(_builder_files.Timer("a", "b", "c", "", "d"), "systemd") == {}


def test_what_goes_on_after_a_boot() -> None:
    timer = _builder_files.Timer("larry-binhost-build", "Title", "build", "04:00", "master_rebuild", "build --more")
    units = _builder_files.files(timer, "systemd")
    assert [path.rpartition("/")[2] for path in units] == [
        "larry-binhost-build.service",
        "larry-binhost-build.timer",
        "larry-binhost-build-boot.service",
        "larry-binhost-build-boot.timer",
    ]
    service, clock = (units[f"/etc/systemd/system/larry-binhost-build-boot.{kind}"] for kind in ("service", "timer"))
    assert "\nExecStart=/var/lib/larry-binhost/larry-binhost.pyz build --more\n" in service["content"]
    assert "\n[Timer]\nOnBootSec=2min\n" in clock["content"] and "OnCalendar" not in clock["content"]
    asked = _builder_files.wish(timer, _services.SYSTEMD)
    assert [service.name for service in asked.services] == [
        "larry-binhost-build.timer",
        "larry-binhost-build-boot.timer",
    ]
    (cron,) = _builder_files.files(timer, "openrc").values()
    assert cron["content"].endswith(" build\n@reboot root /var/lib/larry-binhost/larry-binhost.pyz build --more\n")
