# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A master that signs: its own gpg and Portage are those of a root of the stage."""

from __future__ import annotations

import shutil
import subprocess
import typing as t
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import (
    _generation,
    _key_states,
    _keys,
    _packages,
    _release,
)
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

from tests.root.build_root import finished
from tests.root.master import Master, build
from tests.root.planted import FILE, PROGRAM

#: What is built: the world is x/app, which needs x/lib, and x/plain is @system.
EBUILDS: t.Final = {"x/lib-1": PROGRAM, "x/app-1": 'RDEPEND="x/lib"\n' + FILE}
LIB, APP, PLAIN = (f"x/{name}/{name}-1-1.gpkg.tar" for name in ("lib", "app", "plain"))
LIB_AGAIN: t.Final = LIB.replace("-1.gpkg", "-2.gpkg")
#: In a mount namespace of its own, where the paths of this machine's /tmp and of the state are those of the root too.
_INSIDE: t.Final = """
root=$1 state=$2
shift 2
for place in /dev /proc /tmp "${state%/*}"; do
    mount --rbind "$place" "$root$place" || exit
done
exec chroot "$root" "$@"
"""


class Host:
    """What a master is to the collection: a way to run programs, and a state folder."""

    def __init__(self, state: Path, system: Path) -> None:
        self.state = state
        self.system = system  # a root that has gpg and Portage
        self.started: list[str] = []

    @classmethod
    def like(cls, built: Path, state: Path, system: Path) -> Host:
        """Return a master of one's own that has built what stands in ``built``; its build root is that one."""
        made = cls(state, system)
        left_out = shutil.ignore_patterns("roots", "S.*", "run")
        shutil.copytree(built, state, symlinks=True, ignore=left_out, dirs_exist_ok=True)
        (state / "roots").symlink_to(built / "roots")
        record = state / "keys" / _keys.RECORD
        record.write_text(record.read_text().replace(str(built), str(state)))
        return made

    def run(self, args: Sequence[str], /) -> tuple[int, str, str]:
        """Run a program as modules do: of gpg and Portage, those of the system."""
        self.started.append(args[0])
        mine = args[0].startswith("gpg") or (args[0].startswith("/usr/bin/python") and args[1] == "-c")
        apart = [
            "unshare",
            "--mount",
            "--propagation=slave",
            "sh",
            "-c",
            _INSIDE,
            "sh",
            str(self.system),
            str(self.state),
        ]
        inside = apart if mine else []
        done = finished([*inside, *args], check=False)
        return done.returncode, done.stdout, done.stderr

    def keys(self, which: str = "present", **wanted: t.Any) -> None:
        """Make a key, or what else ``which`` says."""
        how = _key_states.Wanted("larry.binhost", state=str(self.state), **wanted)
        _key_states.converge(self.run, which, how)

    def request(self, target: str = "laptops", **how: t.Any) -> _release.Request:
        """Return what is asked of a target's generations."""
        return _release.Request(target, str(self.state), distdir=str(self.state / "distfiles"), **how)

    def publish(self, target: str = "laptops", **how: t.Any) -> dict[str, t.Any]:
        """Publish as the job does."""
        return _release.publish(self.run, self.request(target, **how))

    def verify(self, target: str = "laptops", **how: t.Any) -> list[str]:
        """Return what is wrong with a generation."""
        return t.cast("list[str]", _release.verify(self.run, self.request(target, **how))["problems"])

    def folder(self, number: int | str = "current", target: str = "laptops") -> Path:
        """Return a generation's folder."""
        return Path(Place(target, str(self.state)).generation(number))

    def generation(self, number: int | str = "current", target: str = "laptops") -> _generation.Generation:
        """Return a generation; it has to be whole."""
        return _generation.check(str(self.folder(number, target)))


def build_and_make_a_key(state: Path, pristine: Path) -> None:
    """Do what is the same for all tests of publishing, and takes longest."""
    master = Master(state, pristine)
    master.plant(EBUILDS)
    result = build(master.target({"amd": ["x/app"]}))
    if result.problems:
        raise AssertionError(result.problems)
    Host(state, pristine).keys()


def build_again(host: Host, cpv: str = "x/lib-1") -> None:
    """Do as if a package had been built once more."""
    pkgdir = host.state / "pkgdir/laptops"
    category, pf = cpv.split("/")
    old, new = (pkgdir / category / pf.rpartition("-")[0] / f"{pf}-{number}.gpkg.tar" for number in (1, 2))
    shutil.copy2(old, new)
    text = (pkgdir / "Packages").read_text()
    index = _packages.parse(text)
    stanza = next(block for block in text.split("\n\n") if f"CPV: {cpv}\n" in block + "\n")
    more = stanza.replace(old.name, new.name).replace("BUILD_ID: 1", "BUILD_ID: 2")
    header = {"PACKAGES": str(len(index.stanzas) + 1)}
    (pkgdir / "Packages").write_text(f"{_packages.dump(_packages.with_header(index, header))}{more}\n\n")


def umount(place: Path) -> None:
    """Unmount a file system."""
    subprocess.run(["umount", str(place)], check=True)
