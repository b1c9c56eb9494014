# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ebuild repositories where they are written: git's, with real commits; and a machine that pins them.

git is this machine's; egencache is the stage's, in a root that sees the state folder at its own path.
"""

from __future__ import annotations

import os
import subprocess
import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _mounts, _pinning, _rootrun

from tests.root import planted
from tests.root.master import run

#: When a commit is made unless a test says so: 2026-01-31 12:00 UTC.
NOON: t.Final = 1769860800
DAY: t.Final = 86400


class Upstream:
    """A git repository with ebuilds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main", ".")

    def git(self, *words: str, when: int = NOON) -> str:
        """Run git there, as somebody at a given moment."""
        date = f"{when} +0000"
        who = {f"GIT_{role}_{what}": text for role in ("AUTHOR", "COMMITTER") for what, text in _WHO.items()}
        environment = {**os.environ, **who, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        environment.update({"HOME": str(self.folder), "GIT_CONFIG_NOSYSTEM": "1"})
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"git {words}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def plant(self, ebuilds: Mapping[str, str], when: int = NOON) -> str:
        """Commit these ebuilds beside what is there, and the profile; return the commit."""
        planted.repository(self.folder, ebuilds)
        return self.commit(when)

    def write(self, path: str, text: str) -> None:
        """Write a file."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def commit(self, when: int = NOON) -> str:
        """Commit all that is there; return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a change", when=when)
        return self.git("rev-parse", "HEAD")

    @property
    def declared(self) -> dict[str, t.Any]:
        """Return how a master declares it."""
        return {"type": "git", "uri": str(self.folder)}


_WHO: t.Final = {"NAME": "Larry", "EMAIL": "larry@example.org"}


class Pinner:
    """A machine that pins: of Portage it has the stage's."""

    def __init__(self, state: Path, system: Path) -> None:
        self.state = state
        self.system = system
        state.mkdir(parents=True, exist_ok=True)
        for place in (state, *state.parents):
            if place.stat().st_uid == os.geteuid() and place != Path("/"):
                place.chmod(place.stat().st_mode | 0o055)  # egencache reads as nobody in particular

    def run(self, args: Sequence[str], /) -> tuple[int, str, str]:
        """Run a program as modules do."""
        if "egencache" not in args:
            return run(args)
        here = _mounts.Mount(str(self.state), "bind", str(self.state))
        return run(_rootrun.argv(str(self.system), [*_mounts.standard(repositories={}), here], args, {}))

    def request(self, repositories: Mapping[str, Mapping[str, t.Any]], **how: t.Any) -> _pinning.Request:
        """Return what is asked for."""
        return _pinning.Request(repositories, **{"state": str(self.state), **how})

    def pin(self, repositories: Mapping[str, Mapping[str, t.Any]], **how: t.Any) -> _pinning.Result:
        """Pin these repositories."""
        return _pinning.converge(self.run, self.request(repositories, **how))
