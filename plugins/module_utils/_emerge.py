# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""emerge's command line, and what its log says that it did.

Sources: emerge(1); _emerge/Scheduler.py and _emerge/MergeListItem.py for the log.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

#: Option of ours -> the words it adds when it is set; ``{}`` stands for its value. Source: emerge(1).
FLAGS: t.Final[t.Mapping[str, tuple[str, ...]]] = {
    "update": ("--update",),
    "deep": ("--deep",),
    "newuse": ("--newuse",),
    "emptytree": ("--emptytree",),
    "usepkg": ("--usepkg",),
    "getbinpkg": ("--getbinpkg",),
    "rebuilt_binaries": ("--rebuilt-binaries=y",),
    "with_bdeps": ("--with-bdeps={}",),
    "changed_deps": ("--changed-deps=y",),
    "keep_going": ("--keep-going=y",),
    "fetchonly": ("--fetchonly",),
    "oneshot": ("--oneshot",),
    "nodeps": ("--nodeps",),
    "onlydeps": ("--onlydeps",),
    "buildpkg_exclude": ("--buildpkg-exclude={}",),
    "usepkg_exclude": ("--usepkg-exclude={}",),
    "jobs": ("--jobs={}",),
    "load_average": ("--load-average={}",),
}

#: What emerge prints and logs is read: no locale may translate it, no EMERGE_LOG_DIR move it; nobody waits for a
#: countdown.
ENVIRONMENT: t.Final[t.Mapping[str, str]] = {
    "LC_ALL": "C.UTF-8",
    "NOCOLOR": "true",
    "CLEAN_DELAY": "0",
    "EMERGE_WARNING_DELAY": "0",
    "EMERGE_LOG_DIR": "/var/log",
}

#: A person's EMERGE_DEFAULT_OPTS may ask, colour or be quiet; none of it is for us.
ALWAYS: t.Final = ("--ignore-default-opts", "--ask=n", "--color=n", "--quiet=n", "--nospinner")


def argv(atoms: t.Sequence[str], options: t.Mapping[str, t.Any], *, pretend: bool) -> list[str]:
    """Return the command line; an option that is unset or false adds nothing."""
    words = [word.format(options[name]) for name, template in FLAGS.items() if options.get(name) for word in template]
    mode = ["--pretend", "--verbose"] if pretend else []
    return ["emerge", *ALWAYS, *mode, *words, *atoms]


@dataclass(frozen=True)
class Outcome:
    """What one run of emerge did, from its log."""

    binary: list[str]  # installed from a binary package, in order
    source: list[str]  # compiled and installed
    failed: list[str]  # begun and not completed
    removed: list[str]


# 1700000000:  >>> emerge (1 of 2) app-misc/hello-2.10 to /
# 1700000000:  === (1 of 2) Merging Binary (app-misc/hello-2.10::/var/cache/binpkgs/...)
# 1700000000:  === (1 of 2) Compiling/Merging (app-misc/hello-2.10::/var/db/repos/...)
# 1700000000:  ::: completed emerge (1 of 2) app-misc/hello-2.10 to /
# 1700000000:  >>> unmerge success: app-misc/hello-2.9
_BEGUN = re.compile(r"\d+:\s+>>> emerge \(\d+ of \d+\) (\S+) to ")
_BINARY = re.compile(r"\d+:\s+=== \(\d+ of \d+\) Merging Binary \(([^:]+)::")
_COMPLETED = re.compile(r"\d+:\s+::: completed emerge \(\d+ of \d+\) (\S+) to ")
_REMOVED = re.compile(r"\d+:\s+>>> unmerge success: (\S+)")


def outcome(log: str) -> Outcome:
    """Return what the part of emerge.log in ``log`` says.

    An upgrade's own removal of the old version counts as removed.
    """

    def found(pattern: re.Pattern[str]) -> list[str]:
        return [match[1] for match in map(pattern.match, log.splitlines()) if match]

    completed, binary = found(_COMPLETED), set(found(_BINARY))
    return Outcome(
        binary=[cpv for cpv in completed if cpv in binary],
        source=[cpv for cpv in completed if cpv not in binary],
        failed=[cpv for cpv in dict.fromkeys(found(_BEGUN)) if cpv not in completed],
        removed=found(_REMOVED),
    )


class Step(t.NamedTuple):
    """What emerge has begun, or completed, according to a line that it printed."""

    what: str  # compiling, unpacking, installing, completed
    number: int  # of the package in the list
    total: int
    cpv: str

    @property
    def words(self) -> str:
        """The step as a person reads it."""
        return f"{self.number} of {self.total}: {self.what} {self.cpv}"


# >>> Emerging (2 of 7) app-misc/hello-2.10::lab
_STEP = re.compile(
    r">>> (?P<what>Emerging binary|Emerging|Installing|Completed) \((?P<number>\d+) of (?P<total>\d+)\) "
    r"(?P<cpv>[^\s:]+)"
)
_STEPS: t.Final = {
    "Emerging": "compiling",
    "Emerging binary": "unpacking",
    "Installing": "installing",
    "Completed": "completed",
}


def doing(line: str) -> Step | None:
    """Return what emerge is about according to a line that it printed; None if that says nothing of it."""
    found = _STEP.match(line)
    return Step(_STEPS[found["what"]], int(found["number"]), int(found["total"]), found["cpv"]) if found else None


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def last_words(text: str, lines: int = 30) -> str:
    """Return the last lines of what a program said, without its progress lines and empty ones."""
    said = [_COLOUR.sub("", line).rstrip() for line in text.splitlines()]
    said = [line for line in said if line.strip(" *") and not line.startswith((">>> Jobs:", "Calculating"))]
    return "\n".join(said[-lines:])
