# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Debian part: the root's packages and upstream's tarballs, from where this machine's apt takes its own."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from pathlib import Path

from lab.stage import recipe
from lab.stage.cache import Cache, StageError

COMPONENT: t.Final = "main"
SUITES: t.Final = (recipe.SUITE, f"{recipe.SUITE}-updates", f"{recipe.SUITE}-security")
KEYRING: t.Final = "/usr/share/keyrings/debian-archive-keyring.gpg"


@dataclass(frozen=True)
class Source:
    """One archive and suite."""

    uri: str
    suite: str
    signed_by: str  # path of a keyring, or fingerprints; "" = apt's own

    def line(self, kind: t.Literal["deb", "deb-src"]) -> str:
        """Return it as a line of sources.list(5)."""
        options = f"[signed-by={self.signed_by}] " if self.signed_by else ""
        return f"{kind} {options}{self.uri} {self.suite} {COMPONENT}"


def one_line_sources(text: str) -> list[Source]:
    """Return the sources of a ``*.list`` file that the stage can use (sources.list(5), ONE-LINE-STYLE FORMAT)."""
    sources = []
    for line in text.splitlines():
        # deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] http://host/debian bookworm main contrib  # words
        match = re.match(r"\s*deb\s+(?:\[([^]]*)\]\s*)?(\S+)\s+(\S+)\s+([^#]*)", line)
        if match and match[3] in SUITES and COMPONENT in match[4].split():
            options = dict(word.partition("=")[::2] for word in (match[1] or "").split())
            sources.append(Source(match[2], match[3], options.get("signed-by", "")))
    return sources


def deb822_sources(text: str) -> list[Source]:
    """Return the sources of a ``*.sources`` file that the stage can use (sources.list(5), DEB822-STYLE FORMAT)."""
    sources = []
    for stanza in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
        found = re.findall(r"(?m)^([\w-]+):((?:.*\n?)(?:[ \t].*\n?)*)", stanza)
        fields = {key.lower(): value.split() for key, value in found}
        if "deb" not in fields.get("types", ()) or COMPONENT not in fields.get("components", ()):
            continue
        if [word.lower() for word in fields.get("enabled", ())] == ["no"]:
            continue
        keys = fields.get("signed-by", [])
        # A key may also stand there as text; then it is one that Debian's keyring holds, or apt will say so.
        signed_by = KEYRING if any("BEGIN" in word for word in keys) else ",".join(keys)
        suites = [suite for suite in fields.get("suites", ()) if suite in SUITES]
        sources += [Source(uri, suite, signed_by) for uri in fields.get("uris", ()) for suite in suites]
    return sources


def sources(etc_apt: Path = Path("/etc/apt")) -> list[Source]:
    """Return this machine's own sources of the stage's suite.  Raises ``StageError`` if there are none."""
    found: list[Source] = []
    lists = [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*.list"))]
    for path in lists:
        found += one_line_sources(path.read_text("utf-8")) if path.is_file() else []
    for path in sorted((etc_apt / "sources.list.d").glob("*.sources")):
        found += deb822_sources(path.read_text("utf-8"))
    if recipe.SUITE not in {source.suite for source in found}:
        raise StageError(f"{etc_apt}: expected a source of {recipe.SUITE} {COMPONENT} (Debian 12), found none")
    return list(dict.fromkeys(found))


def make_base(cache: Cache, into: Path) -> None:
    """Make ``base.tar.zst``: a minimal Debian with the recipe's packages, without dpkg's and apt's own caches."""
    options = ["--mode=root", "--variant=minbase", "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"]
    options += ["--aptopt=APT::Install-Recommends false", "--aptopt=Acquire::Languages none"]
    options += ["--dpkgopt=force-unsafe-io", *(f"--dpkgopt=path-exclude={pattern}" for pattern in recipe.EXCLUDES)]
    options += [f"--include={','.join(recipe.PACKAGES)}"]
    lines = [source.line("deb") for source in sources()]
    with cache.step("Debian's packages"):
        cache.run("mmdebstrap", *options, recipe.SUITE, into / "base.tar.zst", *lines)


def distfiles(cache: Cache) -> Path:
    """Return the folder that holds the recipe's upstream tarballs; apt checks them against Debian's signed index."""
    path = cache.root / "distfiles"
    path.mkdir(exist_ok=True)
    missing = [name for name in recipe.SOURCES if not list(path.glob(f"{name}_*.orig.tar.*"))]
    if missing:
        with cache.step("upstream's tarballs"), cache.work() as work:
            _download(cache, missing, work)
            for file in work.glob("*.orig.tar.*"):
                file.rename(path / file.name)
    return path


def _download(cache: Cache, names: t.Sequence[str], work: Path) -> None:
    (work / "lists" / "partial").mkdir(parents=True)
    (work / "archives" / "partial").mkdir(parents=True)
    lines = [source.line("deb-src") for source in sources() if source.suite == recipe.SUITE]
    (work / "sources.list").write_text("\n".join(lines) + "\n", "utf-8")
    options = {
        "Dir::State::Lists": work / "lists",
        "Dir::Cache": work,
        "Dir::Etc::SourceList": work / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    apt = ["-qq", *(f"-o{key}={value}" for key, value in options.items())]
    cache.run("apt-get", *apt, "update")
    plan = cache.output("apt-get", *apt, "source", "--print-uris", *names)
    # 'http://host/debian/pool/main/h/hello/hello_2.10.orig.tar.gz' hello_2.10.orig.tar.gz 725946 SHA256:31e0…
    for uri, file, checksum in re.findall(r"(?m)^'(\S+)' (\S+\.orig\.tar\.(?:bz2|gz|xz)) \d+ (\S+:\S+)$", plan):
        cache.run("/usr/lib/apt/apt-helper", *apt[1:], "download-file", uri, work / file, checksum)
    absent = [name for name in names if not list(work.glob(f"{name}_*.orig.tar.*"))]
    if absent:
        raise StageError(f"no upstream tarball for {', '.join(absent)} in Debian's {recipe.SUITE}")
