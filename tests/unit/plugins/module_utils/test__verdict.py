# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging signatures by what gpg and Portage print; lines as GnuPG 2.2.40 and Portage 3.0.83 printed them."""

from __future__ import annotations

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _verdict

KEY = "4649C93943B2493992C21FD076918C5F80C36AB6"
VALID = f"VALIDSIG {KEY} 2026-11-21 1795281278 0 4 0 22 8 01 {KEY}"
ERROR = "ERRSIG 76918C5F80C36AB6 22 8 00 1795281278"


@pytest.mark.parametrize(
    ("lines", "signer", "fault"),
    [
        (["PLAINTEXT 74 0", "NEWSIG", "GOODSIG 76918C5F80C36AB6 k a", VALID], KEY, ""),
        (["NEWSIG", "GOODSIG 76918C5F80C36AB6 k a", VALID], KEY, ""),
        (["NEWSIG", "REVKEYSIG 76918C5F80C36AB6 k a", VALID], KEY, "a key that was revoked"),
        (["KEYEXPIRED 1796145278", "EXPKEYSIG 76918C5F80C36AB6 k a", VALID], KEY, "a key that has expired"),
        (["BADSIG 76918C5F80C36AB6 k a"], "", "that it was changed after it was signed"),
        ([f"{ERROR} 9 {KEY}"], "", f"a signature by {KEY}, a key that isn't trusted here"),
        ([f"{ERROR} 6 {KEY}"], "", "isn't valid yet at the time of this machine. Set this machine's clock"),
        ([f"{ERROR} 4 {KEY}"], "", "that gpg can't check (error 4)"),
        (["ERRSIG 76918C5F80C36AB6 22 8 00 1795281278"], "", "a signature by 76918C5F80C36AB6 that gpg can't check"),
        ([], "", "a damaged signature"),
        (["GOODSIG 76918C5F80C36AB6 k a", VALID, VALID], "", "more than one signature or text"),
        (["PLAINTEXT 74 0", "PLAINTEXT 74 0", "GOODSIG x", VALID], KEY, "more than one signature or text"),
        # One of two signatures is somebody else's.
        (["GOODSIG 76918C5F80C36AB6 k a", VALID, f"{ERROR} 9 {KEY[::-1]}"], "", "a key that isn't trusted here"),
    ],
)
def test_verdict(lines: list[str], signer: str, fault: str) -> None:
    found = _verdict.verdict(_verdict.status("".join(f"gpg: words\n[GNUPG:] {line}\n" for line in lines)))
    assert fault in found.fault
    assert bool(found.fault) == bool(fault)
    if not fault:
        assert found.signer == signer


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        (" * \t[GNUPG:] NO_PUBKEY CC9BD40377299BAF\n", "the key that signed it isn't trusted here"),
        ("binpkg appears unsigned (missing any signature)", "it isn't signed"),
        ("Binary package is not usable (verification failed):\n", "its signature couldn't be verified"),
        ("GOODSIG\n[GNUPG:] TRUST_UNDEFINED 0 pgp", "that repairs /etc/portage/gnupg"),
    ],
)
def test_explain(words: str, meaning: str) -> None:
    assert meaning in _verdict.explain(words)


def test_explain_is_silent_about_all_else() -> None:
    assert _verdict.explain(">>> Failed to emerge app-misc/words-1.5\nmake: *** [all] Error 1") == ""
