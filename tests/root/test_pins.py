# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pinned ebuild repositories: git and Portage are real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _pins, _removal

from tests.root import planted
from tests.root.build_root import copy
from tests.root.planted import FILE
from tests.root.upstream import Pinner, Upstream

A: str = "app-planted/a"


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    """Return a repository with one commit."""
    made = Upstream(tmp_path / "upstream")
    made.plant({f"{A}-1": FILE})
    return made


@pytest.fixture(scope="module")
def system(pristine_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a root with Portage."""
    root = tmp_path_factory.mktemp("system") / "root"
    copy(pristine_root, root)
    yield root
    _removal.tree(str(root))


@pytest.fixture
def pinner(tmp_path: Path, system: Path) -> Pinner:
    """Return a machine that has pinned nothing yet."""
    return Pinner(tmp_path / "state", system)


def test_pinned_at_the_newest_and_stays(upstream: Upstream, pinner: Pinner) -> None:
    declared = {planted.NAME: upstream.declared}
    first = upstream.git("rev-parse", "HEAD")
    result = pinner.pin(declared)
    link = Path(_pins.link(planted.NAME, str(pinner.state)))
    print(result)
    assert result.pins[planted.NAME]["revision"] == first
    assert (link / f"{A}/a-1.ebuild").exists()
    assert (link / "metadata/md5-cache/app-planted/a-1").exists()
