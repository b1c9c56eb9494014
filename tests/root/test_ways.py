# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same packages by web server, rsync, ssh and folder; each of them dead, silent and lying; and emerge meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import time
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _orders, _program, _sync_hook
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

from tests.root import ways
from tests.root.house import PATH, STATE, A, B, House, Server, newer
from tests.root.master import run

KINDS: t.Final = ("http", "file", "rsync", "ssh")


@contextlib.contextmanager
def way(kind: str, house: House, server: Server) -> Iterator[str]:
    """Yield one way to a server that is up."""
    if kind == "rsync":
        with ways.rsync(house, server) as uri:
            yield uri
    elif kind == "ssh":
        with ways.ssh(house, server) as uri:
            yield uri
    else:
        yield server.uri if kind == "http" else ways.folder(server)


def index(house: House) -> str:
    """Return the slave's index without what differs from way to way."""
    text = (house.slave / STATE / "current/Packages").read_text()
    return re.sub(r"(?m)^(URI|TIMESTAMP): .*\n", "", text)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_the_same_world(house: House, server: Server, kind: str) -> None:
    """Index, repositories and package come by each way as they do from the web server, which then is another's."""
    house.sync(server.uri)
    expected = index(house)
    shutil.rmtree(house.slave / STATE)
    house.trust()
    with way(kind, house, server) as uri:
        done = house.sync(uri, timeout=20)
        assert (done.changed, done.number, done.answer.uri) == (True, 1, uri), done.answer.message
        assert index(house) == expected
        assert not house.sync(uri, timeout=20).changed
        status, words = house.emerge(A)
        assert (status, house.installed()) == (0, "a-1"), words
        said = (house.slave / STATE / "current/Packages").read_text()
        assert f"URI: {'larry-binhost+' if kind == 'file' else ''}{uri}/laptops/1\n" in said


@contextlib.contextmanager
def mute() -> Iterator[int]:
    """Yield the port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def test_dead_and_silent(house: House, server: Server) -> None:
    """All that don't answer cost two seconds together, and the last rung is used."""
    folder = house.shared / "gone"
    with mute() as port:
        silent = [f"http://127.0.0.1:{port}", f"rsync://127.0.0.1:{port}/packages", f"ssh://root@127.0.0.1:{port}"]
        dead = ["http://127.0.0.1:9", "rsync://127.0.0.1:9/packages", "ssh://root@127.0.0.1:9", f"file://{folder}"]
        begin = time.monotonic()
        done = house.sync(*silent, *dead, server.uri)
        assert time.monotonic() - begin < 10
    assert (done.number, done.answer.uri) == (1, server.uri)
    assert len(done.answer.remarks) == len([*silent, *dead])
    for number, uri in enumerate([*silent, *dead]):
        expected = f"{uri} does not answer and was passed over: {uri}/laptops/current/seal.json: "
        assert done.answer.remarks[number].startswith(expected)
    assert done.answer.remarks[-1].endswith(f"expected the folder {folder}/laptops, found none: is it mounted?")


def html(_data: bytes) -> bytes:
    """Return what a hotel says to everything."""
    return b"<!DOCTYPE html><html><title>Log in</title></html>\n"


@pytest.mark.parametrize("kind", KINDS[1:])
def test_lying(house: House, server: Server, kind: str) -> None:
    """Wrong bytes, an HTML page and an old generation are passed over whichever way they come."""
    liar = house.serve("liar")
    liar.copy()
    with newer(house, server), way(kind, house, liar) as uri:
        house.sync(server.uri)
        done = house.sync(uri, server.uri, timeout=20)
        assert (done.changed, done.number, done.answer.uri) == (False, 2, server.uri)
        assert "is behind and was passed over" in done.answer.remarks[0]
        for path, change in (("Packages", html), ("Packages", lambda data: data[:-1] + b"x"), ("seal.json", html)):
            liar.copy()
            liar.damage(path, change)
            shutil.rmtree(house.slave / STATE / "generations")
            done = house.sync(uri, server.uri, timeout=20)
            assert (done.number, done.answer.uri) == (2, server.uri)
            assert done.answer.remarks[0].startswith(f"{uri} answers wrongly and was passed over: {uri}/laptops/")
        with pytest.raises(BinhostError, match="expected a seal"):
            house.sync(uri, timeout=20)


def test_a_folder_that_never_answers(house: House, server: Server) -> None:
    """What reads waits for ever, as on a mount whose server is gone; we don't."""
    hanging = house.serve("hanging")
    hanging.copy()
    seal = hanging.generations / "1/seal.json"
    seal.unlink()
    os.mkfifo(seal)
    done = house.sync(ways.folder(hanging), server.uri, timeout=1)
    assert (done.number, done.answer.uri) == (1, server.uri)
    assert done.answer.remarks[0].endswith("/laptops/current/seal.json: no complete answer within 1 s")


def test_another_way_in_the_middle(house: House, server: Server) -> None:
    """The web server that the index names lies, and then is gone: what emerge fetches comes by the next way."""
    other = house.serve("other")
    other.copy()
    fallen = house.serve("fallen")
    fallen.copy()
    with fallen.up():
        house.sync(fallen.uri, ways.folder(other))
        fallen.damage(PATH.format(name="a"), lambda data: data[:-1] + b"x")
        status, words = house.emerge(A)
        assert (status, house.installed()) == (0, "a-1"), words
        assert re.search("a-1-1.gpkg.tar: expected .* as the seal says, found .*; another way has it", words)
    status, words = house.emerge(B)
    assert (status, house.installed("b")) == (0, "b-1"), words


def test_before_a_persons_emerge(house: House, server: Server) -> None:
    """The newest generation is here before emerge looks; nobody there, or nothing right, keeps it from nothing."""
    house.sync(server.uri)
    script = _sync_hook.files(_sync_hook.Wanted(hook=True, timer=""), "none")[_sync_hook.HOOK]
    place = house.slave / _sync_hook.HOOK.lstrip("/")
    place.write_text(script["content"])
    place.chmod(int(script["mode"], 8))
    with newer(house, server), mute() as port:
        status, out, err = run(house.argv(house.slave, "emerge", "--version"))
        assert (status, out.startswith("Portage "), "generation 2 is here" in err) == (0, True, True), out + err
        assert house.sync(server.uri).number == 2
        silent = house.request(f"http://127.0.0.1:{port}", f"file://{house.shared}/gone", timeout=30)
        wrong = house.slave / STATE / _orders.NAME
        for change in (lambda: _orders.keep(silent), lambda: wrong.write_text("{"), wrong.unlink):
            change()
            begin = time.monotonic()
            status, out, err = run(house.argv(house.slave, "emerge", "--version"))
            assert (status, out.startswith("Portage ")) == (0, True), out + err
            assert time.monotonic() - begin < 25
    place.unlink()


def test_without_a_controller(house: House, server: Server) -> None:
    """The command does what the role did last, and says what is wrong."""
    house.sync(server.uri)
    state = str(house.slave / STATE)
    command = [_program.path(), "binhost-sync"]
    assert json.loads((Path(state) / _orders.NAME).read_text())["sources"] == [{"kind": "", "uri": server.uri}]
    with newer(house, server):
        for words, said in ((["--check"], "generation 2 would be here from "), ([], "generation 2 is here from ")):
            status, out, err = run(house.argv(house.slave, *command, *words))
            assert (status, out) == (0, f"{said}{server.uri}\n"), err
        server.damage("seal.json", html)
        status, out, err = run(house.argv(house.slave, *command))
        assert (status, out) == (1, "")
        assert err.startswith(f"binhost-sync: {server.uri}/laptops/current/seal.json: expected a seal"), err
