# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a slave takes from a server and what it refuses, with nothing lost and a sentence that says what to do."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _removal
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

from tests.root.house import A, B, House, Server

#: They share one house.
pytestmark = pytest.mark.xdist_group("house")


@pytest.fixture(scope="module")
def house(pristine_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Return a house whose master has published a and b, signed."""
    folder = tmp_path_factory.mktemp("house")
    made = House(folder, pristine_root)
    before, tempfile.tempdir = tempfile.tempdir, str(made.shared)
    made.build(A, B)
    made.keys()
    made.publish()
    yield made
    tempfile.tempdir = before
    _removal.tree(str(folder))


@pytest.fixture
def server(house: House) -> Iterator[Server]:
    """Return a server with a copy of what is published, and a slave that believes the master and has nothing yet."""
    house.forget()
    house.trust()
    made = house.serve("server")
    made.copy()
    with made.up():
        yield made


def test_all_is_well(house: House, server: Server) -> None:
    assert house.sync(server.uri).changed
    status, words = house.emerge(A)
    assert (status, house.installed()) == (0, "a-1"), words
    assert not house.sync(server.uri).changed


def test_look(house: House, server: Server) -> None:
    house.sync(server.uri)
    path = f"{A}/a-1-1.gpkg.tar"
    server.damage(path)
    status, words = house.emerge(A)
    print("FLIPPED", status, words)
    server.copy()
    server.damage(path, (server.generations / "1" / B / "b-1-1.gpkg.tar").read_bytes())
    status, words = house.emerge(A)
    print("SWAPPED", status, words)
    data = (server.generations / "1" / B / "b-1-1.gpkg.tar").read_bytes()
    assert 0
