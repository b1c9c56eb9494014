# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a package is compiled although the index has binaries of it.

Portage says three of its reasons (lib/_emerge/depgraph.py, _show_ignored_binaries), and passes the others over in
silence (_select_pkg_highest_available_imp). Of these its own Python is asked for masks; what a binary was built with
and against, another version and another repository are compared here.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import typing as t
from collections.abc import Container, Iterable, Mapping, Sequence

from ansible_collections.larry.binhost.plugins.module_utils import (
    _candidates_program,
    _files,
    _ignored,
    _local,
    _packages,
    _patterns,
    _portage_query,
    _refusal,
)
from ansible_collections.larry.binhost.plugins.module_utils._merge_list import Merge, Refused
from ansible_collections.larry.binhost.plugins.module_utils._packages import Package
from ansible_collections.larry.binhost.plugins.module_utils._refusal import Proposal

#: Asked at once; a command line has its limits.
_AT_ONCE: t.Final = 400


def why(
    run: _portage_query.Run,
    merges: Iterable[Merge],
    index: str,
    *,
    said: str = "",
    excluded: Sequence[str] = (),
    configroot: str = "/",
) -> dict[str, tuple[Refused, ...]]:
    """Return each package to be compiled that the index has binaries of -> why it was not taken, for each of them.

    Binaries of other versions, of the same slot, are told where there is none of the version. ``index`` is the folder
    of the index; ``said`` what emerge said along with the merge list (stderr); ``excluded`` the patterns it was given
    by --usepkg-exclude. Raises ``BinhostError`` if Portage can't be asked.
    """
    every = list(merges)
    wanted = {merge.cpv: merge for merge in every if merge.kind == "ebuild"}
    candidates = _candidates(wanted.values(), _entries(index))
    answers = _asked(run, index, configroot, {each.path: cpv for cpv, found in candidates.items() for each in found})
    grounds = (
        _excluded(excluded),
        _masked,
        _said(_ignored.read(said)),
        _other_use,
        _version,
        _built_against(every),
        _repository,
    )
    found = {cpv: tuple(each) for cpv, each in _unfit(wanted, index).items()}
    for cpv, entries in candidates.items():
        pairs = ((entry, answers.get(entry.path, {})) for entry in entries)
        told = tuple(_refused(wanted[cpv], entry, answer, grounds) for entry, answer in pairs)
        found[cpv] = (*found.get(cpv, ()), *told)
    return found


def _unfit(wanted: Iterable[str], index: str) -> dict[str, list[Refused]]:
    """Return package -> those of its binaries that were left out of the index because this machine can't run them."""
    found: dict[str, list[Refused]] = {}
    by_name = {cpv.partition("/")[2]: cpv for cpv in wanted}
    for path, why in _local.excluded(index).items():
        # app-misc/foo/foo-1.2-1.gpkg.tar
        name, _dash, build_id = path.rpartition("/")[2].partition(".gpkg.tar")[0].rpartition("-")
        cpv = by_name.get(name)
        if cpv and path.startswith(f"{_patterns.package(cpv)}/") and build_id.isdigit():
            found.setdefault(cpv, []).append(Refused(path, int(build_id), "unfit", why.text))
    return found


def explained(merges: Iterable[Merge], reasons: Mapping[str, tuple[Refused, ...]]) -> list[Merge]:
    """Return the merges, those that are compiled with the reasons that ``why`` found."""
    return [
        dataclasses.replace(merge, refused=reasons[merge.cpv])
        if merge.kind == "ebuild" and merge.cpv in reasons
        else merge
        for merge in merges
    ]


def _entries(index: str) -> dict[str, list[Package]]:
    """Return ``category/name`` -> its binaries in the index; nothing where there is no index."""
    found: dict[str, list[Package]] = {}
    try:
        text = _files.read(os.path.join(index, "Packages"))
    except FileNotFoundError:
        return found
    for entry in _packages.packages(_packages.parse(text)):
        found.setdefault(_patterns.package(entry.cpv), []).append(entry)
    return found


def _candidates(merges: Iterable[Merge], entries: Mapping[str, Sequence[Package]]) -> dict[str, list[Package]]:
    """Return cpv -> its binaries; those of other versions of its slot if there are none."""
    found = {}
    for merge in merges:
        there = entries.get(_patterns.package(merge.cpv), ())
        same = [entry for entry in there if entry.cpv == merge.cpv]
        beside = [entry for entry in there if _main(entry.slot) == _main(merge.slot or "0")]
        if same or beside:
            found[merge.cpv] = same or beside
    return found


def _main(slot: str) -> str:
    """Return a slot without its sub-slot."""
    return slot.partition("/")[0]


Answer = Mapping[str, t.Any]
#: A kind, a reason and the lines that would have a binary taken; None where this is not why.
Found = t.Optional[tuple[str, str, tuple[Proposal, ...]]]
Ground = t.Callable[[Merge, Package, Answer], Found]


def _asked(
    run: _portage_query.Run, index: str, configroot: str, wanted: Mapping[str, str]
) -> dict[str, dict[str, t.Any]]:
    """Return what Portage's Python says of the binaries at these paths."""
    answers: dict[str, dict[str, t.Any]] = {}
    pairs = list(wanted.items())
    for start in range(0, len(pairs), _AT_ONCE):
        part = json.dumps(dict(pairs[start : start + _AT_ONCE]))
        answers.update(_portage_query.answer(run, _candidates_program.PROGRAM, index, configroot, part))
    return answers


def _refused(merge: Merge, entry: Package, answer: Answer, grounds: Iterable[Ground]) -> Refused:
    """Return the first ground on which a binary is refused."""
    found = next(filter(None, (ground(merge, entry, answer) for ground in grounds)), None)
    kind, reason, fix = found or ("unknown", "Portage gives no reason; see emerge --debug", ())
    return Refused(entry.path, entry.build_id, kind, reason, fix)


def _excluded(patterns: Sequence[str]) -> Ground:
    def ground(merge: Merge, entry: Package, answer: Answer) -> Found:
        named = [pattern for pattern in patterns if _patterns.matches([pattern], entry.cpv)]
        return ("excluded", f"excluded by build_on_slave, which names {named[0]}", ()) if named else None

    return ground


def _masked(merge: Merge, entry: Package, answer: Answer) -> Found:
    masks = answer.get("masks", [])
    if not masks:
        return None
    reasons = ", ".join(masks)
    if reasons.startswith("CHOST: "):
        return (
            "chost",
            f"masked by: {reasons}",
            (Proposal("make.conf", f'ACCEPT_CHOSTS="{answer["chost"]} {entry.chost}"'),),
        )
    return _refusal.mask_kind(reasons), f"masked by: {reasons}", _refusal.unmasking(entry.cpv, masks)


def _said(told: _ignored.Ignored) -> Ground:
    def ground(merge: Merge, entry: Package, answer: Answer) -> Found:
        flags = _matching(told.use.get(entry.cpv, ()), set(entry.values.get("USE", "").split()))
        if flags:
            fix = (Proposal("package.use", f"={entry.cpv} {flags}"),)
            return "use", f"ignored due to non matching USE: {flags}", fix
        if entry.cpv in told.changed_deps:
            return "changed_deps", "ignored due to changed dependencies: it has to be built anew", ()
        if entry.cpv in told.patched:
            places = (_patterns.package(entry.cpv), entry.cpv, re.sub(r"-r\d+$", "", entry.cpv))
            files = [path for path in told.patches if path.rpartition("/")[0].partition(":")[0] in places]
            return "patches", f"ignored due to user patches: {' '.join(files)}".rstrip(" :"), ()
        return None

    return ground


def _matching(lines: Iterable[Sequence[str]], use: Container[str]) -> str:
    """Return the flags that emerge tells of the binary with this USE: of several builds, which it doesn't name, those
    that it agrees with, and of these the most.
    """
    agreeing = [line for line in lines if all((flag.lstrip("-") in use) != flag.startswith("-") for flag in line)]
    longest = sorted(agreeing, key=len)[-1:]
    return " ".join(*longest) if longest else ""


def _other_use(merge: Merge, entry: Package, answer: Answer) -> Found:
    """Tell the flags that differ where Portage says nothing, since a dependency needs one of them: no line helps."""
    if entry.cpv != merge.cpv:
        return None
    use, known = set(entry.values.get("USE", "").split()), set(_iuse(entry))
    shown = {flag.full: flag.enabled for flag in merge.use if flag.change != "removed"}
    names = [name for name in sorted(known & set(shown)) if shown[name] != (name in use)]
    words = " ".join(name if name in use else f"-{name}" for name in names)
    return ("use", f'built with USE="{words}", which is not what is wanted here', ()) if words else None


def _iuse(entry: Package) -> list[str]:
    return [flag.lstrip("+-") for flag in entry.values.get("IUSE", "").split()]


def _built_against(merges: Sequence[Merge]) -> Ground:
    """Tell a dependency with := that is, or becomes, of another sub-slot than a binary was built against."""
    coming = {
        (_patterns.package(merge.cpv), _main(merge.slot or "0")): merge.slot or "0"
        for merge in merges
        if merge.kind in ("ebuild", "binary")
    }

    def ground(merge: Merge, entry: Package, answer: Answer) -> Found:
        for package, slot, installed in answer.get("built", ()):
            becomes = coming.get((package, _main(slot)))
            full = becomes if becomes is None or "/" in becomes else f"{becomes}/{becomes}"
            if full is None and not installed:
                return "slot", f"built against {package}:{slot}=, which is not installed", ()
            if full is not None and full != slot:
                return "slot", f"built against {package}:{slot}=, which becomes {package}:{full}", ()
        return None

    return ground


def _version(merge: Merge, entry: Package, answer: Answer) -> Found:
    if entry.cpv == merge.cpv:
        return None
    fix = (Proposal("package.mask", f"={merge.cpv}"),) if answer.get("older") else ()
    return "version", f"the index has {entry.cpv}, Portage prefers {merge.cpv}", fix


def _repository(merge: Merge, entry: Package, answer: Answer) -> Found:
    if not merge.repository or entry.repo == merge.repository:
        return None
    fix = (Proposal("package.mask", f"={merge.cpv}::{merge.repository}"),)
    return "repository", f"from the repository {entry.repo}, Portage prefers {merge.repository}", fix
