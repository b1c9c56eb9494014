# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources that no program may fetch (RESTRICT=fetch): what of them a build lacks, before it begins.

Persons put them into a folder of their own, which builds read beside DISTDIR. emerge marks a package with ``F`` that
lacks such a file, and with ``f`` one that doesn't; but that looks into DISTDIR alone, and at sizes.
"""

from __future__ import annotations

import json
import os
import typing as t
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _durable, _portage_query
from ansible_collections.larry.binhost.plugins.module_utils._merge_list import Merge

#: Asks Portage, in the root, for the files of packages (cpv, repository, USE) that only a person can bring.
PROGRAM: t.Final = """
import json, os, sys
import portage
found = {}
for cpv, repo, use in json.loads(sys.argv[1]):
    portdb = portage.portdb
    if "fetch" not in portage.dep.use_reduce(portdb.aux_get(cpv, ["RESTRICT"], myrepo=repo)[0], uselist=use, flat=True):
        continue
    folder = os.path.dirname(portdb.findname(cpv, myrepo=repo))
    known = portdb.repositories[repo].load_manifest(folder, portage.settings["DISTDIR"]).getTypeDigests("DIST")
    for name, uris in portdb.getFetchMap(cpv, useflags=use, mytree=portdb.getRepositoryPath(repo)).items():
        if not uris or any(not uri.startswith(("fetch+", "mirror+")) for uri in uris):
            found.setdefault(cpv, {})[str(name)] = known.get(str(name), {})
print(json.dumps(found))
"""
_ALGORITHMS: t.Final[t.Mapping[str, str]] = {"BLAKE2B": "blake2b", "SHA512": "sha512"}


@dataclass(frozen=True)
class Lack:
    """A file that a package needs and that isn't there."""

    cpv: str
    name: str
    size: int | None  # bytes; None where the Manifest lacks it
    digest: str  # "BLAKE2B 0123…"; empty likewise
    found: str  # what is there instead, in words

    def __str__(self) -> str:
        """Say it in a line."""
        expected = f"{self.size} bytes, {self.digest}" if self.digest else "not in its Manifest"
        return f"{self.cpv} needs {self.name} ({expected}), which no program may fetch: found {self.found}"


def marked(merges: t.Iterable[Merge]) -> list[Merge]:
    """Return what is to be compiled and needs such a file."""
    return [merge for merge in merges if merge.kind == "ebuild" and "f" in merge.marks.lower()]


def missing(run: _portage_query.Run, merges: t.Iterable[Merge], folders: t.Sequence[str]) -> list[Lack]:
    """Return what these packages lack in all of the folders on this machine; ``run`` runs a program in the root."""
    asked = [[each.cpv, each.repository, [flag.full for flag in each.use if flag.enabled]] for each in merges]
    known = _portage_query.answer(run, PROGRAM, json.dumps(asked)) if asked else {}
    found = []
    for cpv, files in sorted(known.items()):
        for name, digests in sorted(files.items()):
            there = _there(name, digests, folders)
            if there:
                title = next((title for title in _ALGORITHMS if title in digests), "")
                digest = f"{title} {digests[title]}" if title else ""
                found.append(Lack(cpv, name, digests.get("size"), digest, there))
    return found


def _there(name: str, digests: t.Mapping[str, t.Any], folders: t.Sequence[str]) -> str:
    """Return in words what is there instead of a file; empty if it is."""
    words = []
    for folder in folders:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            wrong = _wrong(path, digests)
            if not wrong:
                return ""
            words.append(f"{wrong} in {folder}")
    return ", ".join(words) or f"none in {folders[-1]}"


def _wrong(path: str, digests: t.Mapping[str, t.Any]) -> str:
    size = os.path.getsize(path)
    if size != digests.get("size", size):
        return f"one of {size} bytes"
    for title, algorithm in _ALGORITHMS.items():
        if title in digests and _durable.digests(path, algorithm)[algorithm] != digests[title]:
            return "one of that size and other content"
    return ""


def told(lacks: t.Sequence[Lack], folder: str) -> str:
    """Return what a person has to do; empty if nothing is missing."""
    if not lacks:
        return ""
    return "\n".join([*map(str, lacks), f"put these files into {folder}; what doesn't need them is built meanwhile"])
