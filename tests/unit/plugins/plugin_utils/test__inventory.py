# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _inventory

from .fleet import fleet, variables

TARGET = {"profile": "lab:default"}


def test_a_good_inventory_has_no_problem() -> None:
    assert _inventory.problems(fleet()) == []


def test_a_host_name_is_as_good_as_an_address() -> None:
    changed = variables()
    changed["amd"]["ansible_host"] = "laptop.example"
    assert _inventory.problems(fleet(changed)) == []


@pytest.mark.parametrize(
    ("host", "variable", "value", "problem"),
    [
        ("amd", "binhost_target", "laptop", "amd: binhost_target: expected one of laptops, found 'laptop'"),
        ("amd", "binhost_target", None, "amd: binhost_target: expected one of laptops, found None"),
        (
            "amd",
            "ansible_host",
            "10.0.1.2",
            "amd: ansible_host: expected an address in binhost_networks (10.0.0.0/24), found 10.0.1.2",
        ),
        (
            "amd",
            "binhost_address",
            "fe80::1",
            "amd: binhost_address: expected an address in binhost_networks (10.0.0.0/24), found fe80::1",
        ),
        ("amd", "slave_world", "app-misc/hello", "amd: slave_world: expected a list, found 'app-misc/hello'"),
        (
            "amd",
            "slave_world",
            [{"app-misc/hello": None}],
            "amd: slave_world: expected package atoms, found {'app-misc/hello': None}",
        ),
        (
            "amd",
            "binhost_target",
            ["laptops", "desktops"],
            "amd: binhost_target: expected one target, found 2: laptops, desktops",
        ),
        (
            "amd",
            "binhost_target",
            "auto:laptop",
            "amd: binhost_target: expected auto:NAME with one of laptops, found 'auto:laptop'",
        ),
        ("amd", "binhost_regroup", "perhaps", "amd: binhost_regroup: expected true or false, found 'perhaps'"),
        (
            "intel",
            "binhost_networks",
            ["10.0.0.0/8"],
            "intel: binhost_networks: expected the same for every host, found ['10.0.0.0/8']",
        ),
        ("amd", "slave_make_conf", ["A=1"], "amd: slave_make_conf: expected a mapping, found ['A=1']"),
        (
            "amd",
            "slave_world",
            ["@kde"],
            "amd: slave_world: expected package atoms, found the set @kde, which is in neither sets nor slave_sets: "
            "list what is in it",
        ),
        (
            "amd",
            "slave_make_conf",
            {"PORTAGE_NICENESS": 15},
            "amd: slave_make_conf: PORTAGE_NICENESS: expected text or a list of texts, found 15",
        ),
        ("amd", "slave_own_cflags", "native", "amd: slave_own_cflags: expected best or target, found 'native'"),
        ("desktop", "master_http_port", "http", "desktop: master_http_port: expected a number, found 'http'"),
    ],
)
def test_a_hosts_variable(host: str, variable: str, value: t.Any, problem: str) -> None:
    changed = variables()
    changed[host][variable] = value
    assert _inventory.problems(fleet(changed)) == [problem]


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        (
            {"slave_files": {"../x": ""}},
            "slave_files: files: expected a path below etc/portage without '..', found '../x'",
        ),
        (
            {"slave_files": {"make.conf/zz-binhost.conf": ""}},
            "slave_files: expected a path that nothing else declares, found make.conf/zz-binhost.conf, "
            "as in slave_client_conf",
        ),
        (
            {"slave_files": {"patches/a/b/02-x.patch": ""}, "slave_patches": {"a/b": {"x": "--- a\n"}}},
            "slave_files: expected a path that nothing else declares, found patches/a/b/02-x.patch, "
            "as in slave_patches",
        ),
        (
            {"slave_files": {"package.use/01-target": ""}},
            "slave_files: expected a path that nothing else declares, found package.use/01-target, as in package_use",
        ),
        (
            {"slave_files": {"mirrors": "x y\n"}, "slave_mirrors": {"gnu": ["http://a"]}},
            "slave_files: expected mirrors to be a folder, as for mirrors/02-host of slave_mirrors, found it as a file",
        ),
    ],
)
def test_what_is_declared_twice(own: dict[str, t.Any], problem: str) -> None:
    changed = variables()
    changed["amd"].update(own)
    assert _inventory.problems(fleet(changed)) == [f"amd: {problem}"]


def test_a_slave_may_have_its_own_of_what_its_target_has() -> None:
    changed = variables()
    spec = {**changed["amd"]["binhost_targets"]["laptops"], "sets": {"kde": ["a/b"]}, "files": {"bashrc": "a\n"}}
    for each in changed.values():
        each["binhost_targets"] = {"laptops": spec}
    changed["amd"].update({"slave_sets": {"kde": ["a/c"]}, "slave_files": {"bashrc": "b\n"}})
    assert _inventory.problems(fleet(changed)) == []


def test_a_world_atom_that_is_none() -> None:
    changed = variables()
    changed["amd"]["slave_world"] = ["hello world"]
    (problem,) = _inventory.problems(fleet(changed))
    assert problem.startswith("amd: slave_world: expected package atoms, found 'hello world' is no package atom: ")


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("binhost_targets", {}, "all hosts: binhost_targets: expected at least one target, found {}"),
        ("binhost_networks", [], "all hosts: binhost_networks: expected a list of the fleet's networks, found []"),
        (
            "binhost_networks",
            ["home"],
            "all hosts: binhost_networks: expected networks such as 192.168.1.0/24, found 'home'",
        ),
        (
            "binhost_networks",
            ["0.0.0.0/0"],
            "all hosts: binhost_networks: expected the fleet's own networks, found 0.0.0.0/0: everybody's",
        ),
        (
            "binhost_targets",
            {"laptops": {**TARGET, "uses": []}},
            f"all hosts: binhost_targets.laptops: expected some of {', '.join(_inventory.TARGET)}, found uses",
        ),
        (
            "binhost_targets",
            {"laptops": {"profile": "/etc/passwd"}},
            "all hosts: binhost_targets.laptops.profile: "
            "expected repository:path, as in gentoo:default/linux/amd64/23.0, found '/etc/passwd'",
        ),
        (
            "binhost_targets",
            {"laptops": {**TARGET, "master": "amd"}},
            "all hosts: binhost_targets.laptops.master: expected a host of the group masters (desktop), found 'amd'",
        ),
        (
            "binhost_targets",
            {"laptops": {**TARGET, "cflags": "-O2 -march=native"}},
            "all hosts: binhost_targets.laptops.cflags: "
            "expected options that every slave can run, found '-O2 -march=native': native is who compiles",
        ),
    ],
)
def test_a_variable_of_the_fleet(variable: str, value: t.Any, problem: str) -> None:
    changed = {host: {**own, variable: value} for host, own in variables().items()}
    assert problem in _inventory.problems(fleet(changed))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"cflags": "-O2 --param l2-cache-size=512"}, "caches are one machine's own"),
        ({"make_conf": {"RUSTFLAGS": "-C target-cpu=native"}}, "native is who compiles"),
        ({"make_conf": {"CFLAGS": ["-O2", "-mtune=native"]}}, "native is who compiles"),
    ],
)
def test_options_that_name_one_machine(options: dict[str, t.Any], why: str) -> None:
    targets = {"laptops": {**TARGET, **options}}
    changed = {host: {**own, "binhost_targets": targets} for host, own in variables().items()}
    (problem,) = _inventory.problems(fleet(changed))
    assert problem.endswith(f": {why}")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"mode": "both"}, ".mode: expected chroot or shared, found 'both'"),
        ({"mode": ["shared"]}, ": mode: expected text, found ['shared']"),
        ({"quickpkg": True}, ".mode: expected shared, since quickpkg is said, found 'chroot'"),
        ({"mode": "shared", "quickpkg": "yes please"}, ": quickpkg: expected true or false, found 'yes please'"),
        (
            {"mode": "shared", "quickpkg_config": "some"},
            ".quickpkg_config: expected none or unmodified or all, found 'some'",
        ),
    ],
)
def test_words_of_a_mode(options: dict[str, t.Any], problem: str) -> None:
    targets = {"laptops": {**TARGET, **options}}
    changed = {host: {**own, "binhost_targets": targets} for host, own in variables().items()}
    assert f"all hosts: binhost_targets.laptops{problem}" in _inventory.problems(fleet(changed))


def test_a_master_is_one_target_of_mode_shared() -> None:
    shared = {**TARGET, "mode": "shared", "quickpkg": True, "quickpkg_config": "all", "quickpkg_modified": True}
    targets = {"laptops": shared, "servers": TARGET}
    changed = {host: {**own, "binhost_targets": targets} for host, own in variables().items()}
    assert _inventory.problems(fleet(changed)) == []
    targets["servers"] = {**shared, "master": "desktop"}
    assert _inventory.problems(fleet(changed)) == [
        "desktop: expected at most one target of mode shared, found laptops, servers"
    ]


@pytest.mark.parametrize("choice", ["auto", "auto:laptops"])
def test_an_installation_is_not_chosen_automatically(choice: str) -> None:
    targets = {"laptops": {**TARGET, "mode": "shared"}}
    changed = {host: {**own, "binhost_targets": targets} for host, own in variables().items()}
    changed["amd"]["binhost_target"] = choice
    assert _inventory.problems(fleet(changed)) == [
        "amd: binhost_target: expected 'laptops' itself, since it is of mode shared and its master's installation is "
        f"compiled for one CPU, found {choice!r}"
    ]


def test_auto_alone_needs_one_declaration() -> None:
    targets = {"binhost_targets": {"laptops": TARGET, "servers": TARGET}}
    changed = {host: {**own, **targets} for host, own in variables().items()}
    changed["amd"]["binhost_target"] = "auto"
    changed["intel"]["binhost_target"] = "auto:servers"
    assert _inventory.problems(fleet(changed)) == [
        "amd: binhost_target: expected auto:NAME with one of laptops, servers, found 'auto' alone"
    ]


def test_a_target_is_not_named_auto() -> None:
    changed = {host: {**own, "binhost_targets": {"auto": TARGET}} for host, own in variables().items()}
    assert (
        "all hosts: binhost_targets.auto: expected another name, since a host says auto where the plan is to choose"
        in _inventory.problems(fleet(changed))
    )


def test_the_fleet_has_what_the_plan_reads() -> None:
    hostvars = {host: {**own, "other": 1} for host, own in variables().items()}
    found = _inventory.fleet({"masters": ["desktop"], "slaves": ["amd", "intel"]}, hostvars)
    assert found == fleet()


def test_a_controller_without_netaddr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "netaddr", None)
    assert _inventory.problems(fleet()) == [
        "controller: expected the Python package netaddr, found none: pip install netaddr"
    ]


def test_no_master() -> None:
    changed = variables()
    del changed["desktop"]
    assert _inventory.problems(fleet(changed, masters=())) == [
        "inventory: group masters: expected the host that builds, found none"
    ]


def test_a_host_that_is_both() -> None:
    assert (
        _inventory.problems(fleet(masters=("desktop", "amd")))[0]
        == "amd: groups: expected masters or slaves, found both"
    )


def test_two_masters_must_be_told_apart() -> None:
    changed = {**variables(), "tower": variables()["desktop"]}
    both = _inventory.Fleet(["desktop", "tower"], ["amd", "intel"], changed)
    assert _inventory.problems(both) == [
        "all hosts: binhost_targets.laptops.master: "
        "expected which of the masters builds it (desktop, tower), found nothing"
    ]


def test_split_profile() -> None:
    assert _inventory.split_profile("gentoo:default/linux/amd64/23.0") == ("gentoo", "default/linux/amd64/23.0")
    with pytest.raises(BinhostError):
        _inventory.split_profile("gentoo:../../etc")
