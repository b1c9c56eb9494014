# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What jobs do: a table of kinds, each a function of a way to run programs and of parameters that JSON can carry."""

from __future__ import annotations

import os
import typing as t
from dataclasses import asdict, dataclass

from ansible_collections.larry.binhost.plugins.module_utils import (
    _build,
    _emerge,
    _emerge_run,
    _history,
    _image,
    _kit_make,
    _mirroring,
    _pinning,
    _progress,
    _quickpkg,
    _rebuild,
    _rebuilds,
    _release,
    _stage,
    _target,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._process import Run

Parameters = t.Mapping[str, t.Any]


def build(run: Run, parameters: Parameters) -> dict[str, t.Any]:
    """Build a ``_target.Target``, given as a dictionary; return its ``Result`` and what a module adds to it."""
    variants = [_target.Variant(**variant) for variant in parameters["variants"]]
    try:
        return _built(_build.build(run, _target.Target(**{**parameters, "variants": variants})))
    except _build.HeldError as exc:
        exc.result = _built(exc.done)
        raise


def _built(done: _target.Result) -> dict[str, t.Any]:
    lines = [*done.built, *(f"{cpv} for {name}" for name, built in done.variants.items() for cpv in built)]
    return {
        **asdict(done),
        "changed": bool(lines or done.removed),
        "diff": {
            "before": "".join(f"{cpv}\n" for cpv in done.removed),
            "after": "".join(f"{line}\n" for line in lines),
        },
    }


def unpack(run: Run, parameters: Parameters) -> dict[str, t.Any]:
    """Unpack the stage ``offer`` with the digests ``expected`` into ``root``; return what stands there."""
    offer = _stage.Offer(**parameters["offer"])
    done = _stage.install(run, parameters["root"], offer, parameters["expected"], cache=parameters["cache"])
    return {"changed": True, "stage": asdict(done)}


def publish(run: Run, parameters: Parameters) -> dict[str, t.Any]:
    """Do what a ``_release.Request``, given as a dictionary, says; return what the module tells of it."""
    return _release.publish(run, _release.Request(**parameters))


def verify(run: Run, parameters: Parameters) -> dict[str, t.Any]:
    """Read a whole generation; parameters as of ``publish``."""
    return _release.verify(run, _release.Request(**parameters))


def prune(run: Run, parameters: Parameters) -> dict[str, t.Any]:
    """Remove what nobody needs; parameters as of ``publish``."""
    return _release.prune(run, _release.Request(**parameters))


def pack(run: Run, parameters: Parameters) -> dict[str, t.Any]:
    """Pack what a machine has installed, for a ``_quickpkg.Shared`` given as a dictionary; return its ``Result`` and
    what a module adds to it.
    """
    return _quickpkg.told(_quickpkg.converge(run, _quickpkg.Shared(**parameters), check=False))


def pin(run: Run, parameters: Parameters) -> dict[str, t.Any]:
    """Pin repositories as a ``_pinning.Request``, given as a dictionary, says; return what the module tells of it.

    ``targets`` are those of which is told what would be built then.
    """
    targets = {name: _rebuilds.Target(**each) for name, each in parameters["targets"].items()}
    request = _pinning.Request(**{key: value for key, value in parameters.items() if key != "targets"})
    done = _pinning.told(_pinning.converge(run, request))
    found = {name: _rebuilds.foreseen(run, name, each, request.state) for name, each in targets.items()}
    rebuilds = {name: asdict(each) for name, each in found.items()}
    return {**done, "rebuilds": rebuilds, "text": [*done["text"], *_rebuilds.told(found)]}


def kit(run: Run, parameters: Parameters) -> dict[str, t.Any]:
    """Write the kit that a ``_kit_make.Request``, given as a dictionary, asks for; return what the module tells."""
    return _kit_make.run(run, _kit_make.Request(**parameters))


def command(run: Run, parameters: Parameters) -> dict[str, t.Any]:
    """Run ``argv``; for root it can leave no process behind, however it ends."""
    confined = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"] if os.geteuid() == 0 else []
    status, _stdout, _stderr = run([*confined, *parameters["argv"]])
    if status != 0:
        raise BinhostError(f"{' '.join(parameters['argv'])}: expected status 0, found {status}")
    return {"changed": True, "status": status}


def nothing(_line: str) -> _emerge.Step | None:
    """Return nothing for a line that a program printed."""
    return None


def nowhere(_parameters: Parameters) -> _progress.Source | None:
    """Return nothing for a job that runs no emerge."""
    return None


def in_build_root(parameters: Parameters) -> _progress.Source | None:
    """Return where the emerge of a build tells how far it is: the root has a pid namespace of its own."""
    target = _target.Target(**{**parameters, "variants": []})
    return _progress.Source(target.live, target.root + _history.LOG)


@dataclass(frozen=True)
class Kind:
    """What one kind of job does, and how it tells of it."""

    work: t.Callable[[Run, Parameters], dict[str, t.Any]]
    #: A line that a program printed -> what it tells.
    doing: t.Callable[[str], _emerge.Step | str | None] = nothing
    source: t.Callable[[Parameters], _progress.Source | None] = nowhere  # where its emerge tells more


KINDS: t.Final[t.Mapping[str, Kind]] = {
    "build": Kind(build, _emerge.doing, in_build_root),
    "emerge": Kind(_emerge_run.work, _emerge.doing, _emerge_run.source),
    "unpack": Kind(unpack),
    "publish": Kind(publish),
    "verify": Kind(verify),
    "prune": Kind(prune),
    "image": Kind(_image.work),
    "rebuild": Kind(_rebuild.work, _emerge.doing, _rebuild.source),
    "pack": Kind(pack),
    "pin": Kind(pin),
    "kit": Kind(kit),
    "mirror": Kind(_mirroring.work, _mirroring.doing),
    "command": Kind(command),
}
