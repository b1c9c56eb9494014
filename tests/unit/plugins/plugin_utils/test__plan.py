# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re
import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _plan
from ansible_collections.larry.binhost.plugins.plugin_utils._inventory import Fleet

from .fleet import V2, V3, all_facts, facts, fleet, variables


def target(facts: dict[str, t.Any] | None = None, changed: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", _plan.plan(fleet(changed), facts or all_facts())["targets"]["laptops"])


def test_the_cpu_is_what_all_members_and_the_master_can_run() -> None:
    cpu = target()["cpu"]
    assert (cpu["level"], "avx2" in cpu["flags"], cpu["held_back"]) == (
        "x86-64-v2",
        False,
        {"intel": ["avx2", "bmi2"]},
    )
    assert "-march=x86-64-v2 -mavx" in target()["files"]["make.conf/01-target.conf"]


def test_a_weaker_master_lowers_the_target() -> None:
    assert target({**all_facts(), "desktop": facts(V2)})["cpu"]["held_back"]["intel"] == [
        "avx",
        "avx2",
        "bmi1",
        "bmi2",
        "f16c",
        "fma3",
    ]


def test_another_cpu_is_another_compilation_and_nothing_else_is() -> None:
    changed = variables()
    changed["amd"]["slave_world"] = ["app-misc/words"]
    assert target(changed=changed)["compile"] == target()["compile"]
    assert target({**all_facts(), "amd": facts(V2)})["compile"] != target()["compile"]


def test_the_world_is_the_union_of_what_is_declared_and_wishes_are_what_persons_installed() -> None:
    assert target()["world"] == {"app-misc/hello": ["amd", "intel"], "app-text/tree": ["amd"]}
    assert target()["wishes"] == {"app-editors/ed": ["intel"]}
    assert _plan.plan(fleet(), all_facts())["hosts"]["intel"]["world"] == ["app-misc/hello"]


@pytest.mark.parametrize("wish", ["@mine", "!app-misc/hello", "no atom", "app-misc/hello"])
def test_what_is_no_package_or_is_declared_is_no_wish(wish: str) -> None:
    assert target({**all_facts(), "intel": facts(V3, world=[wish])})["wishes"] == {}


def test_words_are_added_to_what_is_declared() -> None:
    changed = variables()
    changed["amd"].update(slave_make_conf={"USE": "a b"}, slave_use=["c"], slave_client_conf={"FEATURES": ["ccache"]})
    files = _plan.plan(fleet(changed), all_facts())["hosts"]["amd"]["files"]
    assert 'USE="${USE} a b c"' in files["make.conf/02-host.conf"]
    assert 'FEATURES="${FEATURES} ccache getbinpkg binpkg-request-signature"' in files["make.conf/zz-binhost.conf"]


@pytest.mark.parametrize("verify", [True, False])
def test_a_slave_takes_what_is_signed_unless_it_is_told_otherwise(verify: bool) -> None:
    changed = variables()
    changed["amd"]["slave_verify"] = verify
    plan = _plan.plan(fleet(changed), all_facts())
    files = plan["hosts"]["amd"]["files"]
    assert f"verify-signature = {str(verify).lower()}\n" in files["binrepos.conf/02-binhost.conf"]
    conf = files["make.conf/zz-binhost.conf"]
    assert ("binpkg-request-signature" in conf, 'PORTAGE_TRUST_HELPER=""\n' in conf) == (verify, verify)
    # Builds sign nothing and verify nothing.
    assert plan["targets"] == _plan.plan(fleet(), all_facts())["targets"]


@pytest.mark.parametrize("name", ["CFLAGS", "RUSTFLAGS", "LDFLAGS", "GOAMD64"])
def test_whatever_decides_which_cpus_run_it_is_another_compilation(name: str) -> None:
    changed = variables()
    for own in changed.values():
        own["binhost_targets"]["laptops"]["make_conf"] = {name: "other"}
    assert target(changed=changed)["compile"] != target()["compile"]


def test_a_slaves_own_flags_never_reach_what_is_published() -> None:
    changed = variables()
    changed["intel"]["slave_make_conf"] = {"CFLAGS": "-march=native", "RUSTFLAGS": "-C target-cpu=native"}
    files = target(changed=changed)["variants"][1]["files"]
    assert max(name for name in files if name.startswith("make.conf/")) == "make.conf/zz-target.conf"
    assert "-march=native" not in files["make.conf/zz-target.conf"]
    assert 'CFLAGS="-O2 -pipe -march=x86-64-v2' in files["make.conf/zz-target.conf"]
    assert 'RUSTFLAGS="-C target-cpu=x86-64-v2"' in files["make.conf/zz-target.conf"]


@pytest.mark.parametrize("chosen", ["best", "target"])
def test_what_a_slave_compiles_itself_is_its_own_affair(chosen: str) -> None:
    changed = variables()
    changed["intel"]["slave_own_cflags"] = chosen
    plan = _plan.plan(fleet(changed), all_facts())
    own = plan["hosts"]["intel"]["files"]["make.conf/zz-binhost.conf"]
    assert ("-march=" in own) == (chosen == "best")
    assert plan["targets"] == _plan.plan(fleet(), all_facts())["targets"]


def test_overlays_are_the_repositories_that_the_target_does_not_bring() -> None:
    own = {"chost": "x86_64-pc-linux-gnu", "repositories": {"lab": "/x", "mine": "/var/db/repos/mine"}}
    plan = _plan.plan(fleet(), {**all_facts(), "amd": facts(V3, portage=own)})
    assert plan["hosts"]["amd"]["overlays"] == {"mine": "/var/db/repos/mine"}


def test_01_is_the_same_everywhere_and_what_only_clients_need_never_reaches_a_build() -> None:
    plan = _plan.plan(fleet(), all_facts())
    shared, hosts = plan["targets"]["laptops"]["files"], plan["hosts"]
    assert all({name: host["files"][name] for name in shared} == shared for host in hosts.values())
    assert "getbinpkg" in hosts["amd"]["files"]["make.conf/zz-binhost.conf"]
    built_with = [variant["files"] for variant in plan["targets"]["laptops"]["variants"]] + [shared]
    assert not any("02-client" in name or "binrepos" in name for files in built_with for name in files)


def test_a_variant_has_the_slaves_whole_configuration() -> None:
    amd, intel = target()["variants"]
    assert (amd["name"], intel["name"], intel["world"]) == ("amd", "intel", ["app-misc/hello"])
    assert intel["wishes"] == ["app-editors/ed"]
    assert intel["files"]["make.conf/00-adopted"] == "A=1\n"
    assert intel["files"]["package.use/02-host"].endswith("\napp-misc/hello -nls\n")
    assert 'VIDEO_CARDS="intel"' in intel["files"]["make.conf/02-host.conf"]


def test_the_order_of_hosts_does_not_matter() -> None:
    backwards = dict(reversed(list(variables().items())))
    assert json.dumps(_plan.plan(fleet(backwards), all_facts())) == json.dumps(_plan.plan(fleet(), all_facts()))


def test_a_slave_that_was_never_seen_is_left_out_and_named() -> None:
    known = all_facts()
    del known["intel"]
    plan = _plan.plan(fleet(), known)
    assert (plan["targets"]["laptops"]["unseen"], list(plan["hosts"])) == (["intel"], ["amd"])


def test_a_target_none_of_whose_slaves_was_seen_waits() -> None:
    plan = _plan.plan(fleet(), {"desktop": facts(V3)})
    assert (plan["targets"], plan["hosts"]) == ({}, {})


def test_a_master_that_was_never_seen() -> None:
    known = all_facts()
    del known["desktop"]
    expected = (
        "desktop: never seen: expected the facts of target laptops's master. Switch it on and run once without --limit."
    )
    with pytest.raises(BinhostError, match=f"^{re.escape(expected)}$"):
        _plan.plan(fleet(), known)


def test_another_chost() -> None:
    known = {**all_facts(), "amd": facts(V3, portage={"chost": "i686-pc-linux-gnu", "repositories": {}})}
    expected = "amd: CHOST: expected x86_64-pc-linux-gnu, as on desktop, found i686-pc-linux-gnu"
    with pytest.raises(BinhostError, match=f"^{re.escape(expected)}$"):
        _plan.plan(fleet(), known)


def test_a_repository_that_the_master_lacks() -> None:
    changed = variables()
    for own in changed.values():
        own["binhost_targets"]["laptops"]["repositories"] = ["lab", "guru"]
    expected = (
        "desktop: binhost_targets.laptops.repositories: expected guru in its repos.conf or in binhost_repositories, "
        "found lab"
    )
    with pytest.raises(BinhostError, match=f"^{re.escape(expected)}$"):
        _plan.plan(fleet(changed), all_facts())


@pytest.mark.parametrize(
    ("own", "uri"),
    [
        ({}, "http://desktop:8080"),
        ({"ansible_host": "10.0.0.1"}, "http://10.0.0.1:8080"),
        ({"ansible_host": "10.0.0.1", "binhost_address": "fd00::1", "master_http_port": 80}, "http://[fd00::1]:80"),
    ],
)
def test_uri(own: dict[str, t.Any], uri: str) -> None:
    assert _plan.uri(Fleet(["desktop"], [], {"desktop": own}), "desktop") == uri
