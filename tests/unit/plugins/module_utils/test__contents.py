# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two builds of a package, compared file by file."""

from __future__ import annotations

import io
import tarfile
import typing as t
from pathlib import Path

from ansible_collections.larry.binhost.plugins.module_utils import _contents

Member = tuple[str, bytes, int, bytes, str]  # name, type, mode, content, link
FILES: t.Final[list[Member]] = [
    ("usr", tarfile.DIRTYPE, 0o755, b"", ""),
    ("usr/a", tarfile.REGTYPE, 0o644, b"same", ""),
    ("usr/b", tarfile.REGTYPE, 0o755, b"one", ""),
    ("usr/gone", tarfile.REGTYPE, 0o644, b"", ""),
    ("usr/link", tarfile.SYMTYPE, 0o777, b"", "a"),
    ("usr/same", tarfile.LNKTYPE, 0o644, b"", "image/usr/a"),
]


def package(path: Path, files: t.Iterable[Member], mtime: int = 0) -> str:
    """Write a gpkg of these files."""
    image = io.BytesIO()
    with tarfile.open(fileobj=image, mode="w") as tar:
        for name, kind, mode, content, link in files:
            info = tarfile.TarInfo(f"image/{name}")
            info.type, info.mode, info.size, info.linkname, info.mtime = kind, mode, len(content), link, mtime
            tar.addfile(info, io.BytesIO(content))
    with tarfile.open(path, "w") as outer:
        info = tarfile.TarInfo("p-1/image.tar")
        info.size = len(image.getvalue())
        outer.addfile(info, io.BytesIO(image.getvalue()))
    return str(path)


def test_times_and_the_order_of_names_say_nothing(tmp_path: Path) -> None:
    before = _contents.of(package(tmp_path / "before", FILES))
    turned = [
        *FILES[:1],
        ("usr/same", tarfile.REGTYPE, 0o644, b"same", ""),
        ("usr/a", tarfile.LNKTYPE, 0o644, b"", "image/usr/same"),
    ]
    after = _contents.of(package(tmp_path / "after", [*turned, *FILES[2:5]], mtime=1000))
    assert _contents.differences(before, after) == []


def test_each_file_that_differs_is_named(tmp_path: Path) -> None:
    before = _contents.of(package(tmp_path / "before", FILES))
    changed = [
        ("usr", tarfile.DIRTYPE, 0o700, b"", ""),
        ("usr/a", tarfile.SYMTYPE, 0o777, b"", "b"),
        ("usr/b", tarfile.REGTYPE, 0o4755, b"two", ""),
        ("usr/link", tarfile.SYMTYPE, 0o777, b"", "b"),
        ("usr/new", tarfile.REGTYPE, 0o644, b"", ""),
        ("usr/same", tarfile.REGTYPE, 0o644, b"same", ""),
    ]
    after = _contents.of(package(tmp_path / "after", changed))
    assert _contents.differences(before, after) == [
        "usr: mode 0755 before, 0700 now",
        "usr/a: file of 0:0 before, link of 0:0 now",
        "usr/b: mode 0755 before, 4755 now; other content",
        "usr/gone: only before",
        "usr/link: leads to a before, to b now",
        "usr/new: only now",
    ]
