# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service manager is asked and told: systemd and OpenRC as tables, and the plan from one state to another."""

from __future__ import annotations

import os
import re
import shutil
import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._openpgp import Run

Verb = t.Literal["stop", "disable", "define", "enable", "start", "restart", "reload"]
#: In this order; "define" makes the manager read its definitions again.
VERBS: t.Final[tuple[Verb, ...]] = ("stop", "disable", "define", "enable", "start", "restart", "reload")


@dataclass(frozen=True)
class Service:
    """A service that is to run now and after every boot."""

    name: str  # without .service; one that ends in .timer is a timer
    reload_on: tuple[str, ...] = ()  # files with whose change it is told to read them again
    restart_on: tuple[str, ...] = ()  # files with whose change it is started anew; this one wins


@dataclass(frozen=True)
class State:
    """How a service stands."""

    enabled: bool = False
    running: bool = False
    crashed: bool = False  # OpenRC then refuses "start"


@dataclass(frozen=True)
class Step:
    """One thing to tell the manager."""

    verb: Verb
    service: str  # empty for "define"


@dataclass(frozen=True)
class Manager:
    """The words of one service manager."""

    name: str
    definition: re.Pattern[str]  # path of a service's definition; the group is its name
    commands: Mapping[Verb, tuple[str, ...]]  # "{}" stands for the service
    status: tuple[str, ...]  # prints how a service is, for a person


SYSTEMD = Manager(
    "systemd",
    re.compile(
        r"(?:/etc|/usr/lib|/lib|/usr/local/lib)/systemd/system/([^/]+\.timer|[^/]+(?=\.service))(?:\.service)?\Z"
    ),
    {
        "stop": ("systemctl", "stop", "{}.service"),
        "disable": ("systemctl", "disable", "{}.service"),
        "define": ("systemctl", "daemon-reload"),
        "enable": ("systemctl", "enable", "{}.service"),
        "start": ("systemctl", "start", "{}.service"),
        "restart": ("systemctl", "restart", "{}.service"),
        "reload": ("systemctl", "reload-or-restart", "{}.service"),
    },
    ("systemctl", "status", "--no-pager", "--full", "--lines=15", "{}.service"),
)
OPENRC = Manager(
    "openrc",
    re.compile(r"/etc/init\.d/([^/]+)\Z"),
    {
        "stop": ("rc-service", "--ifstarted", "{}", "stop"),
        "disable": ("rc-update", "--all", "delete", "{}"),
        "define": (),
        "enable": ("rc-update", "add", "{}", "default"),
        "start": ("rc-service", "{}", "start"),
        "restart": ("rc-service", "{}", "restart"),
        "reload": ("rc-service", "{}", "reload"),
    },
    ("rc-service", "{}", "status"),
)
# systemctl(1), is-enabled: what has no [Install] section is "static" and can't be enabled; these need nothing more.
_ENABLED = frozenset({"enabled", "static", "generated", "alias", "indirect"})
_RC_CRASHED = 32  # OpenRC src/rc/rc-service.c and sh/rc-functions.sh, "status"


def manager(root: str = "/") -> Manager | None:
    """Return the manager that runs this machine; None if there is none, as in a build root."""
    if os.path.isdir(os.path.join(root, "run/systemd/system")):
        return SYSTEMD
    if os.path.isdir(os.path.join(root, "run/openrc")) or (root == "/" and shutil.which("rc-service")):
        return OPENRC
    return None


def states(run: Run, found: Manager, names: Sequence[str]) -> dict[str, State]:
    """Return how each service stands; one that isn't defined is neither enabled nor running."""
    if not names:
        return {}
    if found is SYSTEMD:
        units = [unit for name in names for unit in _filled(["{}.service"], name)]
        _code, text, _words = run(["systemctl", "show", "--property=Id,ActiveState,UnitFileState", "--", *units])
        return dict(zip(names, systemd_states(text, len(names))))
    return {name: _openrc_state(run, name) for name in names}


def systemd_states(text: str, count: int) -> list[State]:
    """Return the states that ``systemctl show`` printed: stanzas in the order asked, an empty line between them.

    Raises ``BinhostError`` if these aren't ``count``.
    """
    stanzas = [dict(line.split("=", 1) for line in part.splitlines()) for part in text.strip().split("\n\n") if part]
    if len(stanzas) != count:
        raise BinhostError(f"systemctl show: expected the state of {count} services, found {text!r}")
    return [_systemd_state(stanza) for stanza in stanzas]


def _systemd_state(stanza: Mapping[str, str]) -> State:
    running = stanza.get("ActiveState") in ("active", "reloading")
    return State(enabled=stanza.get("UnitFileState") in _ENABLED, running=running)


def _openrc_state(run: Run, name: str) -> State:
    code, _text, _words = run(["rc-service", name, "status"])
    enabled = os.path.lexists(os.path.join("/etc/runlevels/default", name))
    return State(enabled=enabled, running=code == 0, crashed=code == _RC_CRASHED)


def defined(found: Manager, paths: Iterable[str]) -> list[str]:
    """Return the names of the services that these files define, sorted."""
    return sorted(match[1] for match in map(found.definition.match, paths) if match)


def plan(
    found: Manager,
    services: Iterable[Service],
    current: Mapping[str, State],
    *,
    changed: Iterable[str],
    removed: Iterable[str] = (),
    pending: Mapping[str, str] | None = None,
) -> list[Step]:
    """Return what to tell the manager, in order.

    ``changed`` are the files that will be new, ``removed`` those that will be gone, ``pending`` what an earlier run
    was killed before it could say (service -> verb).
    """
    changed, removed = set(changed), set(removed)
    gone: tuple[Verb, ...] = ("stop", "disable")
    steps = [Step(verb, name) for name in defined(found, removed) for verb in gone]
    if found.commands["define"] and defined(found, changed | removed):
        steps.append(Step("define", ""))
    for service in services:
        steps += _steps(service, current.get(service.name, State()), changed, (pending or {}).get(service.name, ""))
    return sorted(steps, key=lambda step: VERBS.index(step.verb))


def _steps(service: Service, state: State, changed: set[str], pending: str) -> list[Step]:
    steps = [] if state.enabled else [Step("enable", service.name)]
    if not state.running:
        steps.append(Step("restart" if state.crashed else "start", service.name))
    elif pending == "restart" or changed & set(service.restart_on):
        steps.append(Step("restart", service.name))
    elif pending == "reload" or changed & set(service.reload_on):
        steps.append(Step("reload", service.name))
    return steps


def carry_out(run: Run, found: Manager, steps: Iterable[Step]) -> None:
    """Tell the manager.  Raises ``BinhostError`` with the words of the service that didn't obey."""
    for step in steps:
        _tell(run, found, step)


def _tell(run: Run, found: Manager, step: Step) -> None:
    command = _filled(found.commands[step.verb], step.service)
    code, text, words = run(command)
    if code != 0 and step.verb not in ("stop", "disable"):
        _code, status, _words = run(_filled(found.status, step.service)) if step.service else (0, "", "")
        said = "\n".join(part.strip() for part in (text, words, status) if part.strip())
        raise BinhostError(f"{' '.join(command)}: expected it to succeed, found status {code}:\n{said}")


def verify(run: Run, found: Manager, services: Iterable[Service]) -> None:
    """Raise ``BinhostError`` for a service that doesn't run although it was started."""
    names = [service.name for service in services]
    for name, state in states(run, found, names).items():
        if not state.running:
            _code, status, words = run(_filled(found.status, name))
            raise BinhostError(f"service {name}: expected it to run, found:\n{(status + words).strip()}")


def _filled(words: Iterable[str], service: str) -> list[str]:
    """Return the words for a service; what is named as a timer of systemd's is one."""
    return [word.replace("{}", service).replace(".timer.service", ".timer") for word in words]


def as_diff(steps: Iterable[Step], current: Mapping[str, State]) -> list[dict[str, str]]:
    """Return what Ansible shows with ``--diff``, one entry per service."""
    verbs: dict[str, list[str]] = {}
    for step in steps:
        if step.service:
            verbs.setdefault(step.service, []).append(step.verb)
    return [_shown(name, told, current.get(name, State())) for name, told in verbs.items()]


def _shown(name: str, verbs: Sequence[str], state: State) -> dict[str, str]:
    before = f"{'running' if state.running else 'stopped'}, {'enabled' if state.enabled else 'disabled'}"
    after = "stopped, disabled" if "stop" in verbs else "running, enabled"
    again = {"restart": ", started anew", "reload": ", told to read its configuration again"}
    extra = "".join(text for verb, text in again.items() if verb in verbs)
    header = f"service {name}"
    return {"before": before + "\n", "after": after + extra + "\n", "before_header": header, "after_header": header}
