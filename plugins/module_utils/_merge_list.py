# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The merge list that emerge shows before it does anything, as data.

Source: lib/_emerge/resolver/output.py and output_helpers.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


@dataclass(frozen=True)
class Merge:
    """One line of the merge list."""

    kind: str  # "ebuild", "binary", "uninstall", "nomerge" or "blocks"
    cpv: str  # "app-misc/hello-2.10-r1"; of a blocker, its atom
    build_id: int | None  # of a binary
    repository: str
    marks: (
        str  # the letters between kind and name: N new, U upgrade, D downgrade, R reinstall, S slot, B hard blocker ...
    )
    rest: str  # USE and size as emerge prints them


# [ebuild  N     ] app-misc/hello-2.10::lab  USE="nls -static" 0 KiB
# [binary   R    ] app-arch/pigz-2.6-2:0/1::lab [2.6:0/1::lab] to /mnt/ USE="" 31 KiB
# [blocks B      ] <sys-apps/foo-2 ("<sys-apps/foo-2" is soft blocking sys-apps/bar-1)
_LINE = re.compile(r"\[(?P<kind>ebuild|binary|uninstall|nomerge|blocks)(?P<marks>[^]]*)\] (?P<rest>.*)$")
_NAME = re.compile(r"(?P<cpv>[^\s:]+)(?P<slot>:[^\s:]+)?(?:::(?P<repository>\S+))?(?:\s+(?P<rest>.*))?$")
_BUILD_ID = re.compile(r"-(?P<build_id>\d+)$")
#: A version, so that the number behind it is known to be a build id: PMS 3.2.
_VERSION_THEN_ID = re.compile(r"-\d+(\.\d+)*[a-z]?(_(pre|p|beta|alpha|rc)\d*)*(-r\d+)?-\d+$")


def merge_list(text: str) -> list[Merge]:
    """Return what ``emerge --pretend --verbose`` printed as its merge list, in its order.

    Raises ``BinhostError`` at a line that begins like an entry and is none.
    """
    entries = [line.lstrip() for line in text.splitlines() if line.lstrip().startswith("[")]
    return [_merge(entry) for entry in entries]


def _merge(entry: str) -> Merge:
    line = _LINE.match(entry)
    name = _NAME.match(line["rest"]) if line else None
    if line is None or name is None:
        raise BinhostError(
            f"emerge --pretend: expected '[ebuild|binary|uninstall|nomerge|blocks ...] package', found {entry!r}"
        )
    cpv, build_id = name["cpv"], None
    if line["kind"] == "binary" and _VERSION_THEN_ID.search(cpv):
        number = _BUILD_ID.search(cpv)
        if number is not None:
            cpv, build_id = cpv[: number.start()], int(number["build_id"])
    return Merge(
        line["kind"], cpv, build_id, name["repository"] or "", line["marks"].strip(), (name["rest"] or "").strip()
    )
