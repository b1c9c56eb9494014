# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""packages_info hands over what its core answers (test__packages_info.py)."""

from __future__ import annotations

import typing as t
from pathlib import Path

Module = t.Callable[..., dict[str, t.Any]]
TEXT = "PACKAGES: 2\nTIMESTAMP: 1700000000\nVERSION: 0\n\nCPV: a/b-1\nMD5: 0a\nSIZE: 3\n\n\nCPV: a/b-2\nMD5: 0b\n\n"


def test_answer(module: Module, tmp_path: Path) -> None:
    path = tmp_path / "Packages"
    path.write_text(TEXT)
    result = module("packages_info", {"path": str(path), "atoms": ["<a/b-2"], "keys": ["CPV", "SIZE"], "verify": True})
    assert result["packages"] == [{"CPV": "a/b-1", "SIZE": 3}]
    assert (result["changed"], result["modified"], result["entries"], result["portage_reads"]) == (False, True, 2, 1)
    assert result["problems"] == [
        {"line": 5, "text": f"{tmp_path}/a/b-1.tbz2: expected the package's file, found: No such file or directory"},
        {"line": 9, "text": "empty stanza: Portage reads nothing after this line, 1 of 2 packages"},
    ]
    assert result["warnings"] == ["the index holds 2 packages, Portage reads 1 of them"]


def test_refused(module: Module) -> None:
    result = module("packages_info", {"url": "http://127.0.0.1:1/Packages", "verify": True})
    assert result["failed"]
    assert result["msg"] == "verify: expected pkgdir, where the packages of the url are, found none"
