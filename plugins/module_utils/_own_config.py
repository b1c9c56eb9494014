# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine's person has in /etc/portage and in the world: the texts, and what Portage reads from them.

Files of ours are left out.  Portage's own functions do the reading, in a program that the host's Python runs: as in
``_portage_query``, Ansible's interpreter need not be the one Portage is installed for.
"""

from __future__ import annotations

import json
import os
import stat
import typing as t
from collections.abc import Iterator, Sequence

from ansible_collections.larry.binhost.plugins.module_utils import _host, _repository, _tree
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._portage_query import INTERPRETERS, Run

#: Keys and state, never configuration.
_PRIVATE: t.Final = frozenset({"gnupg"})
#: Seconds until Portage, which reads its repositories, is given up: one of them may lie on a server that is gone.
_PATIENCE: t.Final = 30

# Portage lib/portage/package/ebuild/config.py: make.conf is read twice, and expanded with what comes before it.  An
# incremental variable is taken without that, since Portage adds it anyway; except where "-*" throws away what comes
# before and the text then puts it back.
PROGRAM: t.Final = """
import inspect, json, os, sys
import portage
from portage import util
from portage.const import INCREMENTALS
asked = json.loads(sys.argv[1])
settings = portage.settings
top = os.path.join(settings["PORTAGE_CONFIGROOT"], "etc")
base = os.path.join(top, "portage")
theirs = {os.path.realpath(os.path.join(base, path)) for path in asked["ours"]}
places = [os.path.join(top, "make.conf"), os.path.join(base, "make.conf")]
if os.path.exists(places[0]) and os.path.exists(places[1]) and os.path.samefile(*places):
    places.pop()

def files(path):
    return [name for name in util._recursive_file_list(path) if os.path.realpath(name) not in theirs]

def make_conf(known):
    found, known = {}, dict(known)
    for file in [file for place in places for file in files(place)]:
        found.update(util.getconfig(file, allow_sourcing=True, expand=known) or {})
    return {name: value for name, value in found.items() if not name.startswith("__")}

before = {"EPREFIX": settings.get("EPREFIX", ""), "ROOT": settings.get("ROOT", "/")}
for layer in ("env.d", "globals", "defaults"):
    before.update(settings.configdict.get(layer) or {})
full = make_conf(before)
bare = make_conf({name: value for name, value in before.items() if name not in INCREMENTALS})
ignored = set(getattr(settings, "_non_user_variables", ()))

def value(name):
    words = bare.get(name, "").split()
    return full[name] if name not in INCREMENTALS or "-*" in words else bare[name]

def grab(function, file, **wanted):
    known = inspect.signature(function).parameters
    return function(file, **{name: word for name, word in wanted.items() if name in known})

def table(name, **wanted):
    found = {}
    for file in files(os.path.join(base, name)):
        read = grab(util.grabdict_package, file, allow_wildcard=True, allow_repo=True, allow_build_id=True, **wanted)
        for atom, words in read.items():
            found.setdefault(str(atom), []).extend(words)
    return list(found.items())

def lines(name):
    return [
        str(entry)
        for file in files(os.path.join(base, name))
        for entry in grab(util.grabfile_package, file, allow_wildcard=True, allow_repo=True, allow_build_id=True)
    ]

print(json.dumps({
    "make_conf": {name: value(name) for name in full if name not in ignored},
    "incrementals": sorted(INCREMENTALS),
    "tables": {
        "package.use": table("package.use", newlines=1, allow_use=False),
        "package.keywords": table("package.keywords", allow_use=False),
        "package.accept_keywords": table("package.accept_keywords", allow_use=False),
        **{name: table(name) for name in ("package.license", "package.properties", "package.accept_restrict")},
    },
    "lists": {name: lines(name) for name in ("package.mask", "package.unmask")},
    "profile": os.path.realpath(settings.profile_path) if settings.profile_path else "",
    "repositories": {repo.name: os.path.realpath(repo.location) for repo in settings.repositories if repo.location},
}))
"""


class Found(t.TypedDict):
    """A machine's own configuration."""

    make_conf: dict[str, str]  # variable -> value, as Portage takes it
    incrementals: list[str]  # variables that add to what comes before
    tables: dict[str, list[tuple[str, list[str]]]]  # package.use and its like: atom, words; "\n" ends a line
    lists: dict[str, list[str]]  # package.mask and its like: lines
    profile: str  # absolute path, empty where make.profile leads nowhere
    repositories: dict[str, str]  # name -> absolute path
    files: dict[str, str]  # relative path -> text, of all that is below /etc/portage
    left_out: dict[str, str]  # relative path -> why its text is not in ``files``
    world: list[str]
    sets: list[str]  # what is in world_sets and is no list of atoms below /etc/portage/sets
    words: list[str]  # Portage's complaints while it read


def of(run: Run, *, root: str = "/", interpreters: Sequence[str] = INTERPRETERS) -> Found:
    """Return a machine's own configuration.  Raises ``BinhostError``, with Portage's words if it can't read it."""
    ours = _tree.owned_paths(root)
    if not os.path.isdir(os.path.join(root, "etc/portage")):
        raise BinhostError(f"{os.path.join(root, 'etc/portage')}: expected a directory, found none")
    read = _asked(run, root, json.dumps({"ours": sorted(ours)}), interpreters)
    files, left_out = texts(root, ours)
    return t.cast(
        Found,
        {**read, "files": files, "left_out": left_out, "world": _host.world(root), "sets": _other_sets(root)},
    )


def _asked(run: Run, root: str, question: str, interpreters: Sequence[str]) -> dict[str, t.Any]:
    words = []
    for interpreter in interpreters:
        place = ["env", f"PORTAGE_CONFIGROOT={root}"] if root != "/" else []
        command = ["timeout", "-s", "KILL", str(_PATIENCE), *place, interpreter, "-c", PROGRAM, question]
        try:
            status, stdout, stderr = run(command)
        except OSError as exc:
            words.append(f"{interpreter}: {exc.strerror}")
            continue
        if status == 0 and stdout.strip():
            found: dict[str, t.Any] = json.loads(stdout.strip().splitlines()[-1])
            return {**found, "words": [line for line in stderr.splitlines() if line.strip()]}
        words.append(f"{interpreter}: {(stderr.strip().splitlines() or ['no answer'])[-1]}")
    raise BinhostError(f"Portage: expected that it can read {root}'s configuration, found {'; '.join(words)}")


def texts(root: str, ours: t.Container[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the text of each file below /etc/portage by its relative path, and why some have none."""
    base = os.path.join(root, "etc/portage")
    files: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for path in _below(base, "", frozenset()):
        if path in ours:
            continue
        try:
            files[path] = _text(os.path.join(base, path))
        except (OSError, BinhostError) as exc:
            left_out[path] = str(exc.strerror if isinstance(exc, OSError) else exc)
    return files, left_out


def _below(base: str, folder: str, above: frozenset[str]) -> Iterator[str]:
    """Yield the relative path of each file, sorted; links to directories are entered once."""
    here = os.path.realpath(os.path.join(base, folder))
    if here in above:
        return
    for name in sorted(os.listdir(here)):
        path = os.path.join(folder, name)
        if name.startswith(".") or name.endswith("~") or name in _repository.VCS or path in _PRIVATE:
            continue
        if os.path.isdir(os.path.join(base, path)):
            if path != "make.profile":
                yield from _below(base, path, above | {here})
        else:
            yield path


def _text(path: str) -> str:
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise BinhostError("neither a file nor a directory")
    if found.st_size > _host.LARGEST:
        raise BinhostError(f"{found.st_size} bytes, more than the {_host.LARGEST} that configuration may have")
    with open(path, "rb") as handle:
        data = handle.read()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise BinhostError("no UTF-8 text") from None


def _other_sets(root: str) -> list[str]:
    """Return the sets of the world whose content Portage computes: it is in no list of atoms."""
    names = [name for name in _host.lines(os.path.join(root, _host.WORLD_SETS)) if name != _host.OUR_SET]
    own = os.path.join(root, "etc/portage/sets")
    return [name for name in names if not os.path.isfile(os.path.join(own, os.path.basename(name.lstrip("@"))))]
