# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which new versions of configuration files wait to be merged, as Portage looks for them after a run.

Source: portage lib/portage/util/__init__.py, ``find_updated_config_files``: below each place of CONFIG_PROTECT all
``._cfg????_*`` but ``.*~`` and ``.*.bak``, hidden folders left out; where that is a file, its own.  Nothing is ever
written that way below CONFIG_PROTECT_MASK, so that has nothing to say here.
"""

from __future__ import annotations

import os
import re
import typing as t
from collections.abc import Iterable, Iterator

#: Portage's own, cnf/make.globals.
DEFAULT: t.Final = "/etc"
#: Entries that are looked at before it is given up: somebody protects all of /home.
MOST: t.Final = 100_000
_UPDATE = re.compile(r"\._cfg[0-9]{4}_(?P<name>.+)\Z")
_LEFT_OUT = re.compile(r"\..*(?:~|\.bak)\Z", re.IGNORECASE)
_ASSIGNED = re.compile(r"""^[ \t]*(?:export[ \t]+)?CONFIG_PROTECT=("[^"]*"|'[^']*'|\S*)""", re.MULTILINE)


def waiting(root: str = "/", places: Iterable[str] | None = None) -> list[str]:
    """Return the paths of updates as seen in the root, sorted.

    ``places`` is CONFIG_PROTECT; without it, what the packages and make.conf say, without expanding it.
    """
    found: set[str] = set()
    budget = [MOST]
    for place in sorted(set(protected(root) if places is None else places)):
        top = os.path.join(root, place.strip("/"))
        if os.path.isdir(top):
            found.update(_below(top, os.stat(top).st_dev, budget))
        elif os.path.isdir(os.path.dirname(top)):
            name = os.path.basename(top)
            found.update(path for path in _updates(os.path.dirname(top)) if path.endswith(f"_{name}"))
    return sorted("/" + os.path.relpath(path, root) for path in found)


def protected(root: str = "/") -> list[str]:
    """Return the places that CONFIG_PROTECT names in env.d (by way of profile.env) and make.conf, and the default."""
    conf = os.path.join(root, "etc/portage/make.conf")
    files = [os.path.join(root, "etc/profile.env"), os.path.join(root, "etc/make.conf"), conf]
    if os.path.isdir(conf):
        files += [os.path.join(place, name) for place, _folders, names in os.walk(conf) for name in names]
    words = [word for path in files for value in _ASSIGNED.findall(_text(path)) for word in _words(value)]
    return list(dict.fromkeys([DEFAULT, *(word for word in words if word.startswith("/"))]))


def _words(value: str) -> list[str]:
    return value.strip("\"'").split()


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return ""


def _below(folder: str, device: int, budget: list[int]) -> Iterator[str]:
    """Yield the updates below a folder, on its own file system alone: another may be a server that is gone."""
    folders = [folder]
    while folders and budget[0] > 0:
        for entry in _entries(folders.pop()):
            budget[0] -= 1
            if entry.is_dir(follow_symlinks=False):
                if not entry.name.startswith(".") and entry.stat(follow_symlinks=False).st_dev == device:
                    folders.append(entry.path)
            elif is_update(entry.name):
                yield entry.path


def _updates(folder: str) -> list[str]:
    return [entry.path for entry in _entries(folder) if is_update(entry.name)]


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def is_update(name: str) -> bool:
    """Return whether this is the name of a new version of a configuration file."""
    return bool(_UPDATE.match(name)) and not _LEFT_OUT.match(name)


def target(path: str) -> str:
    """Return the path of the configuration file that an update is for."""
    folder, name = os.path.split(path)
    found = _UPDATE.match(name)
    return os.path.join(folder, found["name"]) if found else path
