# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of two versions is newer, without Portage: PMS 3.3, as ``portage.versions.vercmp`` reads it."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

# 1.02b_rc3_p1-r2
_VERSION = re.compile(
    r"(?P<first>\d+)(?P<more>(?:\.\d+)*)(?P<letter>[a-z]?)(?P<suffixes>(?:_(?:pre|p|beta|alpha|rc)\d*)*)"
    r"(?:-r(?P<revision>\d+))?\Z",
    re.ASCII,
)
_SUFFIX = re.compile(r"_([a-z]+)(\d*)", re.ASCII)
_RANKS: t.Final = {"alpha": -4, "beta": -3, "pre": -2, "rc": -1, "p": 0}
#: Stands after the last suffix: newer than what comes before a release, older than any patch of it, "_p" too.
_RELEASE: t.Final = (0, -1)

Key = tuple[t.Any, ...]


def is_version(text: str) -> bool:
    """Return whether this is a version, with or without a revision."""
    return bool(_VERSION.match(text))


def key(version: str) -> Key:
    """Return what versions are sorted by; equal keys are the same version.  Raises ``BinhostError`` if it is none."""
    found = _VERSION.match(version)
    if not found:
        raise BinhostError(f"expected a version, found {version!r}")
    suffixes = [(_RANKS[name], int(number or 0)) for name, number in _SUFFIX.findall(found["suffixes"])]
    return (
        int(found["first"]),
        tuple(map(_component, found["more"].split(".")[1:])),
        found["letter"],
        (*suffixes, _RELEASE),
        int(found["revision"] or 0),
    )


def _component(digits: str) -> tuple[int, int | str]:
    """Return what a component after the first is sorted by: with a leading zero it is a fraction, "02" < "1"."""
    return (0, digits.rstrip("0")) if digits.startswith("0") else (1, int(digits))
