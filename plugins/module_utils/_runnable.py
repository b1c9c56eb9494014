# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages, that somebody's own emerge made, every slave of a target can run: a question of their CFLAGS.

No index names them.  They are in the package itself and in the database of installed packages.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.larry.binhost.plugins.module_utils import _compiler, _portage_query
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._portage_query import Run

#: Prints path -> [CFLAGS, CXXFLAGS] of the package files named as arguments; null for one that can't be read.
PROGRAM: t.Final = """
import json, sys
import portage
from portage import gpkg, xpak
def flags(path):
    try:
        if path.endswith(".gpkg.tar"):
            said = gpkg.gpkg(portage.settings, None, path).get_metadata()
        else:
            said = xpak.tbz2(path).get_data()
        text = {name.decode() if isinstance(name, bytes) else name: value for name, value in said.items()}
        return [text.get(name, b"").decode(errors="replace") for name in ("CFLAGS", "CXXFLAGS")]
    except Exception:
        return None
print(json.dumps({path: flags(path) for path in sys.argv[1:]}))
"""
UNREADABLE: t.Final = "expected a package that Portage can read, found none"
_X86 = re.compile(r"(?:x86_64|i[3-6]86)-")
#: Files per call: a command line has its limit.
_BATCH: t.Final = 500

Flags = t.Optional[t.Sequence[str]]  # the different values of CFLAGS and CXXFLAGS; None where they can't be read


def recorded(run: Run, paths: t.Sequence[str]) -> dict[str, Flags]:
    """Return what each package file was compiled with.  Raises ``BinhostError`` if Portage can't be asked."""
    found: dict[str, Flags] = {}
    for start in range(0, len(paths), _BATCH):
        said = _portage_query.answer(run, PROGRAM, *paths[start : start + _BATCH])
        found.update({path: None if each is None else different(each) for path, each in said.items()})
    return found


def different(values: t.Iterable[str]) -> list[str]:
    """Return the values that say something, each once."""
    return [text for text in dict.fromkeys(" ".join(value.split()) for value in values) if text]


class Judge:
    """Knows what all slaves of a target can run; the compiler is asked once about each set of flags."""

    def __init__(self, run: Run, chost: str, cflags: str, members: t.Mapping[str, t.Sequence[str]]) -> None:
        """``cflags`` are the target's, ``members`` is {slave: the kernel's names of what its CPU has}."""
        self._run, self._members = run, members
        self._cflags = _machine(cflags)
        self._x86 = bool(_X86.match(chost))
        self._known: dict[str, str] = {}

    def target(self, cflags: str) -> None:
        """Raise ``BinhostError`` if not even the target's own flags can be run by all."""
        problems = _compiler.verify(self._run, cflags, self._members)
        if problems:
            raise BinhostError("\n".join(problems))

    def why_not(self, flags: Flags) -> str:
        """Return why not every slave can run what was compiled with these; empty if all can."""
        if flags is None:
            return UNREADABLE
        return "; ".join(filter(None, (self._why_not(each) for each in flags)))

    def _why_not(self, flags: str) -> str:
        if flags not in self._known:
            self._known[flags] = "; ".join(self._problems(flags))
        return self._known[flags]

    def _problems(self, flags: str) -> list[str]:
        strange = _machine(flags) - self._cflags
        if not strange:
            return []
        if not self._x86:  # of other CPUs it isn't known what each option enables
            return [f"{flags}: expected the target's options, found {' '.join(sorted(strange))}"]
        return _compiler.verify(self._run, flags, self._members)


def _machine(flags: str) -> frozenset[str]:
    """Return the words that may decide about instructions."""
    return frozenset(word for word in _compiler.split(flags) if word.startswith(("-m", "--param")))
