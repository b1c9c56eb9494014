# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seal: written canonically, read with suspicion."""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _seal
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

SHA = "a" * 128
SEAL = _seal.Seal(
    target="laptops",
    number=41,
    time="2026-01-31T12:00:00Z",
    expires="2026-05-01T12:00:00Z",
    timestamp=1769860800,
    key="A" * 40,
    restores=0,
    index=_seal.File(SHA, 7),
    repositories={"lab": _seal.Repository("0" * 12, "repos/lab.tar.xz", SHA, 9)},
    packages={
        "a-b/c/c-1-1.gpkg.tar": _seal.Package(
            SHA, 3, "A" * 40, "-O2", "3.2.0", "2.38", "x86-64-v3", _seal.Source(2, "b" * 32, "")
        )
    },
    record=_seal.File(SHA, 11),
)


def test_time_left() -> None:
    assert SEAL.left(_seal.seconds("2026-04-30T12:00:00Z")) == 86400
    assert SEAL.left(_seal.seconds("2026-05-01T12:00:01Z")) == -1
    assert _seal.utc(_seal.seconds(SEAL.time)) == SEAL.time


def test_round_trip() -> None:
    assert _seal.parse(_seal.dump(SEAL), where="x") == SEAL
    assert _seal.dump(_seal.parse(_seal.dump(SEAL), where="x")) == _seal.dump(SEAL)
    bare = dataclasses.replace(SEAL, record=None)
    assert _seal.parse(_seal.dump(bare), where="x") == bare
    assert SEAL.revisions() == {"lab": "0" * 12}
    assert SEAL.repositories["lab"].folder("lab") == "lab-000000000000"


def changed(*path: str, value: t.Any) -> bytes:
    """Return the seal with one thing changed."""
    record = json.loads(_seal.dump(SEAL))
    inner = record
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return json.dumps(record).encode()


BAD = [
    (b"<html>hotel</html>", "x: expected a seal (a JSON record), found '<html>hotel</html>'"),
    (b"", "x: expected a seal (a JSON record), found ''"),
    (b"[" * 100000, "x: expected a seal (a JSON record), found " + repr("[" * 60)),
    (b"[1]", "x: expected a record, found '[1]'"),
    (changed("format", value=2), "x: expected a seal of format 3, found 2"),
    (changed("expires", value="2026-02-30T12:00:00Z"), "x: expires: expected a time, found '2026-02-30T12:00:00Z'"),
    (changed("key", value="a" * 40), f"x: key: expected ([0-9A-F]{{40}}|[0-9A-F]{{64}})?, found '{'a' * 40}'"),
    (changed("restores", value=-1), "x: restores: expected a whole number from 0, found -1"),
    (
        changed("packages", "a-b/c/c-1-1.gpkg.tar", "kernel", value="3.2"),
        "x: packages: a-b/c/c-1-1.gpkg.tar: kernel: expected (\\d+\\.\\d+\\.\\d+)?, found '3.2'",
    ),
    (
        changed("packages", "a-b/c/c-1-1.gpkg.tar", "glibc", value="2"),
        "x: packages: a-b/c/c-1-1.gpkg.tar: glibc: expected (\\d+\\.\\d+(\\.\\d+)?)?, found '2'",
    ),
    (
        changed("packages", "a-b/c/c-1-1.gpkg.tar", "isa", value="x86-64-v5"),
        "x: packages: a-b/c/c-1-1.gpkg.tar: isa: expected (x86-64(-v[234])?)?, found 'x86-64-v5'",
    ),
    (changed("record", value=7), "x: record: expected a record, found '7'"),
    (
        changed("packages", "a-b/c/c-1-1.gpkg.tar", "source", "more", value=1),
        "x: packages: a-b/c/c-1-1.gpkg.tar: source: expected the keys size, md5, sha1, found also more",
    ),
    (changed("number", value=0), "x: number: expected a whole number from 1, found 0"),
    (changed("number", value=True), "x: number: expected a whole number from 1, found True"),
    (changed("target", value="../x"), "x: target: expected [a-z0-9][a-z0-9_-]*, found '../x'"),
    (changed("index", "sha512", value="00"), "x: index: sha512: expected [0-9a-f]{128}, found '00'"),
    (changed("index", value=None), "x: index: expected a record, found 'None'"),
    (changed("packages", "../x", value={}), "x: packages: expected a safe name, found '../x'"),
    (changed("repositories", "-x", value={}), "x: repositories: expected a safe name, found '-x'"),
    (
        changed("repositories", "lab", "archive", value="/etc/passwd"),
        "x: repositories: lab: archive: expected a path inside the generation, found '/etc/passwd'",
    ),
    (
        changed("surplus", value=1),
        "x: expected the keys format, target, number, time, expires, timestamp, key, restores, index, "
        "repositories, packages, record, "
        "found also surplus",
    ),
]


@pytest.mark.parametrize(("data", "message"), BAD)
def test_refused(data: bytes, message: str) -> None:
    with pytest.raises(BinhostError, match=f"^{re.escape(message)}$"):
        _seal.parse(data, where="x")


def test_inside() -> None:
    assert all(map(_seal.inside, ["a", "a/b", "a/b.c"]))
    assert not any(map(_seal.inside, ["", "/a", "a//b", "a/", "a/../b", ".a", "a/.b", "a\0"]))
