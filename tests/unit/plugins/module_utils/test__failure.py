# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _failure
from ansible_collections.larry.binhost.plugins.module_utils._failure import Failure, Where

CORPUS = Path(os.environ.get("BINHOST_CORPUS", Path(__file__).parents[5] / "shared/corpus")) / "emerge-logs"
CPV = "x/some-1"
DIED = "".join(f"line {number}\n" for number in range(100)) + (
    "\x1b[31;01m*\x1b[0m ERROR: x/some-1::lab failed (compile phase):\n * make failed\n * Call stack:\n"
)
WORDS = """\
>>> Failed to emerge x/some-1, Log file:
>>> Jobs: 0 of 3 complete, 1 running                                    Load avg: 3.35, 1.29, 1.18

>>>  '/elsewhere/portage/x/some-1/temp/build.log'
"""


def write(path: Path, data: bytes, time: float = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if time:
        os.utime(path, (time, time))
    return path


def test_the_log_that_emerge_names(tmp_path: Path) -> None:
    where = Where(str(tmp_path))
    assert _failure.look(CPV, WORDS, where) == Failure(CPV, "", "", "")
    log = write(tmp_path / "elsewhere/portage/x/some-1/temp/build.log", DIED.encode())
    lines = [f"line {number}" for number in range(72, 100)]
    lines += ["* ERROR: x/some-1::lab failed (compile phase):", " * make failed"]
    assert _failure.look(CPV, WORDS, where) == Failure(CPV, "compile", "make failed", str(log), lines)
    other = WORDS.replace("x/some-1", "x/some-1.5")
    assert _failure.look(CPV, other, where, stage="fetch") == Failure(CPV, "fetch", "", "")


@pytest.mark.parametrize("name", ["build.log", "build.log.gz"])
def test_the_log_in_its_folder(tmp_path: Path, name: str) -> None:
    data = gzip.compress(DIED.encode()) if name.endswith(".gz") else DIED.encode()
    log = write(tmp_path / "big/portage/x/some-1/temp" / name, data)
    where = Where(str(tmp_path), "/big")
    found = _failure.look(CPV, "", where)
    assert (found.log, found.phase, found.reason, len(found.lines)) == (str(log), "compile", "make failed", 30)
    log.write_bytes(data[: len(data) // 2])
    assert (_failure.look(CPV, "", where).phase, _failure.look(CPV, "", where).log) == ("", str(log))


def test_a_link_of_the_root_is_followed_in_the_root(tmp_path: Path) -> None:
    kept = write(tmp_path / "var/log/portage/x:some-1:20261121-170613.log", DIED.encode())
    link = tmp_path / "var/tmp/portage/x/some-1/temp/build.log"
    link.parent.mkdir(parents=True)
    link.symlink_to("/var/log/portage/x:some-1:20261121-170613.log")
    assert _failure.look(CPV, "", Where(str(tmp_path))).log == str(kept)
    link.unlink()
    link.symlink_to("other.log")
    write(link.parent / "other.log", b"")
    assert _failure.look(CPV, "", Where(str(tmp_path))).log == str(link.parent / "other.log")


def test_kept_logs(tmp_path: Path) -> None:
    folder = tmp_path / "var/log/portage"
    write(folder / "x:some-1:old.log", b"old", 100)
    where = Where(str(tmp_path), logdir="/var/log/portage", since=150)
    assert _failure.log_of(CPV, "", where) == ""
    newer = write(folder / "x:some-1:new.log", b"new", 200)
    write(folder / "x:some-1.5:new.log", b"another", 300)
    assert _failure.log_of(CPV, "", where) == str(newer)
    split = write(folder / "build/x/some-1:newest.log.gz", b"", 300)
    assert _failure.log_of(CPV, "", where) == str(split)


@pytest.mark.parametrize(
    ("markers", "phase"),
    [
        (["work/"], "unpack"),
        ([], "later"),
        ([".unpacked"], "prepare"),
        ([".unpacked", ".prepared", ".configured", "work/"], "compile"),
        ([".unpacked", ".prepared", ".configured", ".compiled"], "install"),
        ([".unpacked", ".prepared", ".configured", ".compiled", ".installed"], "merge"),
    ],
)
def test_where_a_killed_build_was(tmp_path: Path, markers: list[str], phase: str) -> None:
    folder = tmp_path / "var/tmp/portage/x/some-1"
    (folder / "temp").mkdir(parents=True)
    for name in markers:
        (folder / name).mkdir() if name.endswith("/") else (folder / name).touch()
    assert _failure.look(CPV, "", Where(str(tmp_path)), stage="later").phase == phase


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    log = write(tmp_path / "var/tmp/portage/x/some-1/temp/build.log", b"first error: no\n" + b"x" * 10_000_000)
    with log.open("ab") as handle:
        handle.write(DIED.encode())
    assert _failure.look(CPV, "", Where(str(tmp_path))).reason == "make failed"


@pytest.mark.skipif(not CORPUS.exists(), reason=f"no {CORPUS} (BINHOST_CORPUS)")
def test_a_real_log(tmp_path: Path) -> None:
    real = (CORPUS / "wsl-llvm-failure/build.log").read_bytes()
    write(tmp_path / "var/tmp/portage/sys-devel/llvm-13.0.0/temp/build.log", real)
    found = _failure.look("sys-devel/llvm-13.0.0", "", Where(str(tmp_path)))
    assert (found.phase, found.reason) == ("configure", "cmake failed")
    assert "    clang-13: error: invalid unwind library name in argument '-unwindlib=llvm-libunwind'" in found.lines
    assert not any("Called " in line for line in found.lines)
