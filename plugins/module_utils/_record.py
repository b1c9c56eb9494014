# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a generation was made from, so that it can be made again, and compared.

::

    STATE/generations/T/41/record.json   under the seal, for whoever reads the generation:
        {"format": 1, "target": "laptops", "inputs": "<sha512>", "built": "2026-01-31T12:00:00Z",
         "stage": {"file": "stage3-….tar.xz", "sha512": "…", "time": "…"}, "repositories": {"gentoo": "<revision>"},
         "commits": {"gentoo": "<commit>"},
         "configuration": "<sha256>", "cflags": "…", "tools": ["Portage 3.0.83 (…)", "gcc (Gentoo …) 14.2.1"],
         "installed": ["sys-libs/glibc-2.40", …], "packages": {"PATH": {"seconds": 12, "cpu_seconds": 34.5}},
         "failed": {}}
    STATE/records/T/<16 digits of "inputs">.json   for root alone, since slaves' configurations may say secrets:
        everything that the build was told, and every file below etc/portage of the build root
    STATE/records/T/built.json   the same as record.json, of the last build

A generation that went back to another one has that one's record.
"""

from __future__ import annotations

import json
import os
import re
import time
import typing as t
from dataclasses import asdict, dataclass, fields

from ansible_collections.larry.binhost.plugins.module_utils import (
    _durable,
    _files,
    _fingerprint,
    _packages,
    _pins,
    _seal,
    _stage,
    _timings,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._target import Result, Target, Variant

FORMAT: t.Final = 1
#: Of a target, what says where on this machine it is built, or is for the way of one build, not what is built.
_ELSEWHERE: t.Final = frozenset(
    {"root", "repositories", "distdir", "restricted", "state_dir", "base", "stage", "publish", "retry"}
)
_SHA512 = re.compile(r"[0-9a-f]{128}\Z")
#: What is told of a failure: the end of its log, and what decided it, is nobody's affair but the master's.
_HOW: t.Final = ("phase", "reason")
#: What tells its versions, in the root.
TOOLS: t.Final = "emerge --version; gcc --version; ld --version"
_TOOLS = re.compile(r"^(?:Portage |gcc |\S*clang |GNU ld ).*", re.MULTILINE)


@dataclass(frozen=True)
class Inputs:
    """What a build was told."""

    target: t.Mapping[str, t.Any]  # a ``Target``, without what is of this machine
    files: t.Mapping[str, str]  # path below etc/portage -> text
    links: t.Mapping[str, str]  # path below etc/portage -> what the link says

    def as_target(self, **where: t.Any) -> Target:
        """Return the target, to be built elsewhere: ``root``, ``repositories``, ``distdir``, ``state_dir``."""
        known = {field.name for field in fields(Target)} - _ELSEWHERE
        own = {name: value for name, value in self.target.items() if name in known}
        variants = [Variant(**each) for each in own.pop("variants")]
        return Target(**{**own, "variants": variants, **where})


@dataclass(frozen=True)
class Record:
    """What a generation was made from."""

    target: str
    inputs: str  # SHA-512 of the file with what the build was told
    built: str  # when, UTC
    stage: t.Mapping[str, str]  # as _stage.Stage; empty where the root wasn't unpacked by us
    repositories: t.Mapping[str, str]  # name -> 12 digits of the revision
    commits: t.Mapping[str, str]  # name -> commit, of those that are pinned to one
    configuration: str  # SHA-256 of the 01 tree
    cflags: str
    tools: t.Sequence[str]  # Portage and compiler, in their own words
    installed: t.Sequence[str]  # in the build root
    packages: t.Mapping[str, t.Mapping[str, float]]  # PATH -> seconds, cpu_seconds
    failed: t.Mapping[str, t.Any]  # package that could not be built -> how


def folder(target: str, state: str) -> str:
    """Return where a target's records are."""
    return os.path.join(state, "records", target)


def dump(record: Record | Inputs) -> bytes:
    """Return the canonical text; equal records give equal bytes."""
    return (json.dumps({"format": FORMAT, **asdict(record)}, sort_keys=True, indent=1) + "\n").encode()


def parse(data: bytes, *, where: str) -> Record:
    """Return the record that ``data`` holds.  Raises ``BinhostError``."""
    value = _object(data, where, Record)
    if not isinstance(value["inputs"], str) or not _SHA512.match(value["inputs"]):
        raise BinhostError(f"{where}: inputs: expected a SHA-512, found {value['inputs']!r}")
    return Record(**value)


def _object(data: bytes, where: str, kind: type[Record] | type[Inputs]) -> dict[str, t.Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise BinhostError(f"{where}: expected a record, found {data[:60]!r}") from None
    found = value.pop("format", None) if isinstance(value, dict) else None
    if found != FORMAT:
        raise BinhostError(f"{where}: expected a record of format {FORMAT}, found {found!r}")
    names = {field.name for field in fields(kind)}
    if set(value) != names:
        other = ", ".join(sorted(set(value) ^ names))
        raise BinhostError(f"{where}: expected the keys {', '.join(sorted(names))}, only one of both has {other}")
    return dict(value)


def configuration(root: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return all files and links below a root's etc/portage, path to text and path to what the link says.

    What Portage never reads (hidden names), and keyrings, are left out.
    """
    top = os.path.join(root, "etc/portage")
    texts: dict[str, str] = {}
    links: dict[str, str] = {}
    for place, folders, names in os.walk(top):
        linked = [name for name in folders if os.path.islink(os.path.join(place, name))]
        folders[:] = sorted(name for name in folders if name not in _fingerprint.PASSED_OVER and name[:1] != ".")
        for name in sorted([*names, *linked]):
            path = os.path.join(place, name)
            if os.path.islink(path):
                links[os.path.relpath(path, top)] = os.readlink(path)
            elif os.path.isfile(path) and name[:1] != ".":
                texts[os.path.relpath(path, top)] = _files.read(path)
    return texts, links


def configure(root: str, inputs: Inputs) -> None:
    """Make a root's etc/portage what it was, and nothing else."""
    top = os.path.join(root, "etc/portage")
    _durable.remove(top)
    for path, text in inputs.files.items():
        _files.write(os.path.join(top, path), text)
    for path, target in inputs.links.items():
        _files.link(os.path.join(top, path), target)


def inputs_of(target: Target) -> Inputs:
    """Return what a build of this target is told, its root being configured."""
    own = {name: value for name, value in asdict(target).items() if name not in _ELSEWHERE}
    return Inputs(json.loads(json.dumps(own)), *configuration(target.root))


def tools(said: str) -> list[str]:
    """Return the lines in which ``TOOLS`` tells versions."""
    return [line.strip() for line in _TOOLS.findall(said)]


def note(target: Target, result: Result, revisions: t.Mapping[str, str], said: str) -> None:
    """Keep what the last build was made from, until it is published; ``said`` is what ``TOOLS`` printed."""
    inputs = inputs_of(target)
    data = dump(inputs)
    digest = _durable.digest_of(data)
    texts = {path: text for path, text in inputs.files.items() if os.path.basename(path).startswith("01-")}
    record = Record(
        target=target.name,
        inputs=digest,
        built=_seal.utc(time.time()),
        stage=_fingerprint.recorded(os.path.join(target.root, _stage.RECORD)),
        repositories=dict(sorted(revisions.items())),
        commits=_pins.commits(result.snapshots, target.state_dir),
        configuration=_fingerprint.digest([texts, dict(inputs.links)]),
        cflags=target.cflags,
        tools=tools(said),
        installed=installed(target.root),
        packages={},
        failed={cpv: {key: how[key] for key in _HOW if key in how} for cpv, how in sorted(result.failures.items())},
    )
    top = folder(target.name, target.state_dir)
    _files.directory(top)
    _durable.write(os.path.join(top, _private(digest)), data, mode=0o600)
    _durable.write(os.path.join(top, "built.json"), dump(record))


def installed(root: str) -> list[str]:
    """Return what is installed in a root, as category/name-version, sorted."""
    return sorted(entry.partition(" ")[0] for entry in _fingerprint.vdb(root))


def _private(digest: str) -> str:
    return f"{digest[:16]}.json"


def made(
    target: str, state: str, entries: t.Mapping[str, _packages.Package], repositories: t.Mapping[str, str]
) -> bytes | None:
    """Return the record of a generation of these packages of PKGDIR.

    None where no build has noted any, or the last one had other repositories (name -> 12 digits of the revision).
    """
    path = os.path.join(folder(target, state), "built.json")
    try:
        with open(path, "rb") as file:
            record = parse(file.read(), where=path)
    except FileNotFoundError:
        return None
    if dict(record.repositories) != dict(repositories):
        return None
    times = _timings.known(target, state)
    own = {place: times.get(_timings.key(entry.cpv, entry.build_id)) for place, entry in sorted(entries.items())}
    told = {place: dict(each) for place, each in own.items() if each}
    return dump(Record(**{**_plain(record), "packages": told}))


def _plain(record: Record) -> dict[str, t.Any]:
    return {field.name: getattr(record, field.name) for field in fields(Record)}


def of(generation: str, seal: _seal.Seal) -> Record:
    """Return the record of the generation in a folder.  Raises ``BinhostError`` unless it is the one sealed there."""
    path = os.path.join(generation, _seal.RECORD)
    if seal.record is None:
        raise BinhostError(f"{generation}: expected a generation with a record, found one without: it is too old")
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as exc:
        raise BinhostError(f"{path}: expected the generation's record, found: {exc.strerror}") from None
    if _durable.digest_of(data) != seal.record.sha512:
        raise BinhostError(f"{path}: expected the record that the seal names, found another")
    return parse(data, where=path)


def inputs(record: Record, state: str) -> Inputs:
    """Return what the build was told.  Raises ``BinhostError`` unless it is there and the one that was recorded."""
    path = os.path.join(folder(record.target, state), _private(record.inputs))
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as exc:
        raise BinhostError(f"{path}: expected what the build was told, found: {exc.strerror}") from None
    if _durable.digest_of(data) != record.inputs:
        raise BinhostError(f"{path}: expected what the generation's record names, found another content")
    return Inputs(**_object(data, path, Inputs))


def prune(target: str, state: str, kept: t.Iterable[str]) -> None:
    """Remove what builds were told that none of the generations in these folders was made from."""
    top = folder(target, state)
    stay = {"built.json", os.path.basename(_timings.place(target, state))}
    for path in [os.path.join(top, "built.json"), *(os.path.join(each, _seal.RECORD) for each in kept)]:
        digest = _fingerprint.recorded(path).get("inputs")
        stay.add(_private(str(digest)))
    for name in sorted(os.listdir(top)) if os.path.isdir(top) else []:
        if name not in stay and name.endswith(".json"):
            _files.remove(os.path.join(top, name))
