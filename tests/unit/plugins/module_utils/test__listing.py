# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generations as a person sees them."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _listing, _publication, _seal
from ansible_collections.larry.binhost.plugins.module_utils._intent import Wish
from ansible_collections.larry.binhost.plugins.module_utils._listing import Change

if t.TYPE_CHECKING:
    from conftest import Master

B, C = (f"app-misc/{name}/{name}-1-1.gpkg.tar" for name in "bc")


def test_change() -> None:
    def content(*builds: tuple[str, str, str]) -> dict[str, tuple[str, _seal.Source]]:
        return {path: (cpv, _seal.Source(1, md5, "")) for path, cpv, md5 in builds}

    before = content(("a1", "x/a-1", "0"), ("b1", "x/b-1", "0"), ("c1", "x/c-1", "0"), ("d1", "x/d-1", "0"))
    after = content(("a1", "x/a-1", "0"), ("b1", "x/b-2", "0"), ("c1", "x/c-1", "1"), ("e1", "x/e-1", "0"))
    gone = ["x/b-1", "x/d-1"]
    assert _listing.change(before, after) == Change(["x/e-1"], ["x/b-2"], gone, ["x/c-1"])
    # A second build beside the first is one too, and one less of two is no change worth telling.
    twice = content(("a1", "x/a-1", "0"), ("a2", "x/a-1", "1"))
    assert _listing.change(content(("a1", "x/a-1", "0")), twice) == Change(rebuilt=["x/a-1"])
    assert _listing.change(twice, content(("a2", "x/a-1", "1"))) == Change()


def test_lines(master: Master) -> None:
    _publication.publish(master.place, master.snapshot())
    master.build(B, content="rebuilt")
    master.build(C, content="c" * 300_000)
    _publication.publish(master.place, master.snapshot())
    _publication.publish(master.place, wish=Wish(number=1))
    found = _listing.lines(master.place, {"amd": 2, "intel": None})
    assert [line.number for line in found] == [1, 2, 3]
    assert [line.current for line in found] == [False, False, True]
    assert [line.packages for line in found] == [2, 3, 2]
    assert [line.restores for line in found] == [0, 0, 1]
    assert [line.change for line in found] == [
        Change(added=["app-misc/a-1", "app-misc/b-1"]),
        Change(added=["app-misc/c-1"], rebuilt=["app-misc/b-1"]),
        Change(removed=["app-misc/c-1"], rebuilt=["app-misc/b-1"]),
    ]
    assert [line.pinned_by for line in found] == [[], ["amd"], []]
    sizes = [line.own for line in found]
    assert sizes[1] < sizes[0] + 65536  # without what it shares with the first
    assert all(sizes)


def test_table(master: Master) -> None:
    snapshot = master.snapshot()
    _publication.publish(master.place, snapshot)
    (Path(master.place.folder) / "1/seal.json").chmod(0o644)
    _publication.publish(master.place, wish=Wish(number=1))
    (Path(master.place.folder) / "1/seal.json").write_text("{}")
    head, newest, oldest = _listing.table(_listing.lines(master.place, {"amd": 2}))
    assert head.split() == ["number", "date", "packages", "own", "size", "expires", "changes"]
    assert newest.startswith("*  2       20")
    words = f"back to 1; 2 added: app-misc/a-1, app-misc/b-1; lab {snapshot['lab'][-12:]}; pinned by amd"
    assert newest.endswith(words)
    assert "expected a seal of format 3, found None" in oldest
    assert _listing.table(_listing.lines(type(master.place)("nothing", str(master.state))))[1:] == []
