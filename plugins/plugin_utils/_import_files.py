# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what was imported beside the inventory; what a person wrote is never overwritten.

::

    <inventory>/
        host_vars/HOST.yml                  only where HOST has no variables of its own yet
        .binhost/import/
            host_vars/HOST.yml              a proposal, where it has
            shared/targets.yml              several machines: what they have in common
            shared/host_vars/HOST.yml       and what each then has beside
            written.json                    what of these was written, so that an edited one is told from it
"""

from __future__ import annotations

import os
import re
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import yaml
from ansible_collections.larry.binhost.plugins.module_utils import _files
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _kept

FOLDER: t.Final = "import"
#: What Ansible reads as a host's variables: a folder of its name, or a file with one of these endings.
_ENDINGS: t.Final = ("", ".yml", ".yaml", ".json")
#: What Ansible would take for a template in an inventory.
_TEMPLATE: t.Final = re.compile(r"\{\{|\{%|\{#")


@dataclass(frozen=True)
class Writing:
    """One file to write."""

    path: str
    before: str | None  # None: there is none
    after: str


class _Dumper(yaml.SafeDumper):
    """YAML as a person would write it, in which no text is a template."""

    def ignore_aliases(self, data: t.Any) -> bool:
        """Write everything in full."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    tag = "!unsafe" if _TEMPLATE.search(value) else "tag:yaml.org,2002:str"
    return dumper.represent_scalar(tag, str(value), style=style or ('"' if tag == "!unsafe" else None))


# What Ansible hands over are subclasses of these.
_WRITERS: t.Final[Mapping[type, t.Any]] = {
    str: _text,
    dict: _Dumper.represent_dict,
    list: _Dumper.represent_list,
}
for _kind, _writer in _WRITERS.items():
    _Dumper.add_representer(_kind, _writer)
    _Dumper.add_multi_representer(_kind, _writer)


def as_yaml(head: Iterable[str], value: Mapping[str, t.Any]) -> str:
    """Return variables as a file of an inventory, with ``head`` as comments before them."""
    comments = "".join(f"# {line}".rstrip() + "\n" for lines in head for line in lines.splitlines() or [""])
    body = yaml.dump(dict(value), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100) if value else "{}\n"
    return f"---\n{comments}{body}"


def has_variables(inventory_dir: str, host: str) -> bool:
    """Return whether Ansible finds variables of this host in a file or folder beside the inventory."""
    return any(os.path.lexists(os.path.join(inventory_dir, "host_vars", host + ending)) for ending in _ENDINGS)


def is_text(path: str, text: str) -> bool:
    """Return whether a file has exactly this text."""
    return os.path.isfile(path) and _files.read(path) == text


def own_file(inventory_dir: str, host: str) -> str:
    """Return the file of a host that has none yet."""
    return os.path.join(inventory_dir, "host_vars", f"{host}.yml")


def proposed_file(inventory_dir: str, *names: str) -> str:
    """Return a file of proposals."""
    return os.path.join(_kept.folder(inventory_dir), FOLDER, *names)


def writings(inventory_dir: str, texts: Mapping[str, str]) -> list[Writing]:
    """Return what to write so that each path has its text.

    Raises ``BinhostError`` for a file that somebody wrote or edited; those that are right already are left out.
    """
    known = _files.load_record(_record(inventory_dir)).get(FOLDER, {})
    found = []
    for path, text in texts.items():
        before = _files.read(path) if os.path.lexists(path) else None
        if before == text:
            continue
        if before is not None and known.get(os.path.relpath(path, inventory_dir)) != _files.digest(before):
            raise BinhostError(
                f"{path}: expected the proposal of an earlier import, found it edited; nothing was written. "
                "Move it away and run again."
            )
        found.append(Writing(path, before, text))
    return found


def write(inventory_dir: str, files: Iterable[Writing]) -> None:
    """Write them.  A make.conf may hold a password, so nobody else may read them.  Raises ``BinhostError``."""
    record = _files.load_record(_record(inventory_dir))
    proposals = _kept.folder(inventory_dir) + "/"
    for file in files:
        _private(inventory_dir)
        _files.write(file.path, file.after, _kept.MODE)
        if file.path.startswith(proposals):
            name = os.path.relpath(file.path, inventory_dir)
            record.setdefault(FOLDER, {})[name] = _files.digest(file.after)
            _files.save_record(_record(inventory_dir), record)


def _private(inventory_dir: str) -> None:
    os.makedirs(_kept.folder(inventory_dir), mode=0o700, exist_ok=True)


def _record(inventory_dir: str) -> str:
    return proposed_file(inventory_dir, "written.json")
