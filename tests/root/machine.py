# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine with planted ebuilds and what real Portage says there before it does anything."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _emerge, _merge_list, _refusal
from ansible_collections.larry.binhost.plugins.module_utils._merge_list import Merge
from ansible_collections.larry.binhost.plugins.module_utils._refusal import Problem, Proposal

from tests.root import planted
from tests.root.build_root import BuildRoot, copy

REPOSITORY: t.Final = "/var/db/repos/planted"
#: Where the index of binaries is, on the host below the root.
INDEX: t.Final = "/srv/index"
CONFIG: t.Final = {
    "repos.conf/planted.conf": f"[DEFAULT]\nmain-repo = planted\n\n[planted]\nlocation = {REPOSITORY}\n",
    "binrepos.conf/master.conf": f"[master]\nsync-uri = file://{INDEX}\npriority = 1\n",
}


@dataclasses.dataclass(frozen=True)
class Machine:
    """A root with the planted repository and no binaries yet."""

    root: BuildRoot

    @classmethod
    def beside(cls, pristine: Path, folder: Path) -> Machine:
        """Return one in ``folder`` on which nothing is installed: no test waits for a build of what it needs."""
        copy(pristine, folder / "root")
        made = cls(BuildRoot.beside(folder / "root", folder))
        shutil.rmtree(made.root.path / "var/db/pkg")
        made._configure()
        return made

    def _configure(self) -> None:
        portage = self.root.path / "etc/portage"
        shutil.rmtree(portage / "repos.conf", ignore_errors=True)
        conf = (portage / "make.conf").read_text()
        (portage / "make.conf").unlink()
        for name, text in {**CONFIG, "make.conf/01-stage": conf}.items():
            (portage / name).parent.mkdir(exist_ok=True)
            (portage / name).write_text(text)
        (portage / "make.profile").unlink()
        (portage / "make.profile").symlink_to(f"../..{REPOSITORY}/profiles/{planted.PROFILE}")

    @property
    def repository(self) -> Path:
        """Where the ebuilds are."""
        return self.root.path / REPOSITORY.lstrip("/")

    @property
    def index(self) -> Path:
        """Where the index of binaries is, which Portage is told of."""
        return self.root.path / INDEX.lstrip("/")

    def install(self, cpv: str, values: Mapping[str, str]) -> None:
        """Note a package as installed."""
        category, pf = cpv.split("/")
        usual = {"EAPI": "8", "SLOT": "0", "KEYWORDS": "amd64", "USE": "amd64", "LICENSE": "GPL-2", "COUNTER": "1"}
        known = {"CATEGORY": category, "PF": pf, "repository": planted.NAME, "BUILD_TIME": "1"}
        entry = self.root.path / "var/db/pkg" / cpv
        entry.mkdir(parents=True)
        for name, value in {**usual, **known, **values}.items():
            (entry / name).write_text(f"{value}\n")

    def run(self, args: t.Any, /) -> tuple[int, str, str]:
        """Run a program there as modules do; the index is named by its place on the host."""
        words = [str(word).replace(str(self.index), INDEX) for word in args]
        done = self.root.run(*words, environment=_emerge.ENVIRONMENT, check=False)
        return done.returncode, done.stdout, done.stderr

    def emerge(self, *words: str) -> tuple[int, str, str]:
        """Ask emerge what it would do."""
        return self.run(["emerge", *_emerge.ALWAYS, "--pretend", "--verbose", *words])

    def merges(self, *words: str) -> list[Merge]:
        """Return the merge list."""
        status, stdout, stderr = self.emerge(*words)
        assert status == 0, stdout + stderr
        return _merge_list.parse(stdout)

    def problems(self, *words: str) -> list[Problem]:
        """Return why emerge refuses."""
        status, stdout, stderr = self.emerge(*words)
        assert status != 0, stdout
        # The list that it refuses is read too; it also searches, if a name is ambiguous.
        if "[ Results for search key" not in stdout:
            _merge_list.parse(stdout)
        return _refusal.explain(stdout + stderr)

    @contextlib.contextmanager
    def with_lines(self, lines: Sequence[Proposal]) -> Iterator[None]:
        """Have lines in files of their own below /etc/portage."""
        places = []
        for number, proposal in enumerate(lines):
            place = self.root.path / "etc/portage" / proposal.file / f"zz-{number}"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(f"{proposal.line}\n")
            places.append(place)
        yield
        for place in places:
            place.unlink()
