# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Believe a text, a file or a package only if a key that is known signed it.

gpg works in a throw-away home that holds the keys it is given and nothing else, so neither the machine's keyring nor
its trust settings have a say.  What it found is read from its status lines (GnuPG doc/DETAILS, "Format of the
--status-fd output").
"""

from __future__ import annotations

import os
import re
import tempfile
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _gpkg_manifest, _verdict
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

_FINGERPRINT = re.compile(r"(?:[0-9A-F]{40}|[0-9A-F]{64})\Z")
#: Status lines that make a signature worthless, whatever else is said.
_FAULTS: t.Final = {
    "BADSIG": "a signature that doesn't fit the text: it was changed after it was signed",
    "REVKEYSIG": "a signature by a key that was revoked",
    "EXPKEYSIG": "a signature by a key that has expired; get a newer copy of the key",
    "EXPSIG": "a signature that has expired",
}
_AT_ONCE: t.Final = 500  # files for one start of gpg: a command line has an end


class Run(t.Protocol):
    """How to run a program; ``AnsibleModule.run_command`` is one."""

    def __call__(self, args: list[str], /) -> tuple[int, str, str]:
        """Return exit status, stdout and stderr; a status other than 0 is no exception."""


def fingerprint(text: str) -> str:
    """Return a fingerprint in upper case without spaces.  Raises ``BinhostError`` for a key ID or any other text."""
    plain = re.sub(r"\s", "", text).upper()
    plain = plain[2:] if plain.startswith("0X") else plain
    if not _FINGERPRINT.match(plain):
        raise BinhostError(
            f"fingerprint: expected the 40 hexadecimal digits of a whole OpenPGP fingerprint, found {text!r}"
        )
    return plain


def signed_text(run: Run, path: str, *, key: str, by: str) -> str:
    """Return what was signed in the clear-signed file ``path``; text outside the signed block is not returned.

    ``key`` is a file with public keys, ``by`` the fingerprint of the one that has to have signed.
    Raises ``BinhostError`` for every other state of affairs.
    """
    with tempfile.TemporaryDirectory(prefix="larry-binhost-gpg-") as home:
        _import(run, home, key)
        status = os.path.join(home, "status")
        _code, text, _words = run([*_gpg(home), "--status-file", status, "--output", "-", "--decrypt", path])
        with open(status, encoding="utf-8", errors="replace") as handle:
            fault = judge(handle.read(), by=by)
    if fault:
        raise BinhostError(f"{path}: expected a text signed by {by}, found {fault}")
    return text


def judge(status: str, *, by: str) -> str:
    """Return why gpg's status lines don't say that ``by`` signed; empty if they do."""
    lines = _verdict.status(status)
    words = {line[0]: line[1:] for line in lines}
    for keyword, meaning in _FAULTS.items():
        if keyword in words:
            return meaning
    # VALIDSIG: the signing key first, its primary key last.
    signers = [line[-1] for line in lines if line[:1] == ["VALIDSIG"]]
    texts = [line for line in lines if line[:1] == ["PLAINTEXT"]]
    if by in signers and len(texts) == 1:
        return ""
    if by in signers:
        return f"{len(texts)} texts in one file"
    return _other_signer(words, signers)


def _other_signer(words: t.Mapping[str, t.Sequence[str]], signers: t.Sequence[str]) -> str:
    if signers:
        return f"a signature by {', '.join(signers)}"
    if "ERRSIG" in words:
        # ERRSIG keyid pkalgo hashalgo class time rc fpr: the fingerprint is missing in old signatures.
        return f"a signature by another key, {words['ERRSIG'][-1] if len(words['ERRSIG']) > 6 else words['ERRSIG'][0]}"
    return "no signature"


def _gpg(home: str) -> list[str]:
    options = ["--batch", "--no-tty", "--no-options", "--no-autostart", "--disable-dirmngr", "--trust-model", "always"]
    return ["gpg", "--homedir", home, *options]


def _import(run: Run, home: str, key: str) -> None:
    if not os.path.isfile(key):
        raise BinhostError(f"{key}: expected the file of an OpenPGP public key, found nothing")
    code, _text, words = run([*_gpg(home), "--import", key])
    if code != 0:
        raise BinhostError(f"{key}: expected an OpenPGP public key, found: {words.strip()}")


def verify_file(run: Run, path: str, signature: str, keys: str) -> str:
    """Return the fingerprint of the primary key that made the detached signature of ``path``.

    ``keys`` is a file with all trusted keys, revoked ones as revoked.  Raises ``BinhostError`` that says what is wrong
    (not signed, another key, revoked, expired, changed after it was signed) and what to do.
    """
    if not os.path.isfile(signature):
        raise BinhostError(f"{path}: expected a signature beside it, found none. {_verdict.SIGN}")
    with tempfile.TemporaryDirectory(prefix="larry-binhost-gpg-") as home:
        _import(run, home, keys)
        said = _asked(run, home, "--verify", signature, path)
    return _believed(path, _verdict.verdict(said), keys)


def verify_package(run: Run, path: str, keys: str) -> str:
    """Return the fingerprint of the primary key that signed a package, all of whose parts are as they were signed.

    ``keys`` and errors as of ``verify_file``.
    """
    return _believed(path, examined(run, [path], keys)[path], keys)


def verify_packages(run: Run, paths: t.Sequence[str], keys: str) -> dict[str, str]:
    """Return path to fingerprint as ``verify_package`` does, with one start of gpg for many.

    Raises ``BinhostError`` that names all that are wrong, a line each.
    """
    found = examined(run, paths, keys)
    wrong = [f"{path}: expected a package signed by a key of {keys}, found {found[path].fault}" for path in paths]
    wrong = [line for path, line in zip(paths, wrong) if found[path].fault]
    if wrong:
        raise BinhostError("\n".join(wrong))
    return {path: verdict.signer for path, verdict in found.items()}


def examined(run: Run, paths: t.Sequence[str], keys: str) -> dict[str, _verdict.Verdict]:
    """Return path to what is to be said of each package's signature and content.

    Raises ``BinhostError`` if ``keys`` is none.
    """
    found: dict[str, _verdict.Verdict] = {}
    with tempfile.TemporaryDirectory(prefix="larry-binhost-gpg-") as home:
        _import(run, home, keys)
        for start in range(0, len(paths), _AT_ONCE):
            found.update(_examined(run, home, paths[start : start + _AT_ONCE]))
    return found


def _examined(run: Run, home: str, paths: t.Sequence[str]) -> dict[str, _verdict.Verdict]:
    """Return what ``examined`` does, of as many packages as fit a command line."""
    found, asked = {}, {}
    for number, path in enumerate(paths):
        try:
            data = _gpkg_manifest.manifest(path)
        except BinhostError as exc:
            found[path] = _verdict.Verdict("", f"no package ({exc})")
            continue
        if _gpkg_manifest.signed(data):
            asked[path] = os.path.join(home, str(number))
            with open(f"{asked[path]}.asc", "wb") as handle:
                handle.write(data)
        else:
            found[path] = _verdict.Verdict("", f"no signature. {_verdict.SIGN}")
    said = _asked(run, home, "--multifile", "--decrypt", *(f"{text}.asc" for text in asked.values())) if asked else []
    for path, text in asked.items():
        found[path] = _complete(path, text, _verdict.verdict(_of(said, f"{text}.asc")))
    return found


def _complete(path: str, text: str, verdict: _verdict.Verdict) -> _verdict.Verdict:
    """Return the verdict on a package whose Manifest was judged and, if it was signed, stands in ``text``."""
    if verdict.fault:
        return verdict
    with open(text, encoding="utf-8") as handle:
        wrong = _gpkg_manifest.fault(path, handle.read())
    return _verdict.Verdict(verdict.signer, f"{wrong}. {_verdict.AGAIN}" if wrong else "")


def _of(lines: t.Sequence[t.Sequence[str]], path: str) -> list[t.Sequence[str]]:
    """Return the status lines of one file among those of many."""
    start = next((i for i, line in enumerate(lines) if line[0] == "FILE_START" and line[-1] == path), len(lines))
    end = next((i for i in range(start, len(lines)) if lines[i][0] == "FILE_DONE"), len(lines))
    return list(lines[start:end])


def _believed(path: str, verdict: _verdict.Verdict, keys: str) -> str:
    """Return the signer.  Raises ``BinhostError`` if there is a fault."""
    if verdict.fault:
        raise BinhostError(f"{path}: expected a signature by a key of {keys}, found {verdict.fault}")
    return verdict.signer


def _asked(run: Run, home: str, *words: str) -> list[list[str]]:
    """Return gpg's status lines."""
    status = os.path.join(home, "status")
    run([*_gpg(home), "--yes", "--status-file", status, *words])
    with open(status, encoding="utf-8", errors="replace") as handle:
        return _verdict.status(handle.read())
