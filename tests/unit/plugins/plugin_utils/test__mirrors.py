# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _inventory, _plan, _plan_text, _report

from .fleet import COMMON, all_facts, fleet, variables

MASTER = "http://10.0.0.1:8080"


def with_mirrors(**changed: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """Return the variables of the fleet with two mirrors, and with what is said of some of its hosts."""
    found = variables()
    found["attic"] = {**COMMON, "ansible_host": "10.0.0.8"}
    found["cellar"] = {**COMMON, "ansible_host": "fd00::9", "binhost_address": "10.0.0.9", "mirror_http_port": 80}
    for host, said in changed.items():
        found[host].update(said)
    return found


def plan(**changed: dict[str, t.Any]) -> dict[str, t.Any]:
    return _plan.plan(fleet(with_mirrors(**changed), mirrors=("cellar", "attic")), all_facts())


def uris(made: dict[str, t.Any], host: str) -> list[str]:
    """Return where a slave finds its packages."""
    return [way["uri"] for way in made["hosts"][host]["transports"]]


def test_slaves_ask_the_master_and_then_the_mirrors_as_the_inventory_lists_them() -> None:
    made = plan()
    assert made["hosts"]["amd"]["servers"] == ["desktop", "cellar", "attic"]
    assert uris(made, "amd") == [MASTER, "http://10.0.0.9:80", "http://10.0.0.8:8080"]
    assert made["targets"]["laptops"]["mirrors"] == ["cellar", "attic"]
    assert made["mirrors"]["attic"] == {"uri": "http://10.0.0.8:8080", "targets": {"laptops": "desktop"}}


def test_a_slave_has_an_order_of_its_own() -> None:
    made = plan(intel={"slave_servers": ["attic", "desktop"]})
    assert uris(made, "intel") == ["http://10.0.0.8:8080", MASTER]
    assert made["hosts"]["amd"]["servers"] == ["desktop", "cellar", "attic"]


def test_a_mirror_has_what_it_is_told_to() -> None:
    made = plan(attic={"mirror_targets": []}, cellar={"mirror_targets": ["laptops"]})
    assert made["hosts"]["amd"]["servers"] == ["desktop", "cellar"]
    assert made["mirrors"]["attic"]["targets"] == {}


def test_a_server_that_has_not_got_the_target() -> None:
    message = "amd: slave_servers: expected some of desktop, cellar, which have its packages, found attic"
    with pytest.raises(BinhostError, match=f"^{message}$"):
        plan(attic={"mirror_targets": []}, amd={"slave_servers": ["attic"]})


def test_pinned_generations_are_known_to_the_target() -> None:
    made = plan(amd={"slave_pinned_generation": 41}, intel={"slave_pinned_generation": 9})
    assert (made["hosts"]["amd"]["pinned"], made["targets"]["laptops"]["pinned"]) == (41, [9, 41])
    assert (plan()["hosts"]["amd"]["pinned"], plan()["targets"]["laptops"]["pinned"]) == (None, [])


def test_without_mirrors_there_is_the_master() -> None:
    made = _plan.plan(fleet(), all_facts())
    assert (made["mirrors"], made["hosts"]["amd"]["servers"], uris(made, "amd")) == (
        {},
        ["desktop"],
        [MASTER],
    )


def test_the_inventory_names_mirrors() -> None:
    hosts = with_mirrors(cellar={"slave_world": ["a/b"], "other": 1})
    groups = {"masters": ["desktop"], "slaves": ["amd", "intel"], "mirrors": ["cellar", "attic"]}
    found = _inventory.fleet(groups, hosts)
    assert found.mirrors == ["cellar", "attic"]
    assert "other" not in found.variables["cellar"]
    assert _inventory.problems(found) == []


BAD: list[tuple[str, dict[str, t.Any], str]] = [
    ("attic", {"mirror_targets": ["servers"]}, "attic: mirror_targets: expected some of laptops, found servers"),
    ("attic", {"mirror_targets": "laptops"}, "attic: mirror_targets: expected a list, found 'laptops'"),
    ("attic", {"mirror_http_port": "x"}, "attic: mirror_http_port: expected a number, found 'x'"),
    (
        "attic",
        {"ansible_host": "10.1.0.1"},
        "attic: ansible_host: expected an address in binhost_networks (10.0.0.0/24), found 10.1.0.1",
    ),
    ("amd", {"slave_servers": []}, "amd: slave_servers: expected at least one host, found none"),
    (
        "amd",
        {"slave_servers": ["intel"]},
        "amd: slave_servers: expected some of desktop, cellar, attic, found intel",
    ),
    (
        "amd",
        {"slave_pinned_generation": 0},
        "amd: slave_pinned_generation: expected the number of a generation, found 0",
    ),
    (
        "amd",
        {"slave_pinned_generation": "41"},
        "amd: slave_pinned_generation: expected a number, found '41'",
    ),
]


@pytest.mark.parametrize(("host", "said", "problem"), BAD)
def test_what_is_wrong(host: str, said: dict[str, t.Any], problem: str) -> None:
    made = fleet(with_mirrors(**{host: said}), mirrors=("cellar", "attic"))
    assert _inventory.problems(made) == [problem]


@pytest.mark.parametrize(("host", "group"), [("desktop", "masters"), ("amd", "slaves")])
def test_a_mirror_is_nothing_else(host: str, group: str) -> None:
    made = _inventory.Fleet(["desktop"], ["amd", "intel"], with_mirrors(), ["attic", host])
    assert _inventory.problems(made) == [f"{host}: groups: expected {group} or mirrors, found both"]


def test_a_person_is_told() -> None:
    made = plan(amd={"slave_servers": ["attic", "desktop"]}, intel={"slave_pinned_generation": 41})
    told = _plan_text.text(made, [], [])
    assert "attic builds nothing and serves laptops from desktop\n" in told
    assert "amd asks attic, then desktop for its packages\n" in told
    assert "intel stays with generation 41 (slave_pinned_generation)\n" in told
    assert "asks" not in _plan_text.text(_plan.plan(fleet(), all_facts()), [], [])


def test_the_report_tells_of_mirrors_and_of_servers_that_were_passed_over() -> None:
    state = {"number": 7, "wanted": 7, "fetched": [6, 7], "removed": [], "problem": "", "message": ""}
    hosts = {
        "attic": {"seen": True, "kept": False, "mirror": {"laptops": state}},
        "cellar": {"seen": False, "kept": False},
        "amd": {"seen": True, "kept": True, "index": {"number": 7, "remarks": ["http://a is behind"]}, "packages": {}},
    }
    told = _report.report(plan(), hosts, check=False)
    assert "attic: mirror of target laptops: generation 7, 2 generations came\n" in told
    assert "cellar: did not answer; it serves what it has, if it is on\n" in told
    assert "generation 7\n  http://a is behind\n" in told
