# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A target's ``cycles``: with which USE a package is built first where it stands in a circle of dependencies."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.larry.binhost.plugins.module_utils import _atom, _fragments
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


def recipes(spec: Mapping[str, t.Any]) -> list[dict[str, str]]:
    """Return what a target declares, the flags of each as one text."""
    return [{"atom": each["atom"], "use": " ".join(_flags(each))} for each in spec.get("cycles") or ()]


def _flags(recipe: Mapping[str, t.Any]) -> list[str]:
    return _fragments.split(recipe["use"], "use")


def problems(where: str, spec: Mapping[str, t.Any]) -> Iterator[str]:
    """Yield what is wrong with it; that it is a list is said elsewhere."""
    declared = spec.get("cycles")
    for number, each in enumerate(declared if isinstance(declared, (list, tuple)) else ()):
        place = f"{where}.cycles[{number}]"
        if not isinstance(each, Mapping) or set(each) != {"atom", "use"}:
            yield f"{place}: expected atom and use, found {each!r}"
            continue
        try:
            _atom.category_package(str(each["atom"]))
            flags = _flags(each)
            _fragments.package_use({str(each["atom"]): flags}, header="")
        except BinhostError as exc:
            yield f"{place}: {exc}"
            continue
        if not flags:
            yield f"{place}.use: expected the flags to build it with first, found none"
