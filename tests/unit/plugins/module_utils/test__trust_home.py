# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done to the GnuPG home that Portage verifies with."""

from __future__ import annotations

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _gnupg, _trust_home
from ansible_collections.larry.binhost.plugins.module_utils._gnupg import Listed

#: gpg --with-colons --with-keygrip --list-keys, GnuPG 2.2.40; the second with a subkey.
LISTING = """tru::1:1795281278:0:3:1:5
pub:u:255:22:76918C5F80C36AB6:1795281278:1796145278::u:::scSC:::::ed25519:::0:
fpr:::::::::4649C93943B2493992C21FD076918C5F80C36AB6:
grp:::::::::D67F19A2196B4435B19BCDB25A7F07B19E94FB2C:
uid:u::::1795281278::AC7D8D0AE71C6B9CE04FA08C2DF3E88096FE73F8::k a::::::::::0:
pub:r:4096:1:F98B742624DCB0BB:1295281278:::-:::sc::::::23::0:
fpr:::::::::A215D054CE9AAD90B61E770CF98B742624DCB0BB:
grp:::::::::0000000000000000000000000000000000000001:
uid:r::::1295281278::BC7D8D0AE71C6B9CE04FA08C2DF3E88096FE73F8::k b::::::::::0:
sub:r:4096:1:0123456789ABCDEF:1295281278::::::e::::::23:
fpr:::::::::0000000000000000000000000123456789ABCDEF:
grp:::::::::0000000000000000000000000000000000000002:
"""


def key(name: str, validity: str = "u", expires: int | None = None) -> Listed:
    return Listed(name, validity, 1, expires, ())


def ring(*keys: Listed) -> dict[str, Listed]:
    return {one.fingerprint: one for one in keys}


def test_parse() -> None:
    grips = ("0000000000000000000000000000000000000001", "0000000000000000000000000000000000000002")
    assert _gnupg.parse(LISTING) == [
        Listed(
            "4649C93943B2493992C21FD076918C5F80C36AB6",
            "u",
            1795281278,
            1796145278,
            ("D67F19A2196B4435B19BCDB25A7F07B19E94FB2C",),
        ),
        Listed("A215D054CE9AAD90B61E770CF98B742624DCB0BB", "r", 1295281278, None, grips),
    ]
    assert _gnupg.parse("") == []


@pytest.mark.parametrize(
    ("ours", "offered", "there", "done"),
    [
        ([], [key("a")], [], (["a"], ["a"], [])),
        (["a"], [key("a")], [key("a")], ([], [], [])),
        (["a"], [key("a")], [key("a", "-")], ([], ["a"], [])),
        (["a"], [key("a", "r")], [key("a")], (["a"], [], [])),
        (["a"], [key("a", "r")], [key("a", "r")], ([], [], [])),
        (["a"], [key("a", "-", expires=9)], [key("a", "e", expires=5)], (["a"], [], [])),
        (["a", "gone"], [key("b")], [key("a")], (["b"], ["b"], ["a"])),
        # A person's own is left alone, and not ours for being offered too.
        ([], [key("a")], [key("a"), key("person", "-")], ([], [], [])),
    ],
)
def test_plan_for(
    ours: list[str], offered: list[Listed], there: list[Listed], done: tuple[list[str], list[str], list[str]]
) -> None:
    plan = _trust_home.plan_for(ours, ring(*offered), ring(*there))
    assert (list(plan.learn), list(plan.trust), list(plan.forget)) == done
    assert plan.changes == any(done)
    assert plan.foreign == {one.fingerprint for one in there if one.fingerprint not in ours}
