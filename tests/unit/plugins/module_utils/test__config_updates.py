# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _config_updates


def write(root: Path, *paths: str, text: str = "") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def test_what_portage_finds_too(tmp_path: Path) -> None:
    write(
        tmp_path,
        "etc/._cfg0000_passwd",
        "etc/deep/er/._cfg0012_x",
        "usr/share/gpg/._cfg0000_q.txt",
        "usr/share/gpg/q.txt",
    )
    left_out = ("etc/passwd", "etc/._cfg00_x", "etc/.git/._cfg0000_x", "etc/._cfg0000_x~", "etc/._cfg0000_x.BAK")
    write(tmp_path, *left_out, "usr/share/gpg/._cfg0000_other", "home/._cfg0000_x")
    (tmp_path / "etc/link").symlink_to(tmp_path / "home")
    places = ["/etc", "/etc/deep", "/usr/share/gpg/q.txt", "/gone", "/gone/too"]
    assert _config_updates.waiting(str(tmp_path), places) == [
        "/etc/._cfg0000_passwd",
        "/etc/deep/er/._cfg0012_x",
        "/usr/share/gpg/._cfg0000_q.txt",
    ]
    assert _config_updates.waiting(str(tmp_path)) == ["/etc/._cfg0000_passwd", "/etc/deep/er/._cfg0012_x"]


def test_protected(tmp_path: Path) -> None:
    assert _config_updates.protected(str(tmp_path)) == ["/etc"]
    write(
        tmp_path,
        "etc/profile.env",
        text="export CONFIG_PROTECT='/usr/share/a /usr/b'\nexport CONFIG_PROTECT_MASK='/x'\n",
    )
    write(tmp_path, "etc/portage/make.conf/01", text='CONFIG_PROTECT="${CONFIG_PROTECT} /var/c"\n# CONFIG_PROTECT=/d\n')
    write(tmp_path, "etc/portage/make.conf/02", text="CONFIG_PROTECT=/opt/e\n")
    assert sorted(_config_updates.protected(str(tmp_path))) == ["/etc", "/opt/e", "/usr/b", "/usr/share/a", "/var/c"]


@pytest.mark.parametrize(("path", "name"), [("/etc/._cfg0000_x.conf", "/etc/x.conf"), ("/etc/x", "/etc/x")])
def test_target(path: str, name: str) -> None:
    assert _config_updates.target(path) == name


def test_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, *(f"etc/{number}/._cfg0000_x" for number in range(50)))
    monkeypatch.setattr(_config_updates, "MOST", 60)
    assert 0 < len(_config_updates.waiting(str(tmp_path))) < 50
