# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a merge list means; that emerge then does it is shown with real Portage in tests/root."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _acceptance
from ansible_collections.larry.binhost.plugins.module_utils._acceptance import Acceptance, Source, Times
from ansible_collections.larry.binhost.plugins.module_utils._merge_list import Merge, Refused
from ansible_collections.larry.binhost.plugins.module_utils._refusal import Proposal

REFUSED = Refused("x/b/b-2-1.gpkg.tar", 1, "use", "ignored due to non matching USE: nls", (Proposal("package.use", "=x/b-2 nls"),))  # fmt: skip  # noqa: E501
LIST = [
    Merge("binary", "x/a-1", 1, "lab", "N", ""),
    Merge("ebuild", "x/b-2", None, "lab", "N", "", refused=(REFUSED,)),
    Merge("ebuild", "x/c-3-r1", None, "lab", "N", ""),
    Merge("ebuild", "virtual/d-0", None, "lab", "N", ""),
    Merge("uninstall", "x/e-1", None, "lab", "", ""),
    Merge("ebuild", "sys-kernel/k-6", None, "lab", "N", ""),
]
TIMES = Times({"x/b": 60.0, "x/z": 40.0, "x/y": 30.0}, {"x/c": 100.0, "x/z": 20.0, "x/y": 10.0})
USE = "x/b/b-2-1.gpkg.tar: ignored due to non matching USE: nls"


def predicted() -> Acceptance:
    return _acceptance.predict(LIST, TIMES, on_slave=["sys-kernel/*"])


def test_predict() -> None:
    assert predicted() == Acceptance(
        binary=["x/a-1"],
        source=[
            Source("x/b-2", [USE], ["package.use: =x/b-2 nls"], 60.0, "here"),
            Source("x/c-3-r1", ["the index has no binary of it"], [], 250.0, "master"),
            Source("virtual/d-0", ["nothing to compile"], [], None, ""),
            Source("sys-kernel/k-6", ["built here on purpose: build_on_slave names sys-kernel/*"], [], None, ""),
        ],
        seconds=310.0,
        unknown=["virtual/d-0", "sys-kernel/k-6"],
    )
    assert _acceptance.predict([], TIMES) == Acceptance()


@pytest.mark.parametrize(
    ("times", "ratio"),
    [(Times(), 1.0), (Times({"x/a": 3.0}, {"x/b": 1.0}), 1.0), (Times({"x/a": 3.0}, {"x/a": 0.0}), 1.0), (TIMES, 2.5)],
)
def test_ratio(times: Times, ratio: float) -> None:
    assert times.ratio == ratio


def test_lines() -> None:
    assert list(_acceptance.lines(asdict(predicted()))) == [
        "1 from binaries, 4 compiled here, about 6 min and what 2 more take",
        f"  x/b-2 (1 min): {USE} -> package.use: =x/b-2 nls",
        "  x/c-3-r1 (5 min, as on the master): the index has no binary of it",
        "  virtual/d-0: nothing to compile",
        "  sys-kernel/k-6: built here on purpose: build_on_slave names sys-kernel/*",
    ]
    assert list(_acceptance.lines({})) == []
    assert list(_acceptance.lines(asdict(_acceptance.predict(LIST[:1], TIMES)))) == ["1 from binaries, 0 compiled here"]
    many = asdict(_acceptance.predict([LIST[3]] * 11, Times()))
    assert list(_acceptance.lines(many))[0] == "0 from binaries, 11 compiled here"
    assert list(_acceptance.lines(many))[-1] == "  and 3 more"


def test_times(tmp_path: Path) -> None:
    log = tmp_path / "emerge.log"
    log.write_text(
        "1700000000:  >>> emerge (1 of 1) x/b-1 to /\n1700000090:  ::: completed emerge (1 of 1) x/b-1 to /\n"
    )
    assert _acceptance.times(str(tmp_path), str(log)) == Times({"x/b": 90})
    packages = {"x/b/b-1-1.gpkg.tar": {"seconds": 30, "cpu_seconds": 60}, "x/c/c-1-1.gpkg.tar": {}}
    (tmp_path / "record.json").write_text(json.dumps({"packages": packages}))
    assert _acceptance.times(str(tmp_path), str(log)) == Times({"x/b": 90}, {"x/b": 30})
    for text in ("{", "[]", '{"packages": 1}', '{"packages": {"x": 1}}'):
        (tmp_path / "record.json").write_text(text)
        assert _acceptance.times(str(tmp_path), str(log)).master == {}
