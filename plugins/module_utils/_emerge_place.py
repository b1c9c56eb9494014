# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where emerge runs: on this host, or in a build root as its builds see it."""

from __future__ import annotations

import contextlib
import os
import typing as t
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import (
    _emerge,
    _files,
    _jobs,
    _live,
    _lock,
    _mounts,
    _paths,
    _process,
    _rootrun,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: Of the host's own job.
NAME: t.Final = "emerge"


@dataclass(frozen=True)
class Place:
    """A root, and of a build root what of the host is seen in it."""

    root: str = "/"
    repositories: t.Mapping[str, str] = field(default_factory=dict)  # name -> path on the host
    distdir: str = _mounts.DISTDIR  # on the host
    pkgdir: str | None = None  # on the host; None: nothing is packed
    network: str = "none"  # of builds there; their sources are fetched before
    state: str = _paths.STATE

    @property
    def is_host(self) -> bool:
        """Whether it is this host and no build root."""
        return self.root == "/"

    @property
    def job(self) -> str:
        """The name of the job that emerge is there."""
        return NAME if self.is_host else _jobs.name_of(NAME, self.root)

    @property
    def log(self) -> str:
        """emerge.log."""
        return os.path.join(self.root, "var/log/emerge.log")

    @property
    def live(self) -> str:
        """Where emerge tells how far it is."""
        return "/run/portage" if self.is_host else _paths.below("live", os.path.basename(self.root), state=self.state)

    def argv(
        self, command: t.Sequence[str], environment: t.Mapping[str, str], *, network: str | None = None
    ) -> list[str]:
        """Return the command line that runs ``command`` there."""
        if self.is_host:
            return ["/usr/bin/env", *(f"{name}={value}" for name, value in environment.items()), *command]
        network = self.network if network is None else network
        mounts = _mounts.standard(
            repositories=self.repositories,
            distdir=self.distdir,
            pkgdir=self.pkgdir,
            portage_run=self.live if os.path.isdir(self.live) else None,
            cgroup=True,
            network=network == "host",
        )
        return _rootrun.argv(self.root, mounts, command, {**self._own(), **environment}, network=network)

    def _own(self) -> dict[str, str]:
        """Return what Portage is told in a build root, so that no configuration leads it to another place."""
        packed = {"PKGDIR": _mounts.PKGDIR} if self.pkgdir else {}
        features = f"{'' if self.pkgdir else '-'}buildpkg -getbinpkg {_live.FEATURE}"
        return {"DISTDIR": _mounts.DISTDIR, "FEATURES": features, **packed}

    def runner(self, run: _process.Run) -> Run:
        """Return how to run a program there with an environment, of a way to run programs on this host."""

        def inside(
            args: t.Sequence[str],
            /,
            *,
            environ_update: t.Mapping[str, str] | None = None,
            network: str | None = None,
        ) -> tuple[int, str, str]:
            return run(self.argv(args, {**_emerge.ENVIRONMENT, **(environ_update or {})}, network=network))

        return inside

    @contextlib.contextmanager
    def alone(self) -> t.Iterator[None]:
        """Keep a target's own builds out of its build root.  Raises ``BinhostError``, also where there is no root."""
        if self.is_host:
            yield
            return
        if not os.path.isdir(os.path.join(self.root, "etc/portage")):
            raise BinhostError(f"{self.root}: expected a build root, found none; unpack the stage first")
        _files.directory(self.live)
        with _lock.held(f"build-{os.path.basename(self.root)}", state=self.state):
            yield


class Run(t.Protocol):
    """How to run a program in a place."""

    def __call__(
        self,
        args: t.Sequence[str],
        /,
        *,
        environ_update: t.Mapping[str, str] | None = None,
        network: str | None = None,
    ) -> tuple[int, str, str]:
        """Return exit status and what was said; a status other than 0 is no exception."""
