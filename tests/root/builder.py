# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A master whose builder has a plan, as the modules leave one."""

from __future__ import annotations

import dataclasses
import threading
import time
import typing as t
from collections.abc import Callable
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import (
    _builder,
    _files,
    _generation,
    _last_plan,
    _place,
    _release,
    _stage,
    _status,
)
from ansible_collections.larry.binhost.plugins.module_utils._course import Outcome
from ansible_collections.larry.binhost.plugins.module_utils._target import Target

from tests.root.master import CONFIG, LINKS, Master, run

#: Within it everything here happens, on a machine that is busy with something else too.
PATIENCE: t.Final = 600


def plan(master: Master, target: Target, *, publish: t.Any = (), **settings: t.Any) -> None:
    """Leave the plan of one target, whose root was unpacked and is configured."""
    state = str(master.folder)
    tarball = "stage3.tar"
    _files.write(str(Path(target.root, _stage.RECORD)), '{"file": "stage3.tar", "sha512": "0", "time": ""}')
    offer = {"source": str(master.folder / tarball), "key": "", "fingerprint": ""}
    config = {
        "root": target.root,
        "files": dict(CONFIG),
        "links": dict(LINKS),
        "modes": {},
        "world": None,
        "world_variable": "slave_world",
        "owner": "larry-binhost",
        "repositories": dict(target.repositories),
        "state_dir": state,
    }
    request = _release.Request(target.name, state, sign=False, distdir=target.distdir, **dict(publish))
    _last_plan.remember(state, target.name, "stage", {"root": target.root, "offer": offer, "cache": state})
    _last_plan.remember(state, target.name, "config", config)
    _last_plan.remember(state, target.name, "build", dataclasses.asdict(target))
    _last_plan.remember(state, target.name, "publish", dataclasses.asdict(request))
    _last_plan.settle(state, {"targets": [target.name], **settings})


def build(master: Master, **how: t.Any) -> Outcome:
    """Let the builder do it, and return what came of the one target."""
    (outcome,) = _builder.run(run, _builder.How(str(master.folder), **{"wait": False, **how}))
    return outcome


class Idle(threading.Thread):
    """A builder that waits for a person."""

    def __init__(self, master: Master, **how: t.Any) -> None:
        super().__init__(daemon=True)
        self.how = _builder.How(str(master.folder), **{"poll": 0.1, **how})
        self.outcomes: list[Outcome] = []

    def run(self) -> None:
        self.outcomes = _builder.run(run, self.how)

    def until_it_waits(self) -> None:
        """Return as soon as it does; that it ends instead is a failure."""
        state = self.how.state
        until(lambda: _status.now(state)["doing"] == "waiting" or not self.is_alive(), "that it waits")
        if not self.is_alive():
            raise AssertionError(f"expected that it waits, found it ended with {self.outcomes}")


def until(condition: Callable[[], bool], what: str) -> None:
    """Return as soon as it is so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"expected within {PATIENCE} s: {what}")
        time.sleep(0.05)


def status(master: Master) -> dict[str, t.Any]:
    """Return how the master says that it stands."""
    return _status.now(str(master.folder))


def place(master: Master, name: str = "laptops") -> _place.Place:
    """Return where a target is."""
    return _place.Place(name, str(master.folder))


def published(master: Master, name: str = "laptops") -> set[str]:
    """Return the packages of the current generation."""
    current, damage = _generation.current(place(master, name))
    if damage or current is None:
        raise AssertionError(f"expected a sound generation, found {damage or 'none'}")
    return {entry.cpv for entry in current.packages.values()}
