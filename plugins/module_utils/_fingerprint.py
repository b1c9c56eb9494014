# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A digest of everything that emerge's answer depends on: equal to the last run's means that nothing is to do."""

from __future__ import annotations

import hashlib
import json
import os
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _files, _host, _repository

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
    """Return the installed packages, each with its COUNTER, which grows with every merge (portage vartree.py)."""
    found = []
    for cpv in _host.installed(root):
        try:
            with open(os.path.join(root, _host.VDB, cpv, "COUNTER"), encoding="ascii") as handle:
                found.append(f"{cpv} {handle.read().strip()}")
        except FileNotFoundError:
            found.append(cpv)
    return found


def root_state(root: str) -> dict[str, t.Any]:
    """Return the ingredients that every root has: configuration tree, worlds and installed set."""
    return {
        "configuration": files(os.path.join(root, "etc/portage")),
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
