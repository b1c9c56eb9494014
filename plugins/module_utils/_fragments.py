# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn variables into the text of files below /etc/portage.

Every function takes the ``header`` that the file starts with (see ``header()``) and returns the whole text.  Any text
that Portage can hold survives; the rest is refused with ``BinhostError``.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.larry.binhost.plugins.module_utils import _atom, _quoting
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

#: Variables that stack.  Source: Portage 3.0.83 lib/portage/const.py, INCREMENTALS.  Between two files of make.conf
#: Portage itself stacks nothing, the later one wins: hence ``USE="${USE} ..."``.
INCREMENTALS: t.Final = frozenset(
    {
        "ACCEPT_KEYWORDS",
        "CONFIG_PROTECT",
        "CONFIG_PROTECT_MASK",
        "ENV_UNSET",
        "FEATURES",
        "IUSE_IMPLICIT",
        "PROFILE_ONLY_VARIABLES",
        "USE",
        "USE_EXPAND",
        "USE_EXPAND_HIDDEN",
        "USE_EXPAND_IMPLICIT",
        "USE_EXPAND_UNPREFIXED",
    }
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
# getconfig() takes these two words at the start of a line as commands.
_COMMANDS = frozenset({"export", "source"})
# "flag", "-flag", "-*", and "CPU_FLAGS_X86:" with which the rest of the line is that variable's.
_USE_WORD = re.compile(r"(?:-?(?:[A-Za-z0-9][A-Za-z0-9+_@-]*|\*)|[A-Z_][A-Z0-9_]*:)\Z")
_OPTION = re.compile(r"[a-z0-9][a-z0-9_.-]*\Z")
_GROUP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*\Z")
_SERVER = re.compile(r"(?:[a-z][a-z0-9+.-]*://|/)[^\s#]+\Z")
_SECTION = re.compile(r"[^\s\]\[](?:[^\r\n\]\[]*[^\s\]\[])?\Z")


def header(what: str, variable: str) -> str:
    """Return the comment that tells a person on the host what wrote the file and where to change it."""
    lines = [
        what,
        f"Written by larry.binhost from the inventory; change {variable} there.",
        "Changes made here are undone.",
    ]
    return "".join(f"# {line}\n" for text in lines for line in text.splitlines())


def variable(text: str) -> str:
    """Return the variable that a file's head tells its reader to change; empty for a file that isn't ours."""
    match = re.search(r"^# Written by larry\.binhost from the inventory; change (.+) there\.$", text, re.MULTILINE)
    return match[1] if match else ""


def make_conf(
    variables: Mapping[str, str | Sequence[str]], *, header: str, defaults: Mapping[str, str] | None = None
) -> str:
    """Return a fragment of make.conf, variables sorted by name.

    Incremental variables add to what earlier fragments say, others override it.  A list becomes words separated by a
    space; text for an incremental is split into words.  ``$`` means itself. ``defaults`` are command-line options in
    which the last word counts, MAKEOPTS say: they stand before what earlier fragments say.
    """
    told = {name: _assignment(name, value) for name, value in variables.items()}
    for name, value in (defaults or {}).items():
        told[name] = f'{_name(name)}="{_quoting.quoted(value, name)} ${{{name}}}"\n'
    return header + "".join(told[name] for name in sorted(told))


def env_file(variables: Mapping[str, str | Sequence[str]], *, header: str) -> str:
    """Return a file of env/ that package.env names, variables sorted by name.

    Here Portage itself adds an incremental to what the package has (config.py, ``_grab_pkg_env``); ``${USE}`` would be
    all of make.conf's once more and undo what package.use says.
    """
    return header + "".join(_plain(name, variables[name]) for name in sorted(variables))


def mirrors(groups: Mapping[str, Sequence[str]], *, header: str) -> str:
    """Return a fragment of mirrors: the servers of each group ``mirror://GROUP``, in the order given."""
    lines = []
    for group, servers in groups.items():
        words = split(servers, f"mirrors, {group}")
        if not _GROUP.match(group):
            raise BinhostError(f"mirrors: expected the name of a group, found {group!r}")
        for word in words:
            if not _SERVER.match(word):
                raise BinhostError(f"mirrors, {group}: expected a URL or an absolute path, found {word!r}")
        lines.append(" ".join([group, *words]) + "\n")
    return header + "".join(lines)


def lines(value: str | Sequence[str], where: str, *, header: str) -> str:
    """Return a file that Portage reads line by line, from its text or a list of its lines."""
    if isinstance(value, str):
        return header + whole(value, where)
    if not isinstance(value, (list, tuple)):
        raise BinhostError(f"{where}: expected text or a list of lines, found {value!r}")
    for line in value:
        if not isinstance(line, str) or len(line.splitlines()) != 1:
            raise BinhostError(f"{where}: expected a line, found {line!r}")
    return header + whole("".join(f"{line}\n" for line in value), where)


def whole(text: str, where: str) -> str:
    """Return a file's text as it is, its last line complete. Raises ``BinhostError`` for what no text file holds."""
    if not isinstance(text, str):
        raise BinhostError(f"{where}: expected text, found {text!r}")
    if "\0" in text:
        raise BinhostError(f"{where}: expected text, found a NUL character in it")
    _quoting.encodable(text, where)
    return text if not text or text.endswith("\n") else f"{text}\n"


def package_use(entries: Mapping[str, Sequence[str]], *, header: str) -> str:
    """Return a fragment of package.use: one line per atom, in the order given (the later wins)."""
    for atom, flags in entries.items():
        for flag in split(flags, f"package.use, {atom}"):
            if not _USE_WORD.match(flag):
                raise BinhostError(f"package.use, {atom}: expected a USE flag, found {flag!r}")
    return package_lines({atom: split(flags, atom) for atom, flags in entries.items() if flags}, header=header)


def package_lines(entries: Mapping[str, Sequence[str]] | Iterable[str], *, header: str) -> str:
    """Return a fragment of package.accept_keywords, .license, .mask and so on, in the order given.

    A mapping gives each atom its words, an iterable makes lines of atoms alone.
    """
    table = entries if isinstance(entries, Mapping) else {atom: () for atom in entries}
    return header + "".join(_line(atom, words) for atom, words in table.items())


def package_set(atoms: Iterable[str], *, header: str) -> str:
    """Return a set file, sorted, each atom once."""
    names = sorted(set(atoms))
    for atom in names:
        _atom.check(atom)
    return header + "".join(f"{atom}\n" for atom in names)


def ini(sections: Mapping[str, Mapping[str, str]], *, header: str) -> str:
    """Return a fragment of repos.conf or binrepos.conf, in the order given.

    Portage reads them with Python's ConfigParser and interpolation, so ``%`` is doubled.
    """
    return header + "".join(_section(name, options) for name, options in sections.items())


def _assignment(name: str, value: str | Sequence[str]) -> str:
    if name in INCREMENTALS:
        # A variable that adds nothing must not empty the one it would add to.
        words = " ".join(_quoting.quoted(word, name) for word in split(value, name))
        return f'{name}="${{{name}}} {words}"\n' if words else f'{name}="${{{name}}}"\n'
    return _plain(name, value)


def _plain(name: str, value: str | Sequence[str]) -> str:
    text = value if isinstance(value, str) else " ".join(split(value, name))
    return f'{_name(name)}="{_quoting.quoted(text, name)}"\n'


def _name(name: str) -> str:
    if not _VARIABLE.match(name) or name in _COMMANDS:
        raise BinhostError(f"make.conf: expected a variable's name, found {name!r}")
    return name


def split(value: str | Sequence[str], where: str) -> list[str]:
    """Return the words of a text or of a list of texts.  Raises ``BinhostError`` for another type."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, (list, tuple)):
        raise BinhostError(f"{where}: expected text or a list of texts, found {value!r}")
    for text in texts:
        if not isinstance(text, str):
            raise BinhostError(f"{where}: expected text, found {text!r}; write it in quotes")
    return [word for text in texts for word in text.split()]


def _line(atom: str, words: Sequence[str]) -> str:
    _atom.check_entry(atom)
    words = split(words, atom)
    for word in words:
        if word.startswith("#"):
            raise BinhostError(f"{atom}: expected a word, found {word!r}, which begins a comment")
        _quoting.encodable(word, atom)
    return " ".join([atom, *words]) + "\n"


def _section(name: str, options: Mapping[str, str]) -> str:
    if not _SECTION.match(name):
        raise BinhostError(f"expected the name of a section, found {name!r}")
    return f"\n[{name}]\n" + "".join(_option(name, key, value) for key, value in options.items())


def _option(section: str, key: str, value: str) -> str:
    where = f"[{section}], {key}"
    if not _OPTION.match(key):
        raise BinhostError(f"[{section}]: expected an option in lower case, found {key!r}")
    if not isinstance(value, str) or value != value.strip() or len(value.splitlines()) > 1:
        raise BinhostError(f"{where}: expected one line of text without spaces around it, found {value!r}")
    _quoting.encodable(value, where)
    return f"{key} = {value}".replace("%", "%%").rstrip() + "\n"
