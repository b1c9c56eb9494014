# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build what is pending in a place, so that what failed before is compiled again only when that may help.

It isn't taken out of the merge list, which is Portage's: its pkg_setup refuses, at once, by a file in etc/portage/env
that this emerge alone sees (bin/ebuild.sh, ``__source_env_files``), and ``--keep-going`` drops what needs it.
"""

from __future__ import annotations

import dataclasses
import os
import shlex
import shutil
import time
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _failed,
    _failed_inputs,
    _failure_text,
    _files,
    _merge_world,
    _removal,
    _tree_plan,
)
from ansible_collections.larry.binhost.plugins.module_utils._failed import Failed, Here
from ansible_collections.larry.binhost.plugins.module_utils._merge_list import Merge
from ansible_collections.larry.binhost.plugins.module_utils._merge_world import FailedError, Options, Place
from ansible_collections.larry.binhost.plugins.module_utils._mounts import Mount
from ansible_collections.larry.binhost.plugins.module_utils._outcome import Dropped, Outcome

#: How often a build is begun again because what it made may help what failed.
_ROUNDS: t.Final = 3
_ENV: t.Final = f"{_tree_plan.CONFIG}/env"


def bring(
    place: Place, options: Options, where: str = _failed.ROOT, *, merges: t.Sequence[Merge] | None = None
) -> list[str]:
    """Build what is pending, which is ``merges`` where that is known, and return what was compiled.

    ``where`` is the slave for whom it is. Raises ``FailedError``, once what failed is kept, if not all is built.
    """
    built: list[str] = []
    for left in reversed(range(_ROUNDS)):
        try:
            return built + _bring_once(place, options, where, merges)
        except FailedError as exc:
            done = list(exc.outcome.source)
            exc.outcome.source[:0] = built
            # What was built just now may be what it failed for the lack of.
            if not left or not done or not _has_another_chance(place, where, exc.outcome):
                raise
            built, options, merges = list(exc.outcome.source), {**options, "usepkg": True}, None
    return built


def _bring_once(place: Place, options: Options, where: str, merges: t.Sequence[Merge] | None) -> list[str]:
    merges = _merge_world.pending(place, options) if merges is None else merges
    known = _failed.load(place.target)
    refused = _standing(place, known, [each.cpv for each in merges if each.kind == "ebuild"])
    try:
        _unless_only(place, known, refused, [each.cpv for each in merges])
        built = _build(place, options, merges, refused)
    except FailedError as exc:
        _failed.keep(place.target, where, _after(place, where, exc, refused))
        raise
    _failed.keep(place.target, where, None)
    return built


def _has_another_chance(place: Place, where: str, outcome: Outcome) -> bool:
    """Return whether something is no longer as it was when a package failed; one that failed just now has failed."""
    here = _failed.load(place.target).get(where, Here())
    failed = [cpv for cpv in outcome.failed if cpv in here.failed and here.failed[cpv].inputs]
    return len(_standing(place, {where: here}, failed)) < len(failed)


def foresee(place: Place, cpvs: t.Sequence[str], where: str) -> None:
    """Raise ``FailedError`` as ``bring`` would if, of what has to be compiled, all failed before and would again."""
    known = _failed.load(place.target)
    refused = _standing(place, known, cpvs)
    try:
        _unless_only(place, known, refused, cpvs)
    except FailedError as exc:
        _failed.keep(place.target, where, _after(place, where, exc, refused))
        raise


def _standing(place: Place, known: t.Mapping[str, Here], pending: t.Collection[str]) -> dict[str, Failed]:
    """Return what failed, here or for somebody else in the same circumstances, and would fail again."""
    if place.target.retry:
        return {}
    candidates = [each for here in known.values() for each in here.failed.values() if each.inputs]
    candidates = [each for each in candidates if each.cpv in pending]
    now = _failed_inputs.of(place, sorted({each.cpv for each in candidates}))
    return {each.cpv: each for each in reversed(candidates) if now.get(each.cpv) == each.inputs}


def _unless_only(
    place: Place, known: t.Mapping[str, Here], refused: t.Mapping[str, Failed], pending: t.Sequence[str]
) -> None:
    """Raise ``FailedError`` if nothing is to be done but what would fail again and what was dropped for that."""
    causes = {cpv: cause for here in known.values() for cpv, cause in here.dropped.items() if cause in refused}
    if not refused or not {*refused, *causes}.issuperset(pending):
        return
    dropped = [Dropped(cpv, [], causes[cpv]) for cpv in pending if cpv not in refused]
    outcome = Outcome([], [], list(refused), [], [], [each.failure() for each in refused.values()], dropped)
    raise FailedError(_failure_text.told(outcome, 1, "", what=_merge_world.what(place)), outcome)


def _build(place: Place, options: Options, merges: t.Sequence[Merge], refused: t.Mapping[str, Failed]) -> list[str]:
    if not refused:
        return _merge_world.bring(place, options, merges=merges)
    folder = os.path.join(place.target.variants_dir, ".refused")
    _removal.tree(folder)
    try:
        _lay_out(os.path.join(_failed_inputs.config(place), _ENV), folder, refused)
        own = [*place.own, Mount(f"/{_ENV}", "bind", folder, ("ro",))]
        failures = {cpv: each.failure() for cpv, each in refused.items()}
        return _merge_world.bring(dataclasses.replace(place, own=own, refused=failures), options, merges=merges)
    finally:
        _removal.tree(folder)


def _lay_out(env: str, folder: str, refused: t.Iterable[str]) -> None:
    """Make the folder what ``env`` is, with a refusal for each of these packages."""
    _files.directory(env)
    shutil.copytree(env, folder, symlinks=True)
    for cpv in refused:
        path = os.path.join(folder, cpv)
        _files.directory(os.path.dirname(path))
        words = shlex.quote(f"{cpv} failed before, and all that decides it is as it was")
        with open(path, "a", encoding="utf-8") as handle:
            handle.write(f"\n[[ ${{EBUILD_PHASE}} == setup ]] && die {words}\n")


def _after(place: Place, where: str, error: FailedError, refused: t.Mapping[str, Failed]) -> Here:
    """Return what stands failed after a run."""
    outcome = error.outcome
    fresh = [each for each in outcome.failures if each.cpv not in refused]
    # Where emerge was killed it names none: that is no fault of what was built.
    lasting = [each.cpv for each in fresh if each.cpv in error.named and not _failed.passes(each)]
    inputs = _failed_inputs.of(place, lasting)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    new = _failed.record(place.target, where, dataclasses.replace(outcome, failures=fresh), inputs, now=now)
    old = {each.cpv: refused[each.cpv] for each in outcome.failures if each.cpv in refused}
    dropped = {each.cpv: each.cause for each in outcome.dropped}
    return Here({**old, **new}, dropped, str(error))
