# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CFLAGS let GCC use of an x86 CPU, by our tables: for a machine that may have no compiler, or an older one.

The order matters as it does to GCC: of several ``-march`` the last counts, options of single features count wherever
they stand, each with what it needs, and ``-mno-`` takes away also what needs that.
"""

from __future__ import annotations

from ansible_collections.larry.binhost.plugins.module_utils import _compiler, _cpu_native, _cpu_x86
from ansible_collections.larry.binhost.plugins.module_utils._cpu_x86_march import MARCH

_MARCH = "-march="


def needed(cflags: str) -> frozenset[str]:
    """Return the features, in the kernel's names, that a CPU needs to run what is compiled with these.

    A name of ``-march`` that isn't known needs nothing; nor does what does no harm on a CPU that lacks it.
    """
    words = _compiler.split(cflags)
    names = [word[len(_MARCH) :] for word in words if word.startswith(_MARCH)]
    known = [_cpu_native.required(name) for name in names[-1:] if name in MARCH]
    features = set(known[0] if known else ())
    for word in words:
        if word in _cpu_x86.OPTIONS:
            features |= _with_needs(_cpu_x86.OPTIONS[word])
        elif word.startswith("-mno-") and f"-m{word[5:]}" in _cpu_x86.OPTIONS:
            features -= _with_dependents(_cpu_x86.OPTIONS[f"-m{word[5:]}"], features)
    return frozenset(features - _cpu_x86.HARMLESS)


def _with_needs(feature: str) -> set[str]:
    found = {feature}
    for need in _cpu_x86.NEEDS.get(feature, ()):
        found |= _with_needs(need)
    return found


def _with_dependents(feature: str, among: set[str]) -> set[str]:
    """Return a feature and those that can't be without it."""
    return {name for name in among if feature in _with_needs(name)}
