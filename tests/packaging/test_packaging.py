# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection is found in place, through the link beside site.yml, and installed; what is in it is documented."""

from __future__ import annotations

import json
import subprocess
import tarfile
import typing as t
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from .conftest import ROOT, Run

#: ansible-doc's kind of plugin -> folder.  Actions are documented by the module of their name.
KINDS: t.Final[Mapping[str, str]] = {
    "module": "modules",
    "filter": "filter",
    "lookup": "lookup",
    "callback": "callback",
}
PLUGINS: t.Final = [
    (kind, f"larry.binhost.{path.stem}")
    for kind, folder in KINDS.items()
    for path in sorted((ROOT / "plugins" / folder).glob("[!_]*.py"))
]
PLAYBOOKS: t.Final = sorted((ROOT / "playbooks").glob("*.yml"))
ROLES: t.Final = sorted(path.name for path in (ROOT / "roles").iterdir())


def members(artifact: Path) -> list[str]:
    """Return the names of the files in the tarball, sorted."""
    with tarfile.open(artifact) as archive:
        return sorted(member.name for member in archive if not member.isdir())


def test_in_place(run: Run) -> None:
    """Through the link, from any folder: every module, action and role of the playbook is resolved."""
    run("ansible-playbook", "--syntax-check", "--inventory", ROOT / "inventory", ROOT / "site.yml")


def test_in_place_is_this_checkout(run: Run) -> None:
    """What answers beside site.yml is the checkout, not a copy that happens to be installed."""
    told = run("ansible-doc", "--json", "--playbook-dir", ROOT, "larry.binhost.host_facts")
    found = Path(json.loads(told)["larry.binhost.host_facts"]["doc"]["filename"])
    assert found.resolve() == ROOT / "plugins/modules/host_facts.py"


@pytest.mark.parametrize("playbook", sorted(path.stem for path in PLAYBOOKS))
def test_installed(run: Run, installed: str, playbook: str) -> None:
    inventory = ROOT / "inventory"
    words = ("--syntax-check", "--inventory", inventory, f"larry.binhost.{playbook}")
    run("ansible-playbook", *words, ANSIBLE_COLLECTIONS_PATH=installed)


@pytest.mark.parametrize("kind", sorted({kind for kind, _name in PLUGINS}))
def test_every_plugin_is_documented(run: Run, installed: str, kind: str) -> None:
    names = [name for found, name in PLUGINS if found == kind]
    words = ("--type", kind, *names)
    shown = run("ansible-doc", *words, ANSIBLE_COLLECTIONS_PATH=installed)
    assert [name for name in names if name not in shown] == []
    told = json.loads(run("ansible-doc", "--json", *words, ANSIBLE_COLLECTIONS_PATH=installed))
    assert {name: sorted(what) for name, what in told.items() if not (what["examples"] or "").strip()} == {}


@pytest.mark.parametrize("role", ROLES)
def test_every_role_is_documented(run: Run, installed: str, role: str) -> None:
    """Each variable with a default is declared, with that default unless it is computed; no other has one declared."""
    full = f"larry.binhost.{role}"
    told = json.loads(run("ansible-doc", "--type", "role", "--json", full, ANSIBLE_COLLECTIONS_PATH=installed))
    options = told[full]["entry_points"]["main"]["options"]
    file = ROOT / "roles" / role / "defaults/main.yml"
    defaults = yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}
    plain = {name: value for name, value in defaults.items() if "{{" not in str(value)}
    assert {name: option["default"] for name, option in options.items() if "default" in option} == plain
    assert set(defaults) - set(options) == set()
    assert [name for name, option in options.items() if not option.get("description")] == []


def test_artifact_has_no_litter(artifact: Path) -> None:
    """What git ignores is not in the tarball, nor is the link that leads back into it."""
    names = members(artifact)
    command = ["git", "check-ignore", "--no-index", "--stdin"]
    done = subprocess.run(command, cwd=ROOT, input="\n".join(names), capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 1)  # 1: none is ignored; git-check-ignore(1)
    assert [name for name in names if name.startswith("collections/")] == []


def test_artifact_is_whole(artifact: Path) -> None:
    """All that git knows of plugins, roles and playbooks is in the tarball."""
    command = ["git", "ls-files", "plugins", "roles", "playbooks", "meta", "LICENSE", "README.md"]
    known = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert set(known) - set(members(artifact)) == set()
