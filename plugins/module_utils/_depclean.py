# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove what neither the inventory nor the machine's person asks for any more.

Only after an update that left nothing undone, and with the same word about build-time dependencies as the update had:
otherwise one installs what the other removes. What Portage can't be sure of it removes nothing of (emerge(1)).
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _emerge, _tree_plan, _tree_stage
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: How to run emerge with these words: on this host, or in a build root.
Run = t.Callable[[list[str]], tuple[int, str, str]]
#: The last line of what it would remove (_emerge/unmerge.py).
_SELECTED = re.compile(r"^All selected packages: (.*)$", re.MULTILINE)


def argv(bdeps: str, *, pretend: bool) -> list[str]:
    """Return the command line; ``bdeps`` is ``y`` or ``n``, as the update had it."""
    mode = ["--pretend"] if pretend else []
    return ["emerge", *_emerge.ALWAYS, "--depclean", f"--with-bdeps={bdeps}", *mode]


def selected(text: str) -> list[str]:
    """Return the packages that ``emerge --depclean --pretend`` says it would remove, sorted."""
    return sorted(word.lstrip("=") for line in _SELECTED.findall(text) for word in line.split())


def pending(run: Run, bdeps: str) -> list[str]:
    """Return what would be removed.  Raises ``BinhostError`` with Portage's words where it can't be sure."""
    status, stdout, stderr = run(argv(bdeps, pretend=True))
    if status != 0:
        words = _emerge.last_words(stdout + stderr)
        raise BinhostError(f"emerge --depclean: expected what nothing needs, found status {status}:\n{words}")
    return selected(stdout)


def foreseen(run: Run, bdeps: str, changes: t.Sequence[_tree_plan.Change], place: str) -> list[str]:
    """Return what would be removed once the changes are made, whose tree is assembled in the folder ``place``.

    Raises ``BinhostError`` as ``pending``, and where nobody can know: the world is no part of that tree.
    """
    if _tree_stage.joins_world(changes):
        raise BinhostError("emerge --depclean: unknown before @binhost is part of the world, which it isn't yet")
    return pending(lambda command: run(["env", f"PORTAGE_CONFIGROOT={place}", *command]), bdeps)


def remove(run: Run, bdeps: str) -> list[str]:
    """Remove what nothing needs and return it.  Raises ``BinhostError``; then it may have removed some of it."""
    found = pending(run, bdeps)
    if found:
        status, stdout, stderr = run(argv(bdeps, pretend=False))
        if status != 0:
            words = _emerge.last_words(stdout + stderr)
            raise BinhostError(f"emerge --depclean: expected status 0, found {status}:\n{words}")
    return found
