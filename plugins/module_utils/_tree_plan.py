# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Own files below a root's etc/portage: what should be there and the changes that lead to it.  Touches nothing.

Paths are relative to the root ("etc/portage/make.conf/01-target.conf").  Ours is what was declared once (the record),
and every name ``01-*`` and ``02-*`` in a directory in which we own something; all else is the user's.
"""

from __future__ import annotations

import os
import re
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _host
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

CONFIG = "etc/portage"
WORLD_SET = "etc/portage/sets/binhost"
WORLD_SETS = "var/lib/portage/world_sets"
#: The name of a file that was in the place of a directory; it sorts before all of ours.
ADOPTED = _host.ADOPTED
BESIDE, SOURCES_IT, sources_beside = _host.BESIDE, _host.SOURCES_IT, _host.sources_beside
OURS = ("01-", "02-")
MODE = 0o644
# Portage reads these as a directory just as it does as a file (portage(5); ebuild/fetch.py, mirrors), and everything
# that begins with package.; license_groups it doesn't (ebuild/_config/LicenseManager.py).
_EITHER = frozenset({"make.conf", "repos.conf", "binrepos.conf", "sets.conf", "mirrors"})
# Portage lib/portage/const.py, VCS_DIRS: never entered.
_UNREAD = frozenset({"CVS", "RCS", "SCCS"})
_MODE = re.compile(r"0?[0-7]{3}\Z")

Kind = t.Literal["file", "link", "directory", "adopting", "other"]


@dataclass(frozen=True)
class Entry:
    """What stands, or is to stand, at a path."""

    kind: Kind  # "adopting": a killed run had moved the file away and not yet put it into its directory
    #: Of a file its text, of a link its target, of a directory its names, one per line; of one that comes about by
    #: adoption, what is to stand in ``00-adopted`` if the file itself stays beside it.
    content: str = ""
    mode: int = MODE  # permissions of a file


@dataclass(frozen=True)
class Change:
    """One path to create (``before is None``), remove (``after is None``), replace, or adopt."""

    action: t.Literal["write", "link", "remove", "adopt"]
    path: str  # relative to the root
    before: Entry | None
    after: Entry | None


def desired(
    files: Mapping[str, str], links: Mapping[str, str], world_set: str | None, modes: Mapping[str, str] | None = None
) -> dict[str, Entry]:
    """Return what is to stand at which path; ``files``, ``links`` and ``modes`` are relative to etc/portage.

    Raises ``BinhostError`` for a path that leaves etc/portage, that Portage wouldn't read, or that is declared twice.
    """
    wanted: dict[str, Entry] = {}
    _declare(wanted, "files", "file", files)
    _declare(wanted, "links", "link", links)
    if world_set is not None:
        _declare(wanted, "world", "file", {os.path.relpath(WORLD_SET, CONFIG): world_set})
    for name, mode in (modes or {}).items():
        path = _checked("modes", name)
        if path not in wanted or wanted[path].kind != "file":
            raise BinhostError(f"modes, {name}: expected one of the declared files, found no such file")
        wanted[path] = Entry("file", wanted[path].content, _mode(name, mode))
    for path in wanted:
        for parent in parents(path):
            if parent in wanted:
                raise BinhostError(
                    f"{parent}: expected a file or a directory, found both declared ({path} is below it)"
                )
    return wanted


def _declare(wanted: dict[str, Entry], option: str, kind: Kind, declared: Mapping[str, str]) -> None:
    for name, content in declared.items():
        path = _checked(option, name)
        if not isinstance(content, str):
            raise BinhostError(f"{option}, {name}: expected text, found {content!r}")
        if path in wanted:
            raise BinhostError(f"{option}, {name}: expected one declaration of {path}, found two")
        wanted[path] = Entry(kind, content)


def _mode(name: str, mode: object) -> int:
    if not isinstance(mode, str) or not _MODE.match(mode):
        raise BinhostError(f"modes, {name}: expected permissions in quotes such as '0640', found {mode!r}")
    return int(mode, 8)


def _checked(option: str, name: str) -> str:
    """Return the path relative to the root."""
    parts = name.split("/")
    if name.startswith("/") or {"", ".", ".."} & set(parts) or not name.isprintable():
        raise BinhostError(f"{option}: expected a path below {CONFIG} without '..', found {name!r}")
    for part in parts:
        if part.startswith(".") or part.endswith("~") or part in _UNREAD:
            raise BinhostError(f"{option}: expected a name that Portage reads, found {part!r} in {name!r}")
    return f"{CONFIG}/{name}"


def world_sets(current: str, *, wanted: bool) -> str:
    """Return the text of world_sets with or without ``@binhost``; other lines keep their place."""
    lines = [line for line in current.splitlines() if line.strip() != "@binhost"]
    if wanted and len(lines) == len(current.splitlines()):
        lines.append("@binhost")
    elif wanted:
        return current
    return "".join(f"{line}\n" for line in lines)


def parents(path: str) -> list[str]:
    """Return the directories between etc/portage and ``path``, top first; none for what is elsewhere."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(3, len(parts))] if path.startswith(f"{CONFIG}/") else []


def plan(
    current: Mapping[str, Entry],
    desired: Mapping[str, Entry],
    *,
    owned: Iterable[str],
    foreign: Iterable[str] = (),
    through: Mapping[str, str] | None = None,
    yields: Iterable[str] = (),
) -> list[Change]:
    """Return the changes, in the order to make them, after which ``current`` is as ``desired``.

    ``owned`` are the paths we own by record, ``foreign`` those of another owner; ``through`` has the text that a link
    leads to, ``yields`` are paths that are ours whoever wrote there.  Raises ``BinhostError`` where a directory that
    isn't empty, a device, a person's file of another text or another owner's is in the way, and where a directory that
    is about to be ours has a person's file of a name that only ours may have.
    """
    owned, foreign = set(owned), set(foreign)
    _refuse_strangers(current, desired, {os.path.dirname(path) for path in owned | foreign})
    taken = sorted(set(desired) & foreign)
    if taken:
        raise BinhostError(f"{taken[0]}: expected to own it, found it declared by another owner")
    _refuse_loss(current, {path: desired[path] for path in set(desired) - set(yields)}, owned, through or {})
    stale = _stale(current, desired, owned) - foreign
    needed = {parent for path in desired for parent in parents(path)}
    removals = {path: Change("remove", path, current[path], None) for path in sorted(stale)}
    first = [removals.pop(path) for path in sorted(stale & needed)]
    adopted = [_adoption(*item) for item in sorted(current.items()) if _to_adopt(*item, needed - stale)]
    differs = [path for path in sorted(desired) if current.get(path) != desired[path]]
    written = [placed(path, current.get(path), desired[path]) for path in differs]
    return [*first, *adopted, *written, *removals.values()]


def _refuse_strangers(current: Mapping[str, Entry], desired: Mapping[str, Entry], ours: set[str]) -> None:
    for folder in sorted({os.path.dirname(path) for path in desired if path.startswith(f"{CONFIG}/")} - ours):
        for path in sorted(current):
            if os.path.dirname(path) == folder and os.path.basename(path).startswith(OURS) and path not in desired:
                raise BinhostError(
                    f"{path}: expected no file named {' or '.join(f'{start}*' for start in OURS)} of anybody else's, "
                    "found one; nothing was changed. Give it another name, say 50-mine, and run again."
                )


def _refuse_loss(
    current: Mapping[str, Entry], desired: Mapping[str, Entry], owned: set[str], through: Mapping[str, str]
) -> None:
    """Refuse to overwrite what a person wrote; of the same text it becomes ours, as an import needs it."""
    folders = {os.path.dirname(path) for path in owned}
    for path in sorted(desired):
        there, wanted = current.get(path), desired[path]
        if not there and os.path.basename(path) == ADOPTED:  # what is going to be there
            there = current.get(os.path.dirname(path))
            there = Entry("file", there.content) if there and there.kind in ("file", "adopting") else None
        if not there or path in owned or not path.startswith(f"{CONFIG}/") or there.kind not in ("file", "link"):
            continue
        ours_by_name = os.path.basename(path).startswith(OURS) and os.path.dirname(path) in folders
        if ours_by_name or (there.kind, wanted.kind) == ("link", "link"):
            continue
        text = there.content if there.kind == "file" else through.get(path)
        if wanted.kind != "file" or text != wanted.content:
            raise BinhostError(
                f"{path}: expected no file of anybody else's where {_described(wanted)} is declared, found "
                f"{_described(there)} of other content that isn't ours; nothing was changed. Rename it, or take it "
                "into the inventory (playbooks/import.yml), and run again."
            )


def _stale(current: Mapping[str, Entry], desired: Mapping[str, Entry], owned: set[str]) -> set[str]:
    """Return what is ours, there, and not declared."""
    folders = {os.path.dirname(path) for path in owned | set(desired)}
    beside = {path for path in current if path.startswith(f"{CONFIG}/") and os.path.dirname(path) in folders}
    strays = {path for path in beside if os.path.basename(path).startswith(OURS)}
    gone = (owned | strays) - set(desired)
    return {path for path in gone if path in current and current[path].kind in ("file", "link")}


def _to_adopt(path: str, entry: Entry, needed: set[str]) -> bool:
    return entry.kind == "adopting" or (path in needed and entry.kind != "directory")


def _adoption(path: str, entry: Entry) -> Change:
    sources = entry.kind == "file" and path.startswith(f"{CONFIG}/make.conf") and sources_beside(entry.content)
    if entry.kind == "other" or not _is_either(path) or (sources and path != f"{CONFIG}/make.conf"):
        raise BinhostError(f"{path}: expected a directory, found {_described(entry)}")
    return Change("adopt", path, entry, Entry("directory", SOURCES_IT if sources else ""))


def _is_either(path: str) -> bool:
    """Return whether Portage reads as a directory too what can be a file here."""
    name, _slash, rest = path[len(CONFIG) + 1 :].partition("/")
    if name == "profile":  # LocationsManager.py: of the person's own, directories are always read
        return rest.partition("/")[0] in _host.PROFILE_FILES
    return name in _EITHER or name.startswith("package.")


def placed(path: str, before: Entry | None, after: Entry) -> Change:
    """Return the change that puts ``after`` in place of ``before``.

    Raises ``BinhostError`` where ``before`` is a directory or a device that must not be replaced.
    """
    if before and (before.kind == "other" or before.kind == "directory" and (after.kind == "file" or before.content)):
        raise BinhostError(f"{path}: expected {_described(after)}, found {_described(before)}")
    return Change("link" if after.kind == "link" else "write", path, before, after)


def _described(entry: Entry) -> str:
    if entry.kind == "directory":
        names = entry.content.splitlines()
        return f"a directory that holds {', '.join(names[:3])}" if names else "an empty directory"
    if entry.kind == "other":
        return entry.content or "neither file, link nor directory"
    return f"a link to {entry.content}" if entry.kind == "link" else "a file"


def as_diff(root: str, changes: Iterable[Change], *, edited: t.Container[str] = ()) -> list[dict[str, str]]:
    """Return what Ansible shows with ``--diff``, an entry per path; ``edited`` were changed by someone else."""
    return [
        {
            "before": _shown(change, change.before, change.after),
            "after": _shown(change, change.after, change.before),
            "before_header": _header(root, change.path, change.before) + " (changed by hand)" * (change.path in edited),
            "after_header": _header(root, change.path, change.after),
        }
        for change in changes
    ]


def _header(root: str, path: str, entry: Entry | None) -> str:
    return os.path.join(root, path) if entry else f"{os.path.join(root, path)} (absent)"


def _shown(change: Change, entry: Entry | None, other: Entry | None) -> str:
    """Return one side of a diff; ``other`` is the other side."""
    if entry is None:
        return ""
    if change.action == "adopt":
        place = f"{change.path}{BESIDE}, which {ADOPTED} in it sources" if entry.content else f"{ADOPTED} in it"
        return f"a directory; the file is {place}, unchanged\n" if entry.kind == "directory" else "a file\n"
    if entry.kind != "file":
        return _described(entry) + "\n"
    text = entry.content.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if other and other.kind == "file" and other.mode != entry.mode:
        return f"(mode {entry.mode:04o})\n{text}"
    return text
