# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which variable becomes which files of /etc/portage: of a target 01, with ``slave_`` before its name of a slave 02.

Files whose name is free are called ``01-*`` and ``02-*``. A set is called as it is asked for and a saved configuration
as its eclass looks for it; both are still ours.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.larry.binhost.plugins.module_utils import _atom, _fragments, _host, _tree_plan
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

Variables = t.Mapping[str, t.Any]
Files = dict[str, str]


def no_header(_variable: str) -> str:
    """Return no header; for whoever wants to know but whether a variable can become a file."""
    return ""


@dataclass(frozen=True)
class Layer:
    """Who declares, and what its files are called."""

    number: str  # "01" or "02"
    name: str  # "target" or "host"
    prefix: str = ""  # of its variables
    header: Callable[[str], str] = no_header  # of the file that a variable becomes
    env: Mapping[str, str] = field(default_factory=dict)  # what package_env may name -> the file in env/

    @property
    def file(self) -> str:
        """The name of a file of which there is one."""
        return f"{self.number}-{self.name}"


Write = Callable[[t.Any, Layer, str], Files]  # value, layer, header -> path below etc/portage to text

#: Lists of words that the declaration names by themselves -> the variable of make.conf.
WORDS: t.Final[Mapping[str, str]] = {"use": "USE", "features": "FEATURES", "accept_keywords": "ACCEPT_KEYWORDS"}
PROFILE_FILES: t.Final = tuple(name for name in _host.PROFILE_FILES if name != "package.bashrc")
_FILE_NAME: t.Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*\Z")
_SET_NAME: t.Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_+-]*\Z")
#: Sets that are ours or Portage's own (cnf/sets/portage.conf).
_TAKEN: t.Final = frozenset({"binhost", "world", "system", "selected", "selected-packages", "selected-sets", "profile"})


def settings(variables: Variables, prefix: str = "") -> dict[str, t.Any]:
    """Return what is declared of make.conf."""
    found = dict(variables.get(f"{prefix}make_conf") or {})
    for name, variable in WORDS.items():
        found = with_words(found, variable, variables.get(f"{prefix}{name}"))
    return found


def with_words(settings: Variables | None, name: str, words: t.Any) -> dict[str, t.Any]:
    """Return the settings with further words in one of them."""
    found = dict(settings or {})
    there = found.get(name, [])
    further = [*([there] if isinstance(there, str) else there), *(words or [])]
    return {**found, name: further} if further else found


def env_names(variables: Variables, number: str, prefix: str = "") -> dict[str, str]:
    """Return what package_env may name -> the file in env/ that it means."""
    return {name: f"{number}-{name}" for name in variables.get(f"{prefix}env") or {}}


def files(variables: Variables, layer: Layer) -> Files:
    """Return the files, make.conf excepted, that the variables declare. Raises ``BinhostError``."""
    found: Files = {}
    for name in VARIABLES:
        found.update(rendered(name, variables, layer))
    return found


def rendered(name: str, variables: Variables, layer: Layer) -> Files:
    """Return the files of one variable; package.use is there even if it is empty. Raises ``BinhostError``."""
    value = variables.get(f"{layer.prefix}{name}")
    if not value and name != "package_use":
        return {}
    return VARIABLES[name].write(value or {}, layer, layer.header(f"{layer.prefix}{name}"))


def atoms(world: Sequence[str], *declarations: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a world's atoms, each declared set replaced by what is in it, sorted, each once.

    The first declaration that has a set's name counts. Raises ``BinhostError`` for a set that is in none of them.
    """
    return sorted(set(_opened(world, declarations, ())))


def _opened(
    world: Sequence[str], declarations: Sequence[Mapping[str, t.Any]], within: tuple[str, ...]
) -> Iterator[str]:
    for atom in world:
        if not atom.startswith("@"):
            yield atom
            continue
        name = atom[1:]
        found = next((sets[name] for sets in declarations if name in sets), None)
        if found is None:
            raise BinhostError(f"the set {atom}, which is in neither sets nor slave_sets: list what is in it")
        if name in within:
            raise BinhostError(f"the set {atom}, which is in itself")
        yield from _opened(found, declarations, (*within, name))


def _lines(file: str) -> Write:
    def write(value: t.Any, layer: Layer, header: str) -> Files:
        return {f"{file}/{layer.file}": _fragments.package_lines(value, header=header)}

    return write


def _package_use(value: t.Any, layer: Layer, header: str) -> Files:
    return {f"package.use/{layer.file}": _fragments.package_use(value, header=header)}


def _package_env(value: t.Any, layer: Layer, header: str) -> Files:
    told = {atom: [_env_name(atom, word, layer) for word in _fragments.split(value[atom], atom)] for atom in value}
    return {f"package.env/{layer.file}": _fragments.package_lines(told, header=header)}


def _env_name(atom: str, name: str, layer: Layer) -> str:
    if name not in layer.env:
        raise BinhostError(f"{atom}: expected names in env ({', '.join(sorted(layer.env)) or 'none'}), found {name!r}")
    return layer.env[name]


def _env(value: t.Any, layer: Layer, header: str) -> Files:
    found = {}
    for name, content in value.items():
        _named(name, _FILE_NAME, "a file's name")
        if isinstance(content, Mapping):
            text = _fragments.env_file(content, header=header)
        else:
            text = header + _fragments.whole(content, name)
        found[f"env/{layer.number}-{name}"] = text
    return found


def _sets(value: t.Any, _layer: Layer, header: str) -> Files:
    """A set is called as it is asked for."""
    for name in value:
        _named(name, _SET_NAME, "a set's name")
        if name in _TAKEN:
            raise BinhostError(f"expected a name that no other set has, found {name!r}")
    found = {name: _fragments.split(each, name) for name, each in value.items()}
    return {f"sets/{name}": _fragments.package_set(each, header=header) for name, each in found.items()}


def _patches(value: t.Any, layer: Layer, header: str) -> Files:
    found = {}
    for package, patches in value.items():
        _package_place(package)
        for name, text in patches.items():
            _named(name, _FILE_NAME, "a file's name")
            ending = "" if name.endswith(_host.PATCHES) else ".patch"
            found[f"patches/{package}/{layer.number}-{name}{ending}"] = header + _fragments.whole(text, name)
    return found


def _savedconfig(value: t.Any, _layer: Layer, _header: str) -> Files:
    """No header: what a comment is, only the package knows."""
    for package in value:
        _package_place(package)
    return {f"savedconfig/{package}": _fragments.whole(text, package) for package, text in value.items()}


def _bashrc(value: t.Any, layer: Layer, header: str) -> Files:
    """The person's own /etc/portage/bashrc can be but a file; a profile's are as many as it names (portage(5))."""
    return {
        f"profile/package.bashrc/{layer.file}": f"{header}*/* {layer.file}\n",
        f"profile/bashrc/{layer.file}": header + _fragments.whole(value, "bashrc"),
    }


def _mirrors(value: t.Any, layer: Layer, header: str) -> Files:
    return {f"mirrors/{layer.file}": _fragments.mirrors(value, header=header)}


def _profile_files(value: t.Any, layer: Layer, header: str) -> Files:
    for name in value:
        if name not in PROFILE_FILES:
            raise BinhostError(f"expected some of {', '.join(PROFILE_FILES)}, found {name!r}")
    return {f"profile/{name}/{layer.file}": _fragments.lines(value[name], name, header=header) for name in value}


def _binrepos_conf(value: t.Any, layer: Layer, header: str) -> Files:
    if "binhost" in value:
        raise BinhostError("expected other repositories of packages than ours, found 'binhost'")
    return {f"binrepos.conf/{layer.file}.conf": _fragments.ini(value, header=header)}


def _texts(value: t.Any, _layer: Layer, _header: str) -> Files:
    """Any other file, as it is: no header, so that what a machine has already stays the same text."""
    _tree_plan.desired(value, {}, None)
    return dict(value)


def _named(name: t.Any, pattern: re.Pattern[str], what: str) -> None:
    if not isinstance(name, str) or not pattern.match(name) or name.endswith("~"):
        raise BinhostError(f"expected {what}, found {name!r}")


def _package_place(package: str) -> None:
    """Accept ``category/name``, ``category/name-version`` and either with ``:slot`` (portage(5), patches)."""
    name = str(package).partition(":")[0]
    for atom in (package, name, f"={name}"):
        try:
            _atom.check(atom)
        except BinhostError:
            continue
        if not re.search(r"[@\[<>~=*!]", str(package)) and "::" not in package:
            return
    raise BinhostError(f"expected category/name, with a version or a :slot at most, found {package!r}")


@dataclass(frozen=True)
class Variable:
    """One variable that becomes files."""

    of: str  # what its value has to be: a key of _inventory.TYPES
    write: Write


VARIABLES: t.Final[Mapping[str, Variable]] = {
    "package_use": Variable("dict", _package_use),
    "package_accept_keywords": Variable("dict", _lines("package.accept_keywords")),
    "package_license": Variable("dict", _lines("package.license")),
    "package_properties": Variable("dict", _lines("package.properties")),
    "package_accept_restrict": Variable("dict", _lines("package.accept_restrict")),
    "package_mask": Variable("list", _lines("package.mask")),
    "package_unmask": Variable("list", _lines("package.unmask")),
    "package_env": Variable("dict", _package_env),
    "env": Variable("dict", _env),
    "sets": Variable("dict", _sets),
    "patches": Variable("dict", _patches),
    "savedconfig": Variable("dict", _savedconfig),
    "bashrc": Variable("text", _bashrc),
    "mirrors": Variable("dict", _mirrors),
    "profile_files": Variable("dict", _profile_files),
    "binrepos_conf": Variable("dict", _binrepos_conf),
    "files": Variable("dict", _texts),
}
