# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Sequence

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _settle


def refusing(*conflicts: str) -> _settle.Refusal:
    """Return a Portage that refuses any root with all machines (letters) of one of the conflicts."""

    def refusal(together: Sequence[str]) -> str:
        return next((conflict for conflict in conflicts if set(conflict) <= set(together)), "")

    return refusal


@pytest.mark.parametrize(
    ("conflicts", "apart"),
    [
        ([], {}),
        (["bc"], {"c": "bc"}),
        (["b"], {"b": "b"}),
        (["ab", "ac", "ad"], {"a": "ab"}),  # one against all: it is the one that goes
        (["abc"], {"c": "abc"}),
        (["ab", "cd"], {"b": "ab", "d": "cd"}),
        (["a", "b", "c", "d"], {"a": "a", "b": "b", "c": "c", "d": "d"}),
    ],
)
def test_apart(conflicts: list[str], apart: dict[str, str]) -> None:
    assert _settle.apart("abcd", refusing(*conflicts)) == apart


def test_without_conflict_one_question_is_enough() -> None:
    asked: list[str] = []
    _settle.apart("abcd", lambda together: asked.append("".join(together)) or "")
    assert asked == ["abcd"]
