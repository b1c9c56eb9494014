# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a package took before, from logs as machines have them: only what was begun and completed counts."""

from __future__ import annotations

import os
import statistics
import time
import typing as t
from collections import defaultdict
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _history

CORPUS: t.Final = Path(os.environ.get("BINHOST_CORPUS") or Path(__file__).parents[5] / "shared/corpus") / "emerge-logs"
PLACES = "/var/db/repos/lab/app-misc/hello/hello-2.10.ebuild"


def log(*lines: str) -> list[bytes]:
    return [f"{line}\n".encode() for line in lines]


def begun(at: int, cpv: str, place: str = "1 of 2", root: str = "/") -> str:
    return f"{at}:  >>> emerge ({place}) {cpv} to {root}"


def completed(at: int, cpv: str, place: str = "1 of 2", root: str = "/") -> str:
    return f"{at}:  ::: completed emerge ({place}) {cpv} to {root}"


def packed(at: int, cpv: str, place: str = "1 of 2") -> str:
    return f"{at}:  === ({place}) Merging Binary ({cpv}::/var/cache/binpkgs/{cpv}-1.gpkg.tar)"


def compiled(at: int, cpv: str, place: str = "1 of 2") -> str:
    return f"{at}:  === ({place}) Compiling/Packaging ({cpv}::{PLACES})"


HELLO: t.Final = "app-misc/hello-2.10"
OTHER: t.Final = "sys-libs/zlib-1.3-r2"
CASES: t.Final[dict[str, tuple[list[str], dict[str, float], dict[str, float]]]] = {
    "nothing": ([], {}, {}),
    "one": ([begun(100, HELLO), compiled(101, HELLO), completed(160, HELLO)], {"app-misc/hello": 60}, {}),
    "a binary is no build": ([begun(100, HELLO), packed(101, HELLO), completed(103, HELLO)], {}, {"app-misc/hello": 3}),
    "both": (
        [
            *(begun(100, HELLO), packed(101, HELLO), completed(103, HELLO)),
            *(begun(200, HELLO), compiled(201, HELLO), completed(260, HELLO)),
        ],
        {"app-misc/hello": 60},
        {"app-misc/hello": 3},
    ),
    "side by side": (
        [
            begun(100, HELLO, "1 of 2"),
            begun(110, OTHER, "2 of 2"),
            packed(111, OTHER, "2 of 2"),
            completed(120, OTHER, "2 of 2"),
            completed(160, HELLO, "1 of 2"),
        ],
        {"app-misc/hello": 60},
        {"sys-libs/zlib": 10},
    ),
    "aborted": (
        [begun(100, HELLO), "200: *** terminating.", begun(300, HELLO), completed(310, HELLO)],
        {"app-misc/hello": 10},
        {},
    ),
    "aborted, and another list's end": ([begun(100, HELLO, "1 of 9"), completed(900, HELLO, "1 of 2")], {}, {}),
    "another root's end": ([begun(100, HELLO, root="/mnt/a"), completed(900, HELLO)], {}, {}),
    "an end without a beginning": ([completed(100, HELLO)], {}, {}),
    "an aborted binary, then a build": (
        [begun(100, HELLO), packed(101, HELLO), begun(200, HELLO), completed(260, HELLO)],
        {"app-misc/hello": 60},
        {},
    ),
    "a clock put back": ([begun(100, HELLO), completed(90, HELLO)], {}, {}),
    "in the same second": ([begun(100, HELLO), completed(100, HELLO)], {"app-misc/hello": 0}, {}),
    "NUL bytes where a crash was": (
        [begun(100, HELLO), "\0" * 5000 + begun(200, OTHER), completed(210, OTHER)],
        {"sys-libs/zlib": 10},
        {},
    ),
    "NUL bytes inside": ([begun(100, HELLO), "1\0\0" + completed(160, HELLO), begun(170, OTHER)], {}, {}),
    "no numbers": ([begun(100, HELLO).replace("100", "100l"), completed(160, HELLO)], {}, {}),
    "a person's words": (["100:  *** emerge (1 of 2) app-misc/hello-2.10 to /", completed(160, HELLO)], {}, {}),
    "no package": ([begun(100, "nonsense"), completed(160, "nonsense")], {}, {}),
    "no text": (
        [
            begun(100, "a/\N{LATIN SMALL LETTER E WITH ACUTE}-1"),
            completed(160, "a/\N{LATIN SMALL LETTER E WITH ACUTE}-1"),
        ],
        {},
        {},
    ),
}


@pytest.mark.parametrize(("lines", "source", "binary"), CASES.values(), ids=list(CASES))
def test_durations(lines: list[str], source: dict[str, float], binary: dict[str, float]) -> None:
    assert _history.durations(log(*lines)) == _history.Durations(source, binary)


def test_the_median_of_the_last_ones_of_all_versions_in_their_order() -> None:
    times = [1000, 1000, 1000, 50, 60, 10, 70, 80]
    lines = []
    for number, taken in enumerate(times):
        cpv = ("sys-devel/gcc-14.1.0", "sys-devel/gcc-13.3.1_p20240614")[number % 2]
        lines += [begun(number * 10000, cpv), completed(number * 10000 + taken, cpv)]
    assert _history.durations(log(*lines)).source == {"sys-devel/gcc": statistics.median(times[-5:])}


def test_a_package_is_found_by_its_name() -> None:
    known = _history.durations(
        log(begun(0, OTHER), completed(60, OTHER), begun(70, HELLO), packed(70, HELLO), completed(71, HELLO))
    )
    assert known.of("sys-libs/zlib-1.4", binary=False) == 60
    assert known.of("sys-libs/zlib-1.4", binary=True) is None
    assert known.of("app-misc/hello-3", binary=True) == 1
    assert known.of("app-misc/hello-3", binary=False) is None
    assert known.of("nonsense", binary=False) is None


def test_no_log_and_a_folder_in_its_place_tell_nothing(tmp_path: Path) -> None:
    assert _history.seconds(str(tmp_path / "none")) == _history.seconds(str(tmp_path)) == _history.Durations()


def test_of_a_very_long_log_the_end_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "emerge.log"
    end = log(begun(200, OTHER), completed(260, OTHER))
    path.write_bytes(b"".join([*log(begun(100, HELLO), completed(160, HELLO)), *end]))
    monkeypatch.setattr(_history, "LONGEST", len(b"".join(end)) + 5)
    assert _history.seconds(str(path)).source == {"sys-libs/zlib": 60}


def test_fifty_megabytes_are_read_in_seconds(tmp_path: Path) -> None:
    path = tmp_path / "emerge.log"
    merge = "".join(
        f"{1700000000 + second}:  {words}\n"
        for second, words in enumerate(
            (
                ">>> emerge (1 of 56) {0} to /",
                "=== (1 of 56) Cleaning ({0}::/var/db/repos/gentoo/a/b/b-1.ebuild)",
                "=== (1 of 56) Compiling/Merging ({0}::/var/db/repos/gentoo/a/b/b-1.ebuild)",
                "=== (1 of 56) Merging ({0}::/var/db/repos/gentoo/a/b/b-1.ebuild)",
                ">>> AUTOCLEAN: {0}:0",
                "=== Unmerging... ({0})",
                ">>> unmerge success: {0}",
                "=== (1 of 56) Post-Build Cleaning ({0}::/var/db/repos/gentoo/a/b/b-1.ebuild)",
                "::: completed emerge (1 of 56) {0} to /",
            )
        )
    )
    block = "".join(merge.format(f"cat/package{number}-1.{number % 7}") for number in range(3000)).encode()
    with path.open("wb") as handle:
        while handle.tell() < 50 << 20:
            handle.write(block)
    before = time.process_time()
    known = _history.seconds(str(path))
    assert time.process_time() - before < 10  # it takes half a second
    assert known.source == {f"cat/package{number}": 8 for number in range(3000)}


def naive(text: str) -> dict[str, list[int]]:
    """Return package -> durations, read in the simplest way: nothing in these logs is a binary or side by side."""
    found: dict[str, list[int]] = defaultdict(list)
    since: dict[str, int] = {}
    for line in text.replace("\0", "").splitlines():
        words = line.split()
        if words[1:3] == [">>>", "emerge"] and len(words) > 7 and words[0][:-1].isdigit():
            since[words[6]] = int(words[0][:-1])
        elif words[1:4] == [":::", "completed", "emerge"] and words[7] in since:
            found[words[7]].append(int(words[0][:-1]) - since.pop(words[7]))
    return found


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"{CORPUS}: no public logs there (BINHOST_CORPUS)")
@pytest.mark.parametrize("name", ["emlop/emerge.10000.log", "emlop/emerge.dst.log", "genloppy/good_emerge.log"])
def test_logs_of_real_machines(name: str) -> None:
    path = CORPUS / name
    known = _history.seconds(str(path))
    expected: dict[str, list[int]] = {}
    for cpv, times in naive(path.read_text(errors="replace")).items():
        expected.setdefault(_history.name_of(cpv), []).extend(times)
    alone = {name: times[0] for name, times in expected.items() if len(times) == 1}
    both = {**known.source, **known.binary}
    assert alone
    assert {name: both[name] for name in alone} == alone
    assert set(both) == set(expected)
