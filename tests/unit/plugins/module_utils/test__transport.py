# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _transport
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


@pytest.mark.parametrize(
    "uri",
    [
        *("ftp://x", "http://", "http://x?y", "http://x y", "10.77.1.10:8080", "http://-oProxyCommand=x"),
        *("file://x", "file:///", "ssh://-x/", "ssh://a@-oProxyCommand=x", "ssh://x/y", "rsync://x", "rsync://x/-e"),
    ],
)
def test_what_is_no_way(uri: str) -> None:
    with pytest.raises(BinhostError, match="^sources: expected http://HOST, .* or rsync://HOST/MODULE, found '"):
        _transport.base(uri)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("http://[fe80::1]:8080/binhost//", "http://[fe80::1]:8080/binhost"),
        ("file:///srv/larry binhost", None),
        ("file:///srv/larry-binhost/", "file:///srv/larry-binhost"),
        ("ssh://root@desktop:22/", "ssh://root@desktop:22"),
        ("rsync://10.0.0.1:8873/packages/", "rsync://10.0.0.1:8873/packages"),
    ],
)
def test_what_is_one(uri: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(BinhostError):
            _transport.base(uri)
    else:
        assert _transport.base(uri) == expected


@pytest.mark.parametrize("said", ["http://x", ["http://x"], [{"kind": "http"}], [{"uri": "http://x", "x": 1}], None])
def test_what_tells_no_way(said: t.Any) -> None:
    with pytest.raises(BinhostError, match="^sources: expected "):
        _transport.sources(said)


def test_the_order_stays_and_a_way_has_a_name() -> None:
    found = _transport.sources([{"uri": "http://b/"}, {"uri": "file:///a", "kind": "kit"}])
    assert [source.uri for source in found] == ["http://b", "file:///a"]
    assert [source.name for source in found] == ["http://b", "kit (file:///a)"]
