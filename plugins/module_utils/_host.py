# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan needs to know of a host, read from local files and without a dependency calculation."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _repository
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

VDB = "var/db/pkg"
WORLD = "var/lib/portage/world"
WORLD_SETS = "var/lib/portage/world_sets"
OUR_SET = "@binhost"
#: What of /etc/portage decides which binaries fit, and how they are made. Not binrepos.conf: where packages come from
#: is no matter of a build's.
CONFIGURATION = (
    "make.conf",
    "package.use",
    "package.mask",
    "package.unmask",
    "package.accept_keywords",
    "package.keywords",
    "package.license",
    "package.properties",
    "package.accept_restrict",
    "package.env",
    "license_groups",
    "repos.conf",
    "mirrors",
    "sets",
    "sets.conf",
    "profile",
    "env",
    "bashrc",
    "patches",
    "savedconfig",
)
#: Of these a file that cannot be carried is left out and told; the rest is read by Portage as a whole.
SINGLE = ("env", "patches", "savedconfig")
#: Files only, however portage_config arranges the rest: Portage doesn't read them as folders.
FILES = ("bashrc", "license_groups")
#: What of a profile may be a folder (portage lib/portage/package/ebuild/config.py and _config/); ``packages`` may not.
PROFILE_FILES = (
    "make.defaults",
    "package.accept_keywords",
    "package.bashrc",
    "package.keywords",
    "package.mask",
    "package.provided",
    "package.unmask",
    "package.use",
    "package.use.force",
    "package.use.mask",
    "package.use.stable.force",
    "package.use.stable.mask",
    "use.force",
    "use.mask",
    "use.stable.force",
    "use.stable.mask",
)
PATCHES = (".patch", ".diff")  # bin/phase-helpers.sh, eapply_user
#: The name of a file that was in the place of a directory; it sorts before all of ours.
ADOPTED = "00-adopted"
#: A make.conf that sources files by names relative to its own place has to stay in that: ``00-adopted`` sources it.
BESIDE = ".adopted"
SOURCES_IT = (
    "# make.conf as it was found; it stands beside this folder for the sake of what it sources itself.\n"
    f"source ../make.conf{BESIDE}\n"
)
# Portage reads these words with shlex, in which the name may be quoted (util/__init__.py, getconfig).
_SOURCE = re.compile(r"""^[ \t]*source[ \t]+(?:"([^"\n]+)"|'([^'\n]+)'|([^\s"'#]+))""", re.MULTILINE)
#: Configuration is small; a larger file is somebody's mistake and would travel to the controller at every run.
LARGEST = 256 * 1024  # bytes


def installed(root: str = "/") -> list[str]:
    """Return what is installed as sorted ``category/name-version``, from the names in the VDB (PMS: /var/db/pkg)."""
    base = os.path.join(root, VDB)
    found = []
    for category in _names(base):
        found += [
            f"{category}/{name}" for name in _names(os.path.join(base, category)) if not name.startswith("-MERGING-")
        ]
    return sorted(found)


def _names(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [
                entry.name
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
            ]
    except FileNotFoundError:
        return []


def lines(path: str) -> list[str]:
    """Return the lines of a world file or set that say something; none if there is no such file."""
    try:
        with open(path, encoding="utf-8") as handle:
            texts = [line.partition("#")[0].strip() for line in handle]
    except FileNotFoundError:
        return []
    return [text for text in texts if text]


def configuration(root: str, *, ours: t.Container[str]) -> dict[str, str]:
    """Return the files of etc/portage that its person wrote, as {relative path: text}; ``ours`` are left out.

    A file that stands where portage_config will want a directory is listed under the name that it will have there, so
    that the answer is the same before and after. What a make.conf sources comes along.  Raises ``BinhostError`` for a
    file that is too large or isn't text, unless ``unread`` tells of it.
    """
    found = _own_texts(root, ours)
    return {**found, **_sourced(root, found, ours)[0]}


def _own_texts(root: str, ours: t.Container[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, path in _configuration(root, ours).items():
        try:
            found[name] = _text(path)
        except BinhostError:
            if not _is_single(name):
                raise
    conf = f"make.conf/{ADOPTED}"
    if os.path.isfile(os.path.join(root, "etc/portage/make.conf")) and sources_beside(found[conf]):
        found[f"make.conf{BESIDE}"], found[conf] = found[conf], SOURCES_IT
    return found


def unread(root: str, *, ours: t.Container[str]) -> dict[str, str]:
    """Return the files of env/, patches/ and savedconfig/, and those that a make.conf sources, that cannot be carried
    -> why.
    """
    found: dict[str, str] = {}
    for name, path in _configuration(root, ours).items():
        if _is_single(name):
            try:
                _text(path)
            except BinhostError as exc:
                found[name] = str(exc).partition(": ")[2]
    return {**found, **_sourced(root, _own_texts(root, ours), ours)[1]}


def sources(text: str) -> list[str]:
    """Return the files that a make.conf sources, as it names them."""
    return ["".join(words) for words in _SOURCE.findall(text)]


def sources_beside(text: str) -> bool:
    """Return whether a make.conf sources a file by a name relative to its own place."""
    return any(not name.startswith(("/", "$")) for name in sources(text))


def _sourced(root: str, texts: t.Mapping[str, str], ours: t.Container[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the texts of the files that these have sourced, each once, and of those that cannot be carried why."""
    found: dict[str, str] = {}
    left: dict[str, str] = {}
    ahead = [name for name in texts if name.startswith(("make.conf/", f"make.conf{BESIDE}"))]
    while ahead:
        name = ahead.pop(0)
        for word in sources({**texts, **found}[name]):
            path = os.path.relpath(os.path.join("/etc/portage", os.path.dirname(name), word), "/etc/portage")
            full = os.path.join(root, "etc/portage", path)
            if "$" in word or path.startswith("../") or not all(map(_read, path.split("/"))):
                left[word] = f"{name} sources it: expected a file below /etc/portage, of a name that Portage reads"
            elif path not in texts and path not in found and path not in ours and os.path.isfile(full):
                found[path] = _text(full)
                ahead.append(path)
    return found, left


def _is_single(name: str) -> bool:
    return name.startswith(tuple(f"{each}/" for each in SINGLE))


def _configuration(root: str, ours: t.Container[str]) -> dict[str, str]:
    """Return name -> absolute path of the person's own files."""
    base = os.path.join(root, "etc/portage")
    found: dict[str, str] = {}
    for name in CONFIGURATION:
        top = os.path.join(base, name)
        if os.path.isfile(top):
            found[name if name in FILES else f"{name}/{ADOPTED}"] = top
        found.update({_adopted(path): os.path.join(base, path) for path in _below(base, name) if path not in ours})
    return found


def _adopted(path: str) -> str:
    top, _slash, name = path.partition("/")
    return f"{path}/{ADOPTED}" if top == "profile" and name in PROFILE_FILES else path


def _below(base: str, name: str) -> list[str]:
    """Return the files below a folder that Portage reads (util/__init__.py, _recursive_file_list), relative to base."""
    found = []
    for folder, folders, files in os.walk(os.path.join(base, name), followlinks=True):
        folders[:] = sorted(each for each in folders if _read(each))
        paths = [os.path.join(folder, each) for each in sorted(files) if _read(each)]
        found += [os.path.relpath(path, base) for path in paths if os.path.isfile(path)]
    return [path for path in found if name != "patches" or path.endswith(PATCHES)]


def _read(name: str) -> bool:
    return not (name.startswith(".") or name.endswith("~") or name in _repository.VCS)


def world(root: str = "/") -> list[str]:
    """Return what the machine's person has in the world file, and in sets of their own that are part of the world."""
    atoms = set(lines(os.path.join(root, WORLD)))
    for name in lines(os.path.join(root, WORLD_SETS)):
        atoms |= set(_set(root, name, {OUR_SET})) if name != OUR_SET else set()
    return sorted(atoms)


def _set(root: str, name: str, seen: set[str]) -> list[str]:
    """Return what is in a set of the person's own, and in those that it names; each set is opened once."""
    seen.add(name)
    found = []
    for atom in lines(os.path.join(root, "etc/portage/sets", os.path.basename(name.lstrip("@")))):
        if atom.startswith("@"):
            found += _set(root, atom, seen) if atom not in seen else []
        else:
            found.append(atom)
    return found


def memory_bytes(meminfo: str) -> int:
    """Return how much memory there is (proc(5), /proc/meminfo); 0 where the file doesn't say."""
    for line in meminfo.splitlines():
        name, _colon, value = line.partition(":")
        if name == "MemTotal" and value.split()[1:] == ["kB"]:
            return int(value.split()[0]) * 1024
    return 0


def _text(path: str) -> str:
    size = os.path.getsize(path)
    if size > LARGEST:
        raise BinhostError(f"{path}: expected at most {LARGEST} bytes of configuration, found {size}")
    try:
        with open(path, encoding="utf-8", newline="") as handle:
            text = handle.read()
    except UnicodeDecodeError as exc:
        raise BinhostError(f"{path}: expected UTF-8 text, found {exc.reason} at byte {exc.start}") from exc
    if "\0" in text:
        raise BinhostError(f"{path}: expected text, found a NUL character at {text.index(chr(0))}")
    return text


def service_manager(root: str = "/") -> str:
    """Return ``systemd``, ``openrc`` or ``none``: what runs now, by the folder each keeps in /run."""
    for name, sign in (("systemd", "run/systemd/system"), ("openrc", "run/openrc")):
        if os.path.isdir(os.path.join(root, sign)):
            return name
    return "none"


def free_bytes(path: str) -> int:
    """Return the bytes that may still be written below the nearest existing ancestor of ``path``, a local one."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    stat = os.statvfs(path)
    return stat.f_frsize * stat.f_bavail
