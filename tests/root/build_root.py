# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A build root and how to run commands in it."""

from __future__ import annotations

import shutil
import subprocess
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _mounts, _rootrun

#: Within it everything here ends, on a machine that is busy with something else too.
TIMEOUT_S: t.Final = 1800  # a hang; a busy machine is ten times as slow as an idle one
#: What keeps emerge from asking, and from what a stage lacks.
EMERGE: t.Final = ("emerge", "--ask=n", "--color=n", "--quiet-build=n")


@dataclass(frozen=True)
class BuildRoot:
    """A root, and what of the host is seen in it."""

    path: Path
    distdir: Path
    pkgdir: Path
    portage_run: Path  # stands at /run/portage

    @classmethod
    def beside(cls, root: Path, folder: Path) -> BuildRoot:
        """Return a root whose folders on the host are in ``folder``; the stage's distfiles are among them."""
        made = cls(root, folder / "distfiles", folder / "pkgdir", folder / "portage-run")
        shutil.copytree(root / "var/cache/distfiles", made.distdir)
        made.pkgdir.mkdir()
        made.portage_run.mkdir()
        return made

    @property
    def repository(self) -> Path:
        """Where the lab's repository is in the root, for a test to edit."""
        return self.path / "var/db/repos/lab"

    def ebuild(self, name: str, text: str) -> None:
        """Write ``<category>/<name>-<version>``."""
        category, pf = name.split("/")
        folder = self.repository / category / pf.rpartition("-")[0]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{pf}.ebuild").write_text(text)

    def mounts(self, **how: t.Any) -> list[_mounts.Mount]:
        """Return the standard mounts."""
        places = {"distdir": str(self.distdir), "pkgdir": str(self.pkgdir), "portage_run": str(self.portage_run)}
        return _mounts.standard(**{"repositories": {}, **places, **how})

    def argv(
        self, *command: str, environment: Mapping[str, str] | None = None, network: str = "none", **how: t.Any
    ) -> list[str]:
        """Return the command line that runs ``command`` there; ``how`` changes its mounts."""
        mounts = self.mounts(**how)
        # Nothing here must survive a power cut.
        settings = {**(environment or {}), "FEATURES": f"-merge-sync {(environment or {}).get('FEATURES', '')}".strip()}
        return _rootrun.argv(str(self.path), mounts, command, settings, network=network)

    def run(self, *command: str, check: bool = True, **how: t.Any) -> subprocess.CompletedProcess[str]:
        """Run a command there to its end; one that fails fails the test with its words, unless ``check`` is off."""
        return finished(self.argv(*command, **how), check=check)

    def emerge(self, *words: str, **how: t.Any) -> subprocess.CompletedProcess[str]:
        """Run emerge there."""
        return self.run(*EMERGE, *words, **how)


def copy(pristine: Path, root: Path) -> None:
    """Copy a root; by links it can't be, since Portage sets the time of a file that it finds to be the same."""
    subprocess.run(["cp", "-a", "--reflink=auto", str(pristine), str(root)], check=True)


def finished(argv: Sequence[str], *, check: bool = True, **how: t.Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return its status and words."""
    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL, **how
    )
    if check and done.returncode:
        raise AssertionError(f"{argv[-3:]} ended with status {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done
