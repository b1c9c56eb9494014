# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it runs in a real root is in tests/root/test_shell.py."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _shell
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place


def options(*words: str, state: str = "/state") -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", default=state)
    _shell.arguments(parser)
    return parser.parse_args(words)


def test_mounts() -> None:
    asked = options("--repository=lab=/a=b", "--distdir=/d", "--tmp-size=1M", "t", "--", "sh", "-c", "exit 3")
    assert (asked.target, asked.command) == ("t", ["sh", "-c", "exit 3"])
    found = {mount.target: (mount.source, mount.options) for mount in _shell.mounts(asked, Place("t", "/state"))}
    assert found["/var/lib/larry-binhost/current/repos/lab"] == ("/a=b", ("ro",))
    assert found["/var/cache/distfiles"] == ("/d", ())
    assert found["/var/cache/binpkgs"] == ("/state/pkgdir/t", ())
    assert found["/var/tmp/portage"][1][0] == "size=1048576"
    assert "/etc/resolv.conf" not in found


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--repository=lab", "t"], "^--repository: expected NAME=PATH, found 'lab'$"),
        (["--tmp-size=1P", "t"], "^--tmp-size: expected a size such as 8G or 512M, found '1P'$"),
        (["--tmp-size=900T", "t"], "^--tmp-size: expected at most this host's memory, "),
    ],
)
def test_refused(words: list[str], told: str) -> None:
    with pytest.raises(BinhostError, match=told):
        _shell.mounts(options(*words), Place("t", "/state"))


def test_no_root(tmp_path: Path) -> None:
    told = f"^{tmp_path}/roots/t: expected the build root of t, found none; build it first$"
    with pytest.raises(BinhostError, match=told):
        _shell.enter(options("t", state=str(tmp_path)))
