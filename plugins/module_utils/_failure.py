# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one package failed: its phase, why, where its log is and how that ends.

Facts about Portage:

- A log stands in PORTAGE_TMPDIR/portage/CATEGORY/PF/temp/build.log, and where PORTAGE_LOGDIR is set, there, with a
  link to it in the other place. What succeeded is cleaned away, what failed isn't, unless FEATURES=fail-clean.
- A phase that is over leaves a file in the package's folder there (bin/phase-functions.sh), and ``die`` leaves
  ``.die_hooks``: together they tell where a build was that was killed, or whose words are lost.
"""

from __future__ import annotations

import glob
import gzip
import os
import re
import typing as t
import zlib
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import _emerge, _failure_words

#: Lines of a log that are kept.
LINES: t.Final = 30
#: Bytes of a log that are read, the last ones.
_END: t.Final = 256 << 10
#: The phases of a build in their order, and what each leaves when it is over.
_PHASES: t.Final = (
    ("unpack", ".unpacked"),
    ("prepare", ".prepared"),
    ("configure", ".configured"),
    ("compile", ".compiled"),
    ("install", ".installed"),
    ("merge", ""),
)


@dataclass(frozen=True)
class Where:
    """Where a root's Portage keeps what it writes, as seen in that root."""

    root: str = "/"
    tmpdir: str = "/var/tmp"  # PORTAGE_TMPDIR
    logdir: str = ""  # PORTAGE_LOGDIR; empty if it has none
    since: float = 0  # of the logs that stand in the latter, seconds since the epoch: older ones are of other runs


@dataclass(frozen=True)
class Failure:
    """A package that failed."""

    cpv: str
    phase: str  # Portage's word, or "fetch" or "merge"; empty where nothing tells it
    reason: str  # one line; empty where nothing tells it
    log: str  # path as the host sees it; empty if there is none any more
    lines: list[str] = field(default_factory=list)  # the end of that log, without what ``die`` says about itself
    installed: bool = False  # its files are in place all the same


def look(cpv: str, words: str, where: Where, *, stage: str = "", installed: bool = False) -> Failure:
    """Return how a package failed.

    ``words`` is what emerge said; ``stage`` a phase that is known by other means, in case nothing else tells one.
    """
    path = log_of(cpv, words, where)
    told = _failure_words.plain(_end(path).strip("\n") if path else "")
    told = told or _failure_words.plain(_failure_words.said(cpv, words))
    phase = _failure_words.phase(cpv, told) or _marked(cpv, where) or stage
    last = _emerge.last_words(_failure_words.without_trace(told), LINES)
    return Failure(cpv, phase, _failure_words.reason(cpv, told), path, last.splitlines(), installed)


# >>> Failed to emerge app-misc/hello-2.10, Log file:
#
# >>>  '/var/tmp/portage/app-misc/hello-2.10/temp/build.log'
_NAMED = re.compile(r"^>>>  '(/[^'\n]+)'", re.MULTILINE)


def log_of(cpv: str, words: str, where: Where) -> str:
    """Return the path of a package's log on the host; empty if there is none."""
    found = re.search(rf"^>>> Failed to [a-z ]+ {re.escape(cpv)}(?![\w.+-]).*Log file:", words, re.MULTILINE)
    # With several jobs, lines of progress stand between.
    named = _NAMED.search(words, found.end(), found.end() + 2000) if found else None
    places = [named[1]] if named else []
    places += [os.path.join(folder_of(cpv, where.tmpdir), "temp", name) for name in ("build.log", "build.log.gz")]
    paths = [_inside(where.root, place) for place in places] + _kept(cpv, where)
    return next((path for path in paths if os.path.isfile(path)), "")


def folder_of(cpv: str, tmpdir: str = "/var/tmp") -> str:
    """Return the folder in which Portage builds a package (PORTAGE_BUILDDIR)."""
    return os.path.join(tmpdir, "portage", cpv)


def _inside(root: str, path: str) -> str:
    """Return where a path of the root is on the host; if a link is there, it is one of the root's, too."""
    place = os.path.join(root, path.lstrip("/"))
    if not os.path.islink(place):
        return place
    link = os.readlink(place)
    return os.path.join(root, link.lstrip("/")) if link.startswith("/") else os.path.join(os.path.dirname(place), link)


def _kept(cpv: str, where: Where) -> list[str]:
    """Return a package's logs in PORTAGE_LOGDIR, the newest first; FEATURES=split-log gives each category a folder."""
    if not where.logdir:
        return []
    category, _slash, pf = cpv.partition("/")
    folder = glob.escape(os.path.join(where.root, where.logdir.lstrip("/")))
    names = (f"{glob.escape(f'{category}:{pf}')}:*.log*", f"build/{category}/{glob.escape(pf)}:*.log*")
    logs = {path: os.path.getmtime(path) for name in names for path in glob.glob(os.path.join(folder, name))}
    return sorted((path for path, time in logs.items() if time >= where.since), key=logs.__getitem__, reverse=True)


def _end(path: str) -> str:
    """Return the end of a log; of a damaged archive, what can be read of it."""
    kept, packed = b"", path.endswith(".gz")
    try:
        with t.cast("t.BinaryIO", gzip.open(path, "rb") if packed else open(path, "rb")) as handle:
            if not packed:
                handle.seek(max(0, os.path.getsize(path) - _END))
            while block := handle.read(1 << 20):
                kept = (kept + block)[-_END:]
    except (OSError, EOFError, zlib.error):
        pass
    return kept.decode("utf-8", "replace")


def _marked(cpv: str, where: Where) -> str:
    """Return the phase of a build that has left its folder: the first that isn't over. Empty if it left none."""
    folder = _inside(where.root, folder_of(cpv, where.tmpdir))
    if not os.path.isdir(os.path.join(folder, "temp")):
        return ""
    over = [bool(marker) and os.path.exists(os.path.join(folder, marker)) for _phase, marker in _PHASES]
    if not any(over):
        return "unpack" if os.path.isdir(os.path.join(folder, "work")) else ""
    return _PHASES[over.index(False, over.index(True))][0]
