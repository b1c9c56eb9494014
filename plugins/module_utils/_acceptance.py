# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a merge list means to who has to wait for it: what is a binary, what is compiled and why, and for how long."""

from __future__ import annotations

import json
import os
import statistics
import typing as t
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import (
    _files,
    _guard,
    _history,
    _live,
    _patterns,
    _seal,
)
from ansible_collections.larry.binhost.plugins.module_utils._merge_list import Merge

#: Of the packages to be compiled, those that a person is told of.
_SHOWN: t.Final = 8


@dataclass(frozen=True)
class Times:
    """Seconds that packages take here, category/name to seconds."""

    here: t.Mapping[str, float] = field(default_factory=dict)  # when they were compiled here
    master: t.Mapping[str, float] = field(default_factory=dict)  # when the master did

    @property
    def ratio(self) -> float:
        """How much longer this machine takes than the master; 1 where none was ever compiled on both."""
        both = [self.here[name] / self.master[name] for name in self.here if self.master.get(name)]
        return statistics.median(both) if both else 1.0

    def of(self, cpv: str) -> tuple[float | None, str]:
        """Return how long a package takes to compile here, and whose time that is: here, master; None and nothing."""
        name = _patterns.package(cpv)
        if name in self.here:
            return self.here[name], "here"
        if name in self.master:
            return self.master[name] * self.ratio, "master"
        return None, ""


@dataclass(frozen=True)
class Source:
    """A package that would be compiled."""

    cpv: str
    why: list[str]  # a line for each binary that isn't taken, or one that says that there is none
    fix: list[str]  # "FILE: LINE" that would have one taken
    seconds: float | None  # that it takes here; None: nobody knows
    by: str  # whose time that is


@dataclass(frozen=True)
class Acceptance:
    """What would come how; empty where nothing would."""

    binary: list[str] = field(default_factory=list)  # packages
    source: list[Source] = field(default_factory=list)
    seconds: float = 0.0  # to compile those whose time is known
    unknown: list[str] = field(default_factory=list)  # packages to compile whose time isn't


def predict(merges: t.Iterable[Merge], times: Times, *, on_slave: t.Sequence[str] = ()) -> Acceptance:
    """Return what a merge list, with the reasons that ``_candidates`` found, would do.

    ``on_slave`` are the patterns of what is meant to be compiled here.
    """
    every = list(merges)
    source = [_source(merge, times, on_slave) for merge in every if merge.kind == "ebuild"]
    known = [each.seconds for each in source if each.seconds is not None]
    unknown = [each.cpv for each in source if each.seconds is None]
    return Acceptance([merge.cpv for merge in every if merge.kind == "binary"], source, sum(known), unknown)


def _source(merge: Merge, times: Times, on_slave: t.Sequence[str]) -> Source:
    why = [f"{each.path}: {each.reason}" for each in merge.refused]
    if not why:
        why = [_without(merge.cpv, on_slave)]
    fix = [f"{proposal.file}: {proposal.line}" for each in merge.refused for proposal in each.fix]
    return Source(merge.cpv, why, list(dict.fromkeys(fix)), *times.of(merge.cpv))


def _without(cpv: str, on_slave: t.Sequence[str]) -> str:
    named = next((pattern for pattern in on_slave if _patterns.matches([pattern], cpv)), None)
    if named:
        return f"built here on purpose: build_on_slave names {named}"
    return "nothing to compile" if _patterns.matches(_guard.UNCOUNTED, cpv) else "the index has no binary of it"


def times(index: str, log: str = _history.LOG) -> Times:
    """Return what is known of times, from this machine's emerge.log and the record of the generation in ``index``."""
    return Times(_history.seconds(log).source, _recorded(index))


def _recorded(index: str) -> dict[str, float]:
    """Return what the master took; nothing where the generation came without its record."""
    try:
        packages = json.loads(_files.read(os.path.join(index, _seal.RECORD)))["packages"]
        # app-misc/foo/foo-1.2-1.gpkg.tar
        return {path.rpartition("/")[0]: float(each["seconds"]) for path, each in packages.items() if "seconds" in each}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def lines(values: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """Yield an ``Acceptance``, given as a dictionary, as a person reads it; nothing where it is empty."""
    binary, source = values.get("binary") or (), values.get("source") or ()
    if not binary and not source:
        return
    yield f"{len(binary)} from binaries, {len(source)} compiled here{estimate(values)}"
    yield from compiled(values)


def compiled(values: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """Yield the lines of what is compiled."""
    source = values.get("source") or ()
    for each in source[:_SHOWN]:
        taken = "".join(f"; {line}" for line in each["fix"])
        yield f"  {each['cpv']}{_one(each)}: {each['why'][0]}{taken and ' -> ' + taken[2:]}"
    if len(source) > _SHOWN:
        yield f"  and {len(source) - _SHOWN} more"


def estimate(values: t.Mapping[str, t.Any]) -> str:
    """Return how long all that is compiled takes, to go on with in a sentence; empty where nobody knows."""
    source, unknown = values.get("source") or (), values.get("unknown") or ()
    if not source or len(unknown) == len(source):
        return ""
    rest = f" and what {len(unknown)} more take" if unknown else ""
    return f", about {_live.minutes(values['seconds'])}{rest}"


def _one(source: t.Mapping[str, t.Any]) -> str:
    if source["seconds"] is None:
        return ""
    return f" ({_live.minutes(source['seconds'])}{', as on the master' if source['by'] == 'master' else ''})"
