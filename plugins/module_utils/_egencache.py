# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metadata cache of an ebuild repository, as mirrors ship it and a clone lacks it: without it Portage is slow.

Portage's own egencache makes it (egencache(1)).  What it reads are ebuilds and eclasses, the masters' too, as bash: so
it has no network, and of this host's configuration nothing.  An entry names the digests of all that it was made of, so
one that is still right, from an older cache, is kept as it is.
"""

from __future__ import annotations

import os
import shutil
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _durable, _files, _fragments, _rootrun
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._process import Run

CACHE: t.Final = "metadata/md5-cache"
_LAYOUT: t.Final = "metadata/layout.conf"
_APART: t.Final = ("unshare", "--net", "--mount", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc")
_WORDS_SHOWN: t.Final = 400  # of what egencache says, the last


class Repository(t.NamedTuple):
    """A repository that is to get a cache."""

    name: str
    folder: str
    masters: t.Mapping[str, str]  # name to folder, in their order


def masters(folder: str) -> list[str]:
    """Return the repositories whose eclasses this one may inherit, of its layout.conf.

    Portage takes the main repository where that is silent (repository/config.py); a pinned one has to say it.
    """
    return _layout(folder, "masters").split()


def own_name(folder: str) -> str:
    """Return what a repository calls itself; empty if it doesn't (PMS 4.4.2: repo_name; portage: layout.conf first)."""
    return _layout(folder, "repo-name") or _text(os.path.join(folder, "profiles/repo_name")).strip()


def _layout(folder: str, wanted: str) -> str:
    """Return the value of a key of metadata/layout.conf."""
    for line in _text(os.path.join(folder, _LAYOUT)).splitlines():
        key, equals, value = line.partition("=")
        if equals and key.strip() == wanted:
            return value.strip()
    return ""


def eclasses(folder: str) -> str:
    """Return a digest of a repository's eclasses."""
    place = os.path.join(folder, "eclass")
    names = sorted(os.listdir(place)) if os.path.isdir(place) else []
    found = [(name, os.path.join(place, name)) for name in names if name.endswith(".eclass")]
    told = "".join(f"{name} {_durable.digests(path, 'sha256')['sha256']}\n" for name, path in found)
    return _files.digest(told)


def update(run: Run, repository: Repository, place: str, *, older: str = "", jobs: int = 1) -> str:
    """Give a repository its cache, beginning with that of the folder ``older``; return what of it couldn't be made.

    ``place`` is an empty folder for what Portage needs meanwhile.  Raises ``BinhostError`` if there is none then.
    """
    cache, before = os.path.join(repository.folder, CACHE), os.path.join(older, CACHE)
    if older and os.path.isdir(before) and not os.path.isdir(cache):
        shutil.copytree(before, cache, copy_function=shutil.copyfile)
    root, known = os.path.join(place, "configroot"), os.path.join(place, "cache")
    for folder in (os.path.join(root, "etc/portage"), known):
        _files.directory(folder)
    environment = [f"{name}={value}" for name, value in {**_rootrun.ENVIRONMENT, "LC_ALL": "C.UTF-8"}.items()]
    command = ["egencache", "--update", "--tolerant", "--ignore-default-opts", f"--jobs={jobs}"]
    command += ["--repo", repository.name, "--config-root", root, "--cache-dir", known]
    command += ["--repositories-configuration", configuration(repository)]
    status, out, err = run([*_APART, "/usr/bin/env", "-i", *environment, *command])
    words = _told(out + err)
    if status == 127 or not os.path.isdir(cache):
        raise BinhostError(f"{repository.name}: expected egencache to make {CACHE}, found: {words[-_WORDS_SHOWN:]}")
    return words


def configuration(repository: Repository) -> str:
    """Return the repos.conf in which this repository and its masters are all that there is."""
    first = next(iter(repository.masters), repository.name)
    sections = {"DEFAULT": {"main-repo": first}}
    sections.update({name: {"location": folder} for name, folder in repository.masters.items()})
    own = {"location": repository.folder, "masters": " ".join(repository.masters)}
    sections[repository.name] = own if repository.masters else {"location": repository.folder}
    return _fragments.ini(sections, header="")


def _told(words: str) -> str:
    """Return the lines that name what couldn't be made; those of the ebuilds themselves if none does."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    named = [line for line in lines if line.startswith("Error processing")]
    return "; ".join(named or lines[-3:])


def _text(path: str) -> str:
    try:
        return _files.read(path)
    except OSError:
        return ""
