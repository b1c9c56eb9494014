# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pin ebuild repositories, and move the pins: which states, their snapshots, and the links to these.

What is pinned stays: a network is needed for what was never here, and to move.  All pins move, or none does: links are
changed once every snapshot is complete.
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import asdict, dataclass, field, replace

from ansible_collections.larry.binhost.plugins.module_utils import (
    _durable,
    _files,
    _lock,
    _pins,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE
from ansible_collections.larry.binhost.plugins.module_utils._pins import Pin, Record, Spec
from ansible_collections.larry.binhost.plugins.module_utils._process import Run
from ansible_collections.larry.binhost.plugins.module_utils._snapshots import Maker

_PATIENCE: t.Final = 60  # seconds to wait for another who moves pins


@dataclass(frozen=True)
class Request:
    """What is asked for, in values that JSON can carry."""

    repositories: t.Mapping[str, t.Mapping[str, t.Any]]  # name -> as declared
    others: t.Mapping[str, str] = field(default_factory=dict)  # repositories that aren't pinned: name -> place
    to: str = ""  # what to move to: newest, a day, a commit, a tag; "": stay
    only: t.Sequence[str] = ()  # repositories that are to move; none: all
    jobs: int = 1
    state: str = STATE

    def specs(self) -> dict[str, Spec]:
        """Return what is declared.  Raises ``BinhostError`` for what can't be."""
        found = {name: _pins.spec(name, declared) for name, declared in sorted(self.repositories.items())}
        strange = sorted(set(self.only) - set(found))
        if strange:
            raise BinhostError(f"expected some of {', '.join(found) or 'no repository'}, found {', '.join(strange)}")
        if self.to:
            self._check(found)
        return found

    def _check(self, specs: t.Mapping[str, Spec]) -> None:
        """Raise ``BinhostError`` for a commit or a tag that could be of several repositories."""
        kind = _pins.want(self.to).kind
        moving = [name for name in specs if not self.only or name in self.only]
        if kind not in ("date", _pins.NEWEST) and len(moving) != 1:
            raise BinhostError(f"{self.to}: expected one repository that this is of, found {', '.join(moving)}")


@dataclass
class Result:
    """What was done."""

    pins: dict[str, dict[str, t.Any]] = field(default_factory=dict)  # repository -> Pin, and its snapshot
    moved: dict[str, dict[str, str]] = field(default_factory=dict)  # repository -> before and after, in words
    stays: dict[str, str] = field(default_factory=dict)  # repository that was to move -> why it didn't
    remarks: list[str] = field(default_factory=list)


def lacking(request: Request) -> list[str]:
    """Return the repositories whose pin, snapshot or link isn't what is asked for; nothing is fetched or changed."""
    specs, record = request.specs(), _pins.load(request.state)
    maker = Maker(_nobody, specs, request.others, dict(record.made), request.state)
    wrong = [name for name in sorted({*specs, *record.pinned}) if name not in specs or _differs(name, maker, record)]
    if not wrong and (specs, request.others) != (dict(record.declared), dict(record.others)):
        wrong = sorted(specs)
    return wrong


def _differs(name: str, maker: Maker, record: Record) -> bool:
    pin, spec = record.pinned.get(name), maker.specs[name]
    if pin is None or not _keeps(spec, pin):
        return True
    folder = maker.standing(name, record.pinned)
    link = _pins.link(name, maker.state)
    return not folder or not os.path.islink(link) or os.readlink(link) != _target(folder)


def _keeps(spec: Spec, pin: Pin) -> bool:
    """Return whether what is pinned is what is declared; a declaration without a pin has nothing against it."""
    return spec.type == pin.type and spec.pin in ("", _pins.NEWEST, pin.asked)


def converge(run: Run, request: Request) -> Result:
    """Bring it about.  Raises ``BinhostError``; then every pin is where it was."""
    specs = request.specs()
    with _lock.held("pins", state=request.state, wait=_PATIENCE, what="pins ebuild repositories"):
        record, result = _pins.load(request.state), Result()
        maker = Maker(run, specs, request.others, dict(record.made), request.state, request.jobs)
        try:
            pinned = {name: _pin(name, maker, record.pinned.get(name), request, result) for name in specs}
            folders = {name: maker.ensure(name, pinned) for name in specs}
        finally:
            maker.clean()
        before = {name: folder_of(name, request.state) for name in specs}
        # First what was made, so that a crash leaves nothing unknown; links last.
        _pins.save(replace(record, made=maker.made), request.state)
        _keep(maker, pinned, moved=bool(request.to))
        _pins.save(Record(specs, request.others, pinned, maker.made), request.state)
        _link(folders, request.state)
    for name, folder in folders.items():
        result.pins[name] = {**asdict(pinned[name]), "snapshot": os.path.join(request.state, "repos", folder)}
        if before[name] != folder:
            was = record.pinned.get(name)
            result.moved[name] = {"before": words(was) if was and before[name] else "", "after": words(pinned[name])}
    result.remarks += maker.remarks
    return result


def _pin(name: str, maker: Maker, pin: Pin | None, request: Request, result: Result) -> Pin:
    """Return what a repository is to be at."""
    spec = maker.specs[name]
    if pin is not None and _keeps(spec, pin):
        if not request.to or (request.only and name not in request.only):
            return pin
        if spec.pin and not maker.resolver(name).goes_on():
            result.stays[name] = f"the inventory pins it to {spec.pin}"
            return pin
        return maker.resolver(name).resolve(spec.pin or request.to, pin)
    moving = request.to if not request.only or name in request.only else ""
    return maker.resolver(name).resolve(spec.pin or moving or _pins.NEWEST, None)


def _keep(maker: Maker, pinned: t.Mapping[str, Pin], *, moved: bool) -> None:
    """Let what is pinned stay where it comes from, and tag what was moved to."""
    for name, pin in pinned.items():
        if pin.type == "git":
            maker.resolver(name).clone.keep(pin.revision, pin.date if moved else "")
        elif pin.type == "webrsync":
            maker.resolver(name).dated.forget(pin.date)


def _target(folder: str) -> str:
    return f"../repos/{folder}"


def folder_of(name: str, state: str) -> str:
    """Return the name of the snapshot's folder that a repository is pinned to, empty if it isn't."""
    link = _pins.link(name, state)
    return os.path.basename(os.readlink(link)) if os.path.islink(link) else ""


def _link(folders: t.Mapping[str, str], state: str) -> None:
    place = os.path.dirname(_pins.link("", state))
    for name, folder in folders.items():
        if folder_of(name, state) != folder:
            _files.link(_pins.link(name, state), _target(folder))
    for name in sorted(set(os.listdir(place)) - set(folders)) if os.path.isdir(place) else []:
        _durable.remove(os.path.join(place, name))


def foreseen(run: Run, request: Request) -> Result:
    """Return what ``converge`` would do as far as it can be known without changing anything here."""
    specs, record, result = request.specs(), _pins.load(request.state), Result()
    maker = Maker(run, specs, request.others, dict(record.made), request.state)
    for name in lacking(replace(request, to="", only=())):
        result.moved[name] = {"before": words(record.pinned[name]) if name in record.pinned else "", "after": "unknown"}
    for name in specs if request.to else ():
        pin = record.pinned.get(name)
        if request.only and name not in request.only:
            continue
        after = maker.resolver(name).foreseen(request.to) if not specs[name].pin else ""
        if after and not (pin and pin.revision.startswith(after)):
            result.moved[name] = {"before": words(pin) if pin else "", "after": after}
    return result


def told(result: Result) -> dict[str, t.Any]:
    """Return what a module tells."""
    moved = {name: f"{each['before'] or 'nowhere'} -> {each['after']}" for name, each in result.moved.items()}
    text = [f"{name}: {how}" for name, how in sorted(moved.items())]
    text += [f"{name} stays: {why}" for name, why in sorted(result.stays.items())]
    both = {side: "".join(f"{n}: {each[side]}\n" for n, each in result.moved.items()) for side in ("before", "after")}
    return {"changed": bool(moved), **asdict(result), "text": text or ["nothing moves"], "diff": both}


def words(pin: Pin) -> str:
    """Return a state as a person reads it."""
    day = f"{pin.date[:4]}-{pin.date[4:6]}-{pin.date[6:]}"
    return f"{day} ({pin.revision[:12]})"


def _nobody(args: t.Sequence[str]) -> tuple[int, str, str]:
    raise BinhostError(f"{args[0]}: expected to be asked for nothing")
