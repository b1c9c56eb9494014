# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""emerge's command line, and what it says while it runs.  Source: emerge(1)."""

from __future__ import annotations

import re
import typing as t

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


# >>> Emerging (2 of 7) app-misc/hello-2.10::lab
_STEP = re.compile(r">>> (?P<what>Emerging binary|Emerging|Installing) \((?P<count>\d+ of \d+)\) (?P<cpv>[^\s:]+)")
_STEPS: t.Final = {"Emerging": "compiling", "Emerging binary": "unpacking", "Installing": "installing"}


def doing(line: str) -> str | None:
    """Return what emerge is about according to a line that it printed; None if that says nothing of it."""
    step = _STEP.match(line)
    return f"{step['count']}: {_STEPS[step['what']]} {step['cpv']}" if step else None


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def last_words(text: str, lines: int = 30) -> str:
    """Return the last lines of what a program said, without its progress lines and empty ones."""
    said = [_COLOUR.sub("", line).rstrip() for line in text.splitlines()]
    said = [line for line in said if line.strip(" *") and not line.startswith((">>> Jobs:", "Calculating"))]
    return "\n".join(said[-lines:])
