# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a target's packages are on the machine that builds them, and its generations on every machine."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._paths import STATE, TARGET_NAME


@dataclass(frozen=True)
class Place:
    """Where a target's packages are."""

    target: str
    state: str = STATE

    def __post_init__(self) -> None:
        """Refuse a name that would lead elsewhere."""
        if not TARGET_NAME.match(self.target):
            raise BinhostError(f"target: expected a name of a-z, 0-9, - and _, found {self.target!r}")

    @property
    def root(self) -> str:
        """Its build root."""
        return os.path.join(self.state, "roots", self.target)

    @property
    def pkgdir(self) -> str:
        """The private PKGDIR of its builds."""
        return os.path.join(self.state, "pkgdir", self.target)

    @property
    def pool(self) -> str:
        """Its pool."""
        return os.path.join(self.state, "pool", self.target)

    @property
    def folder(self) -> str:
        """Its generations."""
        return os.path.join(self.state, "generations", self.target)

    def generation(self, number: int | str) -> str:
        """Return the folder of one generation, or of ``"current"``."""
        return os.path.join(self.folder, str(number))

    def numbers(self) -> list[int]:
        """Return the numbers of all complete generations, ascending."""
        names = os.listdir(self.folder) if os.path.isdir(self.folder) else []
        return sorted(int(name) for name in names if name.isascii() and name.isdigit())
