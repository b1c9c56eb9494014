# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""emerge's command line, and what it says while it runs.  Source: emerge(1)."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: Option of ours -> the words it adds when it is set; ``{}`` stands for its value. Source: emerge(1).
FLAGS: t.Final[t.Mapping[str, tuple[str, ...]]] = {
    "update": ("--update",),
    "deep": ("--deep",),
    "newuse": ("--newuse",),
    "changed_use": ("--changed-use",),
    "emptytree": ("--emptytree",),
    "usepkg": ("--usepkg",),
    "usepkgonly": ("--usepkgonly",),
    "getbinpkg": ("--getbinpkg",),
    "rebuilt_binaries": ("--rebuilt-binaries=y",),
    "binpkg_respect_use": ("--binpkg-respect-use={}",),
    "with_bdeps": ("--with-bdeps={}",),
    "changed_deps": ("--changed-deps=y",),
    "keep_going": ("--keep-going=y",),
    "fetchonly": ("--fetchonly",),
    "oneshot": ("--oneshot",),
    "nodeps": ("--nodeps",),
    "onlydeps": ("--onlydeps",),
    "buildpkg": ("--buildpkg=y",),
    "buildpkg_exclude": ("--buildpkg-exclude={}",),
    "usepkg_exclude": ("--usepkg-exclude={}",),
    "jobs": ("--jobs={}",),
    "load_average": ("--load-average={}",),
}
#: The same -> what it adds when it is false, and not merely unset: FEATURES=getbinpkg, or what another option implies,
#: is not to decide. Source: _emerge/actions.py and create_depgraph_params.py.
DENIED: t.Final[t.Mapping[str, str]] = {
    "usepkg": "--usepkg=n",
    "getbinpkg": "--getbinpkg=n",
    "rebuilt_binaries": "--rebuilt-binaries=n",
    "keep_going": "--keep-going=n",
}

#: What emerge prints and logs is read: no locale may translate it, no EMERGE_LOG_DIR move it; nobody waits for a
#: countdown.
ENVIRONMENT: t.Final[t.Mapping[str, str]] = {
    "LC_ALL": "C.UTF-8",
    "NOCOLOR": "true",
    "CLEAN_DELAY": "0",
    "EMERGE_WARNING_DELAY": "0",
    "EMERGE_LOG_DIR": "/var/log",
    "LARRY_BINHOST_SYNC": "no",  # see _sync_hook
}

#: A person's EMERGE_DEFAULT_OPTS may ask, colour or be quiet; none of it is for us.
ALWAYS: t.Final = ("--ignore-default-opts", "--ask=n", "--color=n", "--quiet=n", "--nospinner")


def argv(
    atoms: t.Sequence[str], options: t.Mapping[str, t.Any], *, pretend: bool, extra: t.Sequence[str] = ()
) -> list[str]:
    """Return the command line; an option that is unset adds nothing, nor one that is false unless ``DENIED`` has it.

    Raises ``BinhostError`` for an atom that emerge would take for an option.
    """
    for atom in atoms:
        if atom.startswith("-"):
            raise BinhostError(f"atoms: expected atoms and sets, found {atom!r}; options of emerge go to extra_args")
    mode = ["--pretend", "--verbose"] if pretend else []
    return ["emerge", *ALWAYS, *mode, *_words(options), *atoms, *extra]


def _words(options: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    for name, template in FLAGS.items():
        if options.get(name):
            yield from (word.format(options[name]) for word in template)
        elif options.get(name) is False and name in DENIED:
            yield DENIED[name]


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
