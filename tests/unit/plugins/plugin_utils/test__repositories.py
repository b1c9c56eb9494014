# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ebuild repositories a target is made of."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _inventory, _plan

from tests.unit.plugins.plugin_utils import fleet

GURU: t.Final = {"type": "git", "uri": "https://example.org/guru.git", "priority": 50}
WHERE: t.Final = "all hosts: binhost_repositories"


def declared(pinned: t.Any, **target: t.Any) -> _inventory.Fleet:
    """Return the fleet with these repositories, and a target that says this besides."""
    variables = fleet.variables()
    for own in variables.values():
        own["binhost_repositories"] = pinned
        own["binhost_targets"]["laptops"].update(target)
    return fleet.fleet(variables)


def planned(pinned: t.Any, **target: t.Any) -> dict[str, t.Any]:
    """Return the target of the plan."""
    return t.cast(dict[str, t.Any], _plan.plan(declared(pinned, **target), fleet.all_facts())["targets"]["laptops"])


def test_nothing_is_pinned_unless_said() -> None:
    found = _plan.plan(fleet.fleet(), fleet.all_facts())["targets"]["laptops"]
    assert (found["repositories"], found["pins"]) == ({"lab": "/var/db/repos/lab"}, {})
    assert "priority" not in found["files"]["repos.conf/zz-binhost.conf"]


def test_pinned_and_unpinned_together() -> None:
    found = planned({"guru": {**GURU, "masters": ["lab"], "pin": datetime.date(2026, 1, 31)}})
    assert found["repositories"] == {"guru": "/var/lib/larry-binhost/pins/guru", "lab": "/var/db/repos/lab"}
    assert found["pins"] == {
        "guru": {
            "type": "git",
            "uri": "https://example.org/guru.git",
            "pin": "2026-01-31",
            "branch": "",
            "key": "",
            "fingerprint": "",
            "masters": ["lab"],
        }
    }
    text = found["files"]["repos.conf/zz-binhost.conf"]
    assert text.endswith(
        "[guru]\npriority = 50\nmasters = lab\nlocation = /var/lib/larry-binhost/current/repos/guru\nauto-sync = no\n\n"
        "[lab]\nlocation = /var/lib/larry-binhost/current/repos/lab\nauto-sync = no\n"
    )


def test_a_target_has_what_it_names() -> None:
    repositories = {"guru": GURU, "lab": {"type": "local"}}
    assert list(planned(repositories, repositories=["lab"])["pins"]) == ["lab"]
    assert planned(repositories)["pins"]["lab"]["uri"] == "/var/db/repos/lab"


def test_a_target_says_more_of_repos_conf() -> None:
    found = planned({"guru": GURU}, repos_conf={"guru": {"priority": "7", "location": "/elsewhere"}})
    text = found["files"]["repos.conf/zz-binhost.conf"]
    assert "[guru]\npriority = 7\nlocation = /var/lib/larry-binhost/current/repos/guru\n" in text


def test_a_masters_own_installation_keeps_its_repositories() -> None:
    facts = fleet.all_facts()
    facts["desktop"]["portage"]["profile_name"] = "lab:default/linux/amd64"
    variables = declared({"lab": {"type": "local"}, "guru": GURU}, mode="shared")
    found = _plan.plan(variables, facts)["targets"]["laptops"]
    assert (found["repositories"], found["pins"]) == ({"lab": "/var/db/repos/lab"}, {})


def test_a_folder_that_nobody_names() -> None:
    with pytest.raises(BinhostError) as info:
        planned({"mine": {"type": "local"}})
    assert str(info.value) == (
        "desktop: binhost_repositories.mine: expected it in its repos.conf, or a uri, found neither"
    )


@pytest.mark.parametrize(
    ("repositories", "expected"),
    [
        (["guru"], f"{WHERE}: expected a mapping, found ['guru']"),
        ({"guru": "git"}, f"{WHERE}.guru: expected a mapping, found 'git'"),
        ({"guru": {**GURU, "priority": "x"}}, f"{WHERE}.guru: priority: expected a number, found 'x'"),
        ({"guru": {**GURU, "masters": "lab"}}, f"{WHERE}.guru: masters: expected a list of repositories, found 'lab'"),
        ({"../x": GURU}, f"{WHERE}.../x: expected the name of an ebuild repository, found '../x'"),
        (
            {"guru": {**GURU, "pin": "2026-02-30"}},
            f"{WHERE}.guru: repository guru: pin: expected a day such as 2026-01-31, found '20260230'",
        ),
        (
            {"guru": {**GURU, "depth": 1}},
            f"{WHERE}.guru: repository guru: expected type, uri, pin and the like, found depth",
        ),
        ({"guru": {"type": "git"}}, f"{WHERE}.guru: repository guru: uri: expected where it is, found ''"),
    ],
)
def test_problems(repositories: t.Any, expected: str) -> None:
    assert _inventory.problems(declared(repositories)) == [expected]


def test_one_declaration_for_all() -> None:
    variables = fleet.variables()
    variables["amd"]["binhost_repositories"] = {"guru": GURU}
    variables["intel"]["binhost_repositories"] = {}
    assert _inventory.problems(fleet.fleet(variables)) == [
        "intel: binhost_repositories: expected the same for every host, found {}"
    ]
