# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of emerge leaves to a person: the truth about a root afterwards, found without starting a program."""

from __future__ import annotations

import contextlib
import json
import os
import typing as t
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import (
    _config_updates,
    _elog,
    _kernels,
    _paths,
    _sigill,
    _stale,
)
from ansible_collections.larry.binhost.plugins.module_utils._elog import Message
from ansible_collections.larry.binhost.plugins.module_utils._run_mark import Mark
from ansible_collections.larry.binhost.plugins.module_utils._stale import Stale

#: Portage lib/portage/util/_dyn_libs/PreservedLibsRegistry.py.
REGISTRY: t.Final = "var/lib/portage/preserved_libs_registry"
#: Portage lib/portage/news.py, ``NewsManager``; GLEP 42.
NEWS: t.Final = "var/lib/gentoo/news"


@dataclass(frozen=True)
class Preserved:
    """Libraries that stay although no package has them any more, because others still use them."""

    cpv: str  # that they belonged to
    paths: list[str]


@dataclass(frozen=True)
class Afterwards:
    """What there is to do or to read; each empty where there is nothing."""

    preserved_libs: list[Preserved] = field(default_factory=list)
    news: list[str] = field(default_factory=list)  # "gentoo: 2026-11-20-title"
    config_files: list[str] = field(default_factory=list)  # "/etc/._cfg0000_name"
    elog: list[Message] = field(default_factory=list)  # of this run
    kernel_modules: list[str] = field(default_factory=list)  # a line each
    deleted_files: list[Stale] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)  # a line for each binary that the CPU could not run


def look(
    root: str = "/", begun: Mark | None = None, words: str = "", *, proc: str = "/proc", state: str = _paths.STATE
) -> Afterwards:
    """Return what a run left that began at ``begun`` and printed ``words``; without a mark, no messages of packages.

    In a build root nothing runs and boots.
    """
    is_host = os.path.realpath(root) == "/"
    return Afterwards(
        preserved_libs=preserved_libs(root),
        news=unread_news(root),
        config_files=_config_updates.waiting(root),
        elog=_elog.read(begun, words, root) if begun else [],
        kernel_modules=_kernels.look(root, os.uname().release) if is_host else [],
        deleted_files=_stale.look(proc) if is_host else [],
        crashed=[each.text for each in _sigill.here(state)] if is_host else [],
    )


def preserved_libs(root: str = "/") -> list[Preserved]:
    """Return the registered libraries that are still there; as Portage, with links only beside what they lead to."""
    try:
        with open(os.path.join(root, REGISTRY), encoding="utf-8") as handle:
            entries = json.loads(handle.read() or "{}").values()
        found = [Preserved(str(cpv), _present(root, paths)) for cpv, _counter, paths in entries]
    except (OSError, ValueError, AttributeError, TypeError):
        return []
    return sorted((each for each in found if each.paths), key=lambda each: each.cpv)


def _present(root: str, paths: t.Iterable[str]) -> list[str]:
    places = {path: os.path.join(root, path.lstrip("/")) for path in sorted(paths)}
    files = [path for path, place in places.items() if os.path.isfile(place) and not os.path.islink(place)]
    links = {path: os.readlink(place) for path, place in places.items() if os.path.islink(place)}
    kept = [path for path, link in links.items() if os.path.join(os.path.dirname(path), link) in files]
    return sorted([*files, *kept])


def unread_news(root: str = "/") -> list[str]:
    """Return the news items that nobody has read, with their repositories."""
    folder = os.path.join(root, NEWS)
    found = []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        if name.startswith("news-") and name.endswith(".unread"):
            with contextlib.suppress(OSError), open(os.path.join(folder, name), encoding="utf-8") as handle:
                repository = name[len("news-") : -len(".unread")]
                found += [f"{repository}: {line.strip()}" for line in handle if line.strip()]
    return found
