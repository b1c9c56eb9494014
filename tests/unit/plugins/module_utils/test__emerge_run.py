# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a job notes that nothing is left to do; the job itself runs with real Portage in tests/root."""

from __future__ import annotations

import dataclasses
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _emerge_run, _fingerprint, _world
from ansible_collections.larry.binhost.plugins.module_utils._emerge_place import Place


def request(folder: Path) -> dict[str, t.Any]:
    """Return what has nothing to merge and wants what nothing needs to be removed."""
    place = Place(state=str(folder))
    made = _emerge_run.Request(
        wanted="this",
        place=dataclasses.asdict(place),
        atoms=["@world"],
        options={},
        extra=[],
        merge_list=[],
        steps={"preserved_rebuild": False, "depclean": True, "config_files": "list"},
        record=str(folder / "world.json"),
        index=str(folder),
        overlays={},
        state=_emerge_run.steady(_world.state(str(folder), {})),
    )
    return dataclasses.asdict(made)


@pytest.mark.parametrize(("status", "words"), [(0, []), (1, ["emerge --depclean: expected what nothing needs"])])
def test_what_could_not_be_done_is_asked_for_again(tmp_path: Path, status: int, words: list[str]) -> None:
    done = _emerge_run.work(lambda _args: (status, "", "not sure\n"), request(tmp_path))
    assert [each.partition(",")[0] for each in done["steps"].get("words", [])] == words
    recorded = _fingerprint.recorded(str(tmp_path / "world.json"))
    assert recorded.get("wanted") == (None if words else "this")
