# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _fstab
from ansible_collections.larry.binhost.plugins.module_utils._fstab import Entry

CORPUS = Path(os.environ.get("BINHOST_CORPUS", Path(__file__).parents[4] / "../shared/corpus")) / "fstab"
ORACLE = CORPUS / "findmnt-oracle.given.json"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/dev/sda1 /boot vfat noatime,ro 1 2", Entry("/dev/sda1", "/boot", "vfat", ("noatime", "ro"), 1, 2)),
        ("  UUID=1\t/ \text4  defaults 0 1 junk", Entry("UUID=1", "/", "ext4", ("defaults",), 0, 1)),
        ("a /b ext4 ro\r", Entry("a", "/b", "ext4", ("ro",))),
        ("a /b ext4 ro 0 1\r", Entry("a", "/b", "ext4", ("ro",), 0, 1)),
        ("a /b ext4", Entry("a", "/b", "ext4")),
        (r"a\040b /c\011d none bind", Entry("a b", "/c\td", "none", ("bind",))),
    ],
)
def test_a_line(line: str, expected: Entry) -> None:
    assert _fstab.parse(f"# a comment\n\n{line}\n") == _fstab.Table([expected], [])


@pytest.mark.parametrize("line", ["a /b", "a /b none bind # why", 'LABEL="a b" /c auto rw', "a /b ext4 rw 0 x"])
def test_what_is_no_line_stops_nothing(line: str) -> None:
    problem = f"line 1: expected source, place, type, options and two numbers, found {line!r}"
    assert _fstab.parse(f"{line}\nc /d none bind") == _fstab.Table([Entry("c", "/d", "none", ("bind",))], [problem])


def test_lines_of_ours(tmp_path: Path) -> None:
    assert _fstab.ours(str(tmp_path)) == []
    (tmp_path / "etc").mkdir()
    lines = [
        "/a /srv/a none bind,x-larry-binhost 0 0",
        "/b /srv/b none bind 0 0",
        "wrong",
        "/c /c none x-larry-binhost",
    ]
    (tmp_path / "etc/fstab").write_text("\n".join(lines))
    assert _fstab.ours(str(tmp_path)) == ["/srv/a", "/c"]


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus at {CORPUS}")
def test_the_corpus_is_read_as_findmnt_reads_it() -> None:
    known = json.loads(ORACLE.read_text())
    assert len(known) > 10
    for name, told in known.items():
        table = _fstab.parse((CORPUS / name).read_text(encoding="utf-8", errors="surrogateescape"))
        found = [{**vars(entry), "options": ",".join(entry.options) or None} for entry in table.entries]
        assert found == (told["entries"] or []), name
        assert len(table.problems) == told["stderr"].count("parse error"), name
