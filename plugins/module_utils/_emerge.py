# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""emerge's command line, and the merge list it shows before it does anything.

Sources: emerge(1); lib/portage/_emerge/resolver/output.py for the merge list.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

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
class Merge:
    """One line of the merge list."""

    kind: str  # "ebuild", "binary", "uninstall", "nomerge" or "blocks"
    cpv: str  # "app-misc/hello-2.10-r1"; of a blocker, its atom
    build_id: int | None  # of a binary
    repository: str
    marks: (
        str  # the letters between kind and name: N new, U upgrade, D downgrade, R reinstall, S slot, B hard blocker ...
    )
    rest: str  # USE and size as emerge prints them


# [ebuild  N     ] app-misc/hello-2.10::lab  USE="nls -static" 0 KiB
# [binary   R    ] app-arch/pigz-2.6-2:0/1::lab [2.6:0/1::lab] to /mnt/ USE="" 31 KiB
# [blocks B      ] <sys-apps/foo-2 ("<sys-apps/foo-2" is soft blocking sys-apps/bar-1)
_LINE = re.compile(r"\[(?P<kind>ebuild|binary|uninstall|nomerge|blocks)(?P<marks>[^]]*)\] (?P<rest>.*)$")
_NAME = re.compile(r"(?P<cpv>[^\s:]+)(?P<slot>:[^\s:]+)?(?:::(?P<repository>\S+))?(?:\s+(?P<rest>.*))?$")
_BUILD_ID = re.compile(r"-(?P<build_id>\d+)$")
#: A version, so that the number behind it is known to be a build id: PMS 3.2.
_VERSION_THEN_ID = re.compile(r"-\d+(\.\d+)*[a-z]?(_(pre|p|beta|alpha|rc)\d*)*(-r\d+)?-\d+$")


def merge_list(text: str) -> list[Merge]:
    """Return what ``emerge --pretend --verbose`` printed as its merge list, in its order.

    Raises ``BinhostError`` at a line that begins like an entry and is none.
    """
    entries = [line.lstrip() for line in text.splitlines() if line.lstrip().startswith("[")]
    return [_merge(entry) for entry in entries]


def _merge(entry: str) -> Merge:
    line = _LINE.match(entry)
    name = _NAME.match(line["rest"]) if line else None
    if line is None or name is None:
        raise BinhostError(
            f"emerge --pretend: expected '[ebuild|binary|uninstall|nomerge|blocks ...] package', found {entry!r}"
        )
    cpv, build_id = name["cpv"], None
    if line["kind"] == "binary" and _VERSION_THEN_ID.search(cpv):
        number = _BUILD_ID.search(cpv)
        if number is not None:
            cpv, build_id = cpv[: number.start()], int(number["build_id"])
    return Merge(
        line["kind"], cpv, build_id, name["repository"] or "", line["marks"].strip(), (name["rest"] or "").strip()
    )


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
