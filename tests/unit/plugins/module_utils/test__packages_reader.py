# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading an index: equal to Portage's own reader on public files, on damaged ones and on every beginning of one.

BINHOST_FUZZ=SECONDS says how long damaged files are tried; with BINHOST_LONG=1 ten minutes.
"""

from __future__ import annotations

import functools
import gzip
import io
import json
import operator
import os
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import (
    _packages,
    _packages_keys,
    _packages_reader,
    _packages_text,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CORPUS = Path(os.environ.get("BINHOST_CORPUS", Path(__file__).parents[5] / "shared/corpus")) / "packages-index"
FUZZ = float(os.environ.get("BINHOST_FUZZ") or (600 if os.environ.get("BINHOST_LONG") == "1" else 0))
INDEX = b"""\
CHOST: x86_64-pc-linux-gnu
PACKAGES: 4
TIMESTAMP: 1700000000
VERSION: 0
REPO: gentoo

BUILD_ID: 3
BUILD_TIME: 1690000000
CPV: app-misc/hello-2.10-r1
DESC: A caf\xc3\xa9: \xe2\x80\x9chello\xe2\x80\x9d
EAPI: 8
KEYWORDS: ~amd64
MD5: 0a
PATH: app-misc/hello/hello-2.10-r1-3.gpkg.tar
SHA1: 0b
SIZE: 81920
USE: abi_x86_64 nls
MTIME: 1690000001

CPV: app-misc/hello-2.10-r1
CHOST: i686-pc-linux-gnu
MD5: 0c
REPO: lab

BUILD_TIME: 1690000003
CPV: sys-libs/zlib-1.3
SHA1: 0d
SLOT: 0/1

CPV: x11-libs/a+b-0
MD5: 0e
SIZE: 4294967296

"""

Read = t.Callable[[bytes], tuple[dict[str, str], list[dict[str, str]]]]


class Ours(t.NamedTuple):
    """What our reader says, in Portage's words."""

    header: dict[str, str]
    packages: list[dict[str, str]]
    reader: _packages_reader.Reader


def translated(values: t.Mapping[str, str]) -> dict[str, str]:
    """Return keys by Portage's names."""
    return {_packages_keys.TRANSLATED.get(key, key): value for key, value in values.items()}


def ours(data: bytes) -> Ours:
    """Read with our reader."""
    reader = _packages_reader.Reader(io.BytesIO(data))
    base = _packages.base(reader.header)
    packages = [
        translated({key: value for key, value in {**base, **values}.items() if key in _packages_keys.KEYS})
        for _line, values in reader
        if values.get("CPV")
    ]
    return Ours(translated(reader.header), packages, reader)


@pytest.fixture(scope="module")
def portage(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Return a way to read with Portage's reader, set up as its binary tree does it."""
    ported = pytest.importorskip("portage", reason="Portage isn't installed here")
    bintree = pytest.importorskip("portage.dbapi.bintree")
    empty = {"config_incrementals": [], "config_profile_path": "", "local_config": False, "env": {}}
    tree = bintree.binarytree(pkgdir=str(tmp_path_factory.mktemp("pkgdir")), settings=ported.config(**empty))

    def read(data: bytes) -> tuple[dict[str, str], list[dict[str, str]]]:
        index = tree._new_pkgindex()
        index.read(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", errors="replace"))
        return index.header, index.packages

    assert tree._pkgindex_allowed_pkg_keys == {*_packages_keys.KEYS, *_packages_keys.ALIASES}
    assert {_packages_keys.ALIASES.get(k, k): v for k, v in tree._pkgindex_default_pkg_data.items()} == (
        _packages_keys.DEFAULTS
    )
    return read


def same(data: bytes, portage: Read) -> None:
    """Compare both readers; where Portage stops early, ours must say so and how early."""
    header, packages = portage(data)
    found = ours(data)
    assert found.header == {key: value for key, value in header.items() if value or key in found.header}
    assert found.packages[: len(packages)] == packages
    assert found.reader.portage_reads == len(packages)
    if len(found.packages) > len(packages):
        said = f"Portage reads nothing after this line, {len(packages)} of {found.reader.stanzas} packages"
        assert any(problem.text.endswith(said) for problem in found.reader.problems())


def found_one_by_one(data: bytes) -> None:
    """Compare a search with the reading of all, and each line number with the file."""
    whole = _packages_reader.Reader(io.BytesIO(data))
    everything = list(whole)
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("utf-8", "replace").split("\n")
    checking = _packages_reader.Reader(io.BytesIO(data))
    raw = list(checking.raw())
    assert checking.problems() == whole.problems() and checking.portage_reads == whole.portage_reads
    assert [line for line, _own in raw] == [line for line, _values in everything]
    for line, own in raw:
        text = own.decode("utf-8", "replace").split("\n")
        assert lines[line - 1 : line - 1 + len(text)] == text
    for wanted in {values["CPV"] for _line, values in everything if "CPV" in values}:
        reader = _packages_reader.Reader(io.BytesIO(data))
        expected = [(line, values) for line, values in everything if values.get("CPV") == wanted]
        wants = functools.partial(operator.eq, wanted)
        assert list(reader.find(wants)) == expected
        checking = _packages_reader.Reader(io.BytesIO(data))
        checked = list(checking.checked(wants))
        assert [(line, values) for line, values in checked if values.get("CPV") == wanted] == expected
        assert checking.problems() == whole.problems() and checking.portage_reads == whole.portage_reads


def oracles() -> list[Path]:
    """Return the answers of Portage that have a question beside them."""
    return sorted((CORPUS / "portage-oracle").glob("packages-index__*.json.gz")) if CORPUS.is_dir() else []


@pytest.mark.skipif(not oracles(), reason=f"no public indexes in {CORPUS} (BINHOST_CORPUS)")
@pytest.mark.parametrize("answer", oracles(), ids=lambda path: path.name.split("__")[1])
def test_as_portage_read_it(answer: Path) -> None:
    oracle = json.loads(gzip.decompress(answer.read_bytes()))
    data = (CORPUS / answer.name.split("__")[1] / "Packages").read_bytes()
    found = ours(data)
    assert found.reader.problems() == []
    assert found.header == {key: value for key, value in oracle["header"].items() if value}
    assert found.packages == oracle["packages"]
    index = _packages.parse(data)
    assert index.problems == ()
    assert _packages.dump(index).encode() == data


@pytest.mark.skipif(not oracles(), reason=f"no public indexes in {CORPUS} (BINHOST_CORPUS)")
def test_public_files_as_portage_reads_them(portage: Read) -> None:
    for path in CORPUS.glob("*/Packages"):
        same(path.read_bytes(), portage)


def test_whole(portage: Read) -> None:
    same(INDEX, portage)
    found_one_by_one(INDEX)
    found = ours(INDEX)
    assert found.reader.problems() == []
    assert [package["CHOST"] for package in found.packages] == ["x86_64-pc-linux-gnu", "i686-pc-linux-gnu"] + [
        "x86_64-pc-linux-gnu"
    ] * 2


@pytest.mark.parametrize("piece", [1, 7, 1 << 17])
def test_every_beginning_of_a_file(piece: int, portage: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_packages_text, "PIECE", piece)
    whole = ours(INDEX)
    for end in range(len(INDEX)):
        data = INDEX[:end]
        if piece > 7:
            same(data, portage)
        found = ours(data)
        # What is complete is the same; the last one, if it is cut, is said to be.
        assert found.packages[:-1] == whole.packages[: max(len(found.packages) - 1, 0)]
        told = [problem.text for problem in found.reader.problems()]
        assert told, data
        if found.packages and found.packages[-1] != whole.packages[len(found.packages) - 1]:
            assert any("the file ends within the stanza" in text for text in told)


DAMAGE = st.sampled_from(
    [b"", b"\n", b"\n\n", b"\n\n\n", b"\r", b"\r\n", b":", b" ", b"CPV:", b"\nCPV: a/b-1\n", b"X: y", b"\x00", b"\xff"]
    + [
        b"\xc3",
        b"\nX: y\n\n",
        b"\nREPO: z\n",
        b"\nrepository: z\n",
        b"\nPATH:\n",
        b"\nSIZE: +1\n",
        b"\xe2\x80\xa8",
        b"\x0c",
    ]
)
HIT = st.tuples(st.integers(0, len(INDEX)), st.integers(0, 40), DAMAGE | st.binary(max_size=3))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hits=st.lists(HIT, min_size=1, max_size=6), piece=st.sampled_from([1, 3, 64, 300, 1 << 17]))
def damaged(hits: list[tuple[int, int, bytes]], piece: int, portage: Read) -> None:
    """Replace some bytes of an index, anywhere, by some others; both readers must see the same."""
    data = INDEX
    for at, length, new in hits:
        data = data[:at] + new + data[at + length :]
    usual, _packages_text.PIECE = _packages_text.PIECE, piece  # type: ignore[misc]
    try:
        same(data, portage)
        found_one_by_one(data)
    finally:
        _packages_text.PIECE = usual  # type: ignore[misc]
    index = _packages.parse(data)
    assert _packages.parse(_packages.dump(index)).header.lines == index.header.lines
    text = data.decode("utf-8", "replace")
    assert all(value in text for package in ours(data).packages for value in package.values())


def test_damaged(portage: Read) -> None:
    end = time.monotonic() + FUZZ
    damaged(portage=portage)
    while time.monotonic() < end:
        damaged(portage=portage)


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    reader = _packages_reader.Reader(io.BytesIO(data))
    list(reader)
    assert reader.problems()


def test_no_blank_line_in_a_large_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_packages_text, "PIECE", 16)
    begun = time.process_time()
    reader = _packages_reader.Reader(io.BytesIO(b"KEY: value\n" * 100_000))
    assert list(reader) == [] and reader.data.count(b"\n") == 99_999
    assert time.process_time() - begun < 5  # hours, were a piece added to all before it
