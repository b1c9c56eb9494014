# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages of a generation a machine can't run, and why: Portage looks at none of this before it installs them.

What decides is in the seal: CFLAGS against the CPU, the ABI note against the kernel, symbols against the C library.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import _seal


@dataclass(frozen=True)
class Machine:
    """What of a machine decides."""

    features: frozenset[str] = frozenset()  # the kernel's names of what its CPU has; none: nobody knows
    kernel: str = ""  # its release, such as "6.12.1-gentoo-dist"; "" if nobody knows
    glibc: str = ""  # such as "2.38"; "" if nobody knows, or it is another C library
    crashed: t.Mapping[str, t.Optional[_seal.Source]] = field(default_factory=dict)  # PATH to the build that did


@dataclass(frozen=True)
class Reason:
    """Why a package is left out."""

    kind: str  # cpu, kernel, glibc or crashed
    text: str  # where, expected, found


def reasons(seal: _seal.Seal, machine: Machine) -> dict[str, Reason]:
    """Return PATH to the reason of each package that the machine can't run, sorted by PATH."""
    return {}
