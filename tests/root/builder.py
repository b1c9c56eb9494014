# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A master whose builder has a plan, as the modules leave one."""

from __future__ import annotations

import dataclasses
import subprocess
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
    _program,
    _release,
    _stage,
    _status,
)
from ansible_collections.larry.binhost.plugins.module_utils._course import Outcome
from ansible_collections.larry.binhost.plugins.module_utils._target import Target

from tests.root.master import CONFIG, LINKS, Master, run

#: In a mount namespace of its own: gpg, egencache and Portage are the root's, and roots can be entered there.
_INSIDE: t.Final = """
root=$1 folder=$2
shift 2
mount --bind "$root" "$root" || exit
mount -t tmpfs tmpfs "$root/run" || exit
for place in /dev /proc /tmp "$folder"; do
    mount --rbind "$place" "$root$place" || exit
done
exec chroot "$root" "$@"
"""
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
    asked = {"sign": False, "distdir": target.distdir, **dict(publish)}
    request = _release.Request(target.name, state, **asked)
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


def begin(master: Master, *words: str) -> subprocess.Popen[str]:
    """Do what a timer does, on a machine whose programs are the stage's."""
    state = str(master.folder)
    program = _program.path(state)
    _program.present(program, state=state)
    inside = ["unshare", "--mount", "--propagation=private", "sh", "-c", _INSIDE, "sh", str(master.pristine)]
    command = [*inside, str(master.folder.parent), program, "--state", state, "build", *words]
    pipe: t.Any = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, text=True, cwd="/", env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, **pipe)


def said(process: subprocess.Popen[str]) -> str:
    """Return what a builder says until its end; one that has none is killed."""
    try:
        return process.communicate(timeout=PATIENCE)[0]
    finally:
        process.kill()


def until(condition: Callable[[], bool], what: str, found: Callable[[], object] = lambda: "that it isn't so") -> None:
    """Return as soon as it is so."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"expected within {PATIENCE} s: {what}, found {found()}")
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
