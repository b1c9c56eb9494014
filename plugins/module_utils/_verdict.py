# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gpg's status lines and Portage's words say of a signature, and what a person can do about it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

_PREFIX: t.Final = "[GNUPG:] "
#: What gpg says of a signature that it can't check (ERRSIG, the field rc: an error code of libgpg-error).
_NO_KEY: t.Final = "9"
_BAD_KEY: t.Final = "6"
#: What a person can do about a verdict.
SIGN: t.Final = "Let its master sign it: run site.yml while the master is on"
LEARN: t.Final = (
    "If the master has a new key, run site.yml for this machine while the master is on: that brings the key; if it "
    "hasn't, somebody else made this"
)
AGAIN: t.Final = (
    "Nothing of it was used. If it was damaged on its way, another run fetches it again; else look who did it"
)
EXPIRED: t.Final = "On the master run playbooks/keys.yml, binhost_key=extend or rotate, then site.yml"
CLOCK: t.Final = "Set this machine's clock"
REPAIR: t.Final = "Run site.yml for this machine: that repairs /etc/portage/gnupg"


@dataclass(frozen=True)
class Verdict:
    """What is known of one signature."""

    signer: str  # fingerprint of the primary key that made it, whether it is trusted or not; "" if it isn't known
    fault: str  # what is wrong, and what to do; "" if nothing is


def status(text: str) -> list[list[str]]:
    """Return the status lines, split."""
    lines = (line[len(_PREFIX) :].split() for line in text.splitlines() if line.startswith(_PREFIX))
    return [line for line in lines if line]


def verdict(lines: t.Sequence[t.Sequence[str]]) -> Verdict:
    """Return what gpg's status lines say of the one signature of a text or a file."""
    words = {line[0]: line[1:] for line in lines}
    signers = [line[-1] for line in lines if line[0] == "VALIDSIG"]
    signer = signers[0] if len(signers) == 1 else ""
    if "BADSIG" in words:
        return Verdict("", f"that it was changed after it was signed. {AGAIN}")
    if "REVKEYSIG" in words:
        return Verdict(signer, f"a signature by {signer}, a key that was revoked. {SIGN}")
    if "EXPKEYSIG" in words or "EXPSIG" in words:
        return Verdict(signer, f"a signature by {signer}, a key that has expired. {EXPIRED}")
    if "ERRSIG" in words:
        return Verdict("", _unchecked(words["ERRSIG"]))
    if len(signers) != 1 or "GOODSIG" not in words or [line[0] for line in lines].count("PLAINTEXT") > 1:
        return Verdict("", f"a damaged signature. {AGAIN}" if not signers else "more than one signature or text")
    return Verdict(signer, "")


def _unchecked(words: t.Sequence[str]) -> str:
    """Return what to say of a signature that gpg couldn't check: ERRSIG keyid pkalgo hashalgo class time rc fpr."""
    by = words[-1] if len(words) > 6 else words[0]
    code = words[5] if len(words) > 5 else ""
    if code == _NO_KEY:
        return f"a signature by {by}, a key that isn't trusted here. {LEARN}"
    if code == _BAD_KEY:
        return f"a signature by {by}, a key that isn't valid yet at the time of this machine. {CLOCK}"
    return f"a signature by {by} that gpg can't check (error {code})"


OTHER: t.Final = (
    "Run site.yml again; if it is refused again, the file at the server that is named above is damaged: there the "
    "module larry.binhost.generation, with state=verified, names all that are"
)
#: What we print when we fetched it and refuse it (_fetch_package).
NO_WAY: t.Final = "no way has it as its seal says"
_ANOTHER: t.Final = (
    "what came isn't the file that the signed index names: it was damaged on the way or on the server, or exchanged "
    f"there. Nothing of it was installed. {OTHER}"
)
#: What Portage prints when it refuses a package (gpkg.py, ``show_gpg_error`` and ``_verify_binpkg``): what that means.
_REFUSALS: t.Final[t.Mapping[str, str]] = {
    NO_WAY: _ANOTHER,
    "Digest verification failed": _ANOTHER,
    "REVKEYSIG": f"its key was revoked. {SIGN}",
    "EXPKEYSIG": f"its key has expired. {EXPIRED}",
    "BADSIG": f"it was changed after it was signed. {AGAIN}",
    "NO_PUBKEY": f"the key that signed it isn't trusted here. {LEARN}",
    "TRUST_UNDEFINED": f"its key is known and not trusted. {REPAIR}",
    "binpkg appears unsigned": f"it isn't signed. {SIGN}",
    "signature not found in": f"a part of it isn't signed. {SIGN}",
    "MissingSignature": f"it isn't signed. {SIGN}",
    "GnuPG verification failed": f"its signature couldn't be verified. {REPAIR}",
    "verification failed": f"its signature couldn't be verified. {REPAIR}",
}


def explain(text: str) -> str:
    """Return what to do about emerge's words if it refused a package for its signature; empty if it did not."""
    said = next((meaning for words, meaning in _REFUSALS.items() if words in text), "")
    return f"A package was refused: {said}." if said else ""
