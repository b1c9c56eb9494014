# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One target, from its stage to what is published, as the last plan has it: what a run of the playbook does of it."""

from __future__ import annotations

import os
import tempfile
import typing as t
from dataclasses import asdict, replace

from ansible_collections.larry.binhost.plugins.module_utils import (
    _configure,
    _failed,
    _jobs,
    _last_plan,
    _program,
    _release,
    _stage,
    _target,
    _waiting,
)
from ansible_collections.larry.binhost.plugins.module_utils._course import Outcome
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._job_files import Job
from ansible_collections.larry.binhost.plugins.module_utils._portage_query import Run

#: Is told of a job whenever there is news of it.
Watch = t.Callable[[Job], None]
Asked = t.Mapping[str, t.Any]
Made = t.TypeVar("Made")
#: Seconds for which one look at a job waits for news.
_LOOK: t.Final = 5


def converge(run: Run, target: str, state: str, watch: Watch, *, retry: bool = False) -> Outcome:
    """Do all that the last plan asks of a target."""
    try:
        asked = _last_plan.recalled(state, target)
        _prepare(run, asked, state, watch)
        built = _build(asked["build"], state, watch, retry=retry)
        return _publish(run, target, asked["publish"], built, state, watch)
    except (BinhostError, OSError) as exc:
        message = str(exc)
    what = _waiting.reason(message)
    return Outcome(target, "waiting" if what else "failed", message, waits=what)


def move_pins(state: str, watch: Watch) -> str:
    """Move the pinned ebuild repositories to their newest state; return why that can't be, empty if it is done.

    All of them stay where they are then, and what is pinned is built.
    """
    try:
        asked = _last_plan.pins(state)
        if asked:
            _work("pins", "pin", {**asked, "to": "newest"}, [], state, watch)
    except (BinhostError, OSError) as exc:
        return f"the ebuild repositories stay as they are: {exc}"
    return ""


def _prepare(run: Run, asked: t.Mapping[str, Asked], state: str, watch: Watch) -> None:
    """Unpack the build root if it isn't there, and configure it.  Raises ``BinhostError``."""
    wanted = asked["stage"]
    root, offer = wanted["root"], _stage.Offer(**wanted["offer"])
    if _stage.standing(root) is None:
        _stage.present(offer)
        order = {**wanted, "expected": _stage.promised(run, offer)}
        _work(_jobs.name_of("unpack", root), "unpack", order, [root], state, watch)
    with tempfile.TemporaryDirectory(prefix="larry-binhost-") as folder:
        _configure.converge(run, asked["config"], place=os.path.join(folder, "configroot"), check=False)


def _build(asked: Asked, state: str, watch: Watch, *, retry: bool) -> dict[str, t.Any]:
    """Build if anything has changed; return the build's result.  Raises ``BinhostError``, also if it is held."""
    variants = [_asked(_target.Variant, each) for each in asked["variants"]]
    wanted = _asked(_target.Target, {**asked, "variants": variants, "retry": retry})
    revisions = _target.revisions(wanted)
    known = _failed.standing(wanted, _target.snapshots(wanted, revisions))
    if _target.differs(wanted, revisions) or retry and known.failures:
        return _work(f"build-{wanted.name}", "build", asdict(wanted), [wanted.root, wanted.pkgdir], state, watch)
    if known.held:
        raise BinhostError(known.held)
    return asdict(known)


def _publish(run: Run, target: str, asked: Asked, built: t.Mapping[str, t.Any], state: str, watch: Watch) -> Outcome:
    wanted = _asked(_release.Request, asked)
    wanted = replace(wanted, repositories=built["snapshots"], without=[*built["failures"], *built["dropped"]])
    result = _release.foreseen(run, wanted, check=False)
    changed = result["changed"]
    if changed:
        place = wanted.place
        result = _work(f"publish-{target}", "publish", asdict(wanted), [place.folder, place.pool], state, watch)
    made = len(built["built"]) + sum(map(len, built["variants"].values()))
    how = "partial" if built["problems"] else "published" if changed else "unchanged"
    message = "\n".join([*built["problems"], *_release.warnings(wanted, result)])
    # What is published without it may still be what a person could bring.
    waits = _waiting.reason("\n".join(built["problems"]))
    return Outcome(target, how, message, result["number"], made, waits=waits)


def _asked(kind: t.Callable[..., Made], asked: Asked) -> Made:
    """Return what was asked.  Raises ``BinhostError`` if another version of this program was asked."""
    try:
        return kind(**asked)
    except TypeError as exc:
        raise BinhostError(
            f"the last plan: expected what this larry-binhost.pyz asks, found another's ({exc}); run site.yml once"
        ) from None


def _work(
    name: str, kind: str, parameters: Asked, holds: t.Sequence[str], state: str, watch: Watch
) -> dict[str, t.Any]:
    """Start a job, or join who does the same, and watch it; return its result.  Raises ``BinhostError``."""
    job = _program.start(name, kind, parameters, holds=holds, state=state)
    while True:
        watch(job)
        if job.over:
            return _jobs.outcome(job, state=state)
        job = _jobs.wait(name, _LOOK, job.stamp, state=state)
