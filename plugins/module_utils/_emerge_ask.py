# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask emerge what it would do, and say what stands against it as data."""

from __future__ import annotations

import os
import tempfile
import typing as t
from dataclasses import asdict, dataclass, field, replace

from ansible_collections.larry.binhost.plugins.module_utils import (
    _acceptance,
    _candidates,
    _emerge,
    _guard,
    _proposals,
    _refusal,
    _tree_plan,
    _world,
)
from ansible_collections.larry.binhost.plugins.module_utils._emerge_place import Place, Run
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._merge_list import Merge, Refused

Params = t.Mapping[str, t.Any]
#: All that Portage can propose; without them it keeps to itself what keywords and masks would have to be.
AUTOUNMASK: t.Final = (
    *("--autounmask=y", "--autounmask-use=y", "--autounmask-license=y"),
    *("--autounmask-keep-keywords=n", "--autounmask-keep-masks=n"),
)


#: Of a refusal that a message shows.
_LINES: t.Final = 14


class StoppedError(BinhostError):
    """Nothing was begun, or it failed; ``result`` has the same as data."""

    def __init__(self, message: str, result: t.Mapping[str, t.Any]) -> None:
        """Take the message and the result."""
        super().__init__(message)
        self.result = result


@dataclass(frozen=True)
class Question:
    """What emerge is asked, and where."""

    run: Run
    place: Place
    atoms: t.Sequence[str]
    options: t.Mapping[str, t.Any]
    extra: t.Sequence[str]
    check: bool
    scratch: str  # a folder that goes away
    to_come: t.Sequence[_tree_plan.Change] = ()  # in the configuration


@dataclass(frozen=True)
class Answer:
    """What emerge would do, all of it agreed to."""

    merges: list[Merge]
    proposals: list[_refusal.Proposal] = field(default_factory=list)  # what the configuration needs for that
    words: list[str] = field(default_factory=list)  # what a person should know of that
    acceptance: _acceptance.Acceptance = field(default_factory=_acceptance.Acceptance)  # what it means to this host


def ask(question: Question, params: Params) -> Answer:
    """Return what emerge would do.  Raises ``StoppedError`` where it shows no merge list or one nobody agreed to."""
    try:
        answer = _answer(question, params, question.to_come)
    except _world.RefusedError as exc:
        answer = _with_proposals(question, params, exc)
    if question.place.is_host and answer.merges:
        answer = replace(answer, acceptance=_accepted(answer.merges, params))
    rules = _guard.Rules(
        max_source=params["max_source"],
        on_slave=params["build_on_slave"],
        remedy=params["remedy"],
        forbid_downgrade=params["forbid_downgrade"],
        allow_uninstall=params["allow_uninstall"],
    )
    lines = {merge.cpv: [_why(each) for each in merge.refused] for merge in answer.merges}
    breaches = _guard.breaches(answer.merges, rules, lines)
    if breaches:
        told = [{**asdict(breach), "proposals": []} for breach in breaches]
        merges = [asdict(merge) for merge in answer.merges]
        words = [*(each.words for each in breaches), *_long(breaches, answer.acceptance), *answer.words]
        result = {"problems": told, "merge_list": merges, "acceptance": asdict(answer.acceptance)}
        raise StoppedError("\n".join(words), result)
    return _agreed(question, answer)


def _long(breaches: t.Iterable[_guard.Breach], acceptance: _acceptance.Acceptance) -> list[str]:
    """Return how long it would take to compile what may not be compiled, where that is known."""
    took = _acceptance.estimate(asdict(acceptance))
    return [f"To compile here{took}"] if took and any(breach.kind == "source" for breach in breaches) else []


def _accepted(merges: t.Sequence[Merge], params: Params) -> _acceptance.Acceptance:
    """Return what the merge list means; emerge.log is read only where something is compiled."""
    compiled = any(merge.kind == "ebuild" for merge in merges)
    times = _acceptance.times(params["index"]) if compiled else _acceptance.Times()
    return _acceptance.predict(merges, times, on_slave=params["build_on_slave"])


def _why(refused: Refused) -> str:
    lines = ", ".join(f"{each.line} in {each.file}" for each in refused.fix)
    return f"{refused.path}: {refused.reason}" + (f"; taken with {lines}" if lines else "")


def _answer(
    question: Question,
    params: Params,
    changes: t.Sequence[_tree_plan.Change],
    proposals: t.Sequence[_refusal.Proposal] = (),
) -> Answer:
    """Return what emerge would do once the changes are made, see ``_explained``.

    Raises ``_world.RefusedError``.
    """
    asked = (question.run, question.atoms, question.options)
    if not changes:
        listing = _world.ask(*asked, extra=question.extra)
        return _explained(question, params, listing, proposals, "/")
    with tempfile.TemporaryDirectory(dir=question.scratch) as place:
        configroot = os.path.join(place, "configroot")
        listing = _world.ask_with(*asked, changes, configroot, extra=question.extra)
        return _explained(question, params, listing, proposals, configroot)


def _explained(
    question: Question,
    params: Params,
    listing: _world.Listing,
    proposals: t.Sequence[_refusal.Proposal],
    configroot: str,
) -> Answer:
    """Return the answer with why no binary is taken of what is compiled; what keeps that from being known is words."""
    merges, words = listing.merges, []
    if question.place.is_host and any(merge.kind == "ebuild" for merge in merges):
        how = {"said": listing.said, "excluded": question.options["usepkg_exclude"].split(), "configroot": configroot}
        try:
            merges = _candidates.explained(merges, _candidates.why(question.run, merges, params["index"], **how))
        except (BinhostError, OSError, ValueError) as exc:
            words = [f"Why none of the index's binaries is taken isn't known: {exc}"]
    return Answer(merges, list(proposals), words)


def _with_proposals(question: Question, params: Params, refused: _world.RefusedError) -> Answer:
    """Return the answer with what Portage proposes, if that is allowed and helps; then it isn't written yet."""
    problems = _refusal.explain(refused.text)
    # Portage stops at the first thing that it may not propose to change, unless it is asked for all.
    proposals = _proposed(question) or [each for problem in problems for each in problem.proposals]
    stop = StoppedError(_screen(refused, problems, proposals), _data(problems, proposals))
    if not _proposals.allowed(proposals, params["accept_proposals"]):
        raise stop
    if not question.place.is_host:  # emerge there reads only what is there
        if question.check:
            raise stop
        _proposals.write(question.place.root, proposals)
        return _answer(question, params, (), proposals)
    changes = [*question.to_come, *_proposals.changes(question.place.root, proposals)]
    try:
        return _answer(question, params, changes, proposals)
    except _world.RefusedError as exc:
        raise StoppedError(_screen(exc, _refusal.explain(exc.text), proposals), stop.result) from None


def _agreed(question: Question, answer: Answer) -> Answer:
    """Write the proposals, now that nothing stands against them."""
    if answer.proposals and not question.check:
        _proposals.write(question.place.root, answer.proposals)
    return answer


def _proposed(question: Question) -> list[_refusal.Proposal]:
    """Return what Portage proposes when it is asked for all that it can."""
    command = _emerge.argv(question.atoms, question.options, pretend=True, extra=[*question.extra, *AUTOUNMASK])
    _status, stdout, stderr = question.run(command)
    found = [each for problem in _refusal.explain(stdout + stderr) for each in problem.proposals]
    return list(dict.fromkeys(found))


def _data(problems: t.Sequence[_refusal.Problem], proposals: t.Sequence[_refusal.Proposal]) -> dict[str, t.Any]:
    return {"problems": [asdict(each) for each in problems], "proposals": [asdict(each) for each in proposals]}


def _screen(
    refused: _world.RefusedError, problems: t.Sequence[_refusal.Problem], proposals: t.Sequence[_refusal.Proposal]
) -> str:
    """Return the refusal so that it fits a screen; what cuts it short is in the data."""
    told = "\n".join(problem.words for problem in problems).splitlines() or str(refused).splitlines()
    lines = [*told[:_LINES], *(["..."] if len(told) > _LINES else [])]
    if proposals:
        kinds = sorted({kind for kind, file in _proposals.KINDS.items() for each in proposals if each.file == file})
        lines += ["Portage proposes, and accept_proposals: [" + ", ".join(kinds) + "] would write:"]
        lines += [f"  {each.file}: {each.line}" for each in proposals[:_LINES]]
    return "\n".join(["emerge refuses; nothing was started.", *lines])
