# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""divergence as a playbook sees it, where there is nothing to ask."""

from __future__ import annotations

import typing as t
from pathlib import Path

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

Module = t.Callable[..., dict[str, t.Any]]
PLAYBOOK: t.Final = Path(__file__).parents[4] / "playbooks/divergence.yml"


def test_before_there_is_a_build_root(module: Module, tmp_path: Path) -> None:
    told = "target laptops: unknown before its build root is there; run site.yml once"
    args = {"name": "laptops", "declared": "laptops", "root": str(tmp_path / "none")}
    result = module("divergence", {**args, "repositories": {}, "files": {}, "world": {}, "variants": []})
    assert (result["changed"], result["slaves"], result["text"]) == (False, {}, [told])


def rendered(words: str, **variables: t.Any) -> t.Any:
    return Templar(loader=DataLoader(), variables=variables).template(trust_as_template(words))


def test_only_targets_that_are_built_in_a_root_are_asked_about() -> None:
    ask, tell = yaml.safe_load(PLAYBOOK.read_text())[-1]["tasks"]
    modes = {"laptops": ("desktop", "chroot"), "desktops": ("desktop", "shared"), "others": ("server", "chroot")}
    targets = {name: {"master": master, "mode": mode} for name, (master, mode) in modes.items()}
    loop = rendered(ask["loop"], binhost_plan={"targets": targets}, inventory_hostname="desktop")
    assert [each["key"] for each in loop] == ["laptops"]
    words = tell["ansible.builtin.debug"]["msg"]
    assert rendered(words, divergence={"results": []}).startswith("no target of this master is built in a root")
    assert rendered(words, divergence={"results": [{"text": ["a"]}, {"text": ["b"]}]}) == ["a", "b"]
