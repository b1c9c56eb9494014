# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of pinned ebuild repositories, each with the metadata cache that its masters' eclasses make.

::

    STATE/pinning/NAME/tree   a snapshot that is being made; nobody else's, and gone with the next run
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import (
    _durable,
    _egencache,
    _files,
    _pins,
    _repository,
    _webrsync,
)
from ansible_collections.larry.binhost.plugins.module_utils._egencache import Repository
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._pin_states import Resolver
from ansible_collections.larry.binhost.plugins.module_utils._pins import Made, Pin, Spec
from ansible_collections.larry.binhost.plugins.module_utils._process import Run


@dataclass
class Maker:
    """Who makes the snapshots of one run; what was made before is known by ``made``, which grows."""

    run: Run
    specs: Mapping[str, Spec]
    others: Mapping[str, str]  # repositories that aren't pinned: name -> place
    made: dict[str, Made]
    state: str
    jobs: int = 1
    remarks: list[str] = field(default_factory=list)

    def resolver(self, name: str) -> Resolver:
        """Return who knows the states of a repository."""
        mine = {folder: each for folder, each in self.made.items() if folder[:-13] == name}
        return Resolver(self.run, self.specs[name], mine, self.state, self.remarks)

    def standing(self, name: str, pinned: Mapping[str, Pin]) -> str:
        """Return the folder of the snapshot that this state has already; empty if it has none."""
        pin, spec = pinned[name], self.specs[name]
        for folder, each in self.made.items():
            same = folder[:-13] == name and (each.type, each.revision) == (pin.type, pin.revision)
            if not same or not os.path.isdir(self.path(folder)):
                continue
            declared = spec.masters is None or list(spec.masters) == list(each.masters)
            if declared and all(self._eclasses(master, pinned) == found for master, found in each.masters.items()):
                return folder
        return ""

    def path(self, folder: str) -> str:
        """Return where a snapshot is."""
        return os.path.join(self.state, "repos", folder)

    def _eclasses(self, name: str, pinned: Mapping[str, Pin]) -> str:
        """Return the digest of a repository's eclasses; empty where it isn't known."""
        if name not in self.specs:
            return _egencache.eclasses(self.others[name]) if name in self.others else ""
        folder = self.standing(name, pinned) if name in pinned else ""
        return self.made[folder].eclasses if folder else ""

    def ensure(self, name: str, pinned: Mapping[str, Pin], above: tuple[str, ...] = ()) -> str:
        """Return the folder of the state's snapshot, made if there is none.  Raises ``BinhostError``."""
        if name in above:
            raise BinhostError(f"repository {name}: expected masters that don't go in a circle: {', '.join(above)}")
        return self.standing(name, pinned) or self._make(name, pinned, above)

    def clean(self) -> None:
        """Remove what isn't finished."""
        _durable.remove(os.path.join(self.state, "pinning"))

    def _make(self, name: str, pinned: Mapping[str, Pin], above: tuple[str, ...]) -> str:
        work = os.path.join(self.state, "pinning", name)
        _durable.remove(work)
        _files.directory(work)
        tree = self._raw(name, pinned[name], os.path.join(work, "tree"))
        _check_name(name, tree)
        masters = self._masters(name, tree, pinned, (*above, name))
        cached = Repository(name, tree, {master: place for master, (place, _eclasses) in masters.items()})
        self._cache(cached, work)
        pin, spec = pinned[name], self.specs[name]
        commit = pin.revision if pin.type == "git" else _webrsync.commit(tree)
        eclasses = {master: digest for master, (_place, digest) in masters.items()}
        found = Made(pin.revision, pin.type, pin.date, spec.uri, commit, _egencache.eclasses(tree), eclasses)
        folder = f"{name}-{_pins.identity(found)}"
        _settle(tree, self.resolver(name).clone.moment(commit) if pin.type == "git" else None)
        _files.directory(os.path.dirname(self.path(folder)))
        if not os.path.isdir(self.path(folder)):
            _durable.finish(tree, self.path(folder))
        _durable.remove(work)
        self.made[folder] = found
        return folder

    def _raw(self, name: str, pin: Pin, tree: str) -> str:
        """Return the folder with a state as it comes."""
        states = self.resolver(name)
        if pin.type == "webrsync":
            states.dated.bring(pin.date)
            return states.dated.unpack(pin.date, tree)
        if pin.type == "local":
            if _repository.revision(states.spec.uri) != pin.revision:
                raise BinhostError(
                    f"{states.spec.uri}: expected the state {pin.revision[:12]} that is pinned, found another, and its "
                    "snapshot is gone: move the pin (playbooks/snapshot.yml)"
                )
            _repository.fill(states.spec.uri, tree, pin.revision, tree)
            return tree
        states.clone.present()
        if not states.clone.commit(_pins.want(pin.revision)):
            states.clone.fetch()
        _files.directory(tree)
        states.clone.check_out(pin.revision, tree)
        return tree

    def _masters(
        self, name: str, tree: str, pinned: Mapping[str, Pin], above: tuple[str, ...]
    ) -> dict[str, tuple[str, str]]:
        """Return master to its folder and the digest of its eclasses.  Raises ``BinhostError`` for an unknown one."""
        declared = self.specs[name].masters
        found = {}
        for master in _egencache.masters(tree) if declared is None else declared:
            if master in self.specs:
                folder = self.ensure(master, pinned, above)
                found[master] = (self.path(folder), self.made[folder].eclasses)
            elif master in self.others:
                found[master] = (self.others[master], _egencache.eclasses(self.others[master]))
            else:
                known = ", ".join(sorted({*self.specs, *self.others} - {name})) or "none"
                raise BinhostError(
                    f"repository {name}: masters: expected some of {known}, found {master}: "
                    "declare it in binhost_repositories"
                )
        return found

    def _cache(self, repository: Repository, work: str) -> None:
        mine = [folder for folder in self.made if folder[:-13] == repository.name]
        older = next((path for folder in reversed(mine) if os.path.isdir(path := self.path(folder))), "")
        words = _egencache.update(self.run, repository, os.path.join(work, "portage"), older=older, jobs=self.jobs)
        if words:
            self.remarks.append(f"{repository.name}: egencache says: {words}")


def _check_name(name: str, tree: str) -> None:
    """Raise ``BinhostError`` if the repository calls itself otherwise: Portage goes by that name."""
    found = _egencache.own_name(tree)
    if found != name:
        raise BinhostError(
            f"repository {name}: expected a repository of that name, found {found or 'no profiles/repo_name'}"
        )


def _settle(tree: str, moment: int | None) -> None:
    """Let all be readable by all and nobody's to change, and say when it was made if that is known.

    Raises ``BinhostError`` for what can't be in a repository.
    """
    for entry in _repository.entries(tree):
        path = os.path.join(tree, entry.path)
        if entry.target is None:
            os.chmod(path, 0o755 if stat.S_ISDIR(entry.mode) or entry.mode & 0o100 else _durable.FILE_MODE)
        if moment is not None:
            os.utime(path, (moment, moment), follow_symlinks=False)
    os.chmod(tree, 0o755)
