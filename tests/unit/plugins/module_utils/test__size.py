# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _size
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


@pytest.mark.parametrize(
    ("text", "size"), [("1", 1), ("8G", 8 << 30), (" 512M ", 512 << 20), ("2KiB", 2048), ("1TB", 1 << 40)]
)
def test_parse(text: str, size: int) -> None:
    assert _size.parse(text, "here") == size


@pytest.mark.parametrize("text", ["", "0", "0G", "-1G", "1.5G", "8g", "8 G", "50%", "G", "9" * 13])
def test_what_is_no_size(text: str) -> None:
    error = f"here: expected a size such as 8G or 512M, found {text!r}"
    with pytest.raises(BinhostError, match=f"^{re.escape(error)}$"):
        _size.parse(text, "here")


def test_no_more_than_there_is(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:        2097152 kB\nMemFree:          100 kB\n")
    assert _size.in_memory("2G", "here", str(meminfo)) == 2 << 30
    with pytest.raises(BinhostError, match=r"^here: expected at most this host's memory, 2\.0 GiB, found 3G$"):
        _size.in_memory("3G", "here", str(meminfo))


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), ((8 << 30) - 1, "7.9 GiB")]
)
def test_shown(size: int, text: str) -> None:
    assert _size.shown(size) == text
