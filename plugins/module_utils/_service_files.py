# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's files outside /etc/portage together with the services that read them: checked beside, then swapped in.

What is ours is recorded in STATE/services.json, by owner; what a changed file still has to be told to a service, too,
so that a run that was killed between the two is completed by the next.
"""

from __future__ import annotations

import os
import re
import shlex
import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import (
    _exports,
    _files,
    _services,
    _tree,
    _tree_apply,
    _tree_plan,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._openpgp import Run
from ansible_collections.larry.binhost.plugins.module_utils._services import Service, State, Step
from ansible_collections.larry.binhost.plugins.module_utils._tree_plan import Change, Entry

RECORD = "services.json"


@dataclass(frozen=True)
class Command:
    """What is run after files have changed, as a service that no manager tells of them."""

    argv: tuple[str, ...]
    after: tuple[str, ...]  # the files

    @property
    def words(self) -> str:
        """The command as a person types it."""
        return " ".join(map(shlex.quote, self.argv))


@dataclass(frozen=True)
class Wish:
    """What one caller declares."""

    owner: str
    files: Mapping[str, Entry]
    directories: Sequence[str] = ()
    checks: Sequence[Sequence[str]] = ()
    services: Sequence[Service] = ()
    commands: Sequence[Command] = ()


@dataclass(frozen=True)
class Intent:
    """What one call will do."""

    folders: list[str]  # to make
    changes: list[Change]
    steps: list[Step]
    states: Mapping[str, State]  # of the services, before
    known: _files.Record
    record: _files.Record
    manager: _services.Manager | None = field(repr=False, default=None)
    commands: Sequence[Command] = ()  # to run

    @property
    def paths(self) -> list[str]:
        """What will be different on disk."""
        return [*self.folders, *(change.path for change in self.changes)]


def wanted(files: Mapping[str, t.Any]) -> dict[str, Entry]:
    """Return the declared files, {path: {content, mode}}.  Raises ``BinhostError`` for what is no such declaration."""
    return {absolute("files", path): _declared(path, spec) for path, spec in files.items()}


def absolute(option: str, path: str) -> str:
    """Return the path if it is absolute and plain.  Raises ``BinhostError``."""
    if not path.startswith("/") or os.path.normpath(path) != path or not path.isprintable():
        raise BinhostError(f"{option}: expected an absolute path without '..', found {path!r}")
    return path


def _declared(path: str, spec: t.Any) -> Entry:
    if not isinstance(spec, Mapping) or not isinstance(spec.get("content"), str) or set(spec) - {"content", "mode"}:
        raise BinhostError(f"files, {path}: expected content (text) and mode, found {spec!r}")
    mode = spec.get("mode", "0644")
    if isinstance(mode, str) and re.match(r"[0-7]{3,4}\Z", mode):
        return Entry("file", spec["content"], int(mode, 8))
    raise BinhostError(f"files, {path}: expected a mode as '0644', found {mode!r}")


def intent(run: Run, wish: Wish, *, state: str, manager: _services.Manager | None) -> Intent:
    """Return what to do; asks the service manager, changes nothing.  Raises ``BinhostError``."""
    if wish.services and not manager:
        names = ", ".join(service.name for service in wish.services)
        raise BinhostError(f"services {names}: expected systemd or OpenRC to run here, found neither")
    _exported(wish)
    known = _files.load_record(os.path.join(state, RECORD))
    pending = known.get(_pending(wish.owner), {})
    changes = _file_changes(wish, known)
    written = [change.path for change in changes if change.after]
    removed = [change.path for change in changes if not change.after]
    asked = [service.name for service in wish.services]
    now = _services.states(run, manager, [*asked, *_services.defined(manager, removed)]) if manager else {}
    steps: list[Step] = []
    if manager:
        steps = _services.plan(manager, wish.services, now, changed=written, removed=removed, pending=pending)
    record = {path: _files.digest(entry.content) for path, entry in wish.files.items()}
    others = {name: paths for name, paths in known.items() if name not in (wish.owner, _pending(wish.owner))}
    after = {**others, **({wish.owner: record} if record else {})}
    touched = {change.path for change in changes}
    commands = [one for one in wish.commands if touched & set(one.after) or _told(one) in pending]
    return Intent(_missing(wish.directories), changes, steps, now, known, after, manager, commands)


def _exported(wish: Wish) -> None:
    """Look at what an NFS server would read, which has no checker of its own.  Raises ``BinhostError``."""
    ours = {path: entry.content for path, entry in wish.files.items() if _exports.FILE.match(path)}
    others = {path: text for path, text in (_exports.files() if ours else {}).items() if path not in ours}
    for path, text in ours.items():
        _exports.check(path, text, others)


def _told(command: Command) -> str:
    """Return the name under which a command is among what is still to be told."""
    return f"command {command.words}"


def _pending(owner: str) -> str:
    """Return the name under which the record keeps what is still to be told."""
    return f"{owner} (to tell)"


def _file_changes(wish: Wish, known: _files.Record) -> list[Change]:
    for other, paths in known.items():
        taken = sorted(set(paths) & set(wish.files)) if other != wish.owner else []
        if taken:
            raise BinhostError(f"{taken[0]}: expected to own it, found it declared by another owner, {other}")
    current = {path: _tree.entry(path) for path in {*wish.files, *known.get(wish.owner, {})}}
    differs = [path for path in sorted(wish.files) if current[path] != wish.files[path]]
    stale = [(path, entry) for path, entry in sorted(current.items()) if entry and path not in wish.files]
    written = [_tree_plan.placed(path, current[path], wish.files[path]) for path in differs]
    removed = [Change("remove", path, entry, None) for path, entry in stale if entry.kind in ("file", "link")]
    return [*written, *removed]


def _missing(folders: Iterable[str]) -> list[str]:
    missing = [absolute("directories", path) for path in folders if not os.path.isdir(path)]
    for path in missing:
        if os.path.lexists(path):
            raise BinhostError(f"{path}: expected a directory, found something else")
    return missing


def as_diff(intent: Intent) -> list[dict[str, str]]:
    """Return what Ansible shows with ``--diff``, one entry per directory, file and service."""
    folders = [
        {"before": "", "after": "a directory\n", "before_header": f"{path} (absent)", "after_header": path}
        for path in intent.folders
    ]
    files = _tree_plan.as_diff("/", intent.changes)
    commands = [
        {"before": "", "after": "run\n", "before_header": one.words, "after_header": one.words}
        for one in intent.commands
    ]
    return [*folders, *files, *_services.as_diff(intent.steps, intent.states), *commands]


def carry_out(run: Run, wish: Wish, intent: Intent, *, state: str) -> None:
    """Do it: check, swap, tell.  Raises ``BinhostError``; after a failed check no file has changed."""
    for path in [*intent.folders, *(os.path.dirname(change.path) for change in intent.changes if change.after)]:
        _made(path)
    _checked(run, wish, intent)
    record = os.path.join(state, RECORD)
    if intent.changes or intent.record != intent.known:
        _files.save_record(record, _before(wish.owner, intent))
    early = [step for step in intent.steps if step.verb in ("stop", "disable")]
    if intent.manager:
        _services.carry_out(run, intent.manager, early)
    _tree_apply.apply("/", intent.changes)
    if intent.manager:
        _services.carry_out(run, intent.manager, [step for step in intent.steps if step not in early])
        if intent.steps:
            _services.verify(run, intent.manager, wish.services)
    for command in intent.commands:
        _check(run, command.argv, command.argv, "succeed")
    if intent.record != intent.known or intent.changes:
        _files.save_record(record, intent.record)


def _made(path: str) -> None:
    try:
        _files.directory(path)
    except OSError as exc:
        raise BinhostError(f"{path}: expected to make this directory, found: {exc.strerror}") from exc


def _before(owner: str, intent: Intent) -> _files.Record:
    """Return the record while the work goes on: all that was ours or will be, and what is to be told."""
    tell: dict[str, str] = {step.service: step.verb for step in intent.steps if step.verb in ("restart", "reload")}
    tell.update((_told(command), "run") for command in intent.commands)
    ours = {**intent.known.get(owner, {}), **intent.record.get(owner, {})}
    return {**intent.record, owner: ours, _pending(owner): tell}


def _checked(run: Run, wish: Wish, intent: Intent) -> None:
    """Run the checks on the new files, written beside the old ones.  Raises ``BinhostError`` with a checker's words."""
    new = {change.path: change.after for change in intent.changes if change.after}
    drafts = {path: _files.beside(path, "new") for path in new}
    try:
        for path, entry in new.items():
            _draft(path, drafts[path], entry)
        for check in wish.checks if intent.changes else ():
            _check(run, instead(check, drafts), check)
    finally:
        for draft in drafts.values():
            _files.remove(draft)


def _draft(path: str, draft: str, entry: Entry) -> None:
    try:
        _files.write_new(draft, entry.content, entry.mode)
    except OSError as exc:
        raise BinhostError(f"{path}: expected to write it, found: {exc.strerror}") from exc


def _check(run: Run, argv: Sequence[str], check: Sequence[str], end: str = "accept the new files") -> None:
    code, text, words = run(list(argv))
    if code != 0:
        said = "\n".join(part.strip() for part in (text, words) if part.strip())
        raise BinhostError(f"{' '.join(check)}: expected it to {end}, found status {code}:\n{said}")


def instead(argv: Sequence[str], drafts: Mapping[str, str]) -> list[str]:
    """Return a check's words with every path of ``drafts`` replaced; one that only begins like it stays."""
    if not drafts:
        return list(argv)
    names = "|".join(re.escape(path) for path in sorted(drafts, key=len, reverse=True))
    pattern = re.compile(rf"(?:{names})(?![\w./-])")
    return [pattern.sub(lambda match: drafts[match[0]], word) for word in argv]
