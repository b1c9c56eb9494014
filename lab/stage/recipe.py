# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stage is made of, and the hash that names it."""

from __future__ import annotations

import hashlib
import typing as t
from pathlib import Path

SUITE: t.Final = "bookworm"

PACKAGES: t.Final = (
    # what builds programs
    *("gcc", "libc6-dev", "libncurses-dev", "make", "patch", "pkgconf-bin"),
    # what Portage calls
    *("bzip2", "file", "gawk", "gpg", "gpg-agent", "gpgconf", "gpgv"),
    *("pax-utils", "python3", "rsync", "wget", "xz-utils", "zstd"),
    # what makes it a machine of a network
    *("ca-certificates", "iproute2", "nginx-light", "openssh-server", "procps", "systemd-sysv", "util-linux"),
    # what would otherwise be usrmerge and with it all of Perl
    "usr-is-merged",
)
"""Debian packages beside the minimal system; nothing they only recommend."""

EXCLUDES: t.Final = (
    *("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*", "/usr/share/i18n/*"),
    *("/usr/share/bash-completion/*", "/usr/share/lintian/*"),
    *("/usr/share/zoneinfo/posix/*", "/usr/share/zoneinfo/right/*"),
    "/usr/lib/x86_64-linux-gnu/gconv/*",
    *("/usr/lib/x86_64-linux-gnu/libc.a", "/usr/lib/x86_64-linux-gnu/libm-*.a", "/usr/lib/x86_64-linux-gnu/libmvec.a"),
    # link-time optimisation and the compiler's sanitizers: 110 MB that the lab never calls
    *("/usr/lib/gcc/*/lto1", "/usr/bin/*-lto-dump*", "/usr/lib/gcc/*/lib?san.a", "/usr/lib/gcc/*/lib??san.a"),
    *("/usr/lib/*/lib?san.so*", "/usr/lib/*/lib??san.so*", "/usr/lib/gcc/*/plugin/*"),
)
"""Paths that dpkg leaves out (dpkg(1), --path-exclude)."""

PORTAGE: t.Final = "3.0.83"
PORTAGE_SHA256: t.Final = "deac3ae1e03aea1ff09a0e831fa8d06e89bfc49440394b66ed6223338d5f9c4e"
"""Of the source distribution on PyPI, whose contents meson installs."""

TOOLS: t.Final = ("meson==1.12.1", "meson-python==0.22.1", "ninja==1.13.2")
"""From PyPI, for Portage's own build."""

SOURCES: t.Final = (
    *("bzip2", "dos2unix", "ed", "gnu-which", "gzrt", "hello", "less", "libdrm", "libpciaccess", "lz4", "miscfiles"),
    *("pngcheck", "pv", "squashfs-tools", "tree", "xxhash", "zlib"),
)
"""Debian source packages; their upstream tarballs are the distfiles of ``lab/repository``."""

CHOST: t.Final = "x86_64-pc-linux-gnu"
PROFILE: t.Final = "default/linux/amd64"

HERE: t.Final = Path(__file__).resolve().parent
REPOSITORY: t.Final = HERE.parent / "repository"
OVERLAY: t.Final = HERE / "root"
"""Files that are laid over the root as they are."""


def digest(*parts: str | Path) -> str:
    """Return 12 hexadecimal digits that change when a word, or a file's name, mode or bytes below a path, changes."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            total.update(f"{len(part)}:{part}".encode())
            continue
        for path in [part] if part.is_file() else sorted(part.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                mode = path.stat().st_mode & 0o111
                total.update(f"{path.relative_to(part.parent)} {mode} {path.stat().st_size}\0".encode())
                total.update(path.read_bytes())
    return total.hexdigest()[:12]


def stage_digest() -> str:
    """Return the digest of all that decides what the stage holds: this program and the ebuild repository."""
    return digest(HERE, REPOSITORY)


def base_digest() -> str:
    """Return the digest of the Debian part alone."""
    return digest(SUITE, *PACKAGES, *EXCLUDES, HERE / "debian.py")
