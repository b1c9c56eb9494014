# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions in their order, which is also Portage's."""

from __future__ import annotations

import itertools
import re

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _version
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from hypothesis import given
from hypothesis import strategies as st

#: Oldest first; what stands together is the same version.
ORDER = [
    ["0_alpha", "0_alpha0"],
    ["0_beta"],
    ["0", "0-r0", "00"],
    ["1_alpha1_p2"],
    ["1_rc", "1_rc0"],
    ["1_rc1"],
    ["1"],
    ["1-r1"],
    ["1_p", "1_p0"],
    ["1_p1_beta"],
    ["1_p1"],
    ["1a"],
    ["1b"],
    ["1.0", "1.00", "1.0-r0"],
    ["1.02"],
    ["1.1", "1.1-r0"],
    ["1.1a"],
    ["1.1.0"],
    ["1.10"],
    ["9999"],
    ["20240101"],
]
NUMBER = st.from_regex(r"[0-9]{1,3}", fullmatch=True)
VERSION = st.from_regex(
    r"[0-9]{1,2}(\.[0-9]{1,3}){0,3}[ab]?(_(pre|p|beta|alpha|rc)[0-9]{0,2}){0,2}(-r[0-9])?", fullmatch=True
)


def test_order() -> None:
    for (older, a), (newer, b) in itertools.combinations([(n, v) for n, same in enumerate(ORDER) for v in same], 2):
        assert (_version.key(a) < _version.key(b)) == (older < newer), (a, b)
        assert (_version.key(a) == _version.key(b)) == (older == newer), (a, b)


@pytest.mark.parametrize("text", ["", "a", "1.", "1-r", "1_x", "1 ", "1\n", "\u0661", "-1"])
def test_no_version(text: str) -> None:
    assert not _version.is_version(text)
    with pytest.raises(BinhostError, match=f"^{re.escape(f'expected a version, found {text!r}')}$"):
        _version.key(text)


@given(VERSION, VERSION)
def test_as_portage(one: str, other: str) -> None:
    versions = pytest.importorskip("portage.versions", reason="Portage isn't installed here")
    mine, theirs = _version.key(one), _version.key(other)
    assert (mine > theirs) - (mine < theirs) == versions.vercmp(one, other)
