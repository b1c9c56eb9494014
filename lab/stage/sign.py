# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The release key and the files that Gentoo puts beside a stage3."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import typing as t
from pathlib import Path

from lab.stage.cache import Cache

OWNER: t.Final = "larry.binhost lab (stage signing key) <lab@example.org>"


@contextlib.contextmanager
def keyring(cache: Cache) -> t.Iterator[tuple[str | Path, ...]]:
    """Yield the gpg command of the cache's own keyring, in which there is one key, made when first asked for."""
    home = cache.root / "gnupg"
    home.mkdir(mode=0o700, exist_ok=True)
    # A socket's path has at most 107 bytes (unix(7)); the cache folder may lie deep.
    with tempfile.TemporaryDirectory() as short:
        link = Path(short) / "g"
        link.symlink_to(home)
        gpg = ("gpg", "--homedir", link, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "")
        if not (home / "made").exists():
            cache.run(*gpg, "--quick-generate-key", OWNER, "ed25519", "sign", "never")
            (home / "made").touch()
        try:
            yield gpg
        finally:
            cache.run("gpgconf", "--homedir", link, "--kill", "all")


def sign(cache: Cache, folder: Path, files: t.Sequence[Path]) -> None:
    """Write beside ``files`` in ``folder`` the first one's DIGESTS and .asc, the public key and its fingerprint."""
    with keyring(cache) as gpg:
        shown = cache.output(*gpg, "--with-colons", "--list-keys")
        fingerprint = next(line.split(":")[9] for line in shown.splitlines() if line.startswith("fpr:"))
        (folder / "fingerprint").write_text(fingerprint + "\n", "ascii")
        cache.run(*gpg, "--armor", "--output", folder / "release-key.asc", "--export", fingerprint)
        clear = folder / "clear"
        clear.write_text(digests(files), "ascii")
        name = files[0].name
        cache.run(*gpg, "--digest-algo", "SHA512", "--output", folder / f"{name}.DIGESTS", "--clear-sign", clear)
        clear.unlink()
        cache.run(*gpg, "--armor", "--output", folder / f"{name}.asc", "--detach-sign", files[0])


def digests(files: t.Sequence[Path]) -> str:
    """Return the text that Gentoo's release engineering clear-signs (catalyst, targets/stage: DIGESTS)."""
    lines = []
    for file in files:
        for title, algorithm in (("BLAKE2B", "blake2b"), ("SHA512", "sha512")):
            with file.open("rb") as data:
                checksum = hashlib.file_digest(data, algorithm).hexdigest()
            lines.append(f"# {title} HASH\n{checksum}  {file.name}\n")
    return "".join(lines)
