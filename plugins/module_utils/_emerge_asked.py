# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module emerge is asked, made ready: where, with which options, and what tells that nothing is to do."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import (
    _emerge_ask,
    _fingerprint,
    _paths,
    _patterns,
    _process,
    _tree,
    _tree_plan,
    _world,
)
from ansible_collections.larry.binhost.plugins.module_utils._emerge_place import Place, Run

Params = t.Mapping[str, t.Any]
_OURS: t.Final = ("update", "deep", "newuse", "changed_use", "emptytree", "with_bdeps", "oneshot", "usepkg")
_THEIRS: t.Final = ("usepkgonly", "getbinpkg", "binpkg_respect_use", "keep_going", "jobs", "load_average")


@dataclass(frozen=True)
class Host:
    """What a module has to work with."""

    run: _process.Run
    check: bool
    scratch: str  # a folder that goes away


@dataclass(frozen=True)
class Asked:
    """What a module was asked, made ready."""

    host: Host
    params: Params
    place: Place
    run: Run
    options: t.Mapping[str, t.Any]
    to_come: t.Sequence[_tree_plan.Change]  # in the configuration; in check mode alone that can be something

    @property
    def steps(self) -> dict[str, t.Any]:
        """What is wanted afterwards, see ``_later``."""
        return {name: self.params[name] for name in ("preserved_rebuild", "depclean", "config_files")}

    @property
    def wanted(self) -> str:
        """A digest of all that, however much of it is there already."""
        told = {name: self.params[name] for name in ("atoms", "extra_args")}
        return _fingerprint.digest({**told, "options": self.options, "steps": self.steps, "root": self.place.root})

    @property
    def record(self) -> str:
        """The file that says that nothing was left to do; each question has its own."""
        usual = self.place.is_host and self.params["atoms"] == ["@world"]
        name = "world" if usual else f"emerge-{_fingerprint.digest([self.place.root, self.params['atoms']])[:12]}"
        return _paths.below("fingerprints", f"{name}.json", state=self.place.state)

    @property
    def index(self) -> str:
        """The folder of the index that counts."""
        return str(self.params["index"] if self.place.is_host else self.place.pkgdir or self.place.root)

    @property
    def overlays(self) -> dict[str, str]:
        """The repositories that count beside those that are found there: a build root sees those of this host."""
        return dict(self.params["overlays"] if self.place.is_host else self.place.repositories)

    def state(self) -> dict[str, t.Any]:
        """Return everything that the answer depends on."""
        return _world.state(self.index, self.overlays, self.place.root)

    def question(self) -> _emerge_ask.Question:
        """Return what emerge is to be asked."""
        what = (self.params["atoms"], self.options, self.params["extra_args"])
        return _emerge_ask.Question(self.run, self.place, *what, self.host.check, self.host.scratch, self.to_come)


def options(params: Params) -> dict[str, t.Any]:
    """Return emerge's options, as ``_emerge.argv`` has them.  Raises ``BinhostError``."""
    for pattern in params["build_on_slave"]:
        _patterns.check(pattern)
    found = {name: params[name] for name in (*_OURS, *_THEIRS, "rebuilt_binaries")}
    found["newuse"] = params["newuse"] and not params["changed_use"]
    found["usepkg_exclude"] = " ".join([*params["usepkg_exclude"], *params["build_on_slave"]])
    return found


def made_ready(host: Host, params: Params) -> Asked:
    """Return a module's options made ready.  Raises ``BinhostError``."""
    named = ("root", "repositories", "distdir", "pkgdir", "network")
    place = Place(**{name: params[name] for name in named}, state=params["state_dir"])
    declared = params["configuration"] if host.check and place.is_host else None
    to_come = _tree.asked("/", declared).changes if declared else []
    return Asked(host, params, place, place.runner(host.run), options(params), to_come)
