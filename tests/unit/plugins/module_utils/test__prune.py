# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes, and what stays because somebody needs it."""

from __future__ import annotations

import fcntl
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import (
    _fingerprint,
    _job_files,
    _packages,
    _prune,
    _publication,
    _release,
    _target,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._prune import Kept, Need

if t.TYPE_CHECKING:
    from conftest import Master

A, B, C = (f"app-misc/{name}/{name}-1-1.gpkg.tar" for name in "abc")


def entries(*packages: tuple[str, int, int, int]) -> list[_packages.Package]:
    """Return packages of these CPVs, BUILD_IDs, build times and sizes."""
    stanzas = [
        f"BUILD_ID: {number}\nBUILD_TIME: {when}\nCPV: {cpv}\nPATH: {cpv}-{number}.gpkg.tar\nSIZE: {size}\n"
        for cpv, number, when, size in packages
    ]
    return _packages.packages(_packages.parse("\n".join(["PACKAGES: 9\n", *stanzas])))


BUILDS = entries(
    ("x/a-1", 1, 30, 5), ("x/a-1", 2, 40, 5), ("x/b-1", 1, 20, 7), ("x/b-2", 1, 50, 7), ("x/c-1", 1, 10, 9)
)


@pytest.mark.parametrize(
    ("need", "over", "most", "gone"),
    [
        (Need((), frozenset()), None, 9, ["x/c-1", "x/b-1", "x/a-1", "x/a-1", "x/b-2"]),
        (Need((), frozenset()), 0, 9, []),
        (Need((), frozenset()), 10, 9, ["x/c-1", "x/b-1"]),
        (Need((), frozenset()), None, 2, ["x/c-1", "x/b-1"]),
        (Need({"x/c-1"}, {("x/b-2", 1), ("x/a-1", 2)}), None, 9, ["x/b-1", "x/a-1"]),
        (Need((), {("x/a-1", None)}), None, 9, ["x/c-1", "x/b-1", "x/b-2"]),
    ],
)
def test_needless(need: Need, over: int | None, most: int, gone: list[str]) -> None:
    found = _prune.needless(BUILDS, need, over=over, most=most)
    assert [entry.cpv for entry in found] == gone


def test_surplus() -> None:
    numbers = list(range(1, 11))
    assert _prune.surplus(numbers, 10, 0, Kept(3)) == [1, 2, 3, 4, 5, 6, 7]
    assert _prune.surplus(numbers, 10, 4, Kept(3, pinned=[2])) == [1, 3, 5, 6, 7]
    assert _prune.surplus(numbers, 1, 0, Kept(20)) == []


def test_packages_leave_pkgdir_and_its_index(master: Master) -> None:
    record = str(master.state / "fingerprints/target-laptops.json")
    _fingerprint.record(record, {"packages": _target.index_state(master.place.pkgdir), "whole": "x"})
    _prune.packages(master.place, [A])
    assert not Path(master.place.pkgdir, A).exists() and Path(master.place.pkgdir, B).exists()
    index = _packages.parse(Path(master.place.pkgdir, "Packages").read_text())
    assert (index.problems, [entry.path for entry in _packages.packages(index)]) == ((), [B])
    # The next run sees nothing to build in that.
    assert _fingerprint.recorded(record) == {"packages": _target.index_state(master.place.pkgdir), "whole": "x"}


def test_what_was_to_be_built_still_is(master: Master) -> None:
    record = str(master.state / "fingerprints/target-laptops.json")
    _fingerprint.record(record, {"packages": "another"})
    _prune.packages(master.place, [A])
    assert _fingerprint.recorded(record) == {"packages": "another"}


def test_not_while_portage_writes_the_index(master: Master) -> None:
    ours, theirs = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        with open(Path(master.place.pkgdir, ".Packages.portage_lockfile"), "w", encoding="ascii") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            os.write(ours[1], b"x")
            os.read(theirs[0], 1)
        os._exit(0)
    os.read(ours[0], 1)
    with pytest.raises(BinhostError, match="lockfile: expected to be free, found that Portage writes the index"):
        _prune.packages(master.place, [A])
    os.write(theirs[1], b"x")
    os.waitpid(child, 0)
    assert Path(master.place.pkgdir, A).exists()


def test_no_link_that_a_build_left_leads_out_of_pkgdir(master: Master, tmp_path: Path) -> None:
    master.build(A, B, C)
    pkgdir, own = Path(master.place.pkgdir), tmp_path / "own"
    own.mkdir()
    (own / Path(A).name).write_text("mine")
    (pkgdir / A).unlink()
    (pkgdir / A).parent.rmdir()
    (pkgdir / A).parent.symlink_to(own)
    (pkgdir / ".new-Packages").symlink_to(own / Path(A).name)
    _prune.packages(master.place, [A, B])
    assert (own / Path(A).name).read_text() == "mine"
    assert not (pkgdir / B).exists()
    assert _packages.parse((pkgdir / "Packages").read_text()).header.values()["PACKAGES"] == "1"
    (pkgdir / ".Packages.portage_lockfile").unlink()
    (pkgdir / ".Packages.portage_lockfile").symlink_to(own / Path(A).name)
    with pytest.raises(OSError, match="Packages.portage_lockfile"):
        _prune.packages(master.place, [C])
    assert (own / Path(A).name).read_text() == "mine"


def test_nothing_goes_where_nobody_can_be_asked(master: Master) -> None:
    request = _release.Request("laptops", str(master.state), sign=False, repositories=master.snapshot())
    with pytest.raises(BinhostError, match="roots/laptops: expected a build root, to be asked which packages are"):
        _release.prune(lambda args: (1, "", ""), request)


def test_many_generations_of_one_set_cost_little(master: Master) -> None:
    """As du counts: twenty generations of the same packages take less than a quarter more than one."""
    for number in range(20):
        master.build(f"app-misc/p{number}/p{number}-1-1.gpkg.tar", content=os.urandom(100_000).hex())
    _publication.publish(master.place, master.snapshot())
    one = _prune.used(master.place)
    for number in range(19):
        master.ebuild("app-misc/a/a-1.ebuild", f"EAPI=8\n# {number}\n")
        _publication.publish(master.place, master.snapshot(), kept=Kept(99))
    assert len(master.place.numbers()) == 20
    assert _prune.used(master.place) < one * 1.25


def test_what_a_job_reads_that_runs_long_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def jobs(**_named: str) -> list[_job_files.Job]:
        return [
            _job_files.Job("build-a", "running", begun="2026-01-29T12:00:00.000Z"),
            _job_files.Job("publish-b", "running", begun="2026-01-31T11:59:00.000Z"),
            _job_files.Job("build-c", "finished", begun="2026-01-01T12:00:00.000Z"),
        ]

    monkeypatch.setattr(_prune.time, "time", lambda: _job_files.seconds("2026-01-31T12:00:00"))
    assert _prune._age(str(tmp_path)) == 86400
    monkeypatch.setattr(_prune._jobs, "listing", jobs)
    assert _prune._age(str(tmp_path)) == 2 * 86400
