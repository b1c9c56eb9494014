# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A master that signs: its own gpg and Portage are those of a root of the stage."""

from __future__ import annotations

import subprocess
import typing as t
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _generation, _key_states, _release
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

from tests.root.build_root import finished

#: In a mount namespace of its own, where the paths of this machine's /tmp are those of the root too.
_INSIDE: t.Final = """
root=$1
shift
for place in /dev /proc /tmp; do
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

    def run(self, args: Sequence[str], /) -> tuple[int, str, str]:
        """Run a program as modules do: of gpg and Portage, those of the system."""
        self.started.append(args[0])
        mine = args[0].startswith("gpg") or (args[0].startswith("/usr/bin/python") and args[1] == "-c")
        inside = (
            ["unshare", "--mount", "--propagation=slave", "sh", "-c", _INSIDE, "sh", str(self.system)] if mine else []
        )
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


def umount(place: Path) -> None:
    """Unmount a file system."""
    subprocess.run(["umount", str(place)], check=True)
