# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What in a machine's files will not do what its person thinks, seen without asking Portage."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping

from ansible_collections.larry.binhost.plugins.module_utils import _fragments, _host

Facts = t.Mapping[str, t.Any]
Files = Mapping[str, str]  # path below etc/portage -> text

CPU_FLAGS: t.Final = ("CPU_FLAGS_X86", "CPU_FLAGS_ARM", "CPU_FLAGS_PPC")
_ASSIGNED = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=", re.MULTILINE)
TARGETS_CONF: t.Final = "make.conf/01-target.conf"


def remarks(facts: Facts, target: Mapping[str, t.Any], files: Files) -> list[str]:
    """Return a sentence for each; ``files`` are what we write on that machine, ``facts`` have its person's own."""
    own = facts["configuration"]
    whole = {**own, **files}
    parts = (
        _defeats(whole),
        _own_cpu_flags(own),
        _profile(facts, target),
        _overlays(facts, target),
        _unread(facts),
    )
    return [sentence for part in parts for sentence in part]


def defeated(files: Files) -> list[tuple[str, str, str]]:
    """Return path, variable and the file of make.conf that defeats it, for each line ``*/*`` that has no effect.

    Portage reads ``*/*`` as if it stood in USE of make.conf, and what make.conf says of a variable of USE_EXPAND after
    that (config.py, ``extract_global_USE_changes``, ``regenerate``).
    """
    assigned: dict[str, str] = {}
    for path in sorted(files):
        if _in(path, "make.conf") or path == f"make.conf{_host.BESIDE}":
            names = set(_ASSIGNED.findall(files[path])) - _fragments.INCREMENTALS
            assigned.update(dict.fromkeys(sorted(names), path))
    found = []
    for path in sorted(files):
        for word in _everywhere(files[path]) if _in(path, "package.use") else ():
            found += [(path, name, assigned[name]) for name in assigned if _is_of(word, name)]
    return list(dict.fromkeys(found))


def cpu_flags(words: t.Iterable[str]) -> list[str]:
    """Return which words of a line of package.use, or of USE, say something of the CPU."""
    starts = tuple(f"{name.lower()}_" for name in CPU_FLAGS)
    return [word for word in words if word.rstrip(":") in CPU_FLAGS or word.lstrip("-").startswith(starts)]


def _in(path: str, name: str) -> bool:
    return path == name or path.startswith(f"{name}/")


def _lines(text: str) -> Iterator[list[str]]:
    """Yield the words of each line of package.use."""
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words:
            yield words


def _everywhere(text: str) -> Iterator[str]:
    """Yield what the lines ``*/*`` of a file say."""
    for atom, *words in _lines(text):
        yield from words if atom == "*/*" else ()


def _is_of(word: str, variable: str) -> bool:
    """Return whether ``VIDEO_CARDS:`` or ``-video_cards_intel`` is a word of that variable."""
    return word == f"{variable}:" or word.lstrip("-").startswith(f"{variable.lower()}_")


def _defeats(files: Files) -> Iterator[str]:
    for path, variable, conf in defeated(files):
        yield (
            f"{path}: the line */* has no effect on {variable}, since {conf} says {variable}: "
            "only lines for single packages win against that"
        )


def _own_cpu_flags(own: Files) -> Iterator[str]:
    for path, text in sorted(own.items()):
        if _in(path, "make.conf") and path > TARGETS_CONF:
            for variable in sorted(set(_ASSIGNED.findall(text)) & set(CPU_FLAGS)):
                yield f"{path}: {variable} is the target's; with another one the target's binaries are refused here"
        if _in(path, "package.use"):
            said = {word for atom, *words in _lines(text) if atom != "*/*" for word in cpu_flags(words)}
            if said:
                yield f"{path}: {' '.join(sorted(said))}: what the CPU can do is the target's to say; take it out"


def _profile(facts: Facts, target: Mapping[str, t.Any]) -> Iterator[str]:
    """A machine that we have configured has the target's."""
    place = str(facts["portage"].get("profile") or "")
    found = place.partition("/profiles/")[2]
    expected = target["links"]["make.profile"].partition("/profiles/")[2]
    if found and found != expected:
        yield f"its profile {found} becomes {expected}: what is installed here may be installed once more"


def _overlays(facts: Facts, target: Mapping[str, t.Any]) -> Iterator[str]:
    others = sorted(set(facts["portage"]["repositories"]) - set(target["repositories"]))
    if others:
        yield (
            f"what it takes from {', '.join(others)} is compiled here: "
            f"add that to binhost_targets.{target['declared']}.repositories and to repos.conf of {target['master']}"
        )


def _unread(facts: Facts) -> Iterator[str]:
    for path, reason in sorted((facts.get("configuration_unread") or {}).items()):
        single = path.startswith(tuple(f"{each}/" for each in _host.SINGLE))
        meaning = "the master builds without it" if single else "until then nothing is built for this host alone"
        yield f"{path}: {reason}; {meaning}"
