# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service managers: what they print, and the plan from one state to another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _services
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._services import OPENRC, SYSTEMD, Manager, Service, State

UP = State(enabled=True, running=True)
UNIT = "/etc/systemd/system/web.service"
CONF = "/etc/web.conf"
WEB = Service("web", reload_on=(CONF,), restart_on=(UNIT,))

# systemctl show --property=Id,ActiveState,UnitFileState -- ssh.service gone.service (systemd 252)
SHOWN = """\
Id=ssh.service
ActiveState=active
UnitFileState=enabled

Id=gone.service
ActiveState=inactive
UnitFileState=
"""


def test_systemd_states() -> None:
    assert _services.systemd_states(SHOWN, 2) == [UP, State()]
    with pytest.raises(BinhostError, match="^systemctl show: expected the state of 1 services, found ''$"):
        _services.systemd_states("", 1)


@pytest.mark.parametrize(
    ("active", "enabled", "state"),
    [
        ("active", "static", UP),
        ("reloading", "enabled", UP),
        ("activating", "disabled", State()),
        ("failed", "enabled-runtime", State()),
        ("inactive", "masked", State()),
    ],
)
def test_systemd_state(active: str, enabled: str, state: State) -> None:
    assert _services.systemd_states(f"ActiveState={active}\nUnitFileState={enabled}\n", 1) == [state]


@pytest.mark.parametrize(
    ("code", "state"), [(0, State(running=True)), (3, State()), (32, State(crashed=True)), (1, State())]
)
def test_openrc_states(code: int, state: State) -> None:
    asked: list[list[str]] = []

    def run(args: list[str]) -> tuple[int, str, str]:
        asked.append(args)
        return code, "", ""

    assert _services.states(run, OPENRC, ["no-such-service"]) == {"no-such-service": state}
    assert asked == [["rc-service", "no-such-service", "status"]]
    assert _services.states(run, SYSTEMD, []) == {}


@pytest.mark.parametrize(
    ("manager", "state", "changed", "pending", "told"),
    [
        (SYSTEMD, UP, [], "", []),
        (SYSTEMD, UP, ["/etc/other"], "", []),
        (SYSTEMD, UP, [CONF], "", ["reload web"]),
        (SYSTEMD, UP, [CONF, UNIT], "", ["define ", "restart web"]),
        (SYSTEMD, State(), [CONF, UNIT], "", ["define ", "enable web", "start web"]),
        (SYSTEMD, State(enabled=True), [CONF], "reload", ["start web"]),
        (SYSTEMD, UP, [], "reload", ["reload web"]),
        (SYSTEMD, UP, [CONF], "restart", ["restart web"]),
        (OPENRC, State(enabled=True, crashed=True), [], "", ["restart web"]),
        (OPENRC, UP, ["/etc/init.d/web"], "", []),
    ],
)
def test_plan(manager: Manager, state: State, changed: list[str], pending: str, told: list[str]) -> None:
    steps = _services.plan(manager, [WEB], {"web": state}, changed=changed, pending={"web": pending})
    assert [f"{step.verb} {step.service}" for step in steps] == told


@pytest.mark.parametrize(
    ("manager", "path", "told"),
    [(SYSTEMD, UNIT, ["stop web", "disable web", "define "]), (OPENRC, "/etc/init.d/web", ["stop web", "disable web"])],
)
def test_plan_of_removal(manager: Manager, path: str, told: list[str]) -> None:
    steps = _services.plan(manager, [], {}, changed=[], removed=[path, CONF])
    assert [f"{step.verb} {step.service}" for step in steps] == told


def test_as_diff() -> None:
    steps = _services.plan(SYSTEMD, [WEB], {"web": State()}, changed=[])
    assert _services.as_diff(steps, {}) == [
        {
            "before": "stopped, disabled\n",
            "after": "running, enabled\n",
            "before_header": "service web",
            "after_header": "service web",
        }
    ]
    steps = _services.plan(SYSTEMD, [WEB], {"web": UP}, changed=[UNIT])
    assert _services.as_diff(steps, {"web": UP})[0]["after"] == "running, enabled, started anew\n"


def test_disobedience() -> None:
    def run(args: list[str]) -> tuple[int, str, str]:
        return (1, "", "Job for web.service failed.\n") if args[1] == "start" else (3, "web[7]: no such port\n", "")

    told = "systemctl start web.service: expected it to succeed, found status 1:\n"
    told += "Job for web.service failed.\nweb[7]: no such port"
    with pytest.raises(BinhostError, match=f"^{re.escape(told)}$"):
        _services.carry_out(run, SYSTEMD, [_services.Step("start", "web")])


def test_a_removed_service_need_not_obey() -> None:
    _services.carry_out(lambda args: (1, "", "no such unit"), SYSTEMD, [_services.Step("stop", "web")])


def test_verify() -> None:
    def run(args: list[str]) -> tuple[int, str, str]:
        return (
            (0, "ActiveState=failed\nUnitFileState=enabled\n", "") if args[1] == "show" else (3, "web[7]: died\n", "")
        )

    with pytest.raises(BinhostError, match=r"^service web: expected it to run, found:\nweb\[7\]: died$"):
        _services.verify(run, SYSTEMD, [WEB])


@pytest.mark.parametrize(("sign", "manager"), [("run/systemd/system", SYSTEMD), ("run/openrc", OPENRC), ("run", None)])
def test_manager(tmp_path: Path, sign: str, manager: Manager | None) -> None:
    (tmp_path / sign).mkdir(parents=True)
    assert _services.manager(str(tmp_path)) is manager


def test_a_timer_is_a_unit_of_its_own() -> None:
    """Its service is defined, and nobody starts it but the timer."""
    units = ["/etc/systemd/system/sync.service", "/etc/systemd/system/sync.timer"]
    assert _services.defined(SYSTEMD, units) == ["sync", "sync.timer"]
    told: list[list[str]] = []

    def run(args: list[str]) -> tuple[int, str, str]:
        told.append(list(args))
        return 0, "ActiveState=active\nUnitFileState=enabled\n", ""

    assert _services.states(run, SYSTEMD, ["sync.timer"]) == {"sync.timer": UP}
    service = Service("sync.timer", restart_on=(units[1],))
    steps = _services.plan(SYSTEMD, [service], {"sync.timer": State()}, changed=units)
    _services.carry_out(run, SYSTEMD, steps)
    assert [" ".join(each) for each in told] == [
        "systemctl show --property=Id,ActiveState,UnitFileState -- sync.timer",
        "systemctl daemon-reload",
        "systemctl enable sync.timer",
        "systemctl start sync.timer",
    ]
