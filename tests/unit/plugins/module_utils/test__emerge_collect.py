# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose job it is that a run collects; what such a job does is shown with real Portage in tests/root."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import (
    _emerge_ask,
    _emerge_begin,
    _emerge_collect,
    _job_files,
)
from ansible_collections.larry.binhost.plugins.module_utils._emerge_asked import Host
from ansible_collections.larry.binhost.plugins.modules import emerge

HOST: t.Final = Host(lambda _args: (1, "", "nothing is to be run"), check=False, scratch="/nowhere")
NOTHING: t.Final = {**_emerge_begin.NOTHING, "foreseen": {"changed": False}}


def ended(state: Path, phase: str) -> dict[str, t.Any]:
    """Leave a job that installed x/theirs, and return the options of a module that asks for something else."""
    place = state / "jobs/emerge"
    place.mkdir(parents=True)
    (place / "request.json").write_text(json.dumps({"kind": "emerge", "parameters": {"wanted": "theirs"}}))
    (place / "state.json").write_text(json.dumps({"kind": "emerge", "request": "one", "begun": "2026-11-21T12:00:00Z"}))
    result = {"source": ["x/theirs-1"], "binary": [], "failed": [], "removed": []}
    (place / "result.json").write_text(json.dumps({"phase": phase, "result": result, "message": "it failed"}))
    options = {name: each.get("default") for name, each in emerge.SPEC.items()}
    return {**options, "state_dir": str(state)}


@pytest.mark.parametrize(
    ("request_", "phase", "asks"), [("one", "finished", 0), ("two", "finished", 1), ("two", "failed", 1)]
)
def test_a_job_that_began_after_ones_own_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_: str, phase: str, asks: int
) -> None:
    asked: list[t.Any] = []

    def begin(*words: t.Any) -> dict[str, t.Any]:
        asked.append(words)
        return NOTHING

    monkeypatch.setattr(_emerge_begin, "begin", begin)
    begun = {**NOTHING, "job": "emerge", "request": request_}
    found = _emerge_collect.collect(HOST, ended(tmp_path, phase), begun)
    assert (found["source"], found["job"], len(asked)) == (["x/theirs-1"], "", asks)


def test_ones_own_that_failed_is_a_failure(tmp_path: Path) -> None:
    begun = {**NOTHING, "job": "emerge", "request": "one"}
    with pytest.raises(_emerge_ask.StoppedError, match="^it failed$") as told:
        _emerge_collect.collect(HOST, ended(tmp_path, "failed"), begun)
    assert told.value.result["source"] == ["x/theirs-1"]
    assert not (tmp_path / "jobs/emerge" / _job_files.COLLECTED).exists()
