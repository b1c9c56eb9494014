# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several builds, and builds that are killed: real Portage."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _lock, _process, _repair
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._target import Target

from tests.root import processes
from tests.root.master import Master, build, packages
from tests.root.planted import FILE
from tests.root.repeat import repeats

FORK = multiprocessing.get_context("fork")
LONGEST_S = 300


def start(target: Target) -> t.Any:
    """Build in a process of its own, which leads a group."""

    def work() -> None:
        os.setpgid(0, 0)
        build(target)

    process = FORK.Process(target=work)
    process.start()
    return process


def test_two_targets_are_built_at_the_same_time(master: Master) -> None:
    source = b"shared " * 1000
    master.plant({"x/far-1": 'SRC_URI="far-1.txt"\nsrc_unpack() { :; }\n' + FILE}, {"x/far-1": {"far-1.txt": source}})
    targets = [master.target({"amd": ["x/far"]}, name=name) for name in ("laptops", "servers")]
    Path(targets[0].distdir).mkdir()
    Path(targets[0].distdir, "far-1.txt").write_bytes(source)
    processes = [start(target) for target in targets]
    for process in processes:
        process.join(LONGEST_S)
    assert [process.exitcode for process in processes] == [0, 0]
    assert [packages(target) for target in targets] == [["far-1", "plain-1"]] * 2


def test_who_builds_in_a_root_is_told_to_the_next(master: Master) -> None:
    master.plant({"x/slow-1": "src_compile() { sleep 300; }\n" + FILE})
    target = master.target({"amd": ["x/slow"]})
    process = start(target)
    path = _lock.lock_path("build-laptops", target.state_dir)
    try:
        assert _process.until(lambda: os.path.exists(path) and os.path.getsize(path) > 0, 60, 0.05)
        held = rf"held by process {process.pid} of root since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d"
        with pytest.raises(BinhostError, match=held):
            build(target)
    finally:
        process.kill()
        process.join()


def test_a_killed_build_leaves_a_root_that_the_next_repairs(master: Master) -> None:
    count = repeats(2, 20)
    names = [f"p{number}" for number in range(2)]
    master.plant({f"x/{name}-1": FILE for name in names})
    target = master.target({"amd": [f"x/{name}" for name in names]})
    chance = random.Random(os.environ.get("BINHOST_SEED"))
    began = time.monotonic()
    build(target)
    whole = time.monotonic() - began
    for attempt in range(2, count + 2):
        master.plant({f"x/{name}-{attempt}": FILE for name in names})
        process = start(target)
        process.join(chance.uniform(0, whole))
        process.kill()
        process.join()
        processes.none_left(Path(target.root))
    assert build(target).problems == []
    newest = {f"{name}-{count + 1}" for name in names}
    assert newest <= set(packages(target))
    installed = {path.name for path in Path(target.root, "var/db/pkg/x").iterdir()}
    assert installed == {*newest, "plain-1"}
    # Nothing half is left, and nothing whole that nobody sees.
    there = [path for path in _repair.files(target.pkgdir) if not path.startswith("Packages")]
    assert there == sorted(_repair.listed(target.pkgdir))
    assert {Path(target.root, f"usr/share/planted/{name}/file").read_text().split()[0] for name in names} == newest


def test_packages_that_no_index_lists_are_not_lost(master: Master) -> None:
    master.plant({"x/one-1": FILE})
    target = master.target({"amd": ["x/one"]})
    build(target)
    for name in ("Packages", "Packages.gz"):
        Path(target.pkgdir, name).unlink(missing_ok=True)
    assert build(target).built == []
    assert packages(target) == ["one-1", "plain-1"]
