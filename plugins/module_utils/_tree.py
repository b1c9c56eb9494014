# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and change a root's etc/portage; what is to change is decided in ``_tree_plan``."""

from __future__ import annotations

import contextlib
import os
import stat
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import (
    _files,
    _fragments,
    _lock,
    _paths,
    _tree_apply,
    _tree_plan,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._tree_plan import ADOPTED, CONFIG, OURS, Change, Entry

RECORD = "var/lib/larry-binhost/config.json"
#: What a module takes that declares a tree.
OPTIONS: t.Final[t.Mapping[str, t.Mapping[str, t.Any]]] = {
    "files": {"type": "dict", "default": {}},
    "links": {"type": "dict", "default": {}},
    "modes": {"type": "dict", "default": {}},
    "world": {"type": "list", "elements": "str"},
    "world_variable": {"type": "str", "default": "slave_world"},
    "owner": {"type": "str", "default": "larry-binhost"},
}


#: Seconds to wait for another who configures the same root: Portage may read for two minutes.
PATIENCE: t.Final = 150


@dataclass(frozen=True)
class Intent:
    """What one call will do to a root."""

    changes: list[Change]
    edited: set[str]  # paths of ours that someone else wrote to
    record: _files.Record  # who owns what afterwards
    known: _files.Record  # who owns what now
    paths: set[str]  # relative to the root: what is declared or was


def asked(root: str, options: Mapping[str, t.Any]) -> Intent:
    """Return what to do so that ``root`` holds what a module's options (OPTIONS) declare.  Raises ``BinhostError``."""
    world_set = None
    if options["world"] is not None:
        head = _fragments.header("What the inventory declares for this machine.", options["world_variable"])
        world_set = _fragments.package_set(options["world"], header=head)
    declared = {name: options[name] for name in ("files", "links", "modes")}
    return intent(root, options["owner"], **declared, world_set=world_set)


def intent(
    root: str,
    owner: str,
    *,
    files: Mapping[str, str],
    links: Mapping[str, str],
    world_set: str | None,
    modes: Mapping[str, str] | None = None,
) -> Intent:
    """Return what to do so that ``root`` holds what is declared; see ``_tree_plan.desired`` for the arguments.

    Raises ``BinhostError``.
    """
    known = _files.load_record(os.path.join(root, RECORD))
    owned = known.get(owner, {})
    wanted = _tree_plan.desired(files, links, world_set, modes)
    paths = {*wanted, *owned, _tree_plan.WORLD_SETS}
    confine(root, paths)
    current = read(root, paths)
    foreign = {path for other, paths in known.items() if other != owner for path in paths}
    changes = _tree_plan.plan(
        current,
        {**wanted, **_world_sets(current, wanted, owned)},
        owned=owned,
        foreign=foreign,
        through=through(root, current),
    )
    record = {**known, owner: {path: _files.digest(entry.content) for path, entry in wanted.items()}}
    record = {name: files for name, files in record.items() if files}
    return Intent(changes, _edited(current, owned), record, known, paths)


def _world_sets(current: Mapping[str, Entry], wanted: t.Container[str], owned: t.Container[str]) -> dict[str, Entry]:
    """Return world_sets as it is to be; nothing where no set of ours is declared or was."""
    if _tree_plan.WORLD_SET not in wanted and _tree_plan.WORLD_SET not in owned:
        return {}
    before = current.get(_tree_plan.WORLD_SETS, Entry("file"))
    text = _tree_plan.world_sets(before.content, wanted=_tree_plan.WORLD_SET in wanted)
    return {_tree_plan.WORLD_SETS: Entry("file", text, before.mode)}


def _edited(current: Mapping[str, Entry], owned: Mapping[str, str]) -> set[str]:
    return {path for path, sha in owned.items() if path in current and _files.digest(current[path].content) != sha}


@contextlib.contextmanager
def held(root: str, wait: float | None = None) -> t.Iterator[None]:
    """Be the only one who configures a root while the block runs.

    Waits ``PATIENCE`` or the seconds given, then raises ``BinhostError`` that names who it is. Does nothing for a root
    that isn't there.
    """
    state = os.path.join(root, _paths.STATE.lstrip("/"))
    lock = _lock.held("config", state=state, wait=PATIENCE if wait is None else wait)
    with lock if os.path.isdir(root) else contextlib.nullcontext():
        yield


def carry_out(root: str, intent: Intent) -> None:
    """Do it, all or nothing.  Killed at any moment, the next call knows what is ours and goes on.

    Raises ``BinhostError``.
    """
    if not os.path.isdir(root):
        raise BinhostError(f"{root}: expected a root to configure, found nothing; unpack the stage first")
    _tree_apply.sweep(_tree_apply.folders(root, {RECORD, *intent.paths}))
    both = {
        name: {**intent.known.get(name, {}), **intent.record.get(name, {})} for name in {*intent.known, *intent.record}
    }
    first, last = _recorded(root, intent.known, both), _recorded(root, both, intent.record)
    _tree_apply.apply(root, [*first, *intent.changes, *last])


def _recorded(root: str, before: _files.Record, after: _files.Record) -> list[Change]:
    """Return the change that makes the record say ``after``; none where it does."""
    if before == after:
        return []
    return [Change("write", RECORD, entry(os.path.join(root, RECORD)), Entry("file", _files.record_text(after)))]


def read(root: str, paths: Iterable[str]) -> dict[str, Entry]:
    """Return what stands at ``paths``, at the directories above them, and at the 01 and 02 names beside them.

    Nothing at all of a root that isn't there.  Raises ``BinhostError`` for a way that leads out of the tree.
    """
    found: dict[str, Entry | None] = {}
    for path in sorted(set(paths)):
        for parent in _tree_plan.parents(path):
            if parent not in found:
                found[parent] = _directory(root, parent)
        for name in [path, *_siblings(root, path)]:
            found[name] = entry(os.path.join(root, name))
    return {path: entry for path, entry in found.items() if entry}


def _siblings(root: str, path: str) -> list[str]:
    """Return what has a name of ours in the directory of ``path``, if that is below etc/portage."""
    folder = os.path.dirname(path)
    if not path.startswith(f"{CONFIG}/"):
        return []
    try:
        names = os.listdir(os.path.join(root, folder))
    except OSError:
        return []
    return [f"{folder}/{name}" for name in names if name.startswith(OURS) and not name.endswith("~")]


def through(root: str, current: Mapping[str, Entry]) -> dict[str, str]:
    """Return the text that each link to a file leads to.  Raises ``BinhostError`` if it can't be read."""
    paths = {path: os.path.join(root, path) for path, entry in current.items() if entry.kind == "link"}
    try:
        return {path: _files.read(full) for path, full in paths.items() if os.path.isfile(full)}
    except OSError as exc:
        raise BinhostError(f"{exc.filename}: expected to read it, found: {exc.strerror}") from exc


def _directory(root: str, path: str) -> Entry | None:
    """Return what stands where a directory is needed: a link to a directory of the tree is one."""
    full = os.path.join(root, path)
    if not os.path.lexists(full) and os.path.lexists(os.path.join(_tree_apply.adopting(full), ADOPTED)):
        return Entry("adopting", _entry_content(os.path.join(_tree_apply.adopting(full), ADOPTED)))
    found = entry(full)
    if found and found.kind == "link" and not os.path.isfile(full):
        return Entry("directory") if os.path.isdir(full) else Entry("other", f"a dead link to {found.content}")
    return found


def entry(path: str) -> Entry | None:
    """Return what stands at a path; None for nothing.  Raises ``BinhostError`` if it can't be read."""
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        if stat.S_ISREG(mode):
            return Entry("file", _files.read(path), stat.S_IMODE(mode))
        return Entry(_kind(mode), _entry_content(path))
    except OSError as exc:
        raise BinhostError(f"{path}: expected to read it, found: {exc.strerror}") from exc


def _kind(mode: int) -> _tree_plan.Kind:
    return "link" if stat.S_ISLNK(mode) else "directory" if stat.S_ISDIR(mode) else "other"


def _entry_content(path: str) -> str:
    if os.path.islink(path):
        return os.readlink(path)
    if os.path.isdir(path):
        return "\n".join(sorted(os.listdir(path)))
    return _files.read(path) if os.path.isfile(path) else ""


def confine(root: str, paths: Iterable[str]) -> None:
    """Raise ``BinhostError`` if links lead the directory of one of ``paths`` out of the root or of etc/portage."""
    base = os.path.realpath(root)
    tree = os.path.realpath(os.path.join(root, CONFIG))
    for folder in sorted({os.path.dirname(path) for path in paths}):
        real = os.path.realpath(os.path.join(root, folder))
        for limit in (base, tree) if f"{folder}/".startswith(f"{CONFIG}/") else (base,):
            if os.path.commonpath([limit, real]) != limit:
                raise BinhostError(
                    f"{os.path.join(root, folder)}: expected a directory below {limit}, found a link to {real}"
                )


def owned_paths(root: str) -> set[str]:
    """Return the paths below etc/portage, relative to it, that are ours; strays named 01-* and 02-* too.

    Raises ``BinhostError`` for a record that can't be read.
    """
    owners = _files.load_record(os.path.join(root, RECORD))
    recorded = {path for files in owners.values() for path in files if path.startswith(f"{CONFIG}/")}
    strays = {path for name in recorded for path in _siblings(root, name)}
    return {os.path.relpath(path, CONFIG) for path in recorded | strays}


def owners(root: str) -> list[str]:
    """Return who owns something in this root, sorted.  Raises ``BinhostError`` for a record that can't be read."""
    return sorted(_files.load_record(os.path.join(root, RECORD)))
