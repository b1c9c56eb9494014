# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several imported machines have in common, as a target's variables (01), and what each has beside (02).

Portage reads 01 before 02, so nothing moves to 01 that would then be said in another order.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.larry.binhost.plugins.module_utils import _atom, _fragments

Variables = Mapping[str, t.Any]
_TABLES: t.Final = (
    "package_use",
    "package_accept_keywords",
    "package_license",
    "package_properties",
    "package_accept_restrict",
)
_LISTS: t.Final = ("package_mask", "package_unmask")


def split(own: Mapping[str, Variables]) -> tuple[dict[str, t.Any], dict[str, dict[str, t.Any]]]:
    """Return the variables of a target that all share, and the variables that remain of each slave.

    ``own`` is slave -> its variables; the target's and what remains come to the same as those.
    """
    rest = {host: dict(variables) for host, variables in own.items()}
    target: dict[str, t.Any] = {
        "use": _words(rest, "slave_use"),
        "make_conf": _settings(rest),
        **{name: _table(rest, f"slave_{name}") for name in _TABLES},
        **{name: _list(rest, f"slave_{name}") for name in _LISTS},
    }
    kept = {host: {name: value for name, value in left.items() if value} for host, left in rest.items()}
    return {name: value for name, value in target.items() if value}, kept


def stacked(*layers: Sequence[str]) -> list[str]:
    """Return what the words of an incremental variable come to: ``-*`` if there is one, then each word's last form."""
    last: dict[str, str] = {}
    cleared = False
    for word in (word for words in layers for word in words):
        if word == "-*":
            last, cleared = {}, True
            continue
        name = word.lstrip("-")
        last.pop(name, None)
        last[name] = word
    return [*(["-*"] if cleared else []), *last.values()]


def _words(rest: dict[str, dict[str, t.Any]], name: str) -> list[str]:
    """Take out of each slave's words those that all have."""
    said = {host: stacked(left.get(name) or ()) for host, left in rest.items()}
    common = _common(said)
    for host, words in said.items():
        if common:
            rest[host][name] = [word for word in words if word not in common]
    return common


def _common(said: Mapping[str, Sequence[str]]) -> list[str]:
    first, *others = said.values()
    clears = ["-*" in words for words in said.values()]
    if any(clears) and not all(clears):
        return []  # who starts from nothing would throw away what is shared
    return [word for word in first if all(word in words for words in others)]


def _settings(rest: dict[str, dict[str, t.Any]]) -> dict[str, t.Any]:
    """Take out of each slave's make.conf the variables that all have alike, and the words that all add."""
    settings = {host: dict(left.get("slave_make_conf") or {}) for host, left in rest.items()}
    first, *others = settings.values()
    target: dict[str, t.Any] = {}
    for name in [name for name in first if all(name in other for other in others)]:
        if name in _fragments.INCREMENTALS:
            words: dict[str, dict[str, t.Any]] = {host: {"": own[name].split()} for host, own in settings.items()}
            common = _words(words, "")
            if common:
                target[name] = " ".join(common)
                for host, own in settings.items():
                    own[name] = " ".join(words[host][""])
        elif all(other[name] == first[name] for other in others):
            target[name] = first[name]
            for own in settings.values():
                del own[name]
    for host, left in rest.items():
        empty = [name for name, value in settings[host].items() if name in target and not value]
        left["slave_make_conf"] = {name: value for name, value in settings[host].items() if name not in empty}
    return target


def _table(rest: dict[str, dict[str, t.Any]], name: str) -> dict[str, t.Any]:
    """Take out of each slave's table the packages of which all say the same, in the same order.

    Lines for one package, and wildcards among themselves, count in the order in which they are read where none is
    more specific (portage lib/portage/package/ebuild/_config/helper.py, ordered_by_atom_specificity).
    """
    groups = {host: _grouped(left.get(name) or {}) for host, left in rest.items()}
    first, *others = groups.values()
    shared = [key for key, lines in first.items() if all(other.get(key) == lines for other in others)]
    target = {atom: words for key in shared for atom, words in first[key]}
    for host, left in rest.items():
        left[name] = {atom: words for key, lines in groups[host].items() if key not in shared for atom, words in lines}
    return target


def _grouped(table: Mapping[str, Sequence[str]]) -> dict[str, list[tuple[str, list[str]]]]:
    found: dict[str, list[tuple[str, list[str]]]] = {}
    for atom, words in table.items():
        key = _atom.category_package(atom) if _atom.is_package(atom) else "*"
        found.setdefault(key, []).append((atom, list(words)))
    return found


def _list(rest: dict[str, dict[str, t.Any]], name: str) -> list[str]:
    lists = [left.get(name) or [] for left in rest.values()]
    common = [atom for atom in lists[0] if all(atom in other for other in lists[1:])]
    for left in rest.values():
        left[name] = [atom for atom in left.get(name) or [] if atom not in common]
    return common
