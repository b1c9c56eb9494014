# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _kept, _plan, _schema

from .fleet import V3, all_facts, facts, fleet

ROOT: t.Final = Path(__file__).resolve().parents[4]
ADVICE: t.Final = "Facts that an older version kept are replaced when that host is on and the run has no --limit."


def made() -> dict[str, t.Any]:
    """Return a plan."""
    return _plan.plan(fleet(), all_facts())


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        ("a", "text", []),
        (1, "text", ["x: expected text, found 1"]),
        (None, "text?", []),
        (None, "text", ["x: expected text, found nothing"]),
        (1, "text?", ["x: expected text or nothing, found 1"]),
        (True, "number", ["x: expected a number, found True"]),
        (1, "flag", ["x: expected true or false, found 1"]),
        (["a", 1], ["text"], ["x[1]: expected text, found 1"]),
        ("a", ["text"], ["x: expected a list, found 'a'"]),
        ({"a": 1}, {"*": "text"}, ["x.a: expected text, found 1"]),
        ({1: "a"}, {"*": "text"}, ["x: expected keys that are text, found 1"]),
        ([], {"*": "text"}, ["x: expected a mapping, found []"]),
        ({}, {"a": ["text"]}, ["x.a: expected a list, found nothing"]),
        ({"a": "", "b": 1}, {"a": "text"}, ["x: expected some of a, found b"]),
        ({"a": "", "b": 1}, {"a": "text", "...": None}, []),
        (None, ({"a": "text"},), []),
        ({}, ({"a": "text"},), ["x.a: expected text, found nothing"]),
    ],
)
def test_problems(value: t.Any, form: t.Any, expected: list[str]) -> None:
    assert _schema.problems(value, form, "x") == expected


@pytest.mark.parametrize(
    ("host", "changed", "expected"),
    [
        ("amd", {"cpu": {}}, "amd: binhost_host.cpu.features: expected a list, found nothing"),
        ("amd", {"cpu": None}, "amd: binhost_host.cpu: expected a mapping, found nothing"),
        (
            "amd",
            {"portage": {"repositories": {}}},
            "amd: binhost_host.portage.chost: expected text, found nothing",
        ),
        ("amd", {"world": "a/b"}, "amd: binhost_host.world: expected a list, found 'a/b'"),
        (
            "desktop",
            {"portage": {"chost": "x86_64-pc-linux-gnu"}},
            "desktop: binhost_host.portage.repositories: expected a mapping, found nothing",
        ),
    ],
)
def test_facts_that_lack_something(host: str, changed: dict[str, t.Any], expected: str) -> None:
    with pytest.raises(BinhostError, match="^" + re.escape(f"{expected}\n{ADVICE}") + "$"):
        _plan.plan(fleet(), {**all_facts(), host: facts(V3, **changed)})


def test_of_many_problems_the_first_are_told() -> None:
    with pytest.raises(BinhostError, match=r"\nand 2 more\n"):
        _plan.plan(fleet(), {**all_facts(), "amd": facts(V3, world=[1] * 12)})


def test_a_host_in_two_targets() -> None:
    plan = made()
    plan["targets"]["other"] = plan["targets"]["laptops"]
    expected = "plan.json: amd: expected in one target, found in laptops and other"
    with pytest.raises(BinhostError, match=f"^{re.escape(expected)}\n"):
        _schema.check_plan(plan, "plan.json")


def test_a_host_whose_target_knows_it_not() -> None:
    plan = made()
    plan["hosts"]["amd"]["target"] = "other"
    expected = "plan.json.hosts.amd.target: expected a target it is a member of, found 'other'"
    with pytest.raises(BinhostError, match=f"^{re.escape(expected)}$"):
        _schema.check_plan(plan, "plan.json")


def test_a_kept_plan_is_a_plan(tmp_path: Path) -> None:
    _kept.keep_plan(str(tmp_path), made())
    assert _kept.plan(str(tmp_path)) == made()


def version_4() -> dict[str, t.Any]:
    """Return the plan as version 4 wrote it."""
    plan = {**made(), "version": 4}
    plan["hosts"] = {
        name: {
            **{key: value for key, value in one.items() if key not in ("transports", *_schema.NEW_IN_5)},
            "uris": [way["uri"] for way in one["transports"]],
        }
        for name, one in plan["hosts"].items()
    }
    return plan


def version_3() -> dict[str, t.Any]:
    """Return the plan as version 3 wrote it."""
    plan = {**version_4(), "version": 3}
    del plan["mirrors"]
    plan["targets"] = {
        name: {key: value for key, value in one.items() if key not in {**_schema.NEW_IN_4, **_schema.NEW_IN_5}}
        for name, one in plan["targets"].items()
    }
    plan["hosts"] = {
        name: {
            **{key: value for key, value in one.items() if key not in ("servers", "uris", "pinned")},
            "uri": one["uris"][0],
        }
        for name, one in plan["hosts"].items()
    }
    return plan


def test_version_4_was_served_by_http_alone(tmp_path: Path) -> None:
    _kept.keep_plan(str(tmp_path), version_4())
    assert _kept.plan(str(tmp_path)) == made()


def test_version_4_knew_no_machines(tmp_path: Path) -> None:
    plan = version_4()
    plan["targets"] = {
        name: {key: value for key, value in one.items() if key not in _schema.TARGET_IN_5}
        for name, one in plan["targets"].items()
    }
    _kept.keep_plan(str(tmp_path), plan)
    kept = _kept.plan(str(tmp_path))
    assert kept
    assert kept["targets"] == {name: {**one, **_schema.TARGET_IN_5} for name, one in made()["targets"].items()}


def test_version_3_had_one_server_for_each(tmp_path: Path) -> None:
    _kept.keep_plan(str(tmp_path), version_3())
    assert _kept.plan(str(tmp_path)) == made()


def test_version_2_knew_where_everybody_is(tmp_path: Path) -> None:
    older = {**version_3(), "version": 2}
    for name, new in (("targets", _schema.NEW_OF_TARGET), ("hosts", _schema.NEW_OF_HOST)):
        older[name] = {
            key: {name: value for name, value in one.items() if name not in new} for key, one in older[name].items()
        }
    _kept.keep_plan(str(tmp_path), older)
    kept = _kept.plan(str(tmp_path))
    assert kept is not None
    assert kept["version"] == _schema.VERSION
    assert _plan.plan(fleet(), all_facts(), kept) == made()


@pytest.mark.parametrize("text", [None, '{"version": 1, "targets": {}, "hosts": {}}'])
def test_no_plan_or_an_older_versions(tmp_path: Path, text: str | None) -> None:
    if text:
        (tmp_path / ".binhost").mkdir()
        (tmp_path / ".binhost/plan.json").write_text(text)
    assert _kept.plan(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "expected JSON, found Expecting value: line 1 column 1 (char 0)"),
        ("[]", "expected a plan of version 5, found version None"),
        ('{"version": 6}', "expected a plan of version 5, found version 6"),
        (
            '{"version": 2, "cpus": {}, "targets": []}',
            "targets: expected a mapping, found []",
        ),
    ],
)
def test_a_foreign_plan(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / ".binhost").mkdir()
    path = tmp_path / ".binhost/plan.json"
    path.write_text(text)
    with pytest.raises(BinhostError) as caught:
        _kept.plan(str(tmp_path))
    assert str(caught.value).startswith(str(path))
    assert found in str(caught.value)
    assert str(caught.value).endswith(
        "Bring the file back from a copy, or remove it: then every automatic target is made anew."
    )


def keys(form: t.Any) -> Iterator[str]:
    """Yield every key that a form names."""
    if isinstance(form, (list, tuple)):
        yield from keys(form[0])
    elif isinstance(form, dict):
        for key, part in form.items():
            yield from [key] if key != _schema.MANY else []
            yield from keys(part)


def test_every_key_of_the_plan_is_documented() -> None:
    text = (ROOT / "docs/plan.md").read_text(encoding="utf-8")
    assert sorted({key for key in keys(_schema.PLAN) if f"`{key}`" not in text}) == []
    assert f"version {_schema.VERSION}" in text
