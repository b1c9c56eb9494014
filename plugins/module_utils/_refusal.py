# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why emerge refused, as data: Portage's own words, the packages they are about, and the lines that would settle it.

Sources: portage lib/_emerge/depgraph.py (display_problems, _show_unsatisfied_dep, _display_autounmask,
_show_unsatisfied_blockers), resolver/slot_collision.py, resolver/circular_dependency.py, actions.py.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _emerge


@dataclass(frozen=True)
class Proposal:
    """A line that Portage's configuration lacks."""

    file: str  # below /etc/portage: "package.use", "package.accept_keywords", "package.license" or "package.unmask"
    line: str


@dataclass(frozen=True)
class Problem:
    """One thing in the way."""

    # "required_use", "circular", "slot_conflict", "blocked", "masked", "keywords", "license", "use", "missing" (no such
    # package or set), "fetch" (an index or a file), "other"; "skipped" is no refusal: an update or a member of a set
    # is left out
    kind: str
    packages: tuple[str, ...]  # as Portage names them: "app-misc/hello-2.10", or an atom that nothing satisfies
    words: str  # Portage's
    # Together they settle it, as far as Portage tells; where it leaves a choice, they are the least of what it offers.
    proposals: tuple[Proposal, ...] = ()


def explain(text: str) -> list[Problem]:
    """Return what emerge, which ended with another status than 0, said of why, in its order.

    What it said that is known by none of its forms is one problem of the kind "other"; there is always one.
    """
    every = text.splitlines()
    found = [_with_blockers(problem, every) for read, lines in _sections(every) for problem in read(lines)]
    if all(problem.kind == "skipped" for problem in found):
        found.append(Problem("other", (), _emerge.last_words(text)))
    return found


Lines = Sequence[str]
Reader = Callable[[Lines], Iterable[Problem]]

# - x/lib-2::planted (masked by: package.mask, ~amd64 keyword)
_CANDIDATE: t.Final = re.compile(r"- (?P<cpv>[^\s:]+)(?:::\S+)? \(masked by: (?P<reasons>.*)\)$")
# - x/lib-2::planted (Change USE: +nls -doc)
_CHANGE: t.Final = re.compile(r"\s*- (?P<cpv>[^\s:]+)(?:::\S+)? \((?P<why>Change USE|Missing IUSE): (?P<flags>.*)\)$")
# (x/lib-2-1:0/0::planted, binary scheduled for merge)
_NODE: t.Final = re.compile(r"\((?P<cpv>[^\s:()]+/[^\s:()]+):[^\s,]+, (?P<type>\w+)[^()]*\)")
# (virtual/pager-0:0/0::lab, ebuild scheduled for merge) pulled in by
_PULLED: t.Final = re.compile(r"  (?P<node>\(.*\)).* pulled in by$")
_QUOTED: t.Final = re.compile(r"[\"'](?P<atom>\S+)[\"']")
_SLOT: t.Final = re.compile(r"[^\s()]+/[^\s()]+:\S+(?: for /\S*)?$")
_CHANGES: t.Final[t.Mapping[str, tuple[str, str]]] = {
    "keyword": ("keywords", "package.accept_keywords"),
    "mask": ("masked", "package.unmask"),
    "USE": ("use", "package.use"),
    "license": ("license", "package.license"),
}


def _changes(lines: Lines) -> t.Iterator[Problem]:
    """Yield what --autounmask proposes: below its head a line each, under comments that say what asks for it."""
    kind, file = _CHANGES[lines[0].split()[2]]
    comments: list[str] = []
    for line in lines[1:]:
        if line.startswith("#"):
            comments.append(line)
        elif re.match(r"[<>=~]?\S+/\S+", line):
            proposal = Proposal(file, line.strip())
            package = line.split()[0].lstrip("<>=~").partition(":")[0]
            yield Problem(kind, (package,), "\n".join([lines[0], *comments, proposal.line]), (proposal,))
            comments = []


def _masked(lines: Lines) -> t.Iterator[Problem]:
    found = [match for match in map(_CANDIDATE.match, lines) if match]
    offers = [(unmasking(match["cpv"], match["reasons"].split(", ")), match["reasons"]) for match in found]
    possible = [offer for offer in offers if offer[0]] or offers[:1] or [((), "")]
    proposals, reasons = min(possible, key=lambda offer: _cost(offer[0]))
    packages = [match["cpv"] for match in found] or _QUOTED.findall(lines[0])
    yield Problem(mask_kind(reasons), tuple(packages), _words(lines), proposals)


def unmasking(cpv: str, reasons: Iterable[str]) -> tuple[Proposal, ...]:
    """Return the lines that lift every mask of a package; none if one can't be lifted by a line."""
    lines = []
    for reason in reasons:
        name, _space, what = reason.rpartition(" ")
        if reason == "package.mask":
            lines.append(Proposal("package.unmask", f"={cpv}"))
        elif what == "keyword":
            lines.append(Proposal("package.accept_keywords", f"={cpv} {name if name.startswith('~') else '**'}"))
        elif what == "license(s)":
            names = [word for word in name.split() if word not in ("||", "(", ")")]
            lines.append(Proposal("package.license", f"={cpv} {' '.join(names)}"))
        else:
            return ()
    return tuple(lines)


def _cost(proposals: Iterable[Proposal]) -> int:
    """Return how much is given up: a live ebuild's ** or an unmasked package is the last choice."""
    return sum(10 if each.line.endswith("**") or each.file == "package.unmask" else 1 for each in proposals)


def mask_kind(reasons: str) -> str:
    """Return the kind of problem that Portage's reasons for a mask, in one text, are."""
    if "package.mask" in reasons:
        return "masked"
    return "license" if "license(s)" in reasons else "keywords" if "keyword" in reasons else "masked"


def _flags(lines: Lines) -> t.Iterator[Problem]:
    """Yield a dependency that needs a USE flag otherwise; the first package that Portage names is the dependency."""
    found = [match for match in map(_CHANGE.match, lines) if match]
    yield Problem("use", tuple(dict.fromkeys(match["cpv"] for match in found)), _words(lines), _first(found))


def _first(changes: Sequence[re.Match[str]]) -> tuple[Proposal, ...]:
    """Return the first change of USE that is possible; Portage says so where it would break REQUIRED_USE."""
    lines = (f">={match['cpv']} {match['flags'].replace('+', '')}" for match in changes if _possible(match))
    line = next(lines, None)
    return (Proposal("package.use", line),) if line else ()


def _possible(change: re.Match[str]) -> bool:
    return change["why"] == "Change USE" and ", " not in change["flags"]


def _missing(lines: Lines) -> t.Iterator[Problem]:
    names = _QUOTED.findall(lines[0])
    yield Problem("missing", tuple(names), _words(lines))


def _missing_args(lines: Lines) -> t.Iterator[Problem]:
    """Yield members of a set that are named below "Ebuilds for the following packages ... don't exist"."""
    names = " ".join(line for line in lines if not line.startswith("!!!")).split()
    yield Problem("skipped", tuple(names), _words(lines))


def _required_use(lines: Lines) -> t.Iterator[Problem]:
    # - x/required-1::planted USE="-a -b"
    names = [line.split()[1].partition("::")[0] for line in lines if line.startswith("- ")]
    yield Problem("required_use", tuple(names), _words(lines))


def _circular(lines: Lines) -> t.Iterator[Problem]:
    found = [match for match in map(_CHANGE.match, lines) if match]
    yield Problem("circular", _nodes(lines), _words(lines), _first(found))


def openings(problem: Problem) -> list[tuple[str, tuple[str, ...]]]:
    """Return each change of USE that would open a circle of dependencies, as Portage proposes it: package and flags.

    One of them is enough; the flags are words of package.use.
    """
    found = [match for line in problem.words.splitlines() if (match := _CHANGE.match(line)) and _possible(match)]
    return [(each["cpv"], tuple(each["flags"].replace("+", "").split())) for each in found]


def _blocked(lines: Lines) -> t.Iterator[Problem]:
    pulled = [match["node"] for match in map(_PULLED.match, lines) if match]
    yield Problem("blocked", _nodes(pulled), _words(lines))


def _with_blockers(problem: Problem, every: Lines) -> Problem:
    """Return a problem with blockers, which names those that block alone, with the merge list's lines of them."""
    blockers = [line for line in every if line.startswith("[blocks B")]
    if problem.kind != "blocked" or not blockers:
        return problem
    names = [line.partition("]")[2].split()[0] for line in blockers]
    packages = tuple(dict.fromkeys([*problem.packages, *names]))
    return Problem(problem.kind, packages, "\n".join([*blockers, "", problem.words]), problem.proposals)


def _slot_conflict(lines: Lines) -> t.Iterator[Problem]:
    """Yield the conflicts, one for each slot; the changes that Portage proposes settle all of them together."""
    starts = [number for number, line in enumerate(lines) if _SLOT.match(line)]
    changes = [match for match in map(_CHANGE.match, _solution(lines)) if match and _possible(match)]
    proposals = tuple(Proposal("package.use", f">={each['cpv']} {each['flags'].replace('+', '')}") for each in changes)
    for start, end in zip(starts, [*starts[1:], len(lines)]):
        part = lines[start:end]
        pulled = [match["node"] for match in map(_PULLED.match, part) if match]
        yield Problem("slot_conflict", _nodes(pulled), _words([*lines[:2], "", *part]), proposals)


def _solution(lines: Lines) -> Lines:
    """Return the lines of the first solution of a slot conflict."""
    marks = [number for number, line in enumerate(lines) if re.match(r"by applying |\s*Solution: ", line)]
    rest = lines[marks[-1 if len(marks) == 1 else 1] + 1 :] if marks else []
    return rest[: list(rest).index("")] if "" in rest else rest


def _nodes(lines: Lines) -> tuple[str, ...]:
    """Return the packages that Portage's graph names, each once; a binary's without its build id."""
    found = [match for line in lines for match in _NODE.finditer(line)]
    names = (re.sub(r"-\d+$", "", each["cpv"]) if each["type"] == "binary" else each["cpv"] for each in found)
    return tuple(dict.fromkeys(names))


def _fetch(lines: Lines) -> t.Iterator[Problem]:
    yield Problem("fetch", (), _words(lines))


def _skipped(lines: Lines) -> t.Iterator[Problem]:
    names = [line for line in lines if _SLOT.match(line)]
    yield Problem("skipped", tuple(names), _words(lines))


def _other(lines: Lines) -> t.Iterator[Problem]:
    yield Problem("other", tuple(_QUOTED.findall(lines[0])), _words(lines))


def _nothing(lines: Lines) -> t.Iterator[Problem]:  # noqa: ARG001
    """Yield nothing: what is told beside and is no reason."""
    return iter(())


def _words(lines: Lines) -> str:
    """Return what was said, without the empty lines around it and at most one within."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip("\n")


#: What begins a section, and what reads it. Of a form that is told beside a refusal, nothing.
_HEADS: t.Final[t.Sequence[tuple[re.Pattern[str], Reader]]] = [
    (re.compile(head), read)
    for head, read in (
        (r"The following (keyword|mask|USE|license) changes are necessary to proceed:", _changes),
        (r"(!!! )?All (ebuilds|binary packages) that could satisfy ", _masked),
        (r"!!! The following updates are masked by LICENSE changes:", _masked),
        (r"emerge: there are no (ebuilds|binary packages) built with USE flags to satisfy ", _flags),
        (r"emerge: [tT]here are no (ebuilds|binary packages|sets) to satisfy ", _missing),
        (r"!!! Ebuilds for the following packages are either all", _missing_args),
        (r"!!! The ebuild selected to satisfy ", _required_use),
        (r"\s*\* Error: circular dependencies:", _circular),
        (r"!!! Multiple package instances within a single package slot", _slot_conflict),
        (r"\s*\* Error: The above package list contains", _blocked),
        (r"(WARNING: One or more updates|!!! The following update(\(s\))? ha(s|ve) been skipped)", _skipped),
        (r"!!! (\[\S+\] )?(Error fetching binhost package info|Binhost package index )|!!! Couldn't download ", _fetch),
        (r"!!! \S+ is not a valid package atom|!!! The short ebuild name |!!! --\w+ requires all ", _other),
        (r"emerge: the given set ", _other),
        (r"!!! (Problem resolving dependencies|The following (installed|binary) packages)", _nothing),
        (r"!!! Problems have been detected with your world", _nothing),
        (r"\[(ebuild|binary|nomerge|uninstall|blocks)\b|These are the packages|Calculating dep|Total: ", _nothing),
        (r"NOTE: (?!Use the '--verbose)|Use --autounmask-write|\s*\* In order to avoid wasting", _nothing),
        (r"It may be possible to solve this problem|For more information|Dependency resolution took", _nothing),
        (r"Would you like to |Nothing to merge", _nothing),
    )
]


def _sections(lines: Lines) -> t.Iterator[tuple[Reader, Lines]]:
    """Yield each part of what emerge said with the one that reads it; what stands before the first is passed over."""
    starts = [(number, read) for number, line in enumerate(lines) for head, read in _HEADS if head.match(line)]
    for (start, read), end in zip(starts, [*(number for number, _read in starts[1:]), len(lines)]):
        yield read, lines[start:end]
