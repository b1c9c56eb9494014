# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions about an index: in a file, packed, on a server, with its packages beside it; and what is no index."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import os
import re
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _packages_info, _packages_keys, _packages_source
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._packages_info import Question

STAMP = 1700000000
HEADER = f"CHOST: x86_64-pc-linux-gnu\nPACKAGES: 3\nTIMESTAMP: {STAMP}\nVERSION: 0\nREPO: gentoo\n\n"
HELLO = b"what hello is"
SUMS = {name: hashlib.new(name, HELLO).hexdigest() for name in ("md5", "sha1")}
BODY = (
    f"BUILD_ID: 1\nCPV: a/hello-1\nIUSE: +nls\nMD5: {SUMS['md5']}\nPATH: a/hello/hello-1-1.gpkg.tar\n"
    f"SHA1: {SUMS['sha1']}\nSIZE: {len(HELLO)}\nUSE: nls\n\n"
    "BUILD_ID: x\nCPV: a/hello-2\nMD5: 00\nREPO: lab\nSIZE: 3\nX-OWN: mine\n\n"
    "CPV: b/c-1\nMD5: 01\n\n"
)
TEXT = HEADER + BODY


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """Return an index with one of its packages beside it."""
    path = tmp_path / "Packages"
    path.write_text(TEXT)
    os.utime(path, (STAMP, STAMP))
    (tmp_path / "a/hello").mkdir(parents=True)
    (tmp_path / "a/hello/hello-1-1.gpkg.tar").write_bytes(HELLO)
    return path


def cpvs(answer: _packages_info.Answer) -> list[t.Any]:
    return [package["CPV"] for package in answer.packages]


def test_everything(index: Path) -> None:
    answer = _packages_info.of_file(str(index), Question())
    assert answer.header == {
        "CHOST": "x86_64-pc-linux-gnu",
        "PACKAGES": 3,
        "REPO": "gentoo",
        "TIMESTAMP": STAMP,
        "VERSION": 0,
    }
    assert (answer.entries, answer.portage_reads, answer.modified) == (3, 3, True)
    assert [str(problem) for problem in answer.problems] == ["line 16: BUILD_ID is no number, found 'x'"]
    own = {"PATH": "a/hello/hello-1-1.gpkg.tar", "path": "a/hello/hello-1-1.gpkg.tar", "line": 7}
    numbers = {"BUILD_ID": 1, "BUILD_TIME": None, "SIZE": len(HELLO)}
    written = {"CPV": "a/hello-1", "IUSE": "+nls", "MD5": SUMS["md5"], "SHA1": SUMS["sha1"], "USE": "nls"}
    inherited = {"CHOST": "x86_64-pc-linux-gnu", "REPO": "gentoo"}
    assert answer.packages[0] == {**_packages_keys.DEFAULTS, **own, **numbers, **written, **inherited}
    second = answer.packages[1]
    assert (second["BUILD_ID"], second["REPO"], second["PATH"], second["path"]) == (None, "lab", "", "a/hello-2.tbz2")
    assert "X-OWN" not in second


@pytest.mark.parametrize("problems", [True, False])
def test_selected(index: Path, *, problems: bool) -> None:
    def ask(*atoms: str, keys: t.Sequence[str] = ("CPV",)) -> _packages_info.Answer:
        return _packages_info.of_file(str(index), Question(atoms=atoms, keys=keys, problems=problems))

    assert cpvs(ask(">=a/hello-2")) == ["a/hello-2"]
    assert cpvs(ask("a/hello::gentoo", "b/*")) == ["a/hello-1", "b/c-1"]
    assert cpvs(ask("a/nothing")) == []
    assert ask("a/hello[nls(-)]", keys=["line", "SIZE", "path", "X-OWN", "SHA1"]).packages == [
        {"line": 7, "SIZE": len(HELLO), "path": "a/hello/hello-1-1.gpkg.tar", "X-OWN": None, "SHA1": SUMS["sha1"]}
    ]
    assert ask("=a/hello-2", keys=["X-OWN", "MTIME"]).packages == [{"X-OWN": "mine", "MTIME": None}]
    assert bool(ask("b/c").problems) == problems
    assert ask("b/c").entries == (3 if problems else None)


def test_refused_questions(index: Path) -> None:
    with pytest.raises(BinhostError, match="'@world' names a set"):
        _packages_info.of_file(str(index), Question(atoms=["@world"]))
    with pytest.raises(BinhostError, match="keys: expected 'DESC', as an index has it, found 'DESCRIPTION'"):
        _packages_info.of_file(str(index), Question(keys=["DESCRIPTION"]))


def test_portage_would_read_less(index: Path) -> None:
    index.write_text(TEXT.replace("\n\nCPV: b", "\n\n\nCPV: b"))
    answer = _packages_info.of_file(str(index), Question(keys=["CPV"]))
    assert cpvs(answer) == ["a/hello-1", "a/hello-2", "b/c-1"]
    assert (answer.entries, answer.portage_reads) == (3, 2)
    assert "line 23: empty stanza: Portage reads nothing after this line, 2 of 3 packages" in map(str, answer.problems)


def test_files_compared(index: Path) -> None:
    def problems(atom: str) -> list[str]:
        question = Question(atoms=[atom], problems=False, pkgdir=str(index.parent))
        return [str(problem) for problem in _packages_info.of_file(str(index), question).problems]

    file = index.parent / "a/hello/hello-1-1.gpkg.tar"
    assert problems("=a/hello-1") == []
    assert problems("=a/hello-2") == [
        f"line 16: {index.parent}/a/hello-2.tbz2: expected the package's file, found: No such file or directory"
    ]
    file.write_bytes(HELLO[:-1] + b"S")
    assert [re.sub(r"\w{32,}", "X", problem) for problem in problems("=a/hello-1")] == [
        f"line 7: {file}: expected MD5 X, found X",
        f"line 7: {file}: expected SHA1 X, found X",
    ]
    file.write_bytes(HELLO[:-1])
    assert problems("=a/hello-1") == [f"line 7: {file}: expected {len(HELLO)} bytes, found {len(HELLO) - 1}"]
    index.write_text(TEXT.replace("PATH: a/hello", "PATH: ../hello"))
    assert problems("=a/hello-1") == ["line 7: expected a PATH inside PKGDIR, found '../hello/hello-1-1.gpkg.tar'"]


def test_packed(index: Path) -> None:
    packed = index.with_suffix(".gz")
    packed.write_bytes(gzip.compress(TEXT.encode()))
    assert _packages_info.of_file(str(packed), Question()) == _packages_info.of_file(str(index), Question())
    renamed = index.with_name("index")
    packed.rename(renamed)
    assert cpvs(_packages_info.of_file(str(renamed), Question())) == ["a/hello-1", "a/hello-2", "b/c-1"]


def test_packed_and_cut_anywhere() -> None:
    def read(data: bytes) -> None:
        _packages_info.answer(_packages_source.Text(io.BytesIO(data), "Packages.gz", 10_000), Question())

    whole = gzip.compress(TEXT.encode())
    read(whole)
    for end in range(len(whole)):
        with pytest.raises(BinhostError, match="^Packages.gz: expected (an index that is whole|a Packages index)"):
            read(whole[:end])
    words = "^Packages.gz: expected an index that is whole, found after [0-9]+ bytes of text: CRC check failed"
    with pytest.raises(BinhostError, match=words):
        read(whole[:-6] + bytes([whole[-6] ^ 1]) + whole[-5:])


NOTHING = [
    (b"", "found nothing in it"),
    (b"\n \r\n", "found nothing in it"),
    (b"\n<!DOCTYPE html>\n<title>404</title>", "found HTML or XML: '<!DOCTYPE html>\\n<title>404</title>'"),
    (b"CPV\x00: a/b-1\n", "found binary data"),
]


@pytest.mark.parametrize(("data", "found"), NOTHING)
def test_what_is_no_index(tmp_path: Path, data: bytes, found: str) -> None:
    path = tmp_path / "Packages"
    path.write_bytes(data)
    words = f"{path}: expected a Packages index (lines of KEY: value), {found}"
    with pytest.raises(BinhostError, match=f"^{re.escape(words)}$"):
        _packages_info.of_file(str(path), Question())


def test_what_is_no_file(tmp_path: Path) -> None:
    path = str(tmp_path / "Packages")
    with pytest.raises(BinhostError, match=f"^{path}: expected a Packages index, found: No such file or directory$"):
        _packages_info.of_file(path, Question())
    with pytest.raises(BinhostError, match=f"^{tmp_path}: expected a Packages index, found a directory$"):
        _packages_info.of_file(str(tmp_path), Question())
    os.mkfifo(path)  # nobody writes there: to open it would last for ever
    with pytest.raises(BinhostError, match="expected a Packages index, found something else$"):
        _packages_info.of_file(path, Question())


def test_too_large(index: Path) -> None:
    most = len(TEXT)
    with _packages_source.opened(str(index), most=most) as source:
        assert len(_packages_info.answer(source, Question()).packages) == 3
    words = f"expected an index of at most {most - 1} bytes, found {most}$"
    with pytest.raises(BinhostError, match=words), _packages_source.opened(str(index), most=most - 1):
        pass
    # A small file that becomes a large text.
    index.write_bytes(gzip.compress(b"KEY: " + b"x" * 10_000_000))
    words = "expected an index of at most 1000000 bytes, found more"
    with pytest.raises(BinhostError, match=words), _packages_source.opened(str(index), most=1_000_000) as source:
        _packages_info.answer(source, Question())


Serve = t.Callable[..., str]


def served(text: str, *, seen: list[str | None]) -> type:
    """Return a handler that answers with a text whatever it is asked for, and notes since when it is asked."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_args: t.Any) -> None:
            pass

        def do_GET(self) -> None:
            seen.append(self.headers["If-Modified-Since"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

    return Handler


def ask(url: str, copy: Path | None = None, newer_than: int | None = None) -> _packages_info.Answer:
    question = Question(keys=["CPV"], newer_than=newer_than)
    return _packages_info.of_url(url, question, copy=str(copy) if copy else None, timeout=5)


def test_from_a_server(index: Path, serve: Serve) -> None:
    index.with_suffix(".gz").write_bytes(gzip.compress(TEXT.encode()))
    uri = serve(index.parent)
    for name in ("Packages", "Packages.gz"):
        answer = ask(f"{uri}/{name}")
        assert cpvs(answer) == ["a/hello-1", "a/hello-2", "b/c-1"] and answer.modified
    with pytest.raises(BinhostError, match=f"^{uri}/packages: expected the file, found status 404 File not found$"):
        ask(f"{uri}/packages")
    with pytest.raises(BinhostError, match="^url: expected http://HOST/... or https://HOST/..., found 'file:///x'$"):
        ask("file:///x")


def test_a_server_that_has_nothing_newer(index: Path, serve: Serve, tmp_path: Path) -> None:
    url = f"{serve(index.parent)}/Packages"
    assert ask(url, newer_than=STAMP) == _packages_info.Answer({}, [], [], False, None, None)
    assert ask(url, newer_than=STAMP - 1).modified
    copy = tmp_path / "copy"
    assert ask(url, copy=copy).modified  # it isn't there
    copy.write_text(TEXT.replace("hello", "hallo"))
    answer = ask(url, copy=copy)
    assert cpvs(answer) == ["a/hallo-1", "a/hallo-2", "b/c-1"] and not answer.modified
    copy.write_text(TEXT.replace(str(STAMP), str(STAMP - 6)))
    assert ask(url, copy=copy).modified


def test_a_server_that_does_not_care(tmp_path: Path, serve: Serve) -> None:
    seen: list[str | None] = []
    url = f"{serve(handler=served(TEXT, seen=seen))}/Packages"
    answer = ask(url, newer_than=STAMP)
    assert (answer.modified, answer.packages, answer.header["TIMESTAMP"]) == (False, [], STAMP)
    copy = tmp_path / "copy"
    copy.write_text(TEXT.replace("hello", "hallo"))
    assert cpvs(ask(url, copy=copy)) == ["a/hallo-1", "a/hallo-2", "b/c-1"]
    ask(url)
    assert seen == ["Tue, 14 Nov 2023 22:13:20 GMT"] * 2 + [None]


def test_a_login_page(serve: Serve) -> None:
    url = f"{serve(handler=served('<html>Welcome to our hotel', seen=[]))}/Packages"
    with pytest.raises(BinhostError, match=f"^{url}: expected a Packages index .* found HTML or XML: '<html>Welcome"):
        ask(url)
