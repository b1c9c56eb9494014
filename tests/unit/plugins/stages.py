# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed stage tarballs, made small by the real gpg and tar."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
import typing as t
from dataclasses import dataclass
from pathlib import Path


def run(args: t.Sequence[str]) -> tuple[int, str, str]:
    """Run a program as AnsibleModule.run_command does."""
    done = subprocess.run(args, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@dataclass(frozen=True)
class Signer:
    """A key of its own, in a GnuPG home of its own."""

    home: str
    fingerprint: str
    public: Path

    def gpg(self, *words: str | Path) -> str:
        """Run gpg and return its output."""
        command = ["gpg", "--homedir", self.home, "--batch", "--quiet", "--pinentry-mode", "loopback"]
        done = subprocess.run(
            [*command, "--passphrase", "", *map(str, words)], capture_output=True, check=True, text=True
        )
        return done.stdout

    def sign(self, tarball: Path) -> Path:
        """Write the tarball's DIGESTS."""
        data = tarball.read_bytes()
        sums = {"BLAKE2B": hashlib.blake2b(data).hexdigest(), "SHA512": hashlib.sha512(data).hexdigest()}
        clear = tarball.with_name("clear")
        clear.write_text("".join(f"# {title} HASH\n{value}  {tarball.name}\n" for title, value in sums.items()))
        signed = tarball.with_name(tarball.name + ".DIGESTS")
        self.gpg("--yes", "--output", signed, "--clear-sign", clear)
        clear.unlink()
        return signed


@contextlib.contextmanager
def signer(folder: Path) -> t.Iterator[Signer]:
    """Yield a new key, its public half in ``folder``."""
    home = tempfile.mkdtemp(prefix="g")  # a socket's path has at most 107 bytes (unix(7))
    new = Signer(home, "", folder / "key.asc")
    try:
        new.gpg("--quick-generate-key", "Test <test@example.org>", "ed25519", "sign", "never")
        listed = new.gpg("--with-colons", "--list-keys")
        fingerprint = [line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:")][0]
        new.public.write_text(new.gpg("--armor", "--export", fingerprint))
        yield Signer(home, fingerprint, new.public)
    finally:
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
        shutil.rmtree(home, ignore_errors=True)


def pack(tarball: Path, *options: str) -> Path:
    """Write a tarball of a tiny system: a file, a link, a hard link, a name with a newline."""
    tree = tarball.with_name("tree")
    (tree / "etc").mkdir(parents=True, exist_ok=True)
    (tree / "etc/hello").write_text("hello\n")
    (tree / "etc/hello").chmod(0o4755)
    (tree / "etc/new\nline").write_text("")
    if not (tree / "hard").exists():
        os.link(tree / "etc/hello", tree / "hard")
        (tree / "etc/mtab").symlink_to("/proc/self/mounts")
    subprocess.run(["tar", "-C", tree, *options, "--auto-compress", "-cf", tarball, "."], check=True)
    return tarball


def offer(folder: Path, by: Signer) -> Path:
    """Return a new good tarball with good DIGESTS in ``folder``."""
    folder.mkdir()
    made = pack(folder / "stage3-1.tar.xz")
    by.sign(made)
    return made
