# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _auto_update, _cli
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

BATTERY = {"type": "Battery", "status": "Discharging"}
MOUSE = {**BATTERY, "scope": "Device"}


@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        ({}, True),
        ({"AC": {"type": "Mains", "online": "1"}, "BAT0": {"type": "Battery", "status": "Charging"}}, True),
        ({"AC": {"type": "Mains", "online": "0"}, "BAT0": BATTERY}, False),
        ({"BAT0": BATTERY, "ucsi": {"type": "USB", "online": "1"}}, True),
        ({"BAT0": BATTERY, "ucsi": {"type": "USB", "online": "0"}}, False),
        ({"BAT0": BATTERY}, False),
        ({"BAT0": {"type": "Battery", "status": "Full"}}, True),
        ({"hidpp_battery_0": MOUSE}, True),
    ],
)
def test_ac_power(tmp_path: Path, supplies: dict[str, dict[str, str]], expected: bool) -> None:
    for name, files in supplies.items():
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(f"{text}\n")
    assert _auto_update.on_line(str(tmp_path)) is expected


def test_no_supply_is_told_at_all(tmp_path: Path) -> None:
    assert _auto_update.on_line(str(tmp_path / "none"))


def test_it_is_not_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    noon = 1767225600 + 43200
    hindrance = _auto_update.hindrance
    assert hindrance("01:00-06:00", noon, str(tmp_path)) == "it is not between 01:00 and 06:00"
    assert hindrance("11:00-13:00", noon, str(tmp_path)) == ""
    (tmp_path / "BAT0").mkdir()
    for name, text in BATTERY.items():
        (tmp_path / "BAT0" / name).write_text(text)
    assert hindrance("11:00-13:00", noon, str(tmp_path)) == "there is no AC power"


def test_the_timer_only_looks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hour = time.localtime().tm_hour
    window = f"{(hour + 2) % 24:02}:00-{(hour + 3) % 24:02}:00"
    (tmp_path / "update.json").write_text(json.dumps({"auto_update": window}))
    assert _cli.main(["--state", str(tmp_path), "update"]) == 0
    assert capsys.readouterr().out.startswith("nothing is installed: it is not between ")
    (tmp_path / "update.json").unlink()
    assert _cli.main(["--state", str(tmp_path), "update"]) == 1
    assert "update.json: expected what site.yml asked of this machine" in capsys.readouterr().err


def test_what_is_asked_is_kept_or_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timers: list[t.Any] = []

    def converge(_run: t.Any, timer: t.Any, **_how: t.Any) -> list[dict[str, str]]:
        timers.append(timer.schedule)
        return []

    monkeypatch.setattr("ansible_collections.larry.binhost.plugins.module_utils._builder_files.converge", converge)
    asked = {"state_dir": str(tmp_path), "atoms": ["@world"], "online": False, "settled": False, "begun": {"a": 1}}
    kept = tmp_path / "update.json"
    _auto_update.converge(None, {**asked, "auto_update": "01:00-06:00"}, check=True)
    assert not kept.exists()
    _auto_update.converge(None, {**asked, "auto_update": "01:00-06:00"}, check=False)
    found = json.loads(kept.read_text())
    assert (found["online"], found["settled"], found["begun"], found["atoms"]) == (True, True, None, ["@world"])
    assert kept.stat().st_mode & 0o777 == 0o600
    _auto_update.converge(None, {**asked, "auto_update": ""}, check=False)
    assert not kept.exists()
    assert timers == ["1h", "1h", ""]
    with pytest.raises(BinhostError, match="^slave_auto_update: expected a part of the day"):
        _auto_update.converge(None, {**asked, "auto_update": "night"}, check=False)
