# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target on a master, with planted packages and slaves."""

from __future__ import annotations

import dataclasses
import subprocess
import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _build, _host, _packages, _paths
from ansible_collections.larry.binhost.plugins.module_utils._target import Result, Target, Variant

from tests.root import planted
from tests.root.build_root import copy, finished

PKG: t.Final = "app-planted"
CONFIG: t.Final = {
    "make.conf/01-target.conf": 'CFLAGS="-O2"\nBINPKG_FORMAT="gpkg"\n',
    "repos.conf/zz-binhost.conf": f"[DEFAULT]\nmain-repo = {planted.NAME}\n\n[{planted.NAME}]\n"
    f"location = {_paths.REPOSITORIES}/{planted.NAME}\nauto-sync = no\n",
}
LINKS: t.Final = {"make.profile": f"../..{_paths.REPOSITORIES}/{planted.NAME}/profiles/{planted.PROFILE}"}


def run(args: t.Any, /) -> tuple[int, str, str]:
    """Run a program as modules do."""
    done = finished(args, check=False)
    return done.returncode, done.stdout, done.stderr


@dataclasses.dataclass(frozen=True)
class Master:
    """A master's folder with one ebuild repository; its targets are made of it."""

    folder: Path
    pristine: Path

    @property
    def repository(self) -> Path:
        return self.folder / planted.NAME

    def plant(self, ebuilds: Mapping[str, str], distfiles: Mapping[str, Mapping[str, bytes]] | None = None) -> None:
        """Put ebuilds into the repository."""
        planted.repository(self.repository, ebuilds, distfiles)

    def root(self, name: str) -> Path:
        """Return a configured build root, made if it isn't there."""
        root = self.folder / "roots" / name
        if not root.exists():
            root.parent.mkdir(parents=True, exist_ok=True)
            copy(self.pristine, root)
            configure(root)
        return root

    def target(self, slaves: Mapping[str, Sequence[str]], name: str = "laptops", **how: t.Any) -> Target:
        """Return a target whose slaves have these worlds."""
        worlds = {atom for atoms in slaves.values() for atom in atoms}
        made = Target(
            name=name,
            root=str(self.root(name)),
            repositories={planted.NAME: str(self.repository)},
            world={atom: sorted(slave for slave in slaves if atom in slaves[slave]) for atom in sorted(worlds)},
            wishes={},
            variants=[variant(slave, world) for slave, world in sorted(slaves.items())],
            links=LINKS,
            compile="v1",
            cflags="-O2",
            distdir=str(self.folder / "distfiles"),
            options={"jobs": 1},
            state_dir=str(self.folder),
        )
        return dataclasses.replace(made, **how)


def variant(name: str, world: Sequence[str], files: Mapping[str, str] | None = None, **how: t.Any) -> Variant:
    """Return a slave with this machine's CPU."""
    return Variant(name, {**CONFIG, **(files or {})}, world, [], _cpu(), **how)


def _cpu() -> list[str]:
    line = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    return line.partition(":")[2].split()


def configure(root: Path) -> None:
    """Do what portage_config does; of the stage's own configuration and packages nothing is left."""
    subprocess.run(["rm", "-rf", str(root / "etc/portage"), str(root / _host.VDB)], check=True)
    for path, text in CONFIG.items():
        (root / "etc/portage" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "etc/portage" / path).write_text(text)
    (root / "etc/portage/make.profile").symlink_to(LINKS["make.profile"])


def build(target: Target) -> Result:
    """Build it."""
    return _build.build(run, target)


def packages(target: Target) -> list[str]:
    """Return what the private PKGDIR's index lists, each with its USE, sorted; every file is there."""
    pkgdir = Path(target.pkgdir)
    listed = _packages.packages(_packages.parse((pkgdir / "Packages").read_text()))
    missing = [entry.path for entry in listed if not (pkgdir / entry.path).is_file()]
    if missing:
        pytest.fail(f"{pkgdir}/Packages lists what is not there: {', '.join(missing)}")
    return sorted(f"{entry.cpv.partition('/')[2]} {entry.values.get('USE', '')}".strip() for entry in listed)
