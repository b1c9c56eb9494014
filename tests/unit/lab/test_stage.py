# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stage reads of a machine's apt and of ebuilds, and how its cache behaves when a step fails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.stage import debian, recipe, repository, sign
from lab.stage.cache import StageError, locked
from lab.stage.debian import Source

DEB822 = """\
# a comment
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb-src
URIs: http://mirror.example/debian
Suites: bookworm
Components: main

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://other.example/repo
Suites: stable
Components: main

Types: deb
URIs: http://inline.example/debian-security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEZ
 -----END PGP PUBLIC KEY BLOCK-----
"""


def test_deb822_sources() -> None:
    """Enabled binary sources of Debian 12's main; a key in the file itself means Debian's keyring."""
    assert debian.deb822_sources(DEB822) == [
        Source("http://mirror.example/debian", "bookworm", debian.KEYRING),
        Source("http://mirror.example/debian", "bookworm-updates", debian.KEYRING),
        Source("http://inline.example/debian-security", "bookworm-security", debian.KEYRING),
    ]


def test_one_line_sources() -> None:
    """Options, comments, other suites and other components."""
    text = """
# deb http://commented.example/debian bookworm main
deb http://mirror.example/debian bookworm main contrib # non-free
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian-security bookworm-security main
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/debian bookworm contrib
deb http://mirror.example/debian trixie main
"""
    assert debian.one_line_sources(text) == [
        Source("http://mirror.example/debian", "bookworm", ""),
        Source("http://mirror.example/debian-security", "bookworm-security", "/k.gpg"),
    ]


def test_source_line() -> None:
    """sources.list(5)."""
    assert Source("http://h/debian", "bookworm", "").line("deb-src") == "deb-src http://h/debian bookworm main"
    assert Source("http://h/debian", "bookworm", "/k").line("deb") == "deb [signed-by=/k] http://h/debian bookworm main"


def test_no_sources(tmp_path: Path) -> None:
    """A machine that isn't Debian 12 is told so."""
    with pytest.raises(StageError) as error:
        debian.sources(tmp_path)
    assert str(error.value) == f"{tmp_path}: expected a source of bookworm main (Debian 12), found none"


def test_every_distfile_has_a_source() -> None:
    """Each ebuild's files are upstream tarballs that the recipe downloads, and it downloads no others."""
    ebuilds = sorted(recipe.REPOSITORY.glob("*/*/*.ebuild"))
    names = {name for ebuild in ebuilds for name in repository.distfile_names(ebuild)}
    assert {re.sub(r"_.*\.orig\.tar\.(bz2|gz|xz)$", "", name) for name in names} == set(recipe.SOURCES)


def test_manifest(tmp_path: Path) -> None:
    """GLEP 74, thin; a missing distfile is named."""
    (tmp_path / "a_1.orig.tar.gz").write_bytes(b"")
    line = repository.manifest_line(tmp_path / "a_1.orig.tar.gz")
    assert re.fullmatch(r"DIST a_1\.orig\.tar\.gz 0 BLAKE2B 786a02f7[0-9a-f]{120} SHA512 cf83e135[0-9a-f]{120}\n", line)
    with pytest.raises(StageError, match=r"expected b_2\.orig\.tar\.gz, found a_1\.orig\.tar\.gz"):
        repository.manifest_line(tmp_path / "b_2.orig.tar.gz")


def test_digests(tmp_path: Path) -> None:
    """The lines of a Gentoo stage3's DIGESTS."""
    (tmp_path / "s.tar.zst").write_bytes(b"")
    lines = sign.digests([tmp_path / "s.tar.zst"]).splitlines()
    assert [lines[0], lines[2]] == ["# BLAKE2B HASH", "# SHA512 HASH"]
    assert [line.split("  ")[1] for line in (lines[1], lines[3])] == ["s.tar.zst", "s.tar.zst"]


def test_digest_follows_names_bytes_and_modes(tmp_path: Path) -> None:
    """What Python leaves beside its sources is no part of the recipe."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a").write_text("1", "ascii")
    seen = [recipe.digest(tree)]
    (tree / "__pycache__").mkdir()
    (tree / "__pycache__" / "a.pyc").write_text("x", "ascii")
    assert recipe.digest(tree) == seen[0]
    (tree / "a").chmod(0o755)
    seen.append(recipe.digest(tree))
    (tree / "a").write_text("2", "ascii")
    seen.append(recipe.digest(tree))
    (tree / "a").rename(tree / "b")
    seen.append(recipe.digest(tree))
    assert len(set(seen)) == len(seen)


def test_cache_keeps_whole_things_alone(tmp_path: Path) -> None:
    """A failed step leaves nothing but the log, which its message names; what was made is not made again."""

    def make(into: Path) -> None:
        (into / "half").touch()
        with cache.step("baking"):
            cache.run("sh", "-c", "echo out of flour; exit 3")

    with locked(tmp_path, "x.log") as cache:
        with pytest.raises(StageError) as error:
            cache.made("cake", make)
        assert str(error.value) == f"baking: sh ended with status 3\nout of flour\nlog: {tmp_path}/logs/x.log"
        assert list((tmp_path / ".work").iterdir()) == []
        assert cache.made("bread", lambda into: (into / "loaf").touch()) == tmp_path / "bread"
        assert cache.made("bread", make) == tmp_path / "bread"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", ".work", "bread", "logs"]


def test_killed_builder(tmp_path: Path) -> None:
    """What it left is removed by the next."""
    (tmp_path / ".work" / "tmp123" / "new").mkdir(parents=True)
    with locked(tmp_path, "x.log"):
        assert not (tmp_path / ".work").exists()
