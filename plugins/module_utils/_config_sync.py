# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``config-sync``: bring this machine's 01 files into step with what the master's rsyncd offers, without a controller.

What is fetched is first a complete copy beside everything else, checked against the master's manifest; then Portage
reads what would come of it, and it is applied as ``portage_config`` applies files, with the same record of what is
ours.  A master that is off, a link that breaks half way and a copy that isn't whole change nothing.
"""

from __future__ import annotations

import argparse
import configparser
import contextlib
import json
import os
import re
import subprocess
import tempfile
import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.larry.binhost.plugins.module_utils import (
    _config_check,
    _files,
    _lock,
    _paths,
    _removal,
    _say,
    _tree,
    _tree_plan,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._tree_plan import CONFIG, Entry

MANIFEST: t.Final = "manifest.json"
FILES: t.Final = "files"
VERSION: t.Final = 1
#: One line, where to fetch from; written by the machine's person.
WHERE: t.Final = "etc/larry-binhost/sync"
OWNER: t.Final = "larry-binhost"
#: Configuration is small; what is larger is no configuration.
LARGEST: t.Final = "1m"
#: The master may be writing while we read.
_ATTEMPTS: t.Final = 3
_URI: t.Final = re.compile(
    r"rsync://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d+)?/(?P<target>[a-z0-9][a-z0-9_-]*)/?\Z"
)


class Offer(t.NamedTuple):
    """What a master offers of a target."""

    files: dict[str, str]  # path relative to /etc/portage -> text
    links: dict[str, str]  # path relative to /etc/portage -> target


def manifest(target: str, files: Mapping[str, str], links: Mapping[str, str]) -> str:
    """Return the manifest of a target's files."""
    digests = {path: _files.digest(text) for path, text in sorted(files.items())}
    content = {"version": VERSION, "target": target, "files": digests, "links": dict(sorted(links.items()))}
    return json.dumps(content, indent=1) + "\n"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Tell a parser what may be on the command line."""
    parser.add_argument("uri", nargs="?", help=f"rsync://MASTER:PORT/TARGET; else the line in /{WHERE}")
    parser.add_argument("--root", default="/", help="the root whose /etc/portage it is")
    parser.add_argument("--timeout", type=int, default=20, help="seconds that the master may be silent (default: 20)")
    parser.add_argument("--check", action="store_true", help="say what would change, and change nothing")


def act(asked: argparse.Namespace) -> int:
    """Do it and tell it; return 0 if all is in step, 1 if nothing was changed, with the reason on stderr."""
    try:
        uri = asked.uri or _kept_uri(asked.root)
        with _lock.held("config-sync", state=_state(asked.root)):
            changes, passed_over = sync(uri, root=asked.root, timeout_s=asked.timeout, check=asked.check)
    except (BinhostError, OSError) as exc:
        _say.warn(f"config-sync: {exc}")
        return 1
    for line in passed_over:
        _say.warn(f"config-sync: {line}")
    verb = "would change" if asked.check else "changed"
    for change in changes:
        _say.tell(f"{verb}: {os.path.join('/', change.path)}" + (" (removed)" if change.after is None else ""))
    if not changes:
        _say.tell("in step with the master")
    return 0


def _state(root: str) -> str:
    return os.path.join(root, _paths.STATE.lstrip("/"))


def _kept_uri(root: str) -> str:
    path = os.path.join(root, WHERE)
    try:
        lines = [line.strip() for line in _files.read(path).splitlines()]
    except FileNotFoundError:
        raise BinhostError(f"expected where to fetch from, as an argument or in {path}, found neither") from None
    return next((line for line in lines if line and not line.startswith("#")), "")


def sync(uri: str, *, root: str, timeout_s: int, check: bool = False) -> tuple[list[_tree_plan.Change], list[str]]:
    """Fetch and apply; return the changes, and sentences on what was passed over.  Raises ``BinhostError``."""
    found = _URI.match(uri)
    if not found:
        raise BinhostError(f"expected rsync://MASTER:PORT/TARGET, found {uri!r}")
    staging = os.path.join(_state(root), "config-sync", found["target"])
    os.makedirs(staging, mode=0o700, exist_ok=True)
    offer, passed_over = usable(root, fetched(uri, staging, found["target"], timeout_s))
    with contextlib.nullcontext() if check else _tree.held(root):
        return _applied(root, offer, passed_over, staging, check=check)


def _applied(
    root: str, offer: Offer, passed_over: Mapping[str, str], staging: str, *, check: bool
) -> tuple[list[_tree_plan.Change], list[str]]:
    """Apply what can be, unless this is only a check."""
    step = intent(root, offer, leave=set(passed_over))
    told = [f"{name}: left as it is: {why}" for name, why in sorted(passed_over.items())]
    with tempfile.TemporaryDirectory() as place:
        told += _config_check.check(_run, root, step.changes, place=place, repositories={}).warnings
    if not check:
        mine = os.path.join(root, RECORD)
        brought = {*offer.files, *offer.links, *(known(mine) & set(passed_over))}
        # Killed in between, the next call still knows what came from the master.
        _keep(mine, known(mine) | brought)
        _tree.carry_out(root, step)
        _keep(mine, brought)
        _removal.tree(staging)
    return step.changes, told


def _run(args: t.Any, /) -> tuple[int, str, str]:
    done = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    return done.returncode, done.stdout, done.stderr


def fetched(uri: str, staging: str, target: str, timeout_s: int) -> Offer:
    """Return what the master offers, as soon as a copy is whole.  Raises ``BinhostError``."""
    for _attempt in range(_ATTEMPTS - 1):
        _fetch(uri, staging, timeout_s)
        with contextlib.suppress(BinhostError):
            return read(staging, target)
    _fetch(uri, staging, timeout_s)
    return read(staging, target)


def _fetch(uri: str, staging: str, timeout_s: int) -> None:
    """Copy all that a module of rsyncd has: files and folders, neither links nor devices."""
    argv = ["rsync", "--recursive", "--checksum", "--delete", f"--max-size={LARGEST}"]
    argv += [f"--timeout={timeout_s}", f"--contimeout={timeout_s}", f"{uri.rstrip('/')}/", f"{staging}/"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RSYNC_")}
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            # Also where data trickles: configuration is small.
            timeout=6 * timeout_s,
            env={**environment, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        raise BinhostError("rsync: expected the program, found none: emerge net-misc/rsync") from None
    except subprocess.TimeoutExpired:
        raise BinhostError(
            f"{uri}: expected an answer within {6 * timeout_s} s, found none; nothing was changed"
        ) from None
    if done.returncode != 0:
        words = next((line.strip() for line in done.stderr.splitlines() if line.strip()), "no reason given")
        raise BinhostError(f"{uri}: expected the master to answer, found: {words}. Nothing was changed")


def read(staging: str, target: str) -> Offer:
    """Return what was copied.  Raises ``BinhostError`` if it isn't all and only what the manifest says."""
    path = os.path.join(staging, MANIFEST)
    try:
        said = json.loads(_files.read(path))
        files, links = dict(said["files"]), dict(said["links"])
        whose = (said["version"], said["target"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise BinhostError(f"{path}: expected the master's manifest, found {exc!r}; nothing was changed") from None
    if whose != (VERSION, target):
        raise BinhostError(f"{path}: expected version {VERSION} of {target}, found version {whose[0]} of {whose[1]}")
    base = os.path.join(staging, FILES)
    there = dict(_texts(base))
    wrong = sorted(
        name for name in {*files, *there} if name not in there or files.get(name) != _files.digest(there[name])
    )
    if wrong:
        names = ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
        raise BinhostError(f"{base}: expected what the master's manifest says, found a difference in {names}")
    return Offer(there, {str(name): str(value) for name, value in links.items()})


def _texts(base: str) -> Iterator[tuple[str, str]]:
    for folder, _folders, names in os.walk(base):
        for name in names:
            path = os.path.join(folder, name)
            yield os.path.relpath(path, base), _files.read(path)


def usable(root: str, offer: Offer) -> tuple[Offer, dict[str, str]]:
    """Return what can be applied here, and of each thing that can't, why.

    A generation brings profile and repositories; a machine without one keeps its own.
    """
    missing = {name: _nowhere(root, _led_to(name, target)) for name, target in offer.links.items()}
    for name, text in offer.files.items():
        if name.startswith("repos.conf/"):
            missing[name] = _nowhere(root, *_locations(name, text))
    why = {name: f"{', '.join(places)} isn't here" for name, places in missing.items() if places}
    files = {name: text for name, text in offer.files.items() if name not in why}
    return Offer(files, {name: target for name, target in offer.links.items() if name not in why}), why


def _nowhere(root: str, *places: str) -> list[str]:
    return [place for place in places if not os.path.exists(os.path.join(root, place.lstrip("/")))]


def _led_to(name: str, target: str) -> str:
    return os.path.normpath(os.path.join("/", CONFIG, os.path.dirname(name), target))


def _locations(name: str, text: str) -> list[str]:
    parser = configparser.ConfigParser()
    try:
        parser.read_string(text)
        return [parser[section]["location"] for section in parser.sections() if "location" in parser[section]]
    except configparser.Error as exc:
        raise BinhostError(f"{name}: expected sections, found {exc}") from None


#: What this command brought, so that it removes nothing else.
RECORD: t.Final = f"{_paths.STATE.lstrip('/')}/config-sync.json"


def known(path: str) -> set[str]:
    """Return what was brought before, relative to /etc/portage."""
    return set(_files.load_record(path).get(OWNER, {}))


def _keep(path: str, names: t.AbstractSet[str]) -> None:
    _files.save_record(path, {OWNER: dict.fromkeys(sorted(names), "")})


def intent(root: str, offer: Offer, *, leave: t.AbstractSet[str] = frozenset()) -> _tree.Intent:
    """Return what to do to be in step, without a look at what is in ``leave``.

    Raises ``BinhostError`` where a file of somebody else's is in the way.
    Ours to change are the files 01-* and what came from the master before; neither 02-* nor anything else, whoever
    owns it.
    """
    wanted = _tree_plan.desired(offer.files, offer.links, None)
    second = sorted(path for path in wanted if os.path.basename(path).startswith("02-"))
    if second:
        raise BinhostError(f"{second[0]}: expected 01 files from the master, found one that is this machine's own")
    record = _files.load_record(os.path.join(root, _tree.RECORD))
    owned = record.get(OWNER, {})
    brought = {f"{CONFIG}/{name}" for name in known(os.path.join(root, RECORD))}
    mine = {path for path in owned if os.path.basename(path).startswith("01-") or path in brought or path in wanted}
    mine -= {f"{CONFIG}/{name}" for name in leave}
    _tree.confine(root, {*wanted, *mine})
    there = _tree.read(root, {*wanted, *mine})
    current = {path: entry for path, entry in there.items() if not os.path.basename(path).startswith("02-")}
    _refuse_others(root, current, wanted, mine)
    foreign = {path for paths in record.values() for path in paths} - mine
    through = _tree.through(root, current)
    first = {path for path in wanted if os.path.basename(path).startswith("01-")}
    changes = _tree_plan.plan(current, wanted, owned=mine, foreign=foreign, through=through, yields=first)
    kept = {path: digest for path, digest in owned.items() if path not in mine}
    after = {**record, OWNER: {**kept, **{path: _files.digest(entry.content) for path, entry in wanted.items()}}}
    return _tree.Intent(
        changes, set(), {owner: paths for owner, paths in after.items() if paths}, record, {*wanted, *mine}
    )


def _refuse_others(
    root: str, current: Mapping[str, Entry], wanted: Mapping[str, Entry], mine: t.AbstractSet[str]
) -> None:
    for path, entry in sorted(wanted.items()):
        there = current.get(path)
        if there is None or there == entry or path in mine or os.path.basename(path).startswith("01-"):
            continue
        if entry.kind == "file" and there.kind != "directory":
            raise BinhostError(
                f"{os.path.join(root, path)}: expected no file of anybody else's where the master has one, found one; "
                "nothing was changed. Give it another name and run again."
            )
