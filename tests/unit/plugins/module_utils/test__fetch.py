# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetching from servers that answer, that don't, and that shouldn't be believed; nothing takes longer than it may."""

from __future__ import annotations

import hashlib
import http.server
import socket
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _fetch
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

Serve = t.Callable[..., str]


def answering(status: int, body: bytes = b"", *, length: int | None = None, pause: float = 0) -> type:
    """Return a handler that answers everything so, a byte per ``pause`` seconds if that is given."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_args: t.Any) -> None:
            pass

        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Location", "/login")
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            for start in range(0, len(body), 1 if pause else len(body)):
                time.sleep(pause)
                self.wfile.write(body[start : start + (1 if pause else len(body))])
                self.wfile.flush()

    return Handler


def test_text(serve: Serve) -> None:
    assert _fetch.text(serve(handler=answering(200, b"seal")) + "/x", timeout=5, most=4) == b"seal"


def test_too_large(serve: Serve) -> None:
    with pytest.raises(BinhostError, match="/x: expected at most 3 bytes, found more"):
        _fetch.text(serve(handler=answering(200, b"seal")) + "/x", timeout=5, most=3)


STATUS = [
    (404, _fetch.Absent),
    (410, _fetch.Absent),
    (302, BinhostError),
    (403, BinhostError),
    (429, _fetch.Unanswered),
    (502, _fetch.Unanswered),
]


@pytest.mark.parametrize(("status", "kind"), STATUS)
def test_status(serve: Serve, status: int, kind: type[Exception]) -> None:
    with pytest.raises(BinhostError, match=f"/x: expected the file, found status {status} ") as caught:
        _fetch.text(serve(handler=answering(status)) + "/x", timeout=5, most=3)
    assert caught.type is kind


def test_cut(serve: Serve) -> None:
    with pytest.raises(_fetch.Unanswered, match="the connection ended after 2 of 9 bytes"):
        _fetch.text(serve(handler=answering(200, b"se", length=9)) + "/x", timeout=5, most=99)


def test_nobody_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(_fetch.Unanswered, match="no answer: .*refused"):
            _fetch.text(f"http://127.0.0.1:{unused.getsockname()[1]}/x", timeout=5, most=9)


def test_silent() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        begin = time.monotonic()
        with pytest.raises(_fetch.Unanswered):
            _fetch.text(f"http://127.0.0.1:{silent.getsockname()[1]}/x", timeout=0.3, most=9)
        assert time.monotonic() - begin < 2


def test_a_byte_now_and_then(serve: Serve) -> None:
    uri = serve(handler=answering(200, b"x" * 100, pause=0.1))
    begin = time.monotonic()
    with pytest.raises(_fetch.Unanswered):
        _fetch.text(uri + "/x", timeout=0.5, most=100)
    assert time.monotonic() - begin < 2


def test_a_name_that_takes_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: time.sleep(3))
    begin = time.monotonic()
    with pytest.raises(_fetch.Unanswered, match=r"http://master/x: no complete answer within 0\.3 s"):
        _fetch.text("http://master/x", timeout=0.3, most=9)
    assert time.monotonic() - begin < 2


def test_no_proxy(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert _fetch.text(serve(handler=answering(200, b"seal")) + "/x", timeout=5, most=4) == b"seal"


def test_save(serve: Serve, tmp_path: Path) -> None:
    uri, right = serve(handler=answering(200, b"seal")), hashlib.sha512(b"seal").hexdigest()
    _fetch.save(uri + "/x", str(tmp_path / "x"), sha512=right, size=4, timeout=5)
    assert (tmp_path / "x").read_bytes() == b"seal"
    with pytest.raises(BinhostError, match="/x: expected 4 bytes with SHA-512 0{16}… as the seal says, found 4"):
        _fetch.save(uri + "/x", str(tmp_path / "x"), sha512="0" * 128, size=4, timeout=5)
    with pytest.raises(BinhostError, match="/x: expected 5 bytes with SHA-512 .* as the seal says, found 4"):
        _fetch.save(uri + "/x", str(tmp_path / "x"), sha512=right, size=5, timeout=5)
