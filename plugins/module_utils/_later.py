# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wanted after a run of emerge: @preserved-rebuild, --depclean, and what becomes of offered configuration."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.larry.binhost.plugins.module_utils import (
    _afterwards,
    _config_updates,
    _depclean,
    _emerge,
    _merge_list,
    _patterns,
)
from ansible_collections.larry.binhost.plugins.module_utils._emerge_place import Run
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: ``config_files`` -> what does it. etc-update's -3 and -7 ask for each file, and nobody is there to be asked: they are
#: -5 and -9, and the question of -9 is answered.
AUTOMODES: t.Final[Mapping[str, tuple[str, ...]]] = {
    "-3": ("etc-update", "--automode", "-5"),
    "-5": ("etc-update", "--automode", "-5"),
    "-7": ("sh", "-c", "echo YES | etc-update --automode -9"),
    "-9": ("sh", "-c", "echo YES | etc-update --automode -9"),
}
CONFIG_FILES: t.Final = ("list", "keep", *AUTOMODES)
_SET: t.Final = ("@preserved-rebuild",)


def pending(wanted: Mapping[str, t.Any], root: str) -> list[str]:
    """Return what there is to do of what is wanted, but for --depclean, which emerge has to be asked about."""
    found = ["@preserved-rebuild"] if wanted["preserved_rebuild"] and _afterwards.preserved_libs(root) else []
    return found + (_config_updates.waiting(root) if wanted["config_files"] in AUTOMODES else [])


def steps(run: Run, wanted: Mapping[str, t.Any], options: Mapping[str, t.Any], root: str) -> dict[str, t.Any]:
    """Do what is wanted and return, for each that found something to do, what it did; ``words`` of what it could not.

    ``wanted``: preserved_rebuild and depclean (bool), config_files (one of CONFIG_FILES).
    """
    done: dict[str, t.Any] = {}
    words: list[str] = []
    if wanted["preserved_rebuild"] and _afterwards.preserved_libs(root):
        done["preserved_rebuild"] = _step(words, lambda: rebuild(run, options))
    if wanted["depclean"]:
        done["depclean"] = _step(words, lambda: _depclean.remove(run, options.get("with_bdeps") or "n"))
    waiting = _config_updates.waiting(root) if wanted["config_files"] in AUTOMODES else []
    if waiting:
        done["config_files"] = _step(words, lambda: settle(run, wanted["config_files"], waiting))
    return {**{name: did for name, did in done.items() if did}, **({"words": words} if words else {})}


def _step(words: list[str], do: t.Callable[[], list[str]]) -> list[str]:
    """Return what was done; all that was asked for is installed, so what can't be done is words and no failure."""
    try:
        return do()
    except BinhostError as exc:
        words.append(str(exc))
        return []


def rebuild(run: Run, options: Mapping[str, t.Any]) -> list[str]:
    """Compile what uses preserved libraries, and return it: its binaries were linked against those too.

    Only that: what it needs for that may be binary.
    """
    listed = _emerge.argv(_SET, {"oneshot": True, "nodeps": True}, pretend=True)
    packages = [merge.cpv for merge in _merge_list.parse(_said(run, listed)) if merge.kind in ("ebuild", "binary")]
    if not packages:
        return []
    itself = [options.get("usepkg_exclude") or "", *dict.fromkeys(map(_patterns.package, packages))]
    how = {name: options.get(name) for name in ("usepkg", "getbinpkg", "with_bdeps", "jobs", "load_average")}
    how = {**how, "oneshot": True, "usepkg_exclude": " ".join(filter(None, itself))}
    _said(run, _emerge.argv(_SET, how, pretend=False))
    return packages


def settle(run: Run, mode: str, waiting: list[str]) -> list[str]:
    """Let etc-update do what a mode of AUTOMODES says, and return the files that waited for it."""
    _said(run, AUTOMODES[mode])
    return waiting


def _said(run: Run, command: t.Sequence[str]) -> str:
    status, stdout, stderr = run(command)
    if status != 0:
        words = _emerge.last_words(stdout + stderr)
        raise BinhostError(f"{' '.join(command)}: expected status 0, found {status}:\n{words}")
    return stdout
