# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a slave does while nobody answers who has its packages."""

from __future__ import annotations

import typing as t
from pathlib import Path

import jinja2
import pytest
import yaml

ROLE = Path(__file__).resolve().parents[2] / "roles/slave"


def role(name: str) -> t.Any:
    return yaml.safe_load((ROLE / name / "main.yml").read_text())


def value(expression: str, **variables: t.Any) -> bool:
    text = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(expression).render(variables)
    return {"True": True, "False": False}[text]


@pytest.mark.parametrize(
    ("policy", "reachable", "to_serve", "compiles", "online"),
    [
        ("fail", True, False, False, True),
        ("fail", False, False, False, False),
        ("fail", False, True, False, True),
        ("skip", False, False, False, False),
        ("source", True, False, False, True),
        ("source", False, False, True, True),
        ("source", False, True, False, True),
    ],
)
def test_packages_are_compiled_only_where_nobody_has_them(
    policy: str, reachable: bool, to_serve: bool, compiles: bool, online: bool
) -> None:
    known = {
        "slave_without_master": policy,
        "_slave_index": {"reachable": reachable},
        "_slave_to_serve": to_serve,
    }
    found = value(role("vars")["_slave_compiles"], **known)
    assert found is compiles
    (options,) = [task["larry.binhost.emerge"] for task in role("tasks") if task.get("register") == "_slave_begun"]
    assert {value(options[name], _slave_compiles=found) for name in ("usepkg", "getbinpkg", "rebuilt_binaries")} == {
        not compiles
    }
    assert value(options["online"], _slave_compiles=found, **known) is online


@pytest.mark.parametrize(("policy", "fails"), [("fail", True), ("source", True), ("skip", False)])
def test_what_waits_is_a_failure_unless_it_is_to_be_skipped(policy: str, fails: bool) -> None:
    (task,) = [task for task in role("tasks") if task["name"] == "Nothing waits for the master"]
    assert value("{{ " + task["when"] + " }}", slave_without_master=policy) is fails
    assert role("defaults")["slave_without_master"] == "fail"
