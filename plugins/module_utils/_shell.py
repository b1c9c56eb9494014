# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A person's shell, or one command, in a target's build root, with all that a build has there and nothing more.

``larry-binhost.pyz shell --repository gentoo=/var/db/repos/gentoo laptops``
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _lock, _mounts, _rootrun, _size, _stage
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._place import Place

SHELL: t.Final = ("/bin/bash", "--login")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command line of ``enter`` may be."""
    parser.add_argument("target", help="whose build root it is")
    parser.add_argument("command", nargs="*", help="what to run there instead of a shell; write -- before it")
    parser.add_argument("--repository", action="append", default=[], metavar="NAME=PATH", help="seen read-only")
    parser.add_argument("--distdir", default=_mounts.DISTDIR, help="where sources are kept (%(default)s)")
    parser.add_argument("--tmp-size", metavar="SIZE", help="memory for builds, as 8G; else they are on the disk")
    parser.add_argument(
        "--network", default="none", metavar="none|host|HOST:PORT", help="what can be reached from there (%(default)s)"
    )


def enter(options: argparse.Namespace) -> int:
    """Run the shell or command to its end and return its status.  ``options.state``: our state folder.

    No build of the target begins meanwhile.  Raises ``BinhostError``, also if one runs.
    """
    place = Place(options.target, options.state)
    if _stage.standing(place.root) is None:
        raise BinhostError(f"{place.root}: expected the build root of {options.target}, found none; build it first")
    words = options.command or SHELL
    terminal = {"TERM": os.environ.get("TERM", "dumb")}
    with _lock.held(f"build-{options.target}", state=options.state):
        command = _rootrun.argv(place.root, mounts(options, place), words, terminal, network=options.network)
        return _run(command)


def mounts(options: argparse.Namespace, place: Place) -> list[_mounts.Mount]:
    """Return what is mounted there.  Raises ``BinhostError``."""
    size = _size.in_memory(options.tmp_size, "--tmp-size") if options.tmp_size else None
    return _mounts.standard(
        repositories=dict(_repository(word) for word in options.repository),
        distdir=options.distdir,
        pkgdir=place.pkgdir,
        tmp_size=size,
        cgroup=True,
        network=options.network != "none",
    )


def _repository(word: str) -> tuple[str, str]:
    name, equals, path = word.partition("=")
    if not (name and equals and path):
        raise BinhostError(f"--repository: expected NAME=PATH, found {word!r}")
    return name, path


def _run(command: list[str]) -> int:
    """Run a command in this terminal: what is typed to interrupt is for it, not for us."""
    before = signal.signal(signal.SIGINT, lambda _number, _frame: None)  # SIG_IGN would be inherited
    try:
        return subprocess.call(command)
    finally:
        signal.signal(signal.SIGINT, before)
