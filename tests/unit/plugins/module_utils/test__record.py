# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a generation was made from: kept from others' eyes, and believed only if it is what was sealed."""

from __future__ import annotations

import dataclasses
import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _packages, _record, _timings
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._outcome import Done
from ansible_collections.larry.binhost.plugins.module_utils._target import Result, Target, Variant

SAID = """\
Portage 3.0.83 (python 3.11.2-final-0, base, gcc-12, glibc-2.36, 6.1.0 x86_64)
gcc (Gentoo 14.2.1 p3) 14.2.1
Copyright (C) 2024 Free Software Foundation, Inc.
GNU ld (Gentoo 2.43) 2.43
"""
INDEX = "PACKAGES: 1\nVERSION: 0\n\nBUILD_ID: 3\nCPV: x/a-1\nPATH: x/a/a-1-3.gpkg.tar\nSIZE: 9\n\n"


@pytest.fixture
def target(tmp_path: Path) -> Target:
    """Return a target whose root is configured."""
    portage = tmp_path / "root/etc/portage"
    for name, text in {
        "make.conf/01-target.conf": "A=1\n",
        "gnupg/secret": "key",
        ".hidden": "",
        "bashrc": "a\udce9b",
    }.items():
        (portage / name).parent.mkdir(parents=True, exist_ok=True)
        (portage / name).write_text(text, errors="surrogateescape")
    (portage / "make.profile").symlink_to("../../profile")
    return Target(
        name="laptops",
        root=str(tmp_path / "root"),
        repositories={"lab": "/somewhere"},
        world={"x/a": ["amd"]},
        wishes={},
        variants=[Variant("amd", {"make.conf": "SECRET=1"}, ["x/a"], [], ["sse"])],
        links={"make.profile": "../../profile"},
        compile="v1",
        cflags="-O2",
        distdir="/distfiles",
        options={"jobs": 2},
        state_dir=str(tmp_path / "state"),
    )


def note(target: Target) -> _record.Record:
    failed = {"x/b-1": {"phase": "compile", "reason": "no", "lines": ["secret"]}}
    _record.note(target, Result(failures=failed), {"lab": "0" * 12}, SAID)
    built = Path(_record.folder("laptops", target.state_dir), "built.json")
    return _record.parse(built.read_bytes(), where="built")


def entries() -> dict[str, _packages.Package]:
    return {entry.path: entry for entry in _packages.packages(_packages.parse(INDEX))}


def test_what_a_build_was_told_is_kept_for_root_alone(target: Target) -> None:
    record = note(target)
    assert record.tools == [line for line in SAID.splitlines() if not line.startswith("Copy")]
    assert record.failed == {"x/b-1": {"phase": "compile", "reason": "no"}}
    assert "SECRET" not in str(record)
    (private,) = (path for path in Path(target.state_dir, "records/laptops").iterdir() if path.name != "built.json")
    assert private.stat().st_mode & 0o777 == 0o600
    inputs = _record.inputs(record, target.state_dir)
    assert inputs.files == {"make.conf/01-target.conf": "A=1\n", "bashrc": "a\udce9b"}
    assert inputs.links == {"make.profile": "../../profile"}
    where: dict[str, t.Any] = {"root": "/r", "repositories": {"lab": "/l"}, "distdir": "/d", "state_dir": "/s"}
    made, same = inputs.as_target(**where), dataclasses.replace(target, **where)
    assert json.dumps(dataclasses.asdict(made)) == json.dumps(dataclasses.asdict(same))


def test_a_root_is_configured_as_it_was(target: Target, tmp_path: Path) -> None:
    inputs = _record.inputs_of(target)
    (tmp_path / "other/etc/portage").mkdir(parents=True)
    (tmp_path / "other/etc/portage/stray").write_text("A=2")
    _record.configure(str(tmp_path / "other"), inputs)
    assert _record.configuration(str(tmp_path / "other")) == (inputs.files, inputs.links)


def test_it_is_of_the_generation_only_if_the_repositories_are(target: Target) -> None:
    note(target)
    _timings.note(target, "", [])
    assert _record.made("laptops", target.state_dir, entries(), {"lab": "1" * 12}) is None
    assert _record.made("tablets", target.state_dir, entries(), {"lab": "0" * 12}) is None
    made = _record.made("laptops", target.state_dir, entries(), {"lab": "0" * 12})
    assert made and _record.parse(made, where="x").packages == {}


def test_times_are_of_one_build_of_a_package(target: Target) -> None:
    Path(target.pkgdir).mkdir(parents=True)
    Path(target.pkgdir, "Packages").write_text(INDEX)
    log = "1700000000:  === Resource usage for build of x/a-1: CPU: 12.34s (1.52x), Mem: 1.2 MiB\n"
    _timings.note(target, "", [Done("x/a-1", "source", 90, 2)])
    _timings.note(target, log, [Done("x/a-1", "source", 10, 3), Done("x/b-1", "binary", 1, 1)])
    assert _timings.known("laptops", target.state_dir) == {"x/a-1 3": {"seconds": 10, "cpu_seconds": 12.34}}
    assert _timings.of(target, ["x/a-1", "x/b-1"]) == {"x/a-1": 10}
    note(target)
    made = _record.made("laptops", target.state_dir, entries(), {"lab": "0" * 12}) or b""
    assert json.loads(made)["packages"] == {"x/a/a-1-3.gpkg.tar": {"seconds": 10, "cpu_seconds": 12.34}}


@pytest.mark.parametrize(("there", "told"), [("cpuset cpu io memory pids", "a cgroup"), ("cpu", "a"), (None, "a")])
def test_the_processors_time_is_told_where_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: str | None, told: str
) -> None:
    monkeypatch.setattr(_timings, "_CONTROLLERS", str(tmp_path / "controllers"))
    if there:
        (tmp_path / "controllers").write_text(f"{there}\n")
    assert _timings.measured("a") == told


def test_what_no_generation_was_made_from_goes(target: Target, tmp_path: Path) -> None:
    old = note(target)
    generation = tmp_path / "41"
    generation.mkdir()
    (generation / "record.json").write_bytes(_record.dump(old))
    new = note(dataclasses.replace(target, cflags="-O3"))
    _record.prune("laptops", target.state_dir, [str(generation)])
    assert _record.inputs(old, target.state_dir) != _record.inputs(new, target.state_dir)
    _record.prune("laptops", target.state_dir, [])
    with pytest.raises(BinhostError, match=r"expected what the build was told, found: No such file"):
        _record.inputs(old, target.state_dir)
    assert _record.inputs(new, target.state_dir)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "x: expected a record of format 1, found 2"),
        ({"inputs": "abc"}, "x: inputs: expected a SHA-512, found 'abc'"),
        ({"more": 1}, "x: expected the keys .*, only one of both has more"),
    ],
)
def test_anything_else_is_no_record(target: Target, change: dict[str, t.Any], words: str) -> None:
    value = {**json.loads(_record.dump(note(target))), **change}
    with pytest.raises(BinhostError, match=words):
        _record.parse(json.dumps(value).encode(), where="x")
    with pytest.raises(BinhostError, match="x: expected a record, found b'<html>'"):
        _record.parse(b"<html>", where="x")
