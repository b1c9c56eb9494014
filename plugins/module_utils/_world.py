# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's packages against its index: what emerge would do, whether that is allowed, and what it then did."""

from __future__ import annotations

import hashlib
import os
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import (
    _ebuilds,
    _emerge,
    _fingerprint,
    _merge_list,
    _patterns,
    _tree_plan,
    _tree_stage,
)
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

LOG = "/var/log/emerge.log"


class Run(t.Protocol):
    """How to run a program; ``AnsibleModule.run_command`` is one."""

    def __call__(self, args: t.Any, /, *, environ_update: t.Mapping[str, str]) -> tuple[int, str, str]:
        """Return exit status, stdout and stderr; a status other than 0 is no exception."""


def state(index: str, overlays: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Return everything that emerge's answer on this host depends on.

    ``index`` is the folder of its local index, beside which the target's repositories are; ``overlays`` are the
    others, name to place.
    """
    common = _fingerprint.root_state("/")
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


def pending(
    run: Run, atoms: t.Sequence[str], options: t.Mapping[str, t.Any], *, configroot: str = ""
) -> list[_merge_list.Merge]:
    """Return the merge list: what emerge would merge or remove, with the configuration below ``configroot`` if given.

    Raises ``BinhostError`` with Portage's words if it refuses.
    """
    command = _emerge.argv(atoms, options, pretend=True)
    elsewhere = {"PORTAGE_CONFIGROOT": configroot} if configroot else {}
    status, stdout, stderr = run(command, environ_update={**_emerge.ENVIRONMENT, **elsewhere})
    if status != 0:
        raise BinhostError(
            f"{' '.join(command)}: expected a merge list, found status {status}:\n{_emerge.last_words(stdout + stderr)}"
        )
    return [merge for merge in _merge_list.merge_list(stdout) if merge.kind != "nomerge"]


def foreseen(
    run: Run, atoms: t.Sequence[str], options: t.Mapping[str, t.Any], changes: t.Sequence[_tree_plan.Change], place: str
) -> list[_merge_list.Merge]:
    """Return the merge list as it will be once the changes are made to this host's configuration.

    The tree is assembled in the empty folder ``place``.  Raises ``BinhostError`` as ``pending``.
    """
    _tree_stage.assemble("/", place, changes, seen="/")
    ours = ["@binhost"] if _tree_stage.joins_world(changes) else []
    return pending(run, [*atoms, *ours], options, configroot=place)


#: What to do where a host would compile more than it may.
REMEDY: t.Final = "Let the master build them (run site.yml while it is on), or raise slave_max_source."


def guard(
    merges: t.Iterable[_merge_list.Merge], max_source: int | None, on_slave: t.Sequence[str] = (), remedy: str = REMEDY
) -> None:
    """Raise ``BinhostError``, which ends in ``remedy``, if more packages would be compiled than allowed.

    None allows any number. Those that ``on_slave`` names are meant to be compiled here and don't count.
    """
    source = [
        f"{merge.cpv}::{merge.repository} {merge.rest}".strip()
        for merge in merges
        if merge.kind == "ebuild" and not _patterns.matches(on_slave, merge.cpv)
    ]
    if max_source is not None and len(source) > max_source:
        listed = "\n  ".join(source)
        raise BinhostError(
            f"merge list: expected at most {max_source} packages to compile here, found {len(source)}:\n  {listed}\n"
            f"Nothing was started. {remedy}"
        )


def shown(merges: t.Iterable[_merge_list.Merge]) -> str:
    """Return the merge list as a person reads it, a line each."""
    return "".join(f"{merge.kind:9} {merge.marks:3} {merge.cpv} {merge.rest}".rstrip() + "\n" for merge in merges)


def log_size(path: str = LOG) -> int:
    """Return the size of emerge.log, in bytes: where the next run's part begins."""
    return os.path.getsize(path) if os.path.exists(path) else 0


def log_since(offset: int, path: str = LOG) -> str:
    """Return what was added to emerge.log since it had ``offset`` bytes; all of it if it has been rotated since."""
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as handle:
        if os.path.getsize(path) >= offset:
            handle.seek(offset)
        return handle.read()


def why_failed(outcome: _emerge.Outcome, words: str, root: str = "/") -> str:
    """Return the end of the build log of each package that failed; what emerge said last if there is none.

    Portage keeps the log of a failed build in PORTAGE_TMPDIR, below /var/tmp unless the person moved it.
    """
    told = []
    for cpv in outcome.failed:
        path = os.path.join(root, "var/tmp/portage", cpv, "temp/build.log")
        if os.path.exists(path):
            told.append(f"{cpv} failed; the end of {path}:\n{_emerge.last_words(log_since(0, path), 20)}")
    return "\n".join(told) or words


def merge(
    run: Run, atoms: t.Sequence[str], options: t.Mapping[str, t.Any], *, log: str = LOG
) -> tuple[int, _emerge.Outcome, str]:
    """Run emerge and return its status, what its log says that it did, and its last words."""
    offset = log_size(log)
    status, stdout, stderr = run(_emerge.argv(atoms, options, pretend=False), environ_update=_emerge.ENVIRONMENT)
    return status, _emerge.outcome(log_since(offset, log)), _emerge.last_words(stdout + stderr)
