# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When something is published, by which key, and what going back means."""

from __future__ import annotations

import os
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import (
    _durable,
    _generation,
    _intent,
    _packages,
    _publication,
    _seal,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._intent import Wish
from ansible_collections.larry.binhost.plugins.module_utils._prune import Kept

from tests.unit.plugins.conftest import FakeSigner

if t.TYPE_CHECKING:
    from conftest import Master

A, B, C = (f"app-misc/{name}/{name}-1-1.gpkg.tar" for name in "abc")
OLD, NEW = "A" * 40, "B" * 40


def publish(master: Master, signer: FakeSigner | None = None, **wish: t.Any) -> _intent.Plan:
    by = signer.signer() if signer else None
    return _publication.publish(master.place, master.snapshot(), wish=Wish(**wish), signer=by)


def seal(master: Master, number: int | str = "current") -> _seal.Seal:
    return _generation.seal_of(master.place.generation(number))


def file(master: Master, path: str, number: int | str = "current") -> Path:
    return Path(master.place.generation(number), path)


def test_signed_in_the_pool_and_named_by_the_index(master: Master) -> None:
    signer = FakeSigner(OLD)
    publish(master, signer)
    assert signer.signed == [["a-1-1.gpkg.tar", "b-1-1.gpkg.tar"]]
    entry = _packages.packages(_packages.parse(file(master, "Packages").read_text()))[0]
    signed, built = file(master, A), Path(master.place.pkgdir, A)
    assert signed.read_bytes() == built.read_bytes() + b"signed by " + OLD.encode()
    sums = _durable.digests(str(signed), "md5", "sha1")
    assert (entry.size, entry.md5, entry.sha1) == (signed.stat().st_size, sums["md5"], sums["sha1"])
    assert entry.mtime == int(signed.stat().st_mtime)
    package = seal(master).packages[A]
    assert (package.key, package.cflags, package.source.size) == (OLD, "-O2 -pipe", built.stat().st_size)
    assert _generation.verify(master.place.generation(1), signer.signer()) == []
    assert built.read_bytes() == master.built[A]


def test_an_unchanged_pkgdir_is_not_published_again(master: Master) -> None:
    signer = FakeSigner(OLD)
    publish(master, signer)
    master.index()
    plan = publish(master, signer)
    assert (plan.changed, plan.number, plan.reasons, len(signer.signed)) == (False, 1, (), 1)


def test_only_what_is_new_is_signed(master: Master) -> None:
    signer = FakeSigner(OLD)
    publish(master, signer)
    master.build(C)
    plan = publish(master, signer)
    assert (plan.number, plan.added(), signer.signed[1:]) == (2, [C], [["c-1-1.gpkg.tar"]])
    assert file(master, A, 1).stat().st_ino == file(master, A, 2).stat().st_ino


def test_rotation_signs_the_seal_and_new_packages(master: Master) -> None:
    publish(master, FakeSigner(OLD))
    rotated = FakeSigner(NEW, OLD)
    plan = publish(master, rotated)
    assert (plan.number, plan.added(), plan.reasons) == (2, [], [f"another key signs now, {NEW}"])
    assert (seal(master).key, {package.key for package in seal(master).packages.values()}) == (NEW, {OLD})
    assert (rotated.signed, publish(master, rotated).changed) == ([], False)
    master.build(C)
    publish(master, rotated)
    assert [seal(master).packages[path].key for path in (A, B, C)] == [OLD, OLD, NEW]


@pytest.mark.parametrize(("also", "resign"), [((OLD,), True), ((), False)])
def test_signed_anew_when_asked_or_revoked(master: Master, also: tuple[str, ...], resign: bool) -> None:
    publish(master, FakeSigner(OLD))
    signer = FakeSigner(NEW, *also)
    plan = publish(master, signer, resign=resign)
    assert (plan.number, plan.added()) == (2, [])
    assert {package.key for package in seal(master).packages.values()} == {NEW}
    assert file(master, A, 1).read_bytes().endswith(OLD.encode())
    assert file(master, A, 2).read_bytes() == master.built[A] + b"signed by " + NEW.encode()
    assert not publish(master, signer, resign=resign).changed


def test_a_seal_is_renewed_in_its_second_half(master: Master, monkeypatch: pytest.MonkeyPatch) -> None:
    signer, now = FakeSigner(OLD), time.time()
    publish(master, signer, days=90)
    monkeypatch.setattr(time, "time", lambda: now + 44 * 86400)
    assert not publish(master, signer, days=90).changed
    monkeypatch.setattr(time, "time", lambda: now + 46 * 86400)
    before = seal(master).expires
    plan = publish(master, signer, days=90)
    assert (plan.number, plan.added(), plan.reasons) == (2, [], [f"its seal expires at {before}"])
    assert seal(master).expires > before
    assert not publish(master, signer, days=90).changed


def test_going_back(master: Master) -> None:
    signer = FakeSigner(OLD)
    publish(master, signer)
    master.build(B, content="rebuilt")
    master.build(C)
    master.ebuild("app-misc/c/c-1.ebuild", "EAPI=8\n")
    publish(master, signer)
    plan = publish(master, signer, number=1)
    assert (plan.number, plan.added(), plan.removed(), plan.restores) == (3, [B], [B, C], 1)
    assert len(signer.signed) == 2
    assert sorted(seal(master).packages) == [A, B]
    assert (seal(master).restores, seal(master).revisions()) == (1, seal(master, 1).revisions())
    for path in (A, B, "repos/lab.tar.xz"):
        assert file(master, path, 1).stat().st_ino == file(master, path).stat().st_ino
    stamps = [int(file(master, "Packages", number).stat().st_mtime) for number in (1, 2, 3)]
    assert stamps[1] >= stamps[0] + 6 and stamps[2] >= stamps[1] + 6
    assert not publish(master, signer, number=1).changed
    assert not publish(master, signer, number=3).changed


def test_a_target_that_went_back_stays_there(master: Master) -> None:
    signer = FakeSigner(OLD)
    publish(master, signer)
    master.build(C)
    publish(master, signer)
    publish(master, signer, number=1)
    plan = publish(master, signer)
    assert (plan.changed, plan.waiting, plan.restores) == (False, True, 1)
    master.build(C, content="more")
    assert (publish(master, signer).changed, sorted(seal(master).packages)) == (False, [A, B])
    plan = publish(master, signer, latest=True)
    assert (plan.number, plan.added(), plan.restores, seal(master).restores) == (4, [C], 0, 0)
    assert not publish(master, signer).changed


def test_what_was_gone_back_to_is_renewed_and_signed_anew(master: Master) -> None:
    publish(master, FakeSigner(OLD))
    master.build(C)
    publish(master, FakeSigner(OLD))
    publish(master, FakeSigner(OLD), number=1)
    plan = publish(master, FakeSigner(NEW))
    assert (plan.number, plan.restores, sorted(seal(master).packages)) == (4, 1, [A, B])
    assert {package.key for package in seal(master).packages.values()} == {NEW}
    assert _generation.verify(master.place.generation(4), FakeSigner(NEW).signer()) == []


def test_a_damaged_generation_that_went_back_is_made_again(master: Master) -> None:
    signer = FakeSigner(OLD)
    publish(master, signer)
    master.build(C)
    publish(master, signer)
    publish(master, signer, number=1)
    file(master, "Packages").write_text("x")
    plan = publish(master, signer)
    assert (plan.number, plan.restores, sorted(seal(master).packages)) == (4, 1, [A, B])


def test_no_such_generation(master: Master) -> None:
    publish(master)
    with pytest.raises(BinhostError, match=r"generation 7 of target laptops: expected a complete one .*; there are 1$"):
        publish(master, number=7)
    assert os.readlink(master.place.generation("current")) == "1"


def test_going_back_to_what_is_current_holds_it(master: Master) -> None:
    publish(master)
    plan = publish(master, number=1)
    assert (plan.number, plan.restores) == (2, 1)
    master.build(C)
    assert not publish(master).changed


def test_what_a_target_went_back_to_and_pinned_ones_are_kept(master: Master) -> None:
    for count in range(4):
        master.build(B, content="x" * (count + 1))
        _publication.publish(master.place, master.snapshot(), kept=Kept(1, pinned=[2]))
    assert master.place.numbers() == [2, 4]
    _publication.publish(master.place, wish=Wish(number=2), kept=Kept(1))
    assert master.place.numbers() == [2, 5]


def test_an_unsigned_seal_is_replaced(master: Master) -> None:
    publish(master)
    signer = FakeSigner(OLD)
    assert publish(master, signer).number == 2
    assert _generation.verify(master.place.generation(2), signer.signer()) == []


DAMAGE = [
    (lambda master: file(master, A).write_bytes(b"x" + file(master, A).read_bytes()[1:]), "expected the content"),
    (lambda master: file(master, _seal.SIGNATURE).unlink(), "expected the seal's signature, found no such file"),
    (lambda master: file(master, A).chmod(0o600), "expected to be readable by all, for the server"),
    (lambda master: file(master, "app-misc").chmod(0o700), "expected to be readable by all, for the server"),
    (
        lambda master: file(master, "seal.json").write_bytes(b" " + file(master, "seal.json").read_bytes()),
        "as it was signed",
    ),
]


@pytest.mark.parametrize(("damage", "words"), DAMAGE)
def test_verify_finds_what_a_glance_does_not(master: Master, damage: t.Callable[[Master], None], words: str) -> None:
    signer = FakeSigner(OLD)
    publish(master, signer)
    times = file(master, A).stat().st_mtime_ns
    damage(master)
    os.utime(file(master, A), ns=(times, times))
    found = _generation.verify(master.place.generation("current"), signer.signer())
    assert len(found) == 1 and words in found[0]


def test_what_does_not_pass_is_not_published(master: Master) -> None:
    publish(master)
    master.build(C)
    with pytest.raises(BinhostError, match="no lib\nso it isn't published; what is served is unchanged"):
        _publication.publish(master.place, master.snapshot(), look=lambda folder: ["no lib"])
    assert sorted(os.listdir(master.place.folder)) == ["1", "current", "repos"]


def test_a_signer_that_does_not_sign_is_found_out(master: Master) -> None:
    signer = FakeSigner(OLD)
    signer.packages = lambda paths: None  # type: ignore[method-assign]
    with pytest.raises(BinhostError, match=f"expected packages signed by {OLD}, found .*a-1-1.gpkg.tar by nobody"):
        publish(master, signer)
    assert not list(Path(master.place.pool).rglob("*.gpkg.tar"))
