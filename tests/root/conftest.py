# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build roots of the lab's stage, on this machine: these tests need to be root and no lab of hosts."""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _removal

from lab.stage import build
from tests.root import namespace, publishing
from tests.root.build_root import BuildRoot, copy
from tests.root.house import A, B, House, Server
from tests.root.master import Master


@pytest.fixture(scope="session", autouse=True)
def apart() -> None:
    """Let no test see what another worker mounts: where that deletes a mount point, it is unmounted for all."""
    if os.geteuid() != 0:
        pytest.fail(f"expected to be root, found user {os.geteuid()}", pytrace=False)
    namespace.enter()


@pytest.fixture(scope="session")
def stage_tarball() -> Path:
    """Return the lab's stage, which is built if need be."""
    return build.build() / build.NAME


@pytest.fixture(scope="session")
def pristine_root(stage_tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a root as the stage has it; nobody writes there."""
    root = tmp_path_factory.mktemp("pristine") / "root"
    root.mkdir()
    subprocess.run(["tar", *build.TAR, "-xpf", str(stage_tarball), "-C", str(root)], check=True)
    yield root
    _removal.tree(str(root))


@pytest.fixture
def stage_root(pristine_root: Path, tmp_path: Path) -> Iterator[Path]:
    """Return a root of the test's own, with Portage and the lab's repository in it."""
    root = tmp_path / "root"
    copy(pristine_root, root)
    yield root
    # Fails, and deletes nothing, if the test has left a mount there.
    _removal.tree(str(root))


@pytest.fixture
def build_root(stage_root: Path, tmp_path: Path) -> BuildRoot:
    """Return that root with the folders of the host that builds see, and a way to run commands in it."""
    return BuildRoot.beside(stage_root, tmp_path)


@pytest.fixture
def master(pristine_root: Path, tmp_path: Path) -> Iterator[Master]:
    """Return a master without targets yet."""
    made = Master(tmp_path / "state", pristine_root)
    yield made
    _removal.tree(str(made.folder))


@pytest.fixture(scope="session")
def house(pristine_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Return a house whose master has published a and b, signed."""
    folder = tmp_path_factory.mktemp("house")
    made = House(folder, pristine_root)
    before, tempfile.tempdir = tempfile.tempdir, str(made.shared)
    made.build(A, B)
    made.keys()
    made.publish()
    tempfile.tempdir = before
    yield made
    _removal.tree(str(folder))


@pytest.fixture
def server(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Return a server with a copy of what is published, and a slave that believes the master and has nothing yet."""
    monkeypatch.setattr(tempfile, "tempdir", str(house.shared))
    house.forget()
    house.trust()
    made = house.serve("server")
    made.copy()
    with made.up():
        yield made


@pytest.fixture(scope="session")
def built(pristine_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state folder in which packages are built and a key is made; one for all workers, nobody writes there."""
    shared = tmp_path_factory.getbasetemp().parent / "built"
    shared.mkdir(exist_ok=True)
    with open(shared / "lock", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not (shared / "done").exists():
            publishing.build_and_make_a_key(shared / "state", pristine_root)
            (shared / "done").touch()
    return shared / "state"


@pytest.fixture
def host(built: Path, pristine_root: Path, tmp_path: Path) -> Iterator[publishing.Host]:
    """Return a master of the test's own that has built and not yet published."""
    made = publishing.Host.like(built, tmp_path / "state", pristine_root)
    yield made
    (made.state / "roots").unlink()
    _removal.tree(str(made.state))
