# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan needs to know of a host, read from local files and without a dependency calculation."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _repository
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

VDB = "var/db/pkg"
WORLD = "var/lib/portage/world"
WORLD_SETS = "var/lib/portage/world_sets"
OUR_SET = "@binhost"
#: What of /etc/portage decides which binaries fit; neither env nor any bashrc, since Portage runs what is in them and
#: would do so on the master.
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
    "license_groups",
    "profile",
)
ADOPTED = "00-adopted"
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
    that the answer is the same before and after. Raises ``BinhostError`` for a file that is too large or isn't text.
    """
    base = os.path.join(root, "etc/portage")
    found: dict[str, str] = {}
    for name in CONFIGURATION:
        top = os.path.join(base, name)
        if os.path.isfile(top):
            found[f"{name}/{ADOPTED}"] = _text(top)
        found.update({path: _text(os.path.join(base, path)) for path in _below(base, name) if path not in ours})
    return found


def decides(path: str) -> bool:
    """Return whether a file of etc/portage is of those that decide which binaries fit."""
    return path.split("/", maxsplit=1)[0] in CONFIGURATION


def _below(base: str, name: str) -> list[str]:
    """Return the files below a folder that Portage reads (util/__init__.py, _recursive_file_list), relative to base."""
    found = []
    for folder, folders, files in os.walk(os.path.join(base, name), followlinks=True):
        folders[:] = sorted(each for each in folders if _read(each))
        paths = [os.path.join(folder, each) for each in sorted(files) if _read(each) and "bashrc" not in each]
        found += [os.path.relpath(path, base) for path in paths if os.path.isfile(path)]
    return found


def _read(name: str) -> bool:
    return not (name.startswith(".") or name.endswith("~") or name in _repository.VCS)


def world(root: str = "/") -> list[str]:
    """Return what the machine's person has in the world file, and in sets of their own that are part of the world."""
    atoms = set(lines(os.path.join(root, WORLD)))
    for name in lines(os.path.join(root, WORLD_SETS)):
        own = os.path.join(root, "etc/portage/sets", os.path.basename(name.lstrip("@")))
        atoms |= set(lines(own)) if name != OUR_SET else set()
    return sorted(atoms)


def _text(path: str) -> str:
    size = os.path.getsize(path)
    if size > LARGEST:
        raise BinhostError(f"{path}: expected at most {LARGEST} bytes of configuration, found {size}")
    try:
        with open(path, encoding="utf-8") as handle:
            return handle.read()
    except UnicodeDecodeError as exc:
        raise BinhostError(f"{path}: expected UTF-8 text, found {exc.reason} at byte {exc.start}") from exc


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
