# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have Portage read a configuration tree before it is put in place.

The Portage that is going to use the tree reads it: the host's, or in a build root the one inside. It exits with 0 and
writes to stderr where an atom is bad, a feature unknown or a repository gone, so its words count as well as its status.
Words that the present tree causes too are its person's affair and don't stop us.
"""

from __future__ import annotations

import json
import os
import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import (
    _config_program,
    _fragments,
    _mounts,
    _portage_query,
    _rootrun,
    _tree_stage,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._mounts import Mount
from ansible_collections.larry.binhost.plugins.module_utils._tree_plan import ADOPTED, BESIDE, CONFIG, Change

#: Seconds until Portage is given up: a repository may lie on a server that is gone.
PATIENCE: t.Final = 120
KILLED: t.Final = 137
#: Where a build root sees the assembled tree: its /run is the namespace's own.
INSIDE: t.Final = "/run/larry-binhost-configroot"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# portage lib/portage/repository/config.py
_ABSENT = re.compile(r"!!! Section '(.+)' in repos\.conf has location attribute set to nonexistent directory: '(.+)'")
# What Portage says besides when the profile lies in a repository that isn't there: config.validate(), LocationsManager.
_FOLLOWS = re.compile(
    r"make\.profile is not a symlink|It should point into a profile within|You can safely ignore this message"
    r"|Unable to parse profile|ParseError: Parent|'profiles/arch\.list' is empty|INVALID ACCEPT_KEYWORDS"
    r"|Unavailable repository|main-repo"
)


@dataclass(frozen=True)
class Reading:
    """What Portage did with a tree."""

    version: str  # empty where it gave up
    status: int
    words: list[str]  # on stderr, each line once; the tree's paths begin with /etc/portage


@dataclass(frozen=True)
class Verdict:
    """What a tree that isn't rejected is worth."""

    read_by: str | None  # the version of the Portage that read it; None where there is none to ask
    warnings: list[str]


class Ask(t.Protocol):
    """How to have a tree read."""

    def __call__(self, place: str | None, /) -> Reading | None:
        """Return what Portage says of the tree assembled in ``place``, or of the present one; None without Portage."""


def check(
    run: _portage_query.Run, root: str, changes: Sequence[Change], *, place: str, repositories: Mapping[str, str]
) -> Verdict:
    """Return what Portage says of ``root``'s tree after the changes, which is assembled in the empty folder ``place``.

    ``repositories`` (name to place on this host) are seen in a build root where they will be used. Raises
    ``BinhostError`` with Portage's words if it rejects the tree.
    """
    if not any(change.path.startswith(f"{CONFIG}/") for change in changes):
        return Verdict(None, [])
    _tree_stage.assemble(root, place, changes, seen="/")

    def ask(place: str | None) -> Reading | None:
        return read(run, root, place, repositories)

    return judge(ask, root, place, changes)


def read(run: _portage_query.Run, root: str, place: str | None, repositories: Mapping[str, str]) -> Reading | None:
    """Return what the root's Portage says; see ``Ask``.  Raises ``BinhostError`` if it doesn't answer in time."""
    host = root == "/"
    configroot = (place if host else INSIDE) if place else "/"
    environment = {**_config_program.ENVIRONMENT, "PORTAGE_CONFIGROOT": configroot}
    for interpreter in _portage_query.INTERPRETERS:
        if not os.path.exists(os.path.join(root, interpreter.lstrip("/"))):
            continue
        command = ["timeout", "-s", "KILL", str(PATIENCE), interpreter, "-B", "-c", _config_program.PROGRAM]
        if host:
            words = [f"{name}={value}" for name, value in {**_rootrun.ENVIRONMENT, **environment}.items()]
            argv = ["/usr/bin/env", "-i", *words, *command]
        else:
            argv = _rootrun.argv(root, _seen(place, repositories), command, environment)
        status, stdout, stderr = run(argv)
        if status == KILLED:
            raise BinhostError(f"{root}: expected Portage to read its configuration in {PATIENCE} s, found no answer")
        if status != _config_program.NO_PORTAGE:
            return reading(status, stdout, stderr, configroot)
    return None


def _seen(place: str | None, repositories: Mapping[str, str]) -> list[Mount]:
    mounts = _mounts.standard(repositories=repositories)
    return [*mounts, Mount(INSIDE, "bind", place, ("ro",))] if place else mounts


def reading(status: int, stdout: str, stderr: str, configroot: str) -> Reading:
    """Return what the program's output says."""
    lines = [_COLOUR.sub("", line).strip() for line in stderr.splitlines()]
    words = [line.replace(f"{configroot.rstrip('/')}/{CONFIG}", f"/{CONFIG}") for line in lines if line]
    last = (stdout.strip().splitlines() or ["{}"])[-1]
    version = json.loads(last).get("version", "") if status == 0 and last.startswith("{") else ""
    return Reading(version, status, list(dict.fromkeys(words)))


def judge(ask: Ask, root: str, place: str, changes: Sequence[Change]) -> Verdict:
    """Return the verdict on the tree in ``place``; the present one is only asked about if there is something to say.

    Raises ``BinhostError`` if Portage rejects it.
    """
    new = ask(place)
    if new is None:
        return Verdict(None, [f"{root}: no Portage is installed there to read the configuration before it is written"])
    absent = {match[1]: match[2] for match in map(_ABSENT.match, new.words) if match}
    told = [word for word in new.words if not (absent and (_ABSENT.match(word) or _FOLLOWS.search(word)))]
    warnings = [
        f"{name}: the repository isn't at {path} yet; without it Portage read only the rest of the configuration"
        for name, path in absent.items()
    ]
    if not told and (new.status == 0 or absent):
        return Verdict(new.version, warnings)
    old = ask(None)
    known = set(old.words) if old else set()
    fresh = [word for word in told if _before(word, changes) not in known]
    if fresh or (new.status != 0 and (told or not absent)):
        raise BinhostError(_rejection(root, fresh, told, changes))
    return Verdict(new.version, [*warnings, *(f"Portage: {word}" for word in told)])


def _before(word: str, changes: Sequence[Change]) -> str:
    """Return what Portage would have said before a file was adopted."""
    for change in changes:
        if change.action == "adopt":
            aside = f"../{os.path.basename(change.path)}{BESIDE}"
            for name in (ADOPTED, aside):
                word = word.replace(f"/{change.path}/{name}", f"/{change.path}")
    return word


def _rejection(root: str, fresh: Sequence[str], told: Sequence[str], changes: Sequence[Change]) -> str:
    where = os.path.join(root, CONFIG)
    if not fresh:
        listed = "\n  ".join([_before(word, changes) for word in told] or ["(no words)"])
        return (
            f"{where}: expected a configuration that Portage can read, found one that it can't, as it stands there now:"
            f"\n  {listed}\nNothing was changed. Repair it and run again."
        )
    listed = "\n  ".join(word + _origin(word, changes) for word in fresh)
    return (
        f"{where}: expected a configuration that Portage accepts, found that it says:\n  {listed}\nNothing was changed."
    )


def _origin(word: str, changes: Sequence[Change]) -> str:
    """Return which of the changed files Portage's word is about, and the variable to change; empty if none is."""
    texts = {
        change.path: change.after.content
        for change in changes
        if change.after and change.after.kind in ("file", "link")
    }
    named = [path for path in texts if re.search(rf"/{re.escape(path)}(?![\w./-])", word)]
    for path in named or _holding(word, texts):
        variable = _fragments.variable(texts[path])
        return f" ({path}; change {variable} in the inventory)" if variable else f" ({path})"
    return ""


def _holding(word: str, texts: Mapping[str, str]) -> list[str]:
    """Return the files that have what Portage names after its last colon, those of a kind that it names first."""
    names = {os.path.basename(name) for name in re.findall(r"[^\s,'\"]+", word.rpartition(": ")[2])}
    found = [
        path
        for path, text in texts.items()
        if any(re.search(rf"^(?!#).*(?<![\w-]){re.escape(name)}(?![\w-])", text, re.MULTILINE) for name in names)
    ]
    return sorted(found, key=lambda path: not any(part in word for part in path.split("/")[2:]))
