# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A digest of everything that emerge's answer depends on: equal to the last run's means that nothing is to do."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _ebuilds, _files, _host, _repository

#: GnuPG writes to its home whenever it is asked something (trust database, sockets), and version control to its own:
#: that is no configuration.
PASSED_OVER = frozenset({"gnupg"}) | _repository.VCS


def digest(value: t.Any) -> str:
    """Return the SHA-256 of a JSON value, independent of the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def files(top: str) -> dict[str, str]:
    """Return {relative path: SHA-256 of the content} of a folder; empty if there is none.

    A link counts by its target and, where that is a file, by what is in it: people link to files elsewhere.
    """
    found: dict[str, str] = {}
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in PASSED_OVER)
        for name in [*names, *(name for name in folders if os.path.islink(os.path.join(folder, name)))]:
            path = os.path.join(folder, name)
            target = f"-> {os.readlink(path)} " if os.path.islink(path) else ""
            if target or os.path.isfile(path):
                found[os.path.relpath(path, top)] = target + (_content(path) if os.path.isfile(path) else "")
    return found


def _content(path: str) -> str:
    with open(path, "rb") as handle:
        return hashlib.sha256(handle.read()).hexdigest()


def vdb(root: str) -> list[str]:
    """Return the installed packages, each with the mtime of its folder.

    By that Portage itself knows whether what it remembers of a package still holds (dbapi/vartree.py, ``aux_get``):
    every merge makes a folder anew.
    """
    found = []
    for cpv in _host.installed(root):
        with contextlib.suppress(FileNotFoundError):  # removed meanwhile
            found.append(f"{cpv} {os.stat(os.path.join(root, _host.VDB, cpv)).st_mtime_ns}")
    return found


def sourced(root: str) -> dict[str, str]:
    """Return {absolute path: SHA-256 of the content} of what make.conf sources from outside of etc/portage.

    One that is not there has no digest. The make.conf of old, beside etc/portage, is among them.
    """
    found: dict[str, str] = {}
    seen: set[str] = set()
    ahead = ["/etc/make.conf", "/etc/portage/make.conf"]
    while ahead:
        path = ahead.pop()
        place = os.path.join(root, path.lstrip("/"))
        if path in seen:
            continue
        seen.add(path)
        if os.path.isdir(place):
            ahead += [f"{path}/{name}" for name in os.listdir(place)]
            continue
        is_file = os.path.isfile(place)
        if not path.startswith("/etc/portage/"):
            found[path] = _content(place) if is_file else ""
        ahead += _sources(place, path) if is_file else []
    return found


def _sources(place: str, path: str) -> list[str]:
    """Return what the file at ``place``, which is ``path`` in its root, sources."""
    with open(place, encoding="utf-8", errors="replace") as handle:
        words = _host.sources(handle.read())
    return [os.path.normpath(os.path.join(os.path.dirname(path), word)) for word in words]


def root_state(root: str) -> dict[str, t.Any]:
    """Return the ingredients that every root has: configuration, repositories, worlds and installed set."""
    return {
        "configuration": files(os.path.join(root, "etc/portage")),
        "sourced": sourced(root),
        "repositories": _ebuilds.revisions(root),
        "world": _host.lines(os.path.join(root, _host.WORLD)),
        "world_sets": _host.lines(os.path.join(root, _host.WORLD_SETS)),
        "installed": vdb(root),
    }


def recorded(path: str) -> dict[str, t.Any]:
    """Return what ``record`` wrote; empty if nothing was, or if a crash left half of it."""
    try:
        with open(path, encoding="utf-8") as handle:
            value = json.load(handle)
    except (FileNotFoundError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def record(path: str, value: t.Mapping[str, t.Any], *, mode: int = 0o644) -> None:
    """Write the record; a reader sees the old one or the new one."""
    _files.write(path, json.dumps(value, indent=1, sort_keys=True) + "\n", mode)
