# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _vdb
from ansible_collections.larry.binhost.plugins.module_utils._vdb import Package

HELLO = "app-misc/hello-2.10"


def record(root: Path, cpv: str, **texts: str) -> None:
    """Write what Portage writes of a package."""
    folder = root / "var/db/pkg" / cpv
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def test_packages(tmp_path: Path) -> None:
    record(tmp_path, HELLO, BUILD_TIME="1700000000\n", CFLAGS="-O2  -pipe\n", CXXFLAGS="-O2 -pipe\n")
    record(tmp_path, "app-misc/other-1", BUILD_TIME="1700000001\n", CFLAGS="-O2\n", CXXFLAGS="-O3\n")
    record(tmp_path, "virtual/pager-0")
    record(tmp_path, "virtual/-MERGING-pager-1")
    assert _vdb.packages(str(tmp_path)) == [
        Package(HELLO, 1700000000, ("-O2 -pipe",)),
        Package("app-misc/other-1", 1700000001, ("-O2", "-O3")),
        Package("virtual/pager-0", None, ()),
    ]


def test_a_root_without_packages(tmp_path: Path) -> None:
    assert _vdb.packages(str(tmp_path)) == []


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root with one package, installed as its CONTENTS says."""
    for folder in ("usr/bin", "etc", "usr/share/with -> arrow"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "usr/bin/hello").write_text("hello\n")
    (tmp_path / "usr/share/a name 1 2").write_text("name\n")
    (tmp_path / "etc/hello.conf").write_text("default\n")
    (tmp_path / "usr/bin/hi").symlink_to("hello")
    (tmp_path / "usr/share/with -> arrow/x").symlink_to("y z")
    os.mkfifo(tmp_path / "usr/fifo")
    lines = [
        "dir /usr",
        "dir /usr/bin",
        f"obj /usr/bin/hello {md5(chr(10).join(['hello', '']))} 1700000000",
        "sym /usr/bin/hi -> hello 1700000000",
        f"obj /usr/share/a name 1 2 {md5(chr(10).join(['name', ''])).upper()} 1700000000",
        f"obj /etc/hello.conf {md5(chr(10).join(['default', '']))} 1700000000",
        "sym /usr/share/with -> arrow/x -> y z 1700000000",
        "fif /usr/fifo",
    ]
    record(tmp_path, HELLO, CONTENTS="".join(f"{line}\n" for line in lines))
    return tmp_path


def test_what_is_as_installed_has_not_changed(root: Path) -> None:
    os.utime(root / "usr/bin/hello", (1, 1))
    assert _vdb.changed(str(root), HELLO) == []
    assert _vdb.changed(str(root), "app-misc/unknown-1") == []


def write(root: Path) -> None:
    path = root / "usr/bin/hello"
    path.write_text("other\n")
    os.utime(path, (1700000000, 1700000000))


def relink(root: Path) -> None:
    (root / "usr/bin/hi").unlink()
    (root / "usr/bin/hi").symlink_to("other")


def link(root: Path) -> None:
    (root / "usr/bin/hello").rename(root / "usr/bin/hello.real")
    (root / "usr/bin/hello").symlink_to("hello.real")


def lose_folder(root: Path) -> None:
    (root / "usr/bin").rename(root / "usr/gone")


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        (write, ["/usr/bin/hello"]),
        (relink, ["/usr/bin/hi"]),
        (link, ["/usr/bin/hello"]),
        (lambda root: (root / "usr/bin/hello").unlink(), ["/usr/bin/hello"]),
        (lambda root: (root / "usr/fifo").unlink(), ["/usr/fifo"]),
        (lose_folder, ["/usr/bin", "/usr/bin/hello", "/usr/bin/hi"]),
        (lambda root: record(root, HELLO, CONTENTS="dir /usr\nwhat is this\n"), ["line 2 of its CONTENTS"]),
    ],
)
def test_what_has_changed(root: Path, change: t.Callable[[Path], t.Any], paths: list[str]) -> None:
    change(root)
    assert _vdb.changed(str(root), HELLO) == paths


def test_what_is_spared_is_not_looked_at(root: Path) -> None:
    (root / "etc/hello.conf").write_text("mine\n")
    assert _vdb.changed(str(root), HELLO) == ["/etc/hello.conf"]
    assert _vdb.changed(str(root), HELLO, spared=lambda path: path.startswith("/etc/")) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/etc/hello.conf", True),
        ("/etcetera", False),
        ("/etc/env.d/50x", False),
        ("/etc/env.d/kept/x", True),
        ("/usr/share/config/x", True),
        ("/usr/share/configuration", False),
    ],
)
def test_protected(path: str, expected: bool) -> None:
    protect = ["/etc", "/usr/share/config/", "/etc/env.d/kept"]
    assert _vdb.protected(path, protect, ["/etc/env.d"]) is expected


def test_nothing_is_protected_where_nothing_is_said() -> None:
    assert _vdb.protected("/etc/x", [], []) is False
    assert _vdb.protected("/etc/x", ["/"], []) is True
