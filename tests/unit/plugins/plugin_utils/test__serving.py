# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.larry.binhost.plugins.filter import nfs_exports, outsiders
from ansible_collections.larry.binhost.plugins.module_utils import _exports
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _inventory, _plan, _serving

from .fleet import COMMON, fleet, variables

export = nfs_exports.FilterModule().filters()["nfs_exports"]
outside = outsiders.FilterModule().filters()["outsiders"]
PATHS = ["/srv/x", "/srv/x/packages"]


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        (["10.0.0.0/25", "10.0.0.128/25", "10.0.0.7"], ["10.0.0.0/24"]),
        (["fd00:0:0:1::/65", "fd00:0:0:1:8000::/65", "10.0.0.7/32"], ["10.0.0.7", "fd00:0:0:1::/64"]),
        (["fc00::/7", "10.0.0.0/8"], ["10.0.0.0/8", "fc00::/7"]),
    ],
)
def test_networks_are_merged(networks: list[str], expected: list[str]) -> None:
    assert _serving.merged(networks) == expected


@pytest.mark.parametrize(
    ("networks", "found"),
    [
        (["0.0.0.0/0"], "0.0.0.0/0"),
        (["0.0.0.0/1", "128.0.0.0/1"], "0.0.0.0/0"),
        (["10.0.0.0/8", "::/1", "8000::/1"], "::/0"),
        (["64.0.0.0/2"], "64.0.0.0/2"),
        (["2000::/3"], "2000::/3"),
    ],
)
def test_everybody_is_refused(networks: list[str], found: str) -> None:
    with pytest.raises(BinhostError, match=f"^expected the fleet's own networks, found {found}: everybody's$"):
        _serving.merged(networks)
    with pytest.raises(AnsibleFilterError, match="nfs_exports: expected the fleet's own networks"):
        export(networks, PATHS)
    hosts = {host: {**own, "binhost_networks": networks} for host, own in variables().items()}
    assert f"all hosts: binhost_networks: expected the fleet's own networks, found {found}: everybody's" in (
        _inventory.problems(fleet(hosts))
    )


def test_a_line_for_each_client_of_each_path() -> None:
    hostvars = {
        "amd": {"ansible_host": "10.0.0.2"},
        "intel": {"binhost_address": "fd00::3", "ansible_host": "x"},
        "m": {},
    }
    text = export(["m", "intel", "amd", "10.0.0.3/32"], PATHS, hostvars, variable="master_nfs_clients")
    assert text.splitlines()[0].endswith(
        "change master_nfs and master_nfs_clients there. Changes made here are undone."
    )
    lines = [(each.path, client.host, client.options) for each in _exports.parse(text) for client in each.clients]
    clients = ["10.0.0.2/31", "fd00::3", "m"]
    assert [line[:2] for line in lines] == [(path, client) for path in PATHS for client in clients]
    for path, _client, options in lines:
        assert options[:4] == ("ro", "root_squash", "subtree_check", "sec=sys")
        assert ("nohide" in options) is (path == PATHS[1])
    fsids = {path: {options[-1] for each, _client, options in lines if each == path} for path in PATHS}
    assert [len(found) for found in fsids.values()] == [1, 1]
    assert all(re.fullmatch(r"fsid=[0-9a-f-]{36}", fsid) for found in fsids.values() for fsid in found)
    assert fsids[PATHS[0]] != fsids[PATHS[1]]
    assert text == export(["10.0.0.3/32", "amd", "intel", "m"], PATHS, hostvars, variable="master_nfs_clients")


@pytest.mark.parametrize("name", ["*", "*.lan", "@fleet", "a b", "h(rw)", "-ro", "10.0.0.0/33"])
def test_who_is_no_client(name: str) -> None:
    with pytest.raises(AnsibleFilterError, match="master_nfs_clients: expected a host's address or name, found"):
        export([name], PATHS)


def test_nobody_and_nowhere() -> None:
    with pytest.raises(AnsibleFilterError, match="master_nfs_clients: expected somebody to export to, found nobody"):
        export([], PATHS, variable="master_nfs_clients")
    with pytest.raises(AnsibleFilterError, match="found /home exported with fsid=0, so that nobody finds /srv/x: drop"):
        export(["10.0.0.1"], PATHS, root="/home")
    assert (
        export(["10.0.0.1"], PATHS, root="/") == export(["10.0.0.1"], PATHS, root="/srv") == export(["10.0.0.1"], PATHS)
    )


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"master_nfs_share": "all"}, "master_nfs_share: expected packages or tree, found 'all'"),
        ({"master_nfs_clients": "world"}, "master_nfs_clients: expected networks or slaves, found 'world'"),
        ({"master_nfs_versions": [2, 4]}, "master_nfs_versions: expected 3, 4 or both, found [2, 4]"),
        ({"master_nfs_versions": []}, "master_nfs_versions: expected 3, 4 or both, found []"),
        ({"master_nfs": "maybe"}, "master_nfs: expected true or false, found 'maybe'"),
        (
            {"master_http_tls_certificate": "/c"},
            "master_http_tls_key: expected a file, since master_http_tls_certificate is said, found nothing",
        ),
    ],
)
def test_what_a_master_says_wrongly(said: dict[str, t.Any], problem: str) -> None:
    hosts = variables()
    hosts["desktop"].update(said)
    assert _inventory.problems(fleet(hosts)) == [f"desktop: {problem}"]


def test_names_that_servers_need() -> None:
    targets = {"tree": COMMON["binhost_targets"]["laptops"], **COMMON["binhost_targets"]}
    hosts = {host: {**own, "binhost_targets": targets} for host, own in variables().items()}
    assert _inventory.problems(fleet(hosts)) == [
        "all hosts: binhost_targets.tree: expected another name, since servers offer something else by it"
    ]


def test_a_master_with_a_certificate_is_reached_by_https() -> None:
    hosts = variables()
    assert _plan.uri(fleet(hosts), "desktop") == "http://10.0.0.1:8080"
    hosts["desktop"].update(master_http_tls_certificate="/c", master_http_tls_key="/k")
    assert _plan.uri(fleet(hosts), "desktop") == "https://10.0.0.1:8080"


PLAN: dict[str, t.Any] = {
    "targets": {
        name: {
            "master": master,
            "uri": "http://10.0.0.1:8080",
            "links": {"make.profile": "../../var/lib/x/repos/gentoo/profiles/default/linux/amd64/23.0"},
            "cpu": {"cflags": "-O2 -march=x86-64-v2"},
        }
        for name, master in (("laptops", "desktop"), ("other", "tower"))
    }
}


def test_what_an_outsider_finds() -> None:
    found = outside(PLAN, "desktop", {"public": "KEY\n", "fingerprint": "ABCD"})
    folder = "/var/lib/larry-binhost/generations/laptops"
    assert sorted(found) == [f"{folder}/binrepos.conf", f"{folder}/key.asc"]
    assert found[f"{folder}/key.asc"] == {"content": "KEY\n"}
    comment, options = found[f"{folder}/binrepos.conf"]["content"].split("[laptops]\n")
    assert dict(line.split(" = ") for line in options.splitlines() if line) == {
        "priority": "10",
        "sync-uri": "http://10.0.0.1:8080/laptops/current",
        "verify-signature": "true",
    }
    assert all(line.startswith("# ") for line in comment.splitlines() if line)
    for words in ("(default/linux/amd64/23.0)", "-march=x86-64-v2", "http://10.0.0.1:8080/laptops/key.asc", "ABCD:6:"):
        assert words in comment


@pytest.mark.parametrize("key", [{}, {"public": "", "fingerprint": ""}, {"public": "KEY", "fingerprint": ""}])
def test_without_a_key_there_is_nothing_for_outsiders(key: dict[str, str]) -> None:
    assert outside(PLAN, "desktop", key) == {}
    with pytest.raises(AnsibleFilterError, match="outsiders: expected a plan, found something without 'targets'"):
        outside({}, "desktop", key)
