# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a new root is made, and for what; that it takes over is in tests/root."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _fingerprint, _fresh, _root_copy, _status
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._merge_world import Place


@pytest.mark.parametrize(
    ("failed", "upgraded", "expected"),
    [
        (["x/a-1"], ["dev-lang/perl", "x/a-1"], True),
        (["dev-lang/perl-5.40.0"], ["dev-lang/perl"], True),
        (["x/a-2-r1"], ["x/a-1"], True),
        (["x/b-1"], ["dev-lang/perl", "x/a-1"], False),
        ([], ["dev-lang/perl"], False),
    ],
)
def test_who_is_concerned(failed: list[str], upgraded: list[str], expected: bool) -> None:
    assert _fresh.concerned(failed, upgraded) is expected


def test_what_a_killed_build_left_goes(tmp_path: Path) -> None:
    root = tmp_path / "roots/laptops"
    root.mkdir(parents=True)
    left = Path(_fresh.path(str(root)))
    (left / "etc").mkdir(parents=True)
    _root_copy.recover(str(root))
    assert not left.exists()
    assert root.is_dir()


@pytest.mark.parametrize(("words", "known"), [("No space left on device", {}), ("x/a failed", {"tried": "inputs"})])
def test_what_failed_for_room_is_tried_again(
    words: str, known: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(_there: Place) -> None:
        raise BinhostError(words)

    for name in ("_unpack", "configure"):
        monkeypatch.setattr(_fresh, name, lambda *_args: None)
    monkeypatch.setattr(_fresh._build_disk, "place", lambda _target: None)
    monkeypatch.setattr(_fresh, "_inputs", lambda _target: "inputs")
    root = tmp_path / "roots/laptops"
    root.mkdir(parents=True)
    target = _status._bare(str(tmp_path), "laptops")
    with pytest.raises(BinhostError, match=words):
        _fresh.take_over(Place(lambda _args: (0, "", ""), target, str(root), {}), work)
    assert _fingerprint.recorded(_fresh._record(target)) == known
