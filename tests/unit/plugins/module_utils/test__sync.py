# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A slave and its master: what arrives, what is refused, and what stays when anything goes wrong."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import re
import shutil
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import (
    _packages,
    _place,
    _publication,
    _repository,
    _seal,
    _servers,
    _sync,
    _transport,
    _unfit,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

if t.TYPE_CHECKING:
    from conftest import Master

Serve = t.Callable[..., str]
A = "app-misc/a/a-1-1.gpkg.tar"
C = "app-misc/c/c-1-1.gpkg.tar"
NOWHERE = "http://127.0.0.1:9"


def ways(*uris: str) -> list[_transport.Source]:
    """Return these URIs as ways to the packages."""
    return [_transport.Source(uri) for uri in uris]


class Slave:
    """A slave's state folder and where it asks."""

    def __init__(self, state: Path, uri: str) -> None:
        self.state = state
        self.uri = uri
        self.place = _place.Place("laptops", str(state))

    def request(self, *uris: str, **more: t.Any) -> _servers.Request:
        return _servers.Request(self.place, ways(*uris or [self.uri]), timeout=2, **more)

    def run(self, *uris: str, **more: t.Any) -> _sync.Result:
        return _sync.run(self.request(*uris, **more))

    def check(self, *uris: str, **more: t.Any) -> _sync.Result:
        return _sync.check(self.request(*uris, **more))

    def header(self) -> dict[str, str]:
        return _packages.parse((self.state / "current/Packages").read_text()).header.values()

    def listing(self) -> dict[str, object]:
        return {str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in self.state.rglob("*")}


@pytest.fixture
def slave(master: Master, serve: Serve, tmp_path: Path) -> Slave:
    """Return a slave that has nothing yet; generation 1 is published and served."""
    _publication.publish(master.place, master.snapshot())
    return Slave(tmp_path / "slave", serve(master.state / "generations"))


def republish(master: Master) -> None:
    """Publish the next generation, with one package more and another revision."""
    master.build(C)
    master.ebuild("app-misc/c/c-1.ebuild", f"EAPI=8 {len(master.built)}\n")
    _publication.publish(master.place, master.snapshot())


def test_first(master: Master, slave: Slave) -> None:
    done = slave.run()
    assert (done.changed, done.number, done.answer.uri, done.answer.message) == (True, 1, slave.uri, "")
    assert os.readlink(slave.state / "current") == "generations/laptops/1"
    header = slave.header()
    assert header["URI"] == f"{slave.uri}/laptops/1"
    assert int(header["TIMESTAMP"]) == done.timestamp >= int((Path(master.place.folder) / "1/Packages").stat().st_mtime)
    own = (slave.state / "current/Packages").read_text().split("\n\n", 1)[1]
    assert own == (Path(master.place.folder) / "1/Packages").read_text().split("\n\n", 1)[1]
    link = slave.state / "current/repos/lab"
    snapshot = Path(master.snapshot()["lab"])
    assert os.readlink(link) == f"../../../../repos/{snapshot.name}"
    assert _repository.revision(str(link)) == _repository.revision(str(snapshot))
    assert sorted(os.listdir(slave.state / "repos")) == [snapshot.name]


def test_the_record_comes_along_where_it_is_right(master: Master, slave: Slave) -> None:
    """It says how long packages took; no slave stays without packages for want of that."""
    here = slave.state / "current/record.json"
    assert slave.run().number == 1
    assert not here.exists()
    for number, damage in ((2, None), (3, b"lies\n"), (4, b""), (5, None)):
        master.build(C, content=str(number))
        record = f"{number}\n".encode()
        _publication.publish(master.place, master.snapshot(), record=record)
        if damage is not None:
            lie(master, "record.json", damage)
        if damage == b"":
            (Path(master.place.folder) / "current/record.json").unlink()
        done = slave.run()
        assert (done.changed, done.number) == (True, number)
        assert (here.read_bytes() if here.exists() else None) == (record if damage is None else None)
        assert [path.name for path in here.parent.parent.iterdir() if path.name.startswith(".new-")] == []
    assert here.stat().st_mode & 0o777 == 0o644


def test_all_can_read_it(slave: Slave) -> None:
    slave.run()
    for top in ("generations", "repos"):
        for path in [slave.state / top, *(slave.state / top).rglob("*")]:
            if not path.is_symlink():
                assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path


def test_check_run_check_run(slave: Slave) -> None:
    assert (slave.check().changed, slave.check().number) == (True, 1)
    assert not slave.state.exists()
    assert slave.run().changed
    before = slave.listing()
    assert not slave.check().changed
    assert slave.listing() == before
    assert not slave.run().changed
    after = slave.listing()
    assert {path: after[path] for path in before if "/run" not in path} == {
        path: before[path] for path in before if "/run" not in path
    }


def test_next(master: Master, slave: Slave) -> None:
    stamps = [slave.run().timestamp]
    old = Path(os.path.realpath(slave.state / "current/repos/lab"))
    republish(master)
    stamps.append(slave.run().timestamp)
    assert sorted(os.listdir(slave.state / "generations/laptops")) == ["1", "2"]
    assert old.exists()
    republish(master)
    stamps.append(slave.run().timestamp)
    assert sorted(os.listdir(slave.state / "generations/laptops")) == ["2", "3"]
    assert not old.exists()
    assert len(os.listdir(slave.state / "repos")) == 2
    assert stamps == sorted(set(stamps))


def test_repository_of_equal_revision_is_not_fetched(master: Master, slave: Slave) -> None:
    slave.run()
    master.build(C)
    _publication.publish(master.place)
    (Path(master.place.folder) / "2/repos/lab.tar.xz").write_bytes(b"x")
    assert slave.run().number == 2


def test_what_came_before_anything_was_signed(master: Master, slave: Slave) -> None:
    """A slave of that time has a seal of format 1, no signature, and no word of the highest number."""
    slave.run()
    here = slave.state / "generations/laptops/1"
    (here / "seal.json").write_text('{"format": 1}')
    for name in ("seal.json.asc", "highest"):
        (here / name).unlink()
    before = slave.run(NOWHERE)
    assert (before.number, before.changed, before.here.verified) == (1, False, False)
    republish(master)
    done = slave.run()
    assert (done.number, done.changed) == (2, True)
    assert not slave.run().changed


def test_another_way(master: Master, slave: Slave, serve: Serve) -> None:
    first = slave.run()
    other = serve(master.state / "generations")
    done = slave.run(NOWHERE, other)
    assert (done.changed, done.number, done.answer.uri) == (True, 1, other)
    assert slave.header()["URI"] == f"{other}/laptops/1"
    assert done.timestamp > first.timestamp
    assert not slave.run(NOWHERE, other).changed
    # What an emerge may still use that began before stays, however often the way changes.
    republish(master)
    slave.run()
    for uri in (other, slave.uri):
        assert slave.run(uri).changed
        assert sorted(os.listdir(slave.state / "generations/laptops")) == ["1", "2"]


def test_no_answer(slave: Slave) -> None:
    done = slave.run(NOWHERE)
    assert (done.changed, done.answer.uri, done.number) == (False, None, None)
    assert re.fullmatch(f"{NOWHERE}/laptops/current/seal.json: no answer: .*", done.answer.message)
    slave.run()
    assert slave.run(NOWHERE).number == slave.check(NOWHERE).number == 1
    assert slave.run().changed is False


def test_nothing_published(slave: Slave, serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    uri = serve(tmp_path / "empty")
    done = slave.run(uri)
    message = f"nothing published yet for target laptops at {uri}"
    assert (done.changed, done.answer.uri, done.number, done.answer.message) == (False, uri, None, message)


def test_the_server_goes_away_in_the_middle(master: Master, slave: Slave, monkeypatch: pytest.MonkeyPatch) -> None:
    slave.run()
    republish(master)
    raw = (Path(master.place.folder) / "current/seal.json").read_bytes()
    monkeypatch.setattr(_servers._fetch, "text", lambda *_args, **_named: raw)
    done = slave.run(NOWHERE)
    assert (done.changed, done.answer.uri, done.number) == (False, None, 1)
    assert "/laptops/2/Packages: no answer" in done.answer.message


def test_disk_full(master: Master, slave: Slave, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    slave.run()
    republish(master)
    with monkeypatch.context() as patch:
        patch.setattr(_sync._bring._archive, "unpack", full)
        with pytest.raises(
            BinhostError, match="laptops: expected to store a generation, found: .*No space left.*; what was"
        ):
            slave.run()
    assert os.readlink(slave.state / "current") == "generations/laptops/1"
    assert len(os.listdir(slave.state / "repos")) == 1
    assert slave.run().number == 2


def lie(master: Master, name: str, data: bytes) -> None:
    """Let the server answer with something else."""
    path = Path(master.place.folder) / "current" / name
    path.unlink()
    path.write_bytes(data)


LIES = [
    ("seal.json", b"<html>", "current/seal.json: expected a seal .a JSON record., found '<html>'"),
    ("Packages", b"<html>", "laptops/2/Packages: expected .* bytes with SHA-512 .* as the seal says, found 6 bytes"),
    ("repos/lab.tar.xz", b"<html>", "laptops/2/repos/lab.tar.xz: expected .* bytes with SHA-512 .*, found 6 bytes"),
]


@pytest.mark.parametrize(("name", "data", "message"), LIES)
def test_wrong_content(master: Master, slave: Slave, name: str, data: bytes, message: str) -> None:
    slave.run()
    republish(master)
    lie(master, name, data)
    before = slave.header()
    with pytest.raises(BinhostError, match=message):
        slave.run()
    assert os.readlink(slave.state / "current") == "generations/laptops/1"
    assert slave.header() == before
    assert not [path for path in slave.state.rglob("*") if path.name.startswith(".new-")]
    republish(master)
    assert slave.run().number == 3


def test_another_targets_seal(master: Master, slave: Slave) -> None:
    data = (Path(master.place.folder) / "current/seal.json").read_bytes()
    lie(master, "seal.json", data.replace(b'"laptops"', b'"servers"'))
    with pytest.raises(BinhostError, match="expected the seal of target laptops, found that of servers"):
        slave.run()


def test_older(master: Master, slave: Slave) -> None:
    republish(master)
    first = slave.run()
    os.unlink(Path(master.place.folder) / "current")
    os.symlink("1", Path(master.place.folder) / "current")
    for call in (slave.check, slave.run):
        with pytest.raises(BinhostError, match="seal.json: expected generation 2 or later, found 1; if the master"):
            call()
    done = slave.run(allow_older=True)
    assert (done.changed, done.number) == (True, 1)
    assert done.timestamp > first.timestamp
    assert not slave.run().changed


def test_another_of_the_same_number(master: Master, slave: Slave) -> None:
    slave.run()
    shutil.rmtree(master.place.folder)
    master.build(C)
    _publication.publish(master.place)
    with pytest.raises(BinhostError, match="expected generation 1 as it is here, found another one"):
        slave.run()
    assert slave.run(allow_older=True).changed
    assert "app-misc/c-1" in (slave.state / "current/Packages").read_text()
    assert not slave.run().changed


DRIFT = [
    lambda state: (state / "current").unlink(),
    lambda state: (state / "current/Packages").write_text("x"),
    lambda state: (state / "current/Packages").unlink(),
    lambda state: (state / "current/seal.json").unlink(),
    lambda state: (state / "current/repos/lab").unlink(),
    lambda state: shutil.rmtree(os.path.realpath(state / "current/repos/lab")),
    lambda state: ((state / "current").unlink(), (state / "current").symlink_to("generations/laptops/9")),
]


@pytest.mark.parametrize("drift", DRIFT)
def test_drift_is_repaired(slave: Slave, drift: t.Callable[[Path], object]) -> None:
    slave.run()
    whole = (slave.state / "current/Packages").read_text().split("\n\n", 1)[1]
    drift(slave.state)
    assert slave.check().changed
    assert slave.run().changed
    assert (slave.state / "current/Packages").read_text().split("\n\n", 1)[1] == whole
    assert (slave.state / "current/repos/lab/profiles/repo_name").read_text() == "lab\n"
    assert not slave.run().changed


def test_another_target(master: Master, slave: Slave, serve: Serve) -> None:
    stamp = slave.run().timestamp
    other = _place.Place("servers", str(slave.state))
    shutil.copytree(master.place.folder, master.state / "generations/servers", symlinks=True)
    seal = master.state / "generations/servers/1/seal.json"
    record = json.loads(seal.read_text())
    seal.write_text(json.dumps({**record, "target": "servers"}))
    request = _servers.Request(other, ways(slave.uri))
    assert _sync.check(request).here.number is None
    done = _sync.run(request)
    assert (done.number, done.timestamp > stamp) == (1, True)
    assert os.readlink(slave.state / "current") == "generations/servers/1"
    assert sorted(os.listdir(slave.state / "generations")) == ["laptops", "servers"]


def test_not_on_a_master(master: Master, slave: Slave) -> None:
    with pytest.raises(BinhostError, match="laptops: expected a slave, found a master that publishes laptops"):
        _sync.run(_servers.Request(master.place, ways(slave.uri)))


def test_diff(slave: Slave) -> None:
    before, after = _sync.describe(slave.check())
    assert before == "no generation\n"
    assert re.fullmatch(f"generation 1 from {slave.uri}/laptops/1\nrepository lab [0-9a-f]{{12}}\n", after)
    slave.run()
    assert _sync.describe(slave.check()) == (after, after)


def test_an_expired_seal_is_refused_and_what_is_here_stays(master: Master, slave: Slave) -> None:
    slave.run()
    republish(master)
    seal = _seal.parse((Path(master.place.folder) / "2/seal.json").read_bytes(), where="")
    old = dataclasses.replace(seal, time="2020-01-01T00:00:00Z", expires="2020-04-01T00:00:00Z")
    lie(master, "seal.json", _seal.dump(old))
    message = (
        "found that of generation 2 expired: by the master's clock it was made 2020-01-01T00:00:00Z and is good until "
        "2020-04-01T00:00:00Z, by this machine's it is 20.*Run site.yml.*What is here stays in use: generation 1"
    )
    with pytest.raises(BinhostError, match=message):
        slave.run()
    assert os.readlink(slave.state / "current") == "generations/laptops/1"


def mirrored(master: Master, serve: Serve, tmp_path: Path, name: str = "mirror") -> str:
    """Return a server that has what is published now, whatever comes."""
    shutil.copytree(Path(master.place.folder), tmp_path / name / "laptops", symlinks=True)
    return serve(tmp_path / name)


def test_a_mirror_that_lags_is_passed_over(master: Master, slave: Slave, serve: Serve, tmp_path: Path) -> None:
    mirror = mirrored(master, serve, tmp_path)
    republish(master)
    slave.run()
    done = slave.run(mirror, slave.uri)
    assert (done.changed, done.answer.uri) == (False, slave.uri)
    assert done.answer.remarks[0].startswith(
        f"{mirror} is behind and was passed over: {mirror}/laptops/current/seal.json: expected generation 2 or later"
    )
    # The master is off, and the mirror has only what was before: no fault, and no way back.
    done = slave.run(NOWHERE, mirror)
    assert (done.changed, done.answer.uri, done.number) == (False, None, 2)
    assert "expected generation 2 or later, found 1" in done.answer.message
    with pytest.raises(BinhostError, match="expected generation 2 or later, found 1"):
        slave.run(mirror)


def test_a_mirror_stands_in(master: Master, slave: Slave, serve: Serve, tmp_path: Path) -> None:
    slave.run()
    mirror = mirrored(master, serve, tmp_path)
    done = slave.run(NOWHERE, mirror)
    assert (done.changed, done.answer.uri, slave.header()["URI"]) == (True, mirror, f"{mirror}/laptops/1")
    assert "does not answer and was passed over" in done.answer.remarks[0]
    assert len(slave.run(slave.uri, mirror).answer.remarks) == 1
    assert slave.header()["URI"] == f"{slave.uri}/laptops/1"


@pytest.mark.parametrize(("name", "data", "message"), LIES)
def test_a_server_that_lies_is_named_and_passed_over(
    master: Master, slave: Slave, serve: Serve, tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    slave.run()
    republish(master)
    mirror = mirrored(master, serve, tmp_path)
    lie(master, name, data)
    done = slave.run(slave.uri, mirror)
    assert (done.changed, done.number, done.answer.uri) == (True, 2, mirror)
    assert done.answer.remarks[0].startswith(f"{slave.uri} answers wrongly and was passed over: {slave.uri}/laptops/")
    assert re.search(message, done.answer.remarks[0])
    with pytest.raises(BinhostError, match=message):
        Slave(tmp_path / "other", slave.uri).run(slave.uri, NOWHERE)


def test_all_servers_are_named_where_none_will_do(slave: Slave, serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    empty = serve(tmp_path / "empty")
    done = slave.run(NOWHERE, empty)
    assert (done.answer.uri, done.number) == (empty, None)
    assert "no answer" in done.answer.message
    assert f"nothing published yet for target laptops at {empty}" in done.answer.message


def test_pinned_downwards_and_upwards(master: Master, slave: Slave) -> None:
    for _number in range(2):
        republish(master)
    assert slave.run().number == 3
    for pinned in (1, 2):
        assert (slave.check(pinned=pinned).changed, slave.check(pinned=pinned).number) == (True, pinned)
        done = slave.run(pinned=pinned)
        assert (done.changed, done.number) == (True, pinned)
        remark = f"pinned to generation {pinned} (slave_pinned_generation): newer ones are not looked for"
        assert done.answer.remarks[0] == remark
        assert os.readlink(slave.state / "current") == f"generations/laptops/{pinned}"
        assert not slave.run(pinned=pinned).changed
    assert slave.run().number == 3


def test_a_pin_does_not_open_a_way_back(master: Master, slave: Slave) -> None:
    for _number in range(3):
        republish(master)
    for pinned in (None, 2, 1):
        slave.run(pinned=pinned)
    os.unlink(Path(master.place.folder) / "current")
    os.symlink("3", Path(master.place.folder) / "current")
    with pytest.raises(BinhostError, match="expected generation 4 or later, found 3"):
        slave.run()
    assert slave.run(allow_older=True).number == 3
    assert not slave.run().changed


def test_pinned_to_what_is_not_served(master: Master, slave: Slave) -> None:
    slave.run()
    message = (
        f"slave_pinned_generation: expected a generation that is served, found no generation 9 of target laptops at "
        f"{slave.uri}. What is here stays in use: generation 1. playbooks/generations.yml tells which there are"
    )
    with pytest.raises(BinhostError, match=f"^{re.escape(message)}$"):
        slave.run(pinned=9)
    shutil.rmtree(Path(master.place.folder) / "1")
    done = slave.run(pinned=1)
    assert (done.changed, done.number, done.answer.message) == (
        False,
        1,
        f"no generation 1 of target laptops at {slave.uri}",
    )


def test_another_number_than_was_pinned(master: Master, slave: Slave) -> None:
    republish(master)
    data = (Path(master.place.folder) / "2/seal.json").read_bytes()
    path = Path(master.place.folder) / "1/seal.json"
    path.unlink()
    path.write_bytes(data)
    with pytest.raises(BinhostError, match="laptops/1/seal.json: expected the seal of generation 1, found that of 2"):
        slave.run(pinned=1)


def test_what_is_not_signed_is_not_taken(slave: Slave, tmp_path: Path) -> None:
    def gpg(*_args: t.Any) -> tuple[int, str, str]:
        raise AssertionError

    trust = _servers.Trust(gpg, str(tmp_path / "trusted.asc"))
    with pytest.raises(BinhostError, match=r"laptops/1/seal.json.asc: expected the seal's signature, found none: what"):
        slave.run(trust=trust)
    assert not (slave.state / "current").exists()


def test_without_a_key_nothing_is_taken(master: Master, slave: Slave, tmp_path: Path) -> None:
    (Path(master.place.folder) / "1/seal.json.asc").write_text("x")
    trust = _servers.Trust(lambda *_args: (0, "", ""), str(tmp_path / "trusted.asc"))
    with pytest.raises(
        BinhostError, match="trusted.asc: expected the master's public key, found no such file.*Run site"
    ):
        slave.run(trust=trust)


def test_killed_at_any_step(master: Master, slave: Slave, monkeypatch: pytest.MonkeyPatch) -> None:
    slave.run()
    calls = ("rename", "replace", "symlink", "unlink", "mkdir", "sync", "fsync")
    real = {name: getattr(os, name) for name in calls}
    left = [0]

    class Killed(BaseException):
        """What nothing catches."""

    def deadly(name: str) -> t.Callable[..., t.Any]:
        def wrapper(*args: t.Any, **named: t.Any) -> t.Any:
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return real[name](*args, **named)

        return wrapper

    for name in calls:
        monkeypatch.setattr(os, name, deadly(name))
    for step in range(1, 200):
        left[0] = 0
        republish(master)
        left[0] = step
        try:
            done = slave.run()
        except Killed:
            left[0] = 0
            now = slave.check(NOWHERE)
            assert now.here.complete, step
            assert (slave.state / "current/repos/lab/profiles/repo_name").read_text() == "lab\n"
            continue
        break
    assert step > 20
    left[0] = 0
    assert done.changed
    assert not slave.run().changed
    assert not [path for path in slave.state.rglob("*") if path.name.startswith(".new-")]


def test_what_this_machine_cannot_run_is_not_in_its_index(master: Master, slave: Slave) -> None:
    """It is left out, stays so without a server, and comes back when it is rebuilt or the machine is another."""
    slave.run()
    source = _seal.parse((slave.state / "current/seal.json").read_bytes(), where="").packages[A].source
    machine = _unfit.Machine(crashed={A: source})
    done = slave.run(machine=machine)
    assert (done.changed, list(_sync.excluded(slave.request(machine=machine), done))) == (True, [A])
    index = _packages.parse((slave.state / "current/Packages").read_text())
    assert A not in [entry.path for entry in _packages.packages(index)]
    assert (index.problems, index.header.values()["PACKAGES"]) == ((), str(len(index.stanzas)))
    assert not slave.run(machine=machine).changed
    assert not slave.run(NOWHERE, machine=machine).changed
    (slave.state / "current/excluded.json").write_text("{}\n")
    assert slave.run(machine=machine).changed, "what was changed by hand is made again"
    # Nobody answers, and the machine is another.
    done = slave.run(NOWHERE)
    assert (done.changed, done.number, done.answer.uri) == (True, 1, None)
    assert sorted(os.listdir(slave.state / "current")) == ["Packages", "highest", "repos", "seal.json", "seal.json.asc"]
    assert A in (slave.state / "current/Packages").read_text()
    assert not slave.run().changed
