# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What emerge says about binaries that it passed over, as data.

Source: portage lib/_emerge/depgraph.py, _show_ignored_binaries.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _atom


@dataclass(frozen=True)
class Ignored:
    """What emerge said about binaries that it passed over."""

    use: Mapping[str, Sequence[tuple[str, ...]]]  # cpv -> the flags, as the binaries have them, that differ
    changed_deps: frozenset[str]
    patched: frozenset[str]
    patches: tuple[str, ...]  # the files below /etc/portage/patches, of all of them


# !!! The following binary packages have been ignored due to non matching USE:
#     =x/lib-1 -nls # for /mnt/root/
_USE: t.Final = re.compile(r"    =(?P<cpv>\S+) (?P<flags>[^#]*)")
# !!! The following binary packages have been ignored due to changed dependencies:
#      x/lib-1::planted for /mnt/root/
# !!! The following binary packages have been ignored due to user patches:
#      x/lib-1:0-2
_NAMED: t.Final = re.compile(r"     (?P<cpv>[^\s:]+)")
# !!! These user patches are triggering this warning:
#     x/lib/fix.patch
_PATCH: t.Final = re.compile(r"    (?P<path>\S.*)")
_HEAD: t.Final = re.compile(
    r"!!! (?:The following binary packages have been ignored due to "
    r"(?P<why>non matching USE|changed dependencies|user patches)|(?P<files>These user patches))"
)


def read(said: str) -> Ignored:
    """Return what emerge said about binaries that it passed over."""
    use: dict[str, list[tuple[str, ...]]] = {}
    named: dict[str, list[str]] = {"changed dependencies": [], "user patches": [], "files": []}
    topic = ""
    for line in said.splitlines():
        head = _HEAD.match(line)
        if head or line.startswith(("!!!", "NOTE:")):
            topic = (head["why"] or "files") if head else ""
        elif topic == "non matching USE" and (found := _USE.match(line)):
            use.setdefault(found["cpv"], []).append(tuple(found["flags"].split()))
        elif topic in named and (found := (_PATCH if topic == "files" else _NAMED).match(line)):
            named[topic].append(found[1])
    patched = frozenset(_without_build_id(cpv) for cpv in named["user patches"])
    return Ignored(use, frozenset(named["changed dependencies"]), patched, tuple(named["files"]))


def _without_build_id(cpv: str) -> str:
    return cpv if _atom.is_package(f"={cpv}") else cpv.rpartition("-")[0]
