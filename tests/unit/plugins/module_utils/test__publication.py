# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publishing: what stands there afterwards, when nothing is published, and what a crash at any step leaves."""

from __future__ import annotations

import errno
import gzip
import json
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import (
    _durable,
    _fitness,
    _generation,
    _intent,
    _lock,
    _packages,
    _place,
    _prune,
    _publication,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._intent import Wish
from ansible_collections.larry.binhost.plugins.module_utils._prune import Kept

from tests.unit.plugins.conftest import FakeSigner, gpkg

if t.TYPE_CHECKING:
    from conftest import Master

A, B, C = (f"app-misc/{name}/{name}-1-1.gpkg.tar" for name in "abc")


def folder(master: Master) -> Path:
    return Path(master.place.folder)


def test_first_generation(master: Master) -> None:
    snapshot = master.snapshot()
    wanted = _publication.publish(master.place, snapshot)
    assert (wanted.changed, wanted.number, wanted.added(), wanted.removed()) == (True, 1, [A, B], [])
    place = folder(master) / "1"
    assert os.readlink(folder(master) / "current") == "1"
    assert sorted(os.listdir(folder(master))) == ["1", "current", "repos"]
    assert sorted(os.listdir(place)) == ["Packages", "Packages.gz", "app-misc", "repos", "seal.json"]
    assert (place / A).read_bytes() == master.built[A]
    assert (place / A).stat().st_ino == Path(master.place.pool, A).stat().st_ino
    assert (place / A).stat().st_ino != Path(master.place.pkgdir, A).stat().st_ino
    text = (place / "Packages").read_text()
    assert gzip.decompress((place / "Packages.gz").read_bytes()).decode() == text
    header = _packages.parse(text).header.values()
    assert list(header) == ["ARCH", "CHOST", "PACKAGES", "TIMESTAMP", "VERSION"]
    assert {int(os.stat(place / name).st_mtime) for name in ("Packages", "Packages.gz")} == {int(header["TIMESTAMP"])}
    seal = json.loads((place / "seal.json").read_text())
    assert (seal["number"], sorted(seal["packages"])) == (1, [A, B])
    assert seal["repositories"]["lab"]["revision"] == snapshot["lab"][-12:]


def test_all_can_read_it(master: Master) -> None:
    _publication.publish(master.place, master.snapshot())
    for top in ("generations", "pool", "repos"):
        for path in [master.state / top, *(master.state / top).rglob("*")]:
            if not path.is_symlink():
                assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path


def test_unchanged(master: Master) -> None:
    snapshot = master.snapshot()
    _publication.publish(master.place, snapshot)
    tops = [master.state / top for top in ("generations", "pool", "repos")]
    before = {path: path.lstat().st_mtime_ns for top in tops for path in top.rglob("*")}
    again = _publication.publish(master.place, snapshot)
    assert (again.changed, again.number, again.added(), again.removed(), again.damage) == (False, 1, [], [], "")
    assert not _publication.publish(master.place).changed  # the newest snapshot is the same one
    master.index()  # Portage wrote the same index again
    assert not _publication.publish(master.place).changed
    assert {path: path.lstat().st_mtime_ns for path in before} == before


def test_next_generation(master: Master) -> None:
    _publication.publish(master.place, master.snapshot())
    del master.built[A]
    master.build(B, content="rebuilt")
    master.build(C)
    wanted = _publication.publish(master.place, master.snapshot())
    assert (wanted.number, wanted.added(), wanted.removed()) == (2, [B, C], [A, B])
    one, two = folder(master) / "1", folder(master) / "2"
    assert b"rebuilt" not in (one / B).read_bytes()
    assert (two / B).read_bytes() == master.built[B]
    stamps = [int((place / "Packages").stat().st_mtime) for place in (one, two)]
    assert stamps[1] >= stamps[0] + 6
    archives = [place / "repos/lab.tar.xz" for place in (one, two)]
    assert archives[0].stat().st_ino == archives[1].stat().st_ino


def test_new_revision_alone(master: Master) -> None:
    _publication.publish(master.place, master.snapshot())
    master.ebuild("app-misc/a/a-2.ebuild", "EAPI=8\n")
    wanted = _publication.publish(master.place, master.snapshot())
    assert (wanted.number, wanted.added(), wanted.removed()) == (2, [], [])
    archives = [folder(master) / number / "repos/lab.tar.xz" for number in "12"]
    assert archives[0].read_bytes() != archives[1].read_bytes()


def test_keep(master: Master) -> None:
    for count in range(4):
        master.build(B, content="x" * (count + 1))
        _publication.publish(master.place, master.snapshot(), kept=Kept(2))
    assert sorted(os.listdir(folder(master))) == ["3", "4", "current", "repos"]
    del master.built[B]
    master.index()
    _publication.publish(master.place, master.snapshot(), kept=Kept(1))
    assert sorted(os.listdir(folder(master))) == ["5", "current", "repos"]
    assert sorted(path.name for path in Path(master.place.pool).rglob("a-*")) == [Path(A).name, f"{Path(A).name}.json"]
    assert not list(Path(master.place.pool).rglob("b*"))


def unsigned(seal: Path) -> None:
    """Make a seal one of format 1, as it was before anything was signed."""
    record = json.loads(seal.read_text())
    old = {key: record[key] for key in ("target", "number", "time", "timestamp", "index", "repositories")}
    files = {path: {key: file[key] for key in ("sha512", "size")} for path, file in record["packages"].items()}
    seal.write_text(json.dumps({**old, "format": 1, "packages": files}))


DAMAGE = [
    (lambda place: unsigned(place / "seal.json"), "expected a seal of format 3, found 1"),
    (lambda place: (place / A).unlink(), "expected the file that the index names"),
    (lambda place: (place / A).write_bytes((place / A).read_bytes()[::-1]), "expected the file that the index names"),
    (lambda place: (place / "Packages").write_text("x"), "expected the index that the seal names"),
    (lambda place: (place / "Packages.gz").write_bytes(b"x"), "Not a gzipped file"),
    (lambda place: (place / "seal.json").unlink(), "No such file"),
    (lambda place: (place / "repos/lab.tar.xz").unlink(), "No such file"),
]


@pytest.mark.parametrize(("damage", "reason"), DAMAGE)
def test_a_damaged_generation_is_replaced(master: Master, damage: t.Callable[[Path], None], reason: str) -> None:
    _publication.publish(master.place, master.snapshot())
    damage(folder(master) / "1")
    wanted = _publication.publish(master.place)
    assert (wanted.changed, wanted.number) == (True, 2)
    assert reason in wanted.damage
    assert (folder(master) / "current" / A).read_bytes() == master.built[A]
    assert not _publication.publish(master.place).changed


def refused(master: Master, message: str) -> None:
    with pytest.raises(BinhostError, match=message):
        _publication.publish(master.place, master.snapshot())
    assert not (folder(master) / "current").is_symlink()


def test_a_file_is_missing(master: Master) -> None:
    Path(master.place.pkgdir, B).unlink()
    refused(master, "b-1-1.gpkg.tar: expected a package, as the index says, found no such file; 'emaint binhost --fix'")


def test_a_file_is_another(master: Master) -> None:
    Path(master.place.pkgdir, B).write_bytes(master.built[B][::-1])
    refused(master, "b-1-1.gpkg.tar: expected md5 [0-9a-f]{32}, found [0-9a-f]{32}, sha1 [0-9a-f]{40}, found")


def test_the_index_is_cut(master: Master) -> None:
    path = Path(master.place.pkgdir, "Packages")
    path.write_text(path.read_text().replace("\n\n", "\n\n\n", 1))
    refused(master, "pkgdir/laptops/Packages: line 9: empty stanza")


def test_the_index_is_empty(master: Master) -> None:
    master.built.clear()
    master.index()
    refused(master, "Packages: expected packages, found none")


@pytest.mark.parametrize("path", ["../x", "/etc/x", "repos/x", "seal.json", ".x"])
def test_a_path_leads_elsewhere(master: Master, path: str) -> None:
    index = Path(master.place.pkgdir, "Packages")
    index.write_text(index.read_text().replace(f"PATH: {A}", f"PATH: {path}"))
    refused(master, "Packages: line 9: expected a PATH inside PKGDIR, found")


def test_a_package_is_a_link(master: Master, tmp_path: Path) -> None:
    """A build has its PKGDIR for itself, and could make a name there lead to any file of this machine."""
    path = Path(master.place.pkgdir, A)
    path.rename(tmp_path / "own")
    path.symlink_to(tmp_path / "own")
    with pytest.raises(BinhostError, match="a-1-1.gpkg.tar: expected a package, found something else, or a link"):
        _publication.publish(master.place, master.snapshot())
    assert not os.path.lexists(master.place.generation("current"))


def test_disk_full(master: Master, monkeypatch: pytest.MonkeyPatch) -> None:
    _publication.publish(master.place, master.snapshot())
    master.build(C)
    master.ebuild("app-misc/c/c-1.ebuild", "EAPI=8\n")
    snapshot = master.snapshot()
    with monkeypatch.context() as patch:
        patch.setattr(_publication._archive, "pack", full)
        with pytest.raises(
            BinhostError, match="laptops: expected to publish, found: .*No space left.*; what is served"
        ):
            _publication.publish(master.place, snapshot)
    assert sorted(os.listdir(folder(master))) == ["1", "current", "repos"]
    assert _publication.publish(master.place, snapshot).number == 2


def full(*_args: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_nothing_built(master: Master) -> None:
    Path(master.place.pkgdir, "Packages").unlink()
    assert _intent.plan(master.place).changed
    assert _intent.describe(_intent.plan(master.place))[1] == "unknown before the target is built\n"
    refused(master, "Packages: expected the index of a build, found none; build first")


def test_no_repository(master: Master) -> None:
    with pytest.raises(BinhostError, match="repos: expected a snapshot of an ebuild repository, found none"):
        _publication.publish(master.place)


def test_no_such_snapshot(master: Master) -> None:
    with pytest.raises(BinhostError, match="repository lab: expected a snapshot lab-<12 hexadecimal digits>, found /x"):
        _intent.plan(master.place, {"lab": "/x"})
    with pytest.raises(BinhostError, match="lab-0123456789ab: expected a readable ebuild repository"):
        _publication.publish(master.place, {"lab": "/x/lab-0123456789ab"})


def test_one_at_a_time(master: Master, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_publication, "_PATIENCE", 0)
    with _lock.held("generation-laptops", state=str(master.state)):
        refused(master, f"generation-laptops.lock: expected to be free, found it held by process {os.getpid()}")


def test_bad_target() -> None:
    with pytest.raises(BinhostError, match=r"target: expected a name of a-z, 0-9, - and _, found '\.\./x'"):
        _place.Place("../x")


def test_diff(master: Master) -> None:
    snapshot = master.snapshot()
    short = snapshot["lab"][-12:]
    assert _intent.describe(_intent.plan(master.place, snapshot)) == (
        "no generation\n",
        f"generation 1\nrepository lab {short}\napp-misc/a-1 {A}\napp-misc/b-1 {B}\n",
    )


STEPS = ("rename", "replace", "link", "symlink", "unlink", "mkdir", "sync", "fsync", "chmod", "utime")


def killed_at(step: int, action: t.Callable[[], object]) -> bool:
    """Run the action in a process that is killed before its file system call number ``step``; return if it was."""
    child = os.fork()
    if not child:
        left = [step]

        def deadly(call: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
            def wrapper(*args: t.Any, **named: t.Any) -> t.Any:
                left[0] -= 1
                if not left[0]:
                    os._exit(9)
                return call(*args, **named)

            return wrapper

        for name in STEPS:
            setattr(os, name, deadly(getattr(os, name)))
        try:
            action()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def killed_everywhere(master: Master, prepare: t.Callable[[int], None], action: t.Callable[[], object]) -> int:
    """Prepare and act until one action was killed nowhere; return how many steps it has.

    After each kill the current generation is whole, and no lower than the last.
    """
    step, last = 0, 1
    while True:
        step += 1
        prepare(step)
        killed = killed_at(step, action)
        now, damage = _generation.current(master.place)
        assert now is not None, (step, damage)
        assert now.seal.number >= last
        last = now.seal.number
        if not killed:
            return step


def nothing_unfinished(master: Master) -> None:
    for place in (folder(master), Path(master.place.pool), master.state / "repos"):
        assert not [path for path in place.rglob("*") if path.name.startswith(_durable.DRAFT)], place


def test_killed_at_any_step(master: Master) -> None:
    signer = FakeSigner("A" * 40).signer()

    def publish() -> _intent.Plan:
        return _publication.publish(master.place, kept=Kept(2), signer=signer)

    def prepare(step: int) -> None:
        master.build(C, content="x" * (10 + step))
        master.ebuild("app-misc/a/a-1.ebuild", "x" * step)
        master.snapshot()

    _publication.publish(master.place, master.snapshot(), kept=Kept(2), signer=signer)
    assert killed_everywhere(master, prepare, publish) > 40
    nothing_unfinished(master)
    assert not publish().changed
    assert _generation.verify(master.place.generation("current"), signer) == []
    assert (folder(master) / "current" / C).read_bytes().startswith(master.built[C])


def test_a_record_in_the_pool_never_speaks_of_another_file(master: Master, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where what was rebuilt has the size and the mtime of what was there, and the power fails just before it moves."""
    _publication.publish(master.place, master.snapshot())
    master.build(B, content="rebuilt")
    assert len(master.built[B]) == os.stat(os.path.join(master.place.pool, B)).st_size
    replace = os.replace

    def powerless(source: str, path: str) -> None:
        if path == os.path.join(master.place.pool, B):
            raise KeyboardInterrupt
        replace(source, path)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", powerless)
        _publication.publish(master.place, master.snapshot())
    _publication.publish(master.place, master.snapshot())
    assert (folder(master) / "current" / B).read_bytes() == master.built[B]


def test_killed_at_any_step_of_going_back(master: Master) -> None:
    _publication.publish(master.place, master.snapshot())
    master.build(C)
    _publication.publish(master.place, master.snapshot())
    numbers = [1, 2]

    def back() -> _intent.Plan:
        return _publication.publish(master.place, wish=Wish(number=numbers[0]), kept=Kept(9))

    killed_everywhere(master, lambda step: numbers.reverse(), back)
    nothing_unfinished(master)
    plan = _publication.publish(master.place, wish=Wish(number=1), kept=Kept(9))
    assert (plan.restores, sorted(_generation.seal_of(master.place.generation("current")).packages)) == (1, [A, B])


def test_killed_at_any_step_of_pruning(master: Master) -> None:
    """What is listed is there; what is there and not listed the next build lists again."""
    names = [f"app-misc/p{number}/p{number}-1-1.gpkg.tar" for number in range(25)]

    def prepare(_step: int) -> None:
        for path in names:
            Path(master.place.pkgdir, path).unlink(missing_ok=True)
        master.build(*names)

    step, killed = 0, True
    while killed:
        step += 1
        prepare(step)
        killed = killed_at(step, lambda: _prune.packages(master.place, names[:20]))
        index = _packages.parse(Path(master.place.pkgdir, "Packages").read_text())
        listed = {entry.path for entry in _packages.packages(index)}
        assert not index.problems and listed >= {A, B, *names[20:]}
        assert all(Path(master.place.pkgdir, path).exists() for path in (A, B, *names[20:]))
        assert all(Path(master.place.pkgdir, path).exists() for path in listed)
    assert step > 20


def test_timestamps_grow_past_what_a_crash_left(master: Master) -> None:
    _publication.publish(master.place, master.snapshot())
    _durable.remove(str(folder(master) / "current"))
    assert _publication.publish(master.place).number == 2
    one, two = (int((folder(master) / number / "Packages").stat().st_mtime) for number in "12")
    assert two >= one + 6


def test_a_record_goes_along_under_the_seal(master: Master) -> None:
    """And what is published again, or gone back to, keeps the record it had."""
    _publication.publish(master.place, master.snapshot(), record=b'{"first": 1}\n')
    master.build("x/new/new-1-1.gpkg.tar")
    _publication.publish(master.place, master.snapshot(), record=b"second\n")
    _publication.publish(master.place, wish=Wish(number=1), record=b"never\n")
    found = {}
    for number in (1, 2, 3):
        generation = folder(master) / str(number)
        found[number] = (generation / "record.json").read_bytes()
        seal = _generation.check(str(generation)).seal
        assert seal.record == _generation.file_of(found[number])
        assert _generation.verify(str(generation), None) == []
    assert found == {1: b'{"first": 1}\n', 2: b"second\n", 3: b'{"first": 1}\n'}
    (folder(master) / "3/record.json").write_bytes(b"FORGED\n".ljust(13))
    (wrong,) = _generation.verify(str(folder(master) / "3"), None)
    assert wrong.endswith("3/record.json: expected the content that the seal names, found another")
    (folder(master) / "3/record.json").unlink()
    assert _publication.publish(master.place).number == 4
    master.build("x/newer/newer-1-1.gpkg.tar")
    _publication.publish(master.place, master.snapshot(), wish=Wish(latest=True))
    assert not (folder(master) / "5/record.json").exists()


def test_what_a_slave_cannot_run_is_known_before_it_is_published(master: Master) -> None:
    machines = {"old": {"arch": "x86", "features": ["fpu"], "kernel": "6.1.0", "glibc": "2.36"}}
    nothing = {"kernel": "", "unfit": {}}
    assert _fitness.foreseen(master.place, _intent.plan(master.place, master.snapshot()), machines) == nothing
    assert _fitness.of_current(master.place, machines) == nothing
    why = "-march=native: expected a named target, since native is whatever machine compiles"
    master.built[C] = gpkg("c-1-1", "c", "-O2 -march=native")
    Path(master.place.pkgdir, C).parent.mkdir(parents=True)
    Path(master.place.pkgdir, C).write_bytes(master.built[C])
    os.utime(Path(master.place.pkgdir, C), (1690000000, 1690000000))
    master.index()
    wanted = _intent.plan(master.place, master.snapshot())
    expected = {"kernel": "", "unfit": {"old": {C: why}}}
    assert _fitness.foreseen(master.place, wanted, machines) == expected
    _publication.publish(master.place)
    assert _fitness.of_current(master.place, machines) == expected
    Path(master.place.pkgdir, C).unlink()  # what the pool has isn't opened again
    assert _fitness.foreseen(master.place, wanted, machines) == expected
