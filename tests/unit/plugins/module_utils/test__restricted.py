# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files only a person can bring; what Portage says of them is shown in tests/root."""

from __future__ import annotations

import hashlib
import json
import typing as t
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _merge_list, _restricted

LIST: t.Final = """\
[ebuild  N F   ] x/a-1::lab  USE="docs -extra" 0 KiB
[ebuild  N f   ] x/b-1::lab  0 KiB
[ebuild  N     ] x/c-1::lab  0 KiB
[binary  N     ] x/d-1-1::lab  0 KiB
"""


def lacks(known: t.Mapping[str, t.Any], *folders: Path) -> list[str]:
    """Return what is missing where Portage says this."""
    asked: list[t.Any] = []

    def run(args: t.Any, /) -> tuple[int, str, str]:
        asked.append(json.loads(args[-1]))
        return 0, json.dumps(known), ""

    merges = _restricted.marked(_merge_list.parse(LIST, whole=False))
    found = _restricted.missing(run, merges, [str(folder) for folder in folders])
    assert asked == [[["x/a-1", "lab", ["docs"]], ["x/b-1", "lab", []]]]
    return [str(each) for each in found]


def test_each_missing_file_is_told_with_what_it_has_to_be(tmp_path: Path) -> None:
    digests = {"size": 3, "SHA512": hashlib.sha512(b"abc").hexdigest()}
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    known = {"x/a-1": {"f": digests}, "x/b-1": {"g": {}}}
    start = f"x/a-1 needs f (3 bytes, SHA512 {digests['SHA512']}), which no program may fetch: found "
    second = f"x/b-1 needs g (not in its Manifest), which no program may fetch: found none in {two}"
    assert lacks(known, one, two) == [f"{start}none in {two}", second]
    (two / "g").touch()
    (one / "f").write_text("longer")
    assert lacks(known, one, two) == [f"{start}one of 6 bytes in {one}"]
    (two / "f").write_text("abd")
    assert lacks(known, one, two) == [f"{start}one of 6 bytes in {one}, one of that size and other content in {two}"]
    (two / "f").write_text("abc")
    assert lacks(known, one, two) == []


def test_a_person_is_told_where_to_put_them() -> None:
    assert _restricted.told([], "/there") == ""
    lack = _restricted.Lack("x/a-1", "f", 3, "SHA512 00", "none in /there")
    assert _restricted.told([lack], "/there").splitlines()[1].startswith("put these files into /there; ")
    assert _restricted.missing(lambda _args: (1, "", "not asked"), [], []) == []
