# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The index as a value: read, changed and written."""

from __future__ import annotations

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _packages
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from hypothesis import given
from hypothesis import strategies as st

HEADER = "CHOST: x86_64-pc-linux-gnu\nPACKAGES: {}\nREPO: gentoo\nTIMESTAMP: 1700000000\nVERSION: 0\n\n"
A = "CPV: a-b/c-1\nSIZE: 3\n\n"
B = "CPV: a-b/d-2\nPATH: a-b/d/d-2-3.gpkg.tar\nSIZE: 4\nSLOT: 2/3\nREPO: lab\nX-UNKNOWN: k: v\n\n"

PROBLEMS = [
    (HEADER.format(2) + A + B, []),
    (HEADER.format(0), []),
    (HEADER.format(2) + A + B + "\n\n\n", []),
    (HEADER.format(3) + A + B, ["line 2: the header says '3', the file holds 2 packages"]),
    (
        HEADER.format(2) + A + "\n\n" + B,
        ["line 10: empty stanza: Portage reads nothing after this line, 1 of 2 packages"],
    ),
    (HEADER.format(1) + "\n" + A, ["line 7: empty stanza: Portage reads nothing after this line, 0 of 1 packages"]),
    (HEADER.format(1) + "CPV: a-b/c-1\nbroken\n\n", ["line 8: expected 'KEY: value', found 'broken'"]),
    (HEADER.format(1) + "SIZE: 3\n\n", ["line 7: the stanza has no CPV: Portage skips it"]),
    (HEADER.format(1) + "CPV: a-b/c-1\nSIZE: 3x\n\n", ["line 7: SIZE is no number, found '3x'"]),
    (HEADER.format(2) + A + A, ["line 10: PATH 'a-b/c-1.tbz2' stands at line 7 already"]),
    (
        "<html>\n</html>\n",
        [
            "line 1: the file ends within the stanza that begins here: expected a blank line after it",
            "line 1: expected 'KEY: value', found '<html>'",
            "line 1: the header has no PACKAGES, the file holds 0 packages",
            "line 1: expected a number TIMESTAMP in the header, found '': Portage refuses the index",
            "line 1: expected a number VERSION in the header, found '': Portage refuses the index",
            "line 2: expected 'KEY: value', found '</html>'",
        ],
    ),
]


@pytest.mark.parametrize(("text", "problems"), PROBLEMS)
def test_problems(text: str, problems: list[str]) -> None:
    assert [str(problem) for problem in _packages.parse(text).problems] == problems


def test_typed_view() -> None:
    first, second = _packages.packages(_packages.parse(HEADER.format(2) + A + B))
    assert (first.line, first.cpv, first.path, first.slot, first.eapi) == (7, "a-b/c-1", "a-b/c-1.tbz2", "0", "0")
    assert (first.repo, first.chost, first.size, first.build_id) == ("gentoo", "x86_64-pc-linux-gnu", 3, None)
    assert (second.line, second.path, second.slot, second.repo) == (10, "a-b/d/d-2-3.gpkg.tar", "2/3", "lab")
    assert second.values["X-UNKNOWN"] == "k: v"


def test_rewriting_loses_nothing() -> None:
    text = HEADER.format(2) + A + B.replace("lab", "l\udcffb")
    assert _packages.dump(_packages.parse(text)) == text


def test_with_header() -> None:
    index = _packages.parse(HEADER.format(1) + A)
    changes = {"URI": "http://x/1", "TIMESTAMP": "1700000006", "REPO": None, "TTL": None}
    expected = "CHOST: x86_64-pc-linux-gnu\nPACKAGES: 1\nTIMESTAMP: 1700000006\nURI: http://x/1\nVERSION: 0\n\n" + A
    assert _packages.dump(_packages.with_header(index, changes)) == expected
    back = {"URI": None, "TIMESTAMP": "1700000000", "REPO": "gentoo"}
    assert _packages.dump(_packages.with_header(_packages.parse(expected), back)) == HEADER.format(1) + A


@given(st.one_of(st.text(), st.text(alphabet="CPV: \nSIZE1\r")))
def test_any_text_is_read_and_written(text: str) -> None:
    index = _packages.parse(text)
    again = _packages.parse(_packages.dump(index))
    assert [x.lines for x in (again.header, *again.stanzas) if x.lines] == [
        x.lines for x in (index.header, *index.stanzas) if x.lines
    ]


def test_without() -> None:
    index = _packages.parse(HEADER.format(2) + A + B)
    assert [entry.cpv for entry in _packages.packages(_packages.without(index, {"a-b/d/d-2-3.gpkg.tar"}))] == [
        "a-b/c-1"
    ]
    assert [entry.cpv for entry in _packages.packages(_packages.without(index, {"a-b/c-1.tbz2"}))] == ["a-b/d-2"]
    assert _packages.without(index, ()) == index


def test_amended() -> None:
    written = "CPV: a-b/c-1\nPATH: a-b/c-1.gpkg.tar\nSIZE: 3\nUSE: nls\nREPO: lab\n\n"
    index = _packages.parse(HEADER.format(2) + written + B)
    changes = {"SIZE": "9", "MTIME": "1700000001", "SHA1": "0a", "USE": None}
    amended = _packages.amended(index, {"a-b/c-1.gpkg.tar": changes})
    expected = "CPV: a-b/c-1\nPATH: a-b/c-1.gpkg.tar\nSHA1: 0a\nSIZE: 9\nMTIME: 1700000001\nREPO: lab\n\n"
    assert _packages.dump(amended) == HEADER.format(2) + expected + B
    assert _packages.amended(index, {}) == index


def test_amended_what_is_not_there() -> None:
    with pytest.raises(BinhostError, match="found none at a-b/x, a-b/y"):
        _packages.amended(_packages.parse(HEADER.format(1) + A), {"a-b/y": {}, "a-b/x": {}, "a-b/c-1.tbz2": {}})
