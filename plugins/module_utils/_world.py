# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's packages against its index: what decides emerge's answer, and that answer."""

from __future__ import annotations

import hashlib
import os
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _ebuilds,
    _emerge,
    _fingerprint,
    _merge_list,
    _tree_plan,
    _tree_stage,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError


class RefusedError(BinhostError):
    """emerge doesn't show a merge list; ``text`` is all that it said."""

    def __init__(self, message: str, text: str) -> None:
        """Take the message and Portage's words."""
        super().__init__(message)
        self.text = text


class Run(t.Protocol):
    """How to run a program; ``AnsibleModule.run_command`` is one."""

    def __call__(self, args: t.Any, /, *, environ_update: t.Mapping[str, str]) -> tuple[int, str, str]:
        """Return exit status, stdout and stderr; a status other than 0 is no exception."""


def state(index: str, overlays: t.Mapping[str, str], root: str = "/") -> dict[str, t.Any]:
    """Return everything that emerge's answer on this host, or in a build root, depends on.

    ``index`` is the folder of its local index, beside which the target's repositories are; ``overlays`` are the
    others, name to place.
    """
    common = _fingerprint.root_state(root)
    known = common["repositories"]
    return {
        **common,
        "index": os.path.realpath(index),
        "packages": _index_identity(index),
        "overlays": {
            name: known.get(place) or _ebuilds.revision(place)
            for name, place in overlays.items()
            if os.path.isdir(place)
        },
    }


def _index_identity(index: str) -> str:
    try:
        with open(os.path.join(index, "Packages"), "rb") as handle:
            return hashlib.sha256(handle.read()).hexdigest()
    except FileNotFoundError:
        return "none"


class Listing(t.NamedTuple):
    """What emerge would do."""

    merges: list[_merge_list.Merge]
    said: str  # beside that, on stderr


def ask(
    run: Run,
    atoms: t.Sequence[str],
    options: t.Mapping[str, t.Any],
    *,
    configroot: str = "",
    extra: t.Sequence[str] = (),
) -> Listing:
    """Return what emerge would merge or remove, with the configuration below ``configroot`` if given.

    Raises ``RefusedError`` with Portage's words if it refuses.
    """
    command = _emerge.argv(atoms, options, pretend=True, extra=extra)
    elsewhere = {"PORTAGE_CONFIGROOT": configroot} if configroot else {}
    status, stdout, stderr = run(command, environ_update={**_emerge.ENVIRONMENT, **elsewhere})
    if status != 0:
        said = stdout + stderr
        words = f"{' '.join(command)}: expected a merge list, found status {status}:\n{_emerge.last_words(said)}"
        raise RefusedError(words, said)
    return Listing([merge for merge in _merge_list.parse(stdout) if merge.kind != "nomerge"], stderr)


def ask_with(
    run: Run,
    atoms: t.Sequence[str],
    options: t.Mapping[str, t.Any],
    changes: t.Sequence[_tree_plan.Change],
    place: str,
    *,
    extra: t.Sequence[str] = (),
) -> Listing:
    """Return the same as it will be once the changes are made to this host's configuration.

    The tree is assembled in the empty folder ``place``.  Raises ``BinhostError`` as ``ask``.
    """
    _tree_stage.assemble("/", place, changes, seen="/")
    ours = ["@binhost"] if _tree_stage.joins_world(changes) else []
    return ask(run, [*atoms, *ours], options, configroot=place, extra=extra)
