# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import shutil
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import (
    _cli,
    _fetch,
    _fetched,
    _health,
    _orders,
    _place,
    _publication,
    _servers,
    _sync,
    _transport,
    _verdict,
)

A: t.Final = "app-misc/a/a-1-1.gpkg.tar"


class Slave:
    """A slave with a generation, and two folders that have it."""

    def __init__(self, master: t.Any, top: Path) -> None:
        _publication.publish(master.place, master.snapshot())
        self.master = master
        self.state = top / "slave"
        self.folders = [top / "one", top / "two"]
        for folder in self.folders:
            shutil.copytree(master.state / "generations", folder, symlinks=True)
        self.bases = [f"file://{folder}" for folder in self.folders]
        request = _servers.Request(
            _place.Place("laptops", str(self.state)), [_transport.Source(base) for base in self.bases]
        )
        _sync.run(request)
        _orders.keep(request)
        self.file = top / "a.partial"

    def fetch(self, uri: str = "", path: str = A) -> int:
        uri = uri or f"larry-binhost+{self.bases[0]}/laptops/1/{path}"
        return _cli.main(["--state", str(self.state), "fetch", uri, str(self.file)])

    def failing(self) -> set[str]:
        return _health.failing(str(self.state))


@pytest.fixture
def slave(master: t.Any, tmp_path: Path) -> Slave:
    return Slave(master, tmp_path)


def test_the_first_way_has_it(slave: Slave, capsys: t.Any) -> None:
    assert slave.fetch() == 0
    assert slave.file.read_bytes() == (slave.folders[0] / "laptops/1" / A).read_bytes()
    assert (capsys.readouterr().err, slave.failing()) == ("", set())


def test_another_has_it(slave: Slave, capsys: t.Any) -> None:
    bad = slave.folders[0] / "laptops/1" / A
    bad.unlink()
    bad.write_bytes(b"<html>")
    assert slave.fetch() == 0
    assert slave.file.read_bytes() == (slave.folders[1] / "laptops/1" / A).read_bytes()
    assert "as the seal says, found 6 bytes" in (said := capsys.readouterr().err)
    assert said.endswith("; another way has it\n")
    assert slave.failing() == {slave.bases[0]}
    assert slave.fetch() == 0
    assert capsys.readouterr().err == "", "the one that failed a moment ago is last"


@pytest.mark.parametrize(("said", "given"), [(5, 10), (120, 120)])
def test_who_is_slow_for_an_index_is_slow_for_a_package(
    slave: Slave, monkeypatch: pytest.MonkeyPatch, said: float, given: float
) -> None:
    """A folder that is mounted by who looks there: to mount it may take most of the time."""
    waits = []
    monkeypatch.setattr(_fetch, "save", lambda _url, _path, *, timeout, **_more: waits.append(timeout))
    _orders.keep(_servers.Request(_place.Place("laptops", str(slave.state)), _orders.ways(str(slave.state))[0], said))
    assert slave.fetch() == 0
    assert waits == [given]


def test_nobody_has_it(slave: Slave, capsys: t.Any) -> None:
    for folder in slave.folders:
        shutil.rmtree(folder)
    assert slave.fetch() == 1
    said = capsys.readouterr().err
    assert all(base in said for base in slave.bases)
    assert (slave.file.exists(), _verdict.explain(said)) == (False, "")


def test_nobody_has_it_right(slave: Slave, capsys: t.Any) -> None:
    for folder in slave.folders:
        bad = folder / "laptops/1" / A
        bad.unlink()
        bad.write_bytes(b"<html>")
    assert slave.fetch() == 1
    assert "isn't the file that the signed index names" in _verdict.explain(capsys.readouterr().err)
    assert not slave.file.exists()


def test_the_current_generation_still_has_it(slave: Slave) -> None:
    for folder in slave.folders:
        (folder / "laptops/1").rename(folder / "laptops/2")
        (folder / "laptops/current").unlink()
        (folder / "laptops/current").symlink_to("2")
    assert slave.fetch() == 0


def test_what_is_no_package_of_ours(slave: Slave, capsys: t.Any) -> None:
    for uri in ("http://x/y", f"{slave.bases[0]}/laptops/1/app-misc/z/z-1-1.gpkg.tar", f"{slave.bases[0]}/other/1/{A}"):
        assert slave.fetch(uri) == 1
        assert capsys.readouterr().err.startswith(f"{uri}: expected a package of a generation that is here")
    (slave.state / _orders.NAME).write_text("{}")
    assert slave.fetch() == 0, "what the index says is enough"


def test_what_failed_is_forgotten(tmp_path: Path) -> None:
    state = str(tmp_path)
    _health.note("http://a", True, state, now=1000)
    _health.note("http://b", True, state, now=1200)
    assert _health.failing(state, now=1299) == {"http://a", "http://b"}
    assert _health.failing(state, now=1301) == {"http://b"}
    assert _health.failing(state, now=900) == set(), "a clock that was set back"
    _health.note("http://b", False, state, now=1201)
    assert _health.failing(state, now=1202) == {"http://a"}


def test_what_was_fetched_goes(slave: Slave, tmp_path: Path) -> None:
    place = tmp_path / "cache"
    for name, data in ((A, b""), ("app-misc/a/a-0-1.gpkg.tar", b"old"), (f"{A}.partial", b"x"), ("note", b"mine")):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    shutil.copy(slave.folders[0] / "laptops/1" / A, place / A)
    assert _fetched.clean(str(slave.state), str(place)) == [str(place / "app-misc/a/a-0-1.gpkg.tar")]
    later = os.stat(place / A).st_ctime + _fetched.AGE + 60
    assert sorted(_fetched.clean(str(slave.state), str(place), now=later)) == [str(place / A), f"{place / A}.partial"]
    assert os.listdir(place) == ["note"]
    assert _fetched.clean(str(slave.state)) == [], "elsewhere nothing is ours"
