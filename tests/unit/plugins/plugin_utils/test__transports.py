# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.plugin_utils import _host_files, _plan, _transports

from .fleet import COMMON, all_facts, fleet, variables

ALL = ["nfs", "http", "ssh", "rsync", "kit"]
SERVING = {"master_nfs": True, "master_ssh": True, "master_rsync": True}
Said = dict[str, t.Any]


def said(**changed: Said) -> dict[str, Said]:
    """Return the variables of the fleet, with a mirror, and with what is said of some of its hosts."""
    found = variables()
    found["attic"] = {**COMMON, "ansible_host": "10.0.0.8"}
    for host, more in changed.items():
        found[host].update(more)
    return found


def plan(facts: Said | None = None, **changed: Said) -> Said:
    """Return what is planned for the slave ``amd``."""
    known = all_facts()
    known["amd"].update(facts or {})
    made = _plan.plan(fleet(said(**changed), mirrors=("attic",)), known)
    return t.cast("Said", made["hosts"]["amd"])


def test_http_alone_unless_said() -> None:
    made = plan()
    assert made["transports"] == [
        {"kind": "http", "uri": "http://10.0.0.1:8080"},
        {"kind": "http", "uri": "http://10.0.0.8:8080"},
    ]
    assert (made["mounts"], made["world"]) == ([], ["app-misc/hello", "app-text/tree"])


def test_a_ladder_is_tried_by_kind_and_then_by_server() -> None:
    made = plan(amd={"slave_transports": ALL, "slave_kit_path": "/media/stick/"}, desktop=SERVING)
    assert [(each["kind"], each["uri"]) for each in made["transports"]] == [
        ("nfs", "file:///srv/larry-binhost/packages"),
        ("http", "http://10.0.0.1:8080"),
        ("http", "http://10.0.0.8:8080"),
        ("ssh", "ssh://root@10.0.0.1:22"),
        ("rsync", "rsync://10.0.0.1:8873/packages"),
        ("kit", "file:///media/stick/larry-binhost/amd/packages"),
    ]


def test_addresses_users_and_ports_are_the_masters() -> None:
    where = {"ansible_user": "gentoo", "ansible_port": 2222, "master_rsync_port": 873, "binhost_address": "fd00::1"}
    made = plan(amd={"slave_transports": ["ssh", "rsync", "nfs"]}, desktop={**SERVING, **where})
    assert [each["uri"] for each in made["transports"]] == [
        "ssh://gentoo@[fd00::1]:2222",
        "rsync://[fd00::1]:873/packages",
        "file:///srv/larry-binhost/packages",
    ]
    assert made["mounts"][0]["src"] == "[fd00::1]:/srv/larry-binhost/packages"


@pytest.mark.parametrize(
    ("manager", "demand"),
    [
        ("systemd", "x-systemd.automount,x-systemd.idle-timeout=60,x-systemd.mount-timeout=15"),
        ("openrc", "X-mount.mkdir"),
        ("none", "X-mount.mkdir"),
    ],
)
def test_an_export_is_mounted_by_who_looks_there(manager: str, demand: str) -> None:
    made = plan({"service_mgr": manager}, amd={"slave_transports": ["nfs"]}, desktop=SERVING)
    absent = "ro,soft,timeo=20,retrans=2,retry=0,nosuid,nodev,noexec,_netdev,nofail"
    path = "/srv/larry-binhost/packages"
    assert made["mounts"] == [
        {
            "src": f"10.0.0.1:{path}",
            "path": path,
            "fstype": "nfs",
            "opts": f"{absent},nfsvers=4,{demand},x-larry-binhost",
            "state": "present",
        }
    ]


@pytest.mark.parametrize(("said", "seconds"), [(5, 15), (15, 15), (120, 120)])
def test_what_takes_long_to_answer_may_take_long_to_be_mounted(said: int, seconds: int) -> None:
    slave = {"slave_transports": ["nfs"], "slave_sync_timeout": said}
    made = plan({"service_mgr": "systemd"}, amd=slave, desktop=SERVING)
    assert f",x-systemd.mount-timeout={seconds}," in made["mounts"][0]["opts"]


def test_a_tree_is_two_lines_and_version_3_needs_no_locks() -> None:
    more = {**SERVING, "master_nfs_share": "tree", "master_nfs_versions": [3]}
    made = plan(amd={"slave_transports": ["nfs"]}, desktop=more)
    assert [mount["path"] for mount in made["mounts"]] == [
        "/srv/larry-binhost/packages",
        "/srv/larry-binhost/distfiles",
    ]
    assert all("nfsvers=3,nolock" in mount["opts"] for mount in made["mounts"])


def test_a_line_that_is_no_longer_wanted_goes() -> None:
    path = "/srv/larry-binhost/packages"
    (gone,) = plan({"fstab": [path]})["mounts"]
    assert (gone["path"], gone["state"]) == (path, "absent_from_fstab")
    (stays,) = plan({"fstab": [path]}, amd={"slave_transports": ["nfs"]}, desktop=SERVING)["mounts"]
    assert stays["state"] == "present"


def test_no_mount_from_who_is_not_asked() -> None:
    ways = {"slave_transports": ["nfs", "http"], "slave_servers": ["attic"]}
    made = plan(amd=ways, desktop=SERVING)
    assert (made["mounts"], made["transports"]) == ([], [{"kind": "http", "uri": "http://10.0.0.8:8080"}])


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"programs": []}, ["net-fs/nfs-utils", "net-misc/rsync"]),
        ({"programs": ["mount.nfs", "rsync"]}, []),
        ({"programs": ["mount.nfs"], "installed": ["net-fs/nfs-utils-2.6.4"]}, ["net-fs/nfs-utils", "net-misc/rsync"]),
        ({"programs": ["mount.nfs", "rsync"], "installed": ["net-misc/rsync-3.4.1"]}, ["net-misc/rsync"]),
        ({}, []),
    ],
)
def test_what_a_ladder_needs_is_of_the_world_unless_it_came_otherwise(facts: Said, expected: list[str]) -> None:
    ways = {"slave_transports": ["nfs", "rsync", "http"]}
    made = plan(facts, amd=ways, desktop=SERVING)
    assert made["world"] == sorted(["app-misc/hello", "app-text/tree", *expected])


def test_the_master_builds_what_a_ladder_needs() -> None:
    known = all_facts()
    known["amd"]["programs"] = []
    hosts = said(amd={"slave_transports": ["nfs"]}, desktop=SERVING)
    made = _plan.plan(fleet(hosts, mirrors=("attic",)), known)
    assert made["targets"]["laptops"]["world"]["net-fs/nfs-utils"] == ["amd"]


def test_portage_writes_on_this_machine() -> None:
    amd = {**variables()["amd"], "slave_transports": ["nfs"]}
    facts = {"cpu": {"features": []}, "processors": 1, "memory_bytes": 1 << 30}
    text = _host_files.client("amd", amd, facts)[_host_files.CLIENT_CONF]
    assert 'PKGDIR="/var/cache/binpkgs"' in text
    assert 'DISTDIR="/var/cache/distfiles"' in text
    own = {**amd, "slave_client_conf": {"DISTDIR": "/big/distfiles"}}
    assert 'DISTDIR="/big/distfiles"' in _host_files.client("amd", own, facts)[_host_files.CLIENT_CONF]
    assert "PKGDIR" not in _host_files.client("amd", variables()["amd"], facts)[_host_files.CLIENT_CONF]


@pytest.mark.parametrize(
    ("amd", "desktop", "expected"),
    [
        ({"slave_transports": ALL}, SERVING, []),
        (
            {"slave_transports": []},
            {},
            ["amd: slave_transports: expected at least one of nfs, http, ssh, rsync, kit, found none"],
        ),
        (
            {"slave_transports": ["http", "pigeon"]},
            {},
            ["amd: slave_transports: expected some of nfs, http, ssh, rsync, kit, found pigeon"],
        ),
        (
            {"slave_transports": ["http", "kit", "http"]},
            {},
            ["amd: slave_transports: expected each once, found http more than once"],
        ),
        (
            {"slave_transports": ["nfs", "http"]},
            {},
            ["amd: slave_transports: expected master_nfs: true on desktop, since nfs is asked for"],
        ),
        (
            {"slave_transports": ["rsync", "ssh"]},
            {"master_rsync": True, "master_ssh": False},
            ["amd: slave_transports: expected master_ssh: true on desktop, since ssh is asked for"],
        ),
        ({"slave_kit_path": "stick"}, {}, ["amd: slave_kit_path: expected an absolute path, found 'stick'"]),
        (
            {"slave_without_master": "wait"},
            {},
            ["amd: slave_without_master: expected one of fail, skip, source, found 'wait'"],
        ),
        (
            {"slave_sync_timeout": 0},
            {},
            ["amd: slave_sync_timeout: expected at least 1 second, found 0"],
        ),
        (
            {"slave_client_conf": {"PKGDIR": "/srv/larry-binhost/packages"}},
            {},
            [
                "amd: slave_client_conf.PKGDIR: expected a folder of this machine, "
                "found '/srv/larry-binhost/packages', the master's"
            ],
        ),
    ],
)
def test_problems(amd: Said, desktop: Said, expected: list[str]) -> None:
    assert list(_transports.problems(fleet(said(amd=amd, desktop=desktop), mirrors=("attic",)))) == expected
