# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn a machine's own configuration into the variables of a slave.

What a variable can hold becomes one that a person can edit; the rest is carried as the text of files, and said so.
"""

from __future__ import annotations

import os
import re
import typing as t
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.larry.binhost.plugins.module_utils import _atom, _fragments
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.module_utils._own_config import Found
from ansible_collections.larry.binhost.plugins.module_utils._tree_plan import ADOPTED, BESIDE, OURS
from ansible_collections.larry.binhost.plugins.plugin_utils import _remarks, _target_files

FILES: t.Final = "slave_files"
#: The plan makes them from the CPUs of all who share a target.
TARGETS: t.Final = re.compile(r"(?:CHOST|CPU_FLAGS_[A-Z0-9]+)\Z")
#: make.conf(5): how this machine uses emerge, which changes no package that others could build for it.
_CLIENT: t.Final = re.compile(
    r"(?:AUTOCLEAN|BINPKG_.*|BUILD_PREFIX|CCACHE_.*|CLEAN_DELAY|COLLISION_IGNORE|CONFIG_PROTECT(?:_MASK)?|DISTCC_.*"
    r"|DISTDIR|EBEEP_IGNORE|ECHANGELOG_USER|EMERGE_.*|EPAUSE_IGNORE|FEATURES|(?:FETCH|RESUME)COMMAND.*|GENTOO_MIRRORS"
    r"|GPG_.*|LESS|MAKEOPTS|NINJAOPTS|NO_?COLOR|PKGDIR|PORTAGE_.*|PORTDIR(?:_OVERLAY)?|PORT_LOGDIR.*"
    r"|QUICKPKG_DEFAULT_OPTS|ROOT|RPMDIR|SYNC|UNINSTALL_IGNORE|[a-z]+_proxy|[A-Z]+_PROXY)\Z"
)
#: Compilers' options of its own: the target's are its packages'.
_COMPILERS: t.Final = frozenset(
    {*_target_files.LANGUAGES, "LDFLAGS", "CPPFLAGS", "ASFLAGS", "F77FLAGS", "RUSTFLAGS", "GOAMD64"}
)
#: What stands there as a file on one machine has to be in a directory to leave room for ours.
_DIRECTORIES: t.Final = frozenset(
    {
        "binrepos.conf",
        "package.accept_keywords",
        "package.accept_restrict",
        "package.env",
        "package.keywords",
        "package.license",
        "package.mask",
        "package.properties",
        "package.unmask",
        "package.use",
        "repos.conf",
    }
)
#: The one is the old name of the other, and read first.
_KEYWORDS: t.Final = ("package.keywords", "package.accept_keywords")
#: What has no variable of its own, and is a file or a directory of files.
_CARRIED: t.Final = frozenset(
    {
        "bashrc",
        "binrepos.conf",
        "categories",
        "color.map",
        "env",
        "license_groups",
        "mirrors",
        "modules",
        "package.env",
        "patches",
        "profile",
        "repos.conf",
        "savedconfig",
        "sets",
        "sets.conf",
    }
)


@dataclass(frozen=True)
class Proposal:
    """What to write into a slave's inventory."""

    variables: dict[str, t.Any]
    notes: list[str]  # sentences: what is not, or not as a variable, taken over
    profile: str  # "gentoo:default/linux/amd64/23.0", empty if none is known


def proposal(found: Found) -> Proposal:
    """Return the variables that make a machine with this target's fragments what this one is."""
    notes: list[str] = []
    files: dict[str, str] = {}
    variables = {
        "slave_world": _world(found, notes),
        **_make_conf(found, notes),
        **_package_files(found, files, notes),
    }
    _leave_out(variables, notes)
    _carry(found, files, notes)
    variables[FILES] = dict(sorted(files.items()))
    notes += [f"{path}: not taken over: {why}" for path, why in sorted(found["left_out"].items())]
    notes += [f"Portage says: {line}" for line in found["words"]]
    return Proposal({name: value for name, value in variables.items() if value}, notes, profile(found))


def profile(found: Found) -> str:
    """Return the profile as a target names it; empty if it is in no repository."""
    for name, place in found["repositories"].items():
        top = os.path.join(place, "profiles") + "/"
        if found["profile"].startswith(top):
            return f"{name}:{found['profile'][len(top) :]}"
    return ""


def _world(found: Found, notes: list[str]) -> list[str]:
    notes += [f"world: the set {name} is not taken over: what is in it is computed" for name in found["sets"]]
    strange = [atom for atom in found["world"] if not _atom.is_package(atom)]
    notes += [f"world: {atom} is not taken over: expected a package atom" for atom in strange]
    return [atom for atom in found["world"] if atom not in strange]


def _make_conf(found: Found, notes: list[str]) -> dict[str, t.Any]:
    own: dict[str, str] = {}
    client: dict[str, str] = {}
    for name, value in sorted(found["make_conf"].items()):
        if TARGETS.match(name):
            notes.append(f"make.conf: {name} is not taken over: the target's CPUs decide it, here it was {value!r}")
            continue
        try:
            _fragments.make_conf({name: value}, header="")
        except BinhostError as exc:
            notes.append(f"{exc}; not taken over")
            continue
        plain = " ".join(value.split()) if name in found["incrementals"] else value
        (client if name in _COMPILERS or _CLIENT.match(name) else own)[name] = plain
    return {"slave_use": own.pop("USE", "").split(), "slave_make_conf": own, "slave_client_conf": client}


def _package_files(found: Found, files: dict[str, str], notes: list[str]) -> dict[str, t.Any]:
    variables: dict[str, t.Any] = {}
    for file, (sources, make, write) in _PACKAGE_FILES.items():
        try:
            value = make(found)
            write(value)
        except BinhostError as exc:
            notes.append(f"{file}: carried as text: {exc}")
            files.update(_below(found, sources))
        else:
            variables[f"slave_{file.replace('.', '_')}"] = value
    return variables


def _leave_out(variables: dict[str, t.Any], notes: list[str]) -> None:
    """Leave out of USE what isn't a slave's to say, and of its lines ``*/*`` what has no effect."""
    uses = variables.get("slave_package_use", {})
    said = {word for words in (variables["slave_use"], *uses.values()) for word in _remarks.cpu_flags(words)}
    if said:
        notes.append("package.use or USE: what the CPU can do is not taken over: the target's CPUs decide it")
    variables["slave_use"] = without(variables["slave_use"], _remarks.CPU_FLAGS)
    for atom in list(uses):
        uses[atom] = without(uses[atom], _remarks.CPU_FLAGS)
        beaten = [name for name in variables["slave_make_conf"] if without(uses[atom], [name]) != uses[atom]]
        if atom == "*/*" and beaten:
            uses[atom] = without(uses[atom], beaten)
            notes.append(f"package.use: */* {' '.join(beaten)} is not taken over: make.conf's word has always won")
        if not uses[atom]:
            del uses[atom]


def without(words: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the words of a line that say nothing of these variables of USE_EXPAND."""
    starts = tuple(f"{name.lower()}_" for name in names)
    prefix, found = "", []
    for word in words:
        if word.endswith(":"):
            prefix = word[:-1]
        if prefix not in names and not word.lstrip("-").startswith(starts):
            found.append(word)
    return found


def _use(found: Found) -> dict[str, list[str]]:
    lines = {atom: use_words(words) for atom, words in found["tables"]["package.use"]}
    return {atom: words for atom, words in lines.items() if words}


def _keywords(found: Found) -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for source in _KEYWORDS:
        for atom, words in found["tables"][source]:
            table.setdefault(atom, []).extend(words)
    return table


def use_words(words: Sequence[str]) -> list[str]:
    r"""Return an atom's words in package.use, lines ending in "\n", as one line that says the same.

    ``VIDEO_CARDS:`` concerns the rest of its line (portage lib/portage/package/ebuild/_config/UseManager.py,
    _parse_user_files_to_extatomdict), so what has no such prefix comes first.  Raises ``BinhostError`` where that
    isn't the same.
    """
    prefix = ""
    plain: list[str] = []
    grouped: dict[str, list[str]] = {}
    for word in words:
        if word == "\n":
            prefix = ""
        elif word.endswith(":"):
            prefix = word
        elif prefix:
            grouped.setdefault(prefix, []).append(word)
        else:
            plain.append(word)
    found = [*plain, *(word for prefix, rest in grouped.items() for word in (prefix, *rest))]
    if _settled(found) != _settled(words):
        raise BinhostError("package.use: expected an order of flags that one line can have, found " + " ".join(words))
    return found


def _settled(words: Sequence[str]) -> list[str]:
    """Return what the words come to: of each flag its last mention, after what ``-*`` throws away."""
    prefix = ""
    last: dict[str, str] = {}
    for word in words:
        if word == "\n" or word.endswith(":"):
            prefix = word.strip()[:-1].lower() + "_" if word != "\n" else ""
            continue
        sign, name = ("-", word[1:]) if word.startswith("-") else ("", word)
        name = prefix + name
        if name.endswith("*"):
            last = {flag: value for flag, value in last.items() if not flag.startswith(name[:-1])}
        last.pop(name, None)
        last[name] = sign
    # Wildcards come before what they don't cover any more; flags have no order among themselves.
    return sorted(f"{sign}{name}" for name, sign in last.items())


def _carry(found: Found, files: dict[str, str], notes: list[str]) -> None:
    """Carry as text what has no variable."""
    files.update(_below(found, _CARRIED))
    tops = {path.split("/")[0] for path in found["files"]}
    if files:
        notes.append(f"carried as text in {FILES}: {', '.join(sorted({path.split('/')[0] for path in files}))}")
    known = {"make.conf", f"make.conf{BESIDE}", *(name for names, *_rest in _PACKAGE_FILES.values() for name in names)}
    strange = sorted(tops - _CARRIED - known)
    notes += [
        f"{name}: not carried: Portage doesn't read it by itself; what make.conf sources is taken over"
        for name in strange
    ]
    named = [path for path in sorted(set(found["files"]) - set(files)) if path.split("/")[-1].startswith(OURS)]
    notes += [f"{path}: give it a name that doesn't begin so before the next run: those are ours" for path in named]


def _below(found: Found, names: t.Collection[str]) -> dict[str, str]:
    """Return the files of these names, by the path that each has once portage_config has made its directory."""
    return {
        f"{path}/{ADOPTED}" if path in _DIRECTORIES else path: text
        for path, text in found["files"].items()
        if path.split("/")[0] in names
    }


#: Portage's file -> the names it is read from, its variable's value, and what writes that.
_PACKAGE_FILES: t.Final[Mapping[str, tuple[Sequence[str], Callable[[Found], t.Any], Callable[[t.Any], str]]]] = {
    "package.use": (("package.use",), _use, lambda value: _fragments.package_use(value, header="")),
    "package.accept_keywords": (_KEYWORDS, _keywords, lambda value: _fragments.package_lines(value, header="")),
    "package.license": (
        ("package.license",),
        lambda found: dict(found["tables"]["package.license"]),
        lambda value: _fragments.package_lines(value, header=""),
    ),
    "package.properties": (
        ("package.properties",),
        lambda found: dict(found["tables"]["package.properties"]),
        lambda value: _fragments.package_lines(value, header=""),
    ),
    "package.accept_restrict": (
        ("package.accept_restrict",),
        lambda found: dict(found["tables"]["package.accept_restrict"]),
        lambda value: _fragments.package_lines(value, header=""),
    ),
    "package.mask": (
        ("package.mask",),
        lambda found: list(dict.fromkeys(found["lists"]["package.mask"])),
        lambda value: _fragments.package_lines(value, header=""),
    ),
    "package.unmask": (
        ("package.unmask",),
        lambda found: list(dict.fromkeys(found["lists"]["package.unmask"])),
        lambda value: _fragments.package_lines(value, header=""),
    ),
}
