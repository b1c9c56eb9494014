# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A root's stage: which one is there, which one is offered, and how the offer is proven before it is unpacked.

Beside a tarball lies ``TARBALL.DIGESTS``, clear-signed, as Gentoo's release engineering writes it::

    # SHA512 HASH
    0123...  stage3-amd64-openrc-20260101T000000Z.tar.xz
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import time
import typing as t
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ansible_collections.larry.binhost.plugins.module_utils import (
    _download,
    _durable,
    _elf,
    _files,
    _members,
    _openpgp,
    _paths,
    _unpack,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._openpgp import Run

RECORD = "var/lib/larry-binhost/stage.json"
#: As in DIGESTS: the algorithm as hashlib names it.
ALGORITHMS: t.Final = {"SHA512": "sha512", "BLAKE2B": "blake2b"}
_TITLE = re.compile(r"#\s*(\S+)\s+HASH\s*\Z")
_LINE = re.compile(r"([0-9A-Fa-f]{128})\s+\*?(\S+)\s*\Z")


@dataclass(frozen=True)
class Stage:
    """What a root was unpacked from."""

    file: str  # name of the tarball
    sha512: str  # of the tarball, hexadecimal
    time: str  # of unpacking, UTC, ISO 8601


@dataclass(frozen=True)
class Offer:
    """Which tarball, and who has to have signed it."""

    source: str  # path or URL
    key: str = ""  # path of the public key; empty: nothing is verified
    fingerprint: str = ""  # as _openpgp.fingerprint returns it

    @property
    def file(self) -> str:
        """The name of the tarball."""
        return os.path.basename(self.source)


def standing(root: str) -> Stage | None:
    """Return the stage that a root holds; None if there is no root yet, or an empty folder.

    Raises ``BinhostError`` for a root that holds something else.
    """
    path = os.path.join(root, RECORD)
    try:
        return Stage(**json.loads(_files.read(path)))
    except (FileNotFoundError, NotADirectoryError):
        found = _found(root)
    except (OSError, ValueError, TypeError) as exc:
        raise BinhostError(f"{path}: expected the record of the stage, found something else ({exc})") from None
    if found:
        raise BinhostError(f"{root}: expected nothing, or a stage of ours, found {found}; move it away")
    return None


def _found(root: str) -> str:
    """Return what is in the way of a new root; empty for nothing."""
    if os.path.isdir(root):
        names = sorted(os.listdir(root))
        return f"a folder that holds {', '.join(names[:3])}" if names else ""
    return "something that is no folder" if os.path.lexists(root) else ""


def news(stage: Stage, offer: Offer) -> str:
    """Return the sentence for a root that was unpacked from another stage than is offered now; empty if it wasn't.

    Nothing is verified, fetched or hashed for it: a root that stands costs nothing.
    """
    offered = "" if _download.is_url(offer.source) else _unverified(offer)
    if stage.file == offer.file and offered in ("", stage.sha512):
        return ""
    return f"{offer.file} is there now; this root was unpacked from {stage.file} on {stage.time} and stays as it is"


def _unverified(offer: Offer) -> str:
    try:
        return digests(_files.read(offer.source + ".DIGESTS"), offer.file).get("SHA512", "")
    except OSError:
        return ""


def digests(text: str, file: str) -> dict[str, str]:
    """Return the digests of ``file`` in the text of DIGESTS, in lower case, by the algorithm's name there."""
    found: dict[str, str] = {}
    algorithm = ""
    for line in text.splitlines():
        title, entry = _TITLE.match(line), _LINE.match(line)
        if title:
            algorithm = title[1].upper()
        elif entry and entry[2] == file and algorithm in ALGORITHMS:
            found[algorithm] = entry[1].lower()
    return found


def promised(run: Run, offer: Offer) -> dict[str, str]:
    """Return the digests that the signed text gives the offered tarball; nothing if nothing is to be verified.

    Raises ``BinhostError`` if there is no such text, if another key or none signed it, or if it lacks the tarball.
    """
    if not offer.key:
        return {}
    path = offer.source + ".DIGESTS"
    with tempfile.TemporaryDirectory(prefix="larry-binhost-stage-") as folder:
        local = os.path.join(folder, os.path.basename(path))
        _bring(path, local)
        text = _openpgp.signed_text(run, local, key=offer.key, by=offer.fingerprint)
    found = digests(text, offer.file)
    if set(found) != set(ALGORITHMS):
        raise BinhostError(
            f"{path}: expected SHA512 and BLAKE2B of {offer.file}, found {', '.join(found) or 'neither'}"
        )
    return found


def _bring(source: str, path: str) -> None:
    if _download.is_url(source):
        _download.fetch(source, path)
    elif os.path.isfile(source):
        shutil.copyfile(source, path)
    else:
        raise BinhostError(f"{source}: expected the tarball's signed digests, found nothing")


def present(offer: Offer) -> None:
    """Raise ``BinhostError`` if the offered tarball is a file that isn't there; a URL isn't asked."""
    if not _download.is_url(offer.source) and not os.path.isfile(offer.source):
        raise BinhostError(f"{offer.source}: expected a stage tarball, found nothing")


def install(run: Run, root: str, offer: Offer, expected: Mapping[str, str], *, cache: str = "") -> Stage:
    """Unpack the offered tarball into ``root`` once it has the expected digests, and return what stands there then.

    What is fetched is kept in the folder ``cache``.  Raises ``BinhostError``; then there is no root.
    """
    tarball = _tarball(offer, cache or _paths.below("stages"))
    found = _proven(tarball, offer, expected)
    members = _members.survey(tarball)
    _runs_here(tarball, members.machine)
    _fits(root, members)
    stage = Stage(offer.file, found, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    text = json.dumps(asdict(stage), indent=1, sort_keys=True) + "\n"
    _unpack.unpack(run, tarball, root, record=RECORD, text=text)
    return stage


def _tarball(offer: Offer, cache: str) -> str:
    """Return the path of the tarball, fetched where it is a URL."""
    if not _download.is_url(offer.source):
        return offer.source
    path = os.path.join(cache, offer.file)
    _files.directory(cache)
    _download.fetch(offer.source, path)
    return path


def _proven(tarball: str, offer: Offer, expected: Mapping[str, str]) -> str:
    """Return the SHA-512 of a tarball that has the expected digests; one that was fetched and hasn't is deleted."""
    found = _durable.digests(tarball, *ALGORITHMS.values())
    for title, value in expected.items():
        if found[ALGORITHMS[title]] != value:
            if tarball != offer.source:
                _files.remove(tarball)
            raise BinhostError(
                f"{offer.source}: expected the tarball that was signed, with {title} {value}, "
                f"found {title} {found[ALGORITHMS[title]]}: it was damaged or changed"
            )
    return found["sha512"]


def _runs_here(tarball: str, machine: str) -> None:
    """Raise ``BinhostError`` if the stage's programs are for an architecture that this machine doesn't run."""
    with open("/proc/self/exe", "rb") as program:
        here = _elf.machine(program.read(_elf.HEADER))
    if machine and not _elf.runs(here, machine):
        raise BinhostError(f"{tarball}: expected a stage for {here}, found one for {machine}")


def _fits(root: str, members: _members.Members) -> None:
    """Raise ``BinhostError`` if the root's file system has no place for them."""
    folder = os.path.dirname(root.rstrip("/"))
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    stat = os.statvfs(folder)
    free = stat.f_frsize * stat.f_bavail
    if free < members.size:
        raise BinhostError(
            f"{folder}: expected {_mebibytes(members.size)} MiB for the unpacked stage, found {free >> 20} MiB free"
        )
    # A file system that makes inodes as it needs them says 0 of 0 (btrfs).
    if stat.f_files and stat.f_favail < members.count:
        raise BinhostError(
            f"{folder}: expected {members.count} inodes for the unpacked stage, found {stat.f_favail} free"
        )


def _mebibytes(size: int) -> int:
    """Return bytes as MiB, rounded up."""
    return -(-size >> 20)
