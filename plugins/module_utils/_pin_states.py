# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which state of a repository a pin names: asked of its clone, of its mirror, or of the folder itself."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ansible_collections.larry.binhost.plugins.module_utils import _pins, _repository, _webrsync
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._git import Clone
from ansible_collections.larry.binhost.plugins.module_utils._pins import Made, Pin, Spec, Want
from ansible_collections.larry.binhost.plugins.module_utils._process import Run
from ansible_collections.larry.binhost.plugins.module_utils._webrsync import Snapshots


@dataclass
class Resolver:
    """Who knows the states of one repository; ``remarks`` is what a person should know besides."""

    run: Run
    spec: Spec
    made: Mapping[str, Made]  # of this repository: folder in STATE/repos -> what it is
    state: str
    remarks: list[str] = field(default_factory=list)

    @property
    def clone(self) -> Clone:
        """The repository's clone."""
        spec = self.spec
        return Clone(self.run, os.path.join(self.state, "git", f"{spec.name}.git"), spec.uri, spec.branch)

    @property
    def dated(self) -> Snapshots:
        """The repository's dated snapshots."""
        spec, folder = self.spec, os.path.join(self.state, "webrsync")
        return Snapshots(self.run, spec.name, spec.uri, spec.keys, spec.fingerprint, folder)

    def resolve(self, asked: str, pin: Pin | None) -> Pin:
        """Return the state that ``asked`` names now; ``pin`` is what it is at.  Raises ``BinhostError``."""
        wanted = _pins.want(asked)
        how = {"git": self._of_git, "webrsync": self._of_mirror, "local": self._of_folder}[self.spec.type]
        return replace(how(wanted, pin), asked=self.spec.pin)

    def goes_on(self) -> bool:
        """Return whether what is declared as pin is a branch, which has other commits tomorrow."""
        wanted = _pins.want(self.spec.pin)
        return wanted.kind == _pins.NEWEST or (
            self.spec.type == "git" and wanted.kind == "ref" and self.clone.is_branch(wanted.value)
        )

    def foreseen(self, to: str) -> str:
        """Return what ``resolve`` would find, in words; nothing is fetched for good."""
        wanted = _pins.want(to)
        if wanted.kind == _pins.NEWEST and self.spec.type == "git":
            return self.clone.remote()
        if wanted.kind == _pins.NEWEST and self.spec.type == "local":
            return _repository.revision(self.spec.uri)
        return wanted.value or wanted.kind

    def _of_git(self, wanted: Want, pin: Pin | None) -> Pin:
        clone = self.clone
        clone.present()
        if not self._has(clone, wanted):
            clone.fetch()
        commit = clone.commit(wanted)
        if not commit:
            raise BinhostError(f"{self.spec.uri}: expected {wanted.value or 'a commit'}, found none such")
        moment = clone.moment(commit)
        if wanted.kind == _pins.NEWEST and pin and self._is_older(clone, moment, pin):
            return pin
        if self.spec.keys:
            by = clone.signer(commit, self.spec.keys)
            _webrsync.check_signer(by, self.spec.fingerprint, f"{self.spec.uri}: commit {commit}")
        return Pin("git", commit, wanted.value if wanted.kind == "date" else _pins.day(moment))

    @staticmethod
    def _has(clone: Clone, wanted: Want) -> bool:
        """Return whether nothing that is fetched could change what this is: a commit, or a day that is over here."""
        if wanted.kind == "date":
            newest = clone.commit(_pins.want(_pins.NEWEST))
            return bool(newest) and clone.moment(newest) >= _pins.since(wanted.value) + _pins.DAY
        return wanted.kind == "commit" and bool(clone.commit(wanted))

    def _is_older(self, clone: Clone, moment: int, pin: Pin) -> bool:
        """Return whether the newest state is older than the pinned one, as a mirror shows it that is behind."""
        known = clone.commit(Want("commit", pin.revision))
        older = bool(known) and moment < clone.moment(known)
        if older:
            self.remarks.append(
                f"{self.spec.name} stays at {pin.revision[:12]}: the newest commit of {self.spec.uri} is older. "
                "To go back, name a day or a commit."
            )
        return older

    def _of_mirror(self, wanted: Want, pin: Pin | None) -> Pin:
        day = wanted.value if wanted.kind == "date" else self.dated.newest(time.time(), pin.date if pin else "")
        known = [each.revision for each in self._here().values() if each.date == day]
        return Pin("webrsync", known[0] if known else self.dated.bring(day), day)

    def _of_folder(self, wanted: Want, pin: Pin | None) -> Pin:
        if wanted.kind != _pins.NEWEST:
            return self._made_before(wanted)
        revision = _repository.revision(self.spec.uri)
        return pin if pin and pin.revision == revision else Pin("local", revision, _pins.day(time.time()))

    def _made_before(self, wanted: Want) -> Pin:
        """Return an earlier state of a folder; it has no history but what was made of it."""
        here = self._here()
        for folder, each in sorted(here.items(), key=lambda item: item[1].date):
            named = each.revision.startswith(wanted.value) or folder.endswith(f"-{wanted.value}")
            if named if wanted.kind == "commit" else each.date == wanted.value:
                return Pin("local", each.revision, each.date)
        known = ", ".join(f"{folder[-12:]} of {each.date}" for folder, each in here.items()) or "none"
        raise BinhostError(f"{self.spec.uri}: expected {wanted.value} among what was made of it, found {known}")

    def _here(self) -> dict[str, Made]:
        """Return what of this type was made and is still there."""
        return {
            folder: each
            for folder, each in self.made.items()
            if each.type == self.spec.type and os.path.isdir(os.path.join(self.state, "repos", folder))
        }
