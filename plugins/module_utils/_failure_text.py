# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of emerge that failed, as a person wants to be told it: one screen that says what, why, where and what now."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _emerge, _failure_words
from ansible_collections.larry.binhost.plugins.module_utils._failure import Failure
from ansible_collections.larry.binhost.plugins.module_utils._outcome import Dropped, Outcome

#: Lines of a message: with Ansible's own around it they are what a terminal shows at once.
SCREEN: t.Final = 25
#: Failures that are told in full, packages that are listed, and groups of dropped ones; of the rest, the number.
_TOLD: t.Final = 3
_NAMES: t.Final = 6
#: Characters of a line that are shown.
_WIDTH: t.Final = 160
#: Words of a reason -> what to do, whatever the phase.
_REASONS: t.Final[t.Mapping[str, str]] = {
    _failure_words.NO_SPACE.lower(): "Make room in PORTAGE_TMPDIR, or set another in package.env; then run again.",
    "by a program": "Fetch its files by hand (its pkg_nofetch says where) and put them into DISTDIR; then run again.",
    "the binary package": "Let the master offer it again, signed and whole; then run again.",
    "killed by signal": "If memory ran out (see the kernel's log), lower MAKEOPTS or jobs; then run again.",
    "exited unexpectedly": "If memory ran out (see the kernel's log), lower MAKEOPTS or jobs; then run again.",
}
#: Phase -> the same.
_PHASES: t.Final[t.Mapping[str, str]] = {
    "fetch": "Check network and mirrors, or put the file into DISTDIR (a binary: into PKGDIR); then run again.",
    "test": "If its tests don't matter here, switch them off for it (FEATURES=-test in package.env); then run again.",
    "merge": "Clear what is in its way (see the log); then run again.",
    "postinst": "It is installed but not set up: mend what it names, then run emerge --oneshot ={cpv}.",
    "pretend": "It refuses before it begins: do what it asks for; then run again.",
    "setup": "It refuses before it begins: do what it asks for; then run again.",
}
_OTHERWISE: t.Final = "Mend what the log names, or mask this version (={cpv} in package.mask); then run again."

# >>> Unpacking source...
_PROGRESS = re.compile(r">>> (?!Downloading)")


def told(outcome: Outcome, status: int, words: str, *, what: str = "emerge") -> str:
    """Return the message for a run that failed: at most SCREEN lines, the most important ones first.

    ``status`` is emerge's; ``words`` the last of what it said, all there is where no package failed; ``what`` names
    the command.
    """
    if not outcome.failures:
        said = [line[:_WIDTH] for line in _emerge.last_words(words, SCREEN - 1).splitlines()] or ["It said nothing."]
        return "\n".join([f"{what}: expected status 0, found {status}:", *said])
    full, others = outcome.failures[:_TOLD], [each.cpv for each in outcome.failures[_TOLD:]]
    tail = [f"Also failed: {listed(others)}"] if others else []
    tail += dropped(outcome.dropped)
    room = (SCREEN - 1 - len(tail)) // len(full)
    return "\n".join([_head(outcome, what), *(line for each in full for line in _failure(each, room)), *tail])


def _head(outcome: Outcome, what: str) -> str:
    installed = len(outcome.binary) + len(outcome.source)
    counts = {"failed": len(outcome.failures), "dropped": len(outcome.dropped), "installed": installed}
    return f"{what}: " + ", ".join(f"{number} {word}" for word, number in counts.items() if number or word == "failed")


def title(failure: Failure) -> str:
    """Return the line that says of a package that, where and why it failed."""
    phase = f" in phase {failure.phase}" if failure.phase else ""
    installed = ", although its files are installed" if failure.installed else ""
    return f"{failure.cpv} failed{phase}{installed}" + (f": {failure.reason}" if failure.reason else "")


def remedy(failure: Failure) -> str:
    """Return what a person can do about a failure."""
    by_reason = next((what for words, what in _REASONS.items() if words in failure.reason), "")
    return (by_reason or _PHASES.get(failure.phase, _OTHERWISE)).format(cpv=failure.cpv)


def _failure(failure: Failure, room: int) -> list[str]:
    """Return a failure in at most ``room`` lines."""
    shown = telling(failure, room - 3)
    log = f"its log is {failure.log}" if failure.log else "no log of it is left"
    ends = (", which ends:" if failure.log else "; emerge said:") if shown else ""
    lines = [f"    {line}" for line in shown]
    return [title(failure)[: 2 * _WIDTH], f"  {remedy(failure)}", f"  {log}{ends}", *lines]


def telling(failure: Failure, lines: int) -> list[str]:
    """Return at most so many lines of the log's end, without what the title says too and what is said twice."""
    known = (f"ERROR: {failure.cpv}:", failure.reason or "\0")
    said = [line[:_WIDTH] for line in dict.fromkeys(failure.lines) if not any(each in line for each in known)]
    brief = [line for line in said if not _PROGRESS.match(line)] or said
    return brief[-lines:] if lines > 0 else []


def dropped(packages: t.Iterable[Dropped]) -> list[str]:
    """Return a line for each reason for which packages were left out."""
    groups: dict[str, list[str]] = {}
    for each in packages:
        because = f"Dropped because {each.cause} failed" if each.cause else "Not begun"
        if each.requires and not each.cause:
            because = f"Dropped because {', '.join(each.requires)} is missing"
        groups.setdefault(because, []).append(each.cpv)
    lines = [f"{because}: {listed(names)}" for because, names in groups.items()]
    more = sum(map(len, list(groups.values())[_TOLD:]))
    return lines if len(lines) <= _TOLD else [*lines[:_TOLD], f"Dropped for other reasons: {more}"]


def listed(names: t.Sequence[str]) -> str:
    """Return names in one line: the first few, and how many more there are."""
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(names[:_NAMES]) + more
