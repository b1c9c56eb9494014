# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of packages with ``*`` for any text in category or name, as emerge's own options take them.

Of Portage's extended atoms (portage(5)) only these: a version would need Portage to compare it.
"""

from __future__ import annotations

import fnmatch
import re
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

_PATTERN = re.compile(r"[A-Za-z0-9_*][A-Za-z0-9_+.*-]*/[A-Za-z0-9_*][A-Za-z0-9_+*-]*\Z")
#: PMS 3.2.
_VERSION = re.compile(r"-\d+(?:\.\d+)*[a-z]?(?:_(?:pre|p|beta|alpha|rc)\d*)*(?:-r\d+)?\Z")


def check(pattern: str) -> None:
    """Accept ``category/package``, ``*`` allowed.  Raises ``BinhostError`` for anything else."""
    if not _PATTERN.match(pattern) or "**" in pattern or _VERSION.search(pattern):
        raise BinhostError(f"expected category/package, with * for any text, found {pattern!r}")


def package(cpv: str) -> str:
    """Return ``category/name`` of that or of ``category/name-version``."""
    return _VERSION.sub("", cpv)


def matches(patterns: t.Iterable[str], cpv: str) -> bool:
    """Return whether ``category/name`` or ``category/name-version`` is one of these packages."""
    return any(fnmatch.fnmatchcase(package(cpv), pattern) for pattern in patterns)
