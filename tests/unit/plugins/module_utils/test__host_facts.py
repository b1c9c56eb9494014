# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils import _cpu_host, _host_facts
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError

CPUINFO: t.Final = str(Path(__file__).parent / "fixtures/cpuinfo/zen3")
PORTAGE: t.Final = {
    "chost": "x86_64-pc-linux-gnu",
    "arch": "amd64",
    "profile": "/var/db/repos/gentoo/profiles/default",
    "version": "3.0.82",
    "settings": "0" * 64,
    "repositories": {},
}


def root(top: Path) -> str:
    """Make a small root and return its path."""
    (top / "var/db/pkg/app-misc/hello-1").mkdir(parents=True)
    (top / "run/openrc").mkdir(parents=True)
    for name, text in {
        "etc/portage/make.conf": "A=1\n",
        "var/lib/portage/world": "app-misc/hello\n",
        "var/lib/portage/world_sets": "@mine\n",
    }.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    return str(top)


def run(args: list[str]) -> tuple[int, str, str]:
    """Be a host where Portage answers and no witness is."""
    if args[:4] == ["timeout", "-s", "KILL", str(_host_facts.PATIENCE)]:
        return 0, json.dumps(PORTAGE), ""
    raise FileNotFoundError(2, "No such file or directory", args[0])


def test_all_that_the_plan_needs(tmp_path: Path) -> None:
    found = _host_facts.facts(run, cpuinfo=CPUINFO, root=root(tmp_path))
    assert found["cpu"] == _cpu_host.facts(CPUINFO)
    assert {key: found["portage"][key] for key in PORTAGE} == PORTAGE
    assert [lack["feature"] for lack in found["portage"]["lacks"]] == ["patches"]
    assert (found["world"], found["world_sets"]) == (["app-misc/hello"], ["@mine"])
    assert (found["installed"], found["configuration"]) == (["app-misc/hello-1"], {"make.conf/00-adopted": "A=1\n"})
    assert (found["service_mgr"], found["revisions"]) == ("openrc", {})
    assert found["free_bytes"] > 0
    json.dumps(found)  # what can't be kept beside the inventory is no fact


def test_the_digest_follows_files_settings_and_profile(tmp_path: Path) -> None:
    top = root(tmp_path)
    first = _host_facts.digest(PORTAGE, top)
    assert re.fullmatch("[0-9a-f]{64}", first)
    assert _host_facts.digest(PORTAGE, top) == first
    others = {_host_facts.digest({**PORTAGE, key: "x"}, top) for key in ("settings", "profile")}
    (tmp_path / "etc/portage/make.conf").write_text("A=2\n")
    assert len({first, *others, _host_facts.digest(PORTAGE, top)}) == 4


def test_a_portage_that_hangs_is_given_up(tmp_path: Path) -> None:
    asked = []

    def killed(args: list[str]) -> tuple[int, str, str]:
        asked.append(args)
        return 137, "", ""

    with pytest.raises(BinhostError, match="found /usr/bin/python3: no answer in time$"):
        _host_facts.facts(killed, cpuinfo=CPUINFO, root=root(tmp_path))
    assert len([args for args in asked if args[0] == "timeout"]) == 1, "another interpreter would take as long"
