# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of each variable of a target and of a slave."""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _declared, _inventory, _plan

from .fleet import V3, all_facts, facts, fleet, variables

PATCH = "--- a/hello.c\n+++ b/hello.c\n"
#: Variable, value, and the files that it becomes.
CASES: list[tuple[str, t.Any, dict[str, str]]] = [
    ("package_use", {"a/b": ["-c"]}, {"package.use/01-target": "a/b -c\n"}),
    ("package_properties", {"*/*": ["-interactive"]}, {"package.properties/01-target": "*/* -interactive\n"}),
    ("package_accept_restrict", {"a/b": "-bindist"}, {"package.accept_restrict/01-target": "a/b -bindist\n"}),
    ("package_mask", [">=a/b-2"], {"package.mask/01-target": ">=a/b-2\n"}),
    ("package_env", {"a/b": ["no-lto"]}, {"package.env/01-target": "a/b 01-no-lto\n"}),
    (
        "env",
        {"no-lto": {"FEATURES": ["-ccache"], "CFLAGS": "-O2"}, "text": "A=1"},
        {"env/01-no-lto": 'CFLAGS="-O2"\nFEATURES="-ccache"\n', "env/01-text": "A=1\n"},
    ),
    ("sets", {"office": ["c/d", "a/b", "@fonts"]}, {"sets/office": "@fonts\na/b\nc/d\n"}),
    ("patches", {"a/b-1.2": {"fix": PATCH}}, {"patches/a/b-1.2/01-fix.patch": PATCH}),
    ("patches", {"a/b:3": {"fix.diff": PATCH}}, {"patches/a/b:3/01-fix.diff": PATCH}),
    ("savedconfig", {"x11-wm/dwm-6.5": "#define A"}, {"savedconfig/x11-wm/dwm-6.5": "#define A\n"}),
    (
        "bashrc",
        "einfo hello",
        {"profile/package.bashrc/01-target": "*/* 01-target\n", "profile/bashrc/01-target": "einfo hello\n"},
    ),
    ("mirrors", {"gnu": ["http://a", "http://b"]}, {"mirrors/01-target": "gnu http://a http://b\n"}),
    (
        "profile_files",
        {"package.provided": ["sys-kernel/gentoo-sources-6.6"], "use.mask": "-x\n"},
        {"profile/package.provided/01-target": "sys-kernel/gentoo-sources-6.6\n", "profile/use.mask/01-target": "-x\n"},
    ),
    (
        "binrepos_conf",
        {"gentoo": {"sync-uri": "http://a"}},
        {"binrepos.conf/01-target.conf": "\n[gentoo]\nsync-uri = http://a\n"},
    ),
]


@pytest.mark.parametrize(("name", "value", "expected"), CASES)
def test_files(name: str, value: t.Any, expected: dict[str, str]) -> None:
    layer = _declared.Layer("01", "target", env={"no-lto": "01-no-lto"})
    assert _declared.rendered(name, {name: value}, layer) == expected
    assert _inventory.problems(changed_target(**{name: value, "env": {"no-lto": {}, **env(name, value)}})) == []


def env(name: str, value: t.Any) -> t.Any:
    return value if name == "env" else {}


def changed_target(**own: t.Any) -> _inventory.Fleet:
    changed = variables()
    for host in changed.values():
        host["binhost_targets"]["laptops"].update(own)
    return fleet(changed)


@pytest.mark.parametrize(("name", "value", "expected"), CASES)
def test_a_slaves_are_02_and_stand_in_its_variant(name: str, value: t.Any, expected: dict[str, str]) -> None:
    changed = variables()
    changed["amd"].update({f"slave_{name}": value, "slave_env": {"no-lto": {}, **env(name, value)}})
    assert _inventory.problems(fleet(changed)) == []
    plan = _plan.plan(fleet(changed), all_facts())
    paths = {path.replace("01-target", "02-host").replace("01-", "02-") for path in expected}
    assert paths <= set(plan["hosts"]["amd"]["files"])
    if name != "binrepos_conf":
        assert paths <= set(plan["targets"]["laptops"]["variants"][0]["files"])
    assert not paths & set(plan["hosts"]["intel"]["files"]) - {"package.use/02-host"} - set(
        path for path in paths if path.startswith(("sets/", "savedconfig/"))
    )


def test_every_file_says_where_to_change_it() -> None:
    changed = variables()
    for name, value, _files in CASES:
        changed["amd"][f"slave_{name}"] = value
    changed["amd"]["slave_env"] = {"no-lto": {}}
    for path, text in _plan.plan(fleet(changed), all_facts())["hosts"]["amd"]["files"].items():
        if not path.startswith("savedconfig/"):
            assert re.search("from the inventory; change (slave_|binhost_targets|the group masters)", text), path


CPU = "expected no CPU_FLAGS_X86, which is the target's, found 'avx'"


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("package_env", {"a/b": ["lto"]}, "slave_package_env: a/b: expected names in env (none), found 'lto'"),
        ("env", {"a/b": {}}, "slave_env: expected a file's name, found 'a/b'"),
        ("env", {"a": 1}, "slave_env: a: expected text, found 1"),
        ("sets", {"world": []}, "slave_sets: expected a name that no other set has, found 'world'"),
        ("sets", {"a": ["hello"]}, "slave_sets: 'hello' is no package atom: expected category/name"),
        (
            "patches",
            {">=a/b-1": {"x": ""}},
            "slave_patches: expected category/name, with a version or a :slot at most, found '>=a/b-1'",
        ),
        ("patches", {"a/b": "text"}, "slave_patches: expected what is documented, found {'a/b': 'text'}"),
        ("patches", {"a/b": {"x": "a\0"}}, "slave_patches: x: expected text, found a NUL character in it"),
        (
            "savedconfig",
            {"../b": ""},
            "slave_savedconfig: expected category/name, with a version or a :slot at most, found '../b'",
        ),
        ("mirrors", {"gnu": ["a"]}, "slave_mirrors: mirrors, gnu: expected a URL or an absolute path, found 'a'"),
        ("profile_files", {"use.mask": [1]}, "slave_profile_files: use.mask: expected a line, found 1"),
        (
            "binrepos_conf",
            {"binhost": {}},
            "slave_binrepos_conf: expected other repositories of packages than ours, found 'binhost'",
        ),
        ("bashrc", ["x"], "slave_bashrc: expected text, found ['x']"),
        ("make_conf", {"CPU_FLAGS_X86": "avx"}, CPU),
        ("client_conf", {"CPU_FLAGS_X86": "avx"}, f"slave_client_conf: {CPU}"),
        (
            "use",
            ["-cpu_flags_x86_avx"],
            "slave_use: expected nothing of what the CPU can do, which is the target's, found '-cpu_flags_x86_avx'",
        ),
        (
            "package_use",
            {"a/b": ["CPU_FLAGS_X86:", "avx"]},
            "slave_package_use: expected nothing of what the CPU can do, which is the target's, found 'CPU_FLAGS_X86:'",
        ),
    ],
)
def test_refused(name: str, value: t.Any, problem: str) -> None:
    changed = variables()
    changed["amd"][f"slave_{name}"] = value
    found = _inventory.problems(fleet(changed))
    assert [line for line in found if line.startswith("amd: ") and line.endswith(problem)] == found[:1]
    assert len(found) == 1


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        (
            {"make_conf": {"MAKEOPTS": "-j9"}},
            "all hosts: binhost_targets.laptops.make_conf.MAKEOPTS: expected what the slaves share too, found it: "
            "it belongs into master_makeopts for builds, slave_client_conf for a slave",
        ),
        (
            {"features": ["buildpkg", "-news"]},
            "all hosts: binhost_targets.laptops: FEATURES: expected what the slaves share too, found buildpkg: "
            "builds have it anyway, and a slave would package what it compiles",
        ),
        (
            {"package_use": {"*/*": ["CPU_FLAGS_X86:", "avx"]}},
            "all hosts: binhost_targets.laptops: package_use: expected no CPU_FLAGS_X86 in the line */*, found it: "
            "make.conf says CPU_FLAGS_X86, and only lines for single packages win against that",
        ),
        (
            {"make_conf": {"VIDEO_CARDS": "intel"}, "package_use": {"*/*": ["video_cards_amdgpu"]}},
            "all hosts: binhost_targets.laptops: package_use: expected no VIDEO_CARDS in the line */*, found it: "
            "make.conf says VIDEO_CARDS, and only lines for single packages win against that",
        ),
        (
            {"repos_conf": {"lab": {"location": "/x"}}},
            "all hosts: binhost_targets.laptops.repos_conf.lab: expected no location: a generation brings its "
            "repositories",
        ),
        ({"depclean": "yes"}, "all hosts: binhost_targets.laptops: depclean: expected true or false, found 'yes'"),
    ],
)
def test_a_targets_that_would_not_do_what_it_says(own: dict[str, t.Any], problem: str) -> None:
    assert _inventory.problems(changed_target(**own)) == [problem]


def test_a_slaves_line_for_all_packages_against_its_targets_variable() -> None:
    changed = variables()
    for host in changed.values():
        host["binhost_targets"]["laptops"]["make_conf"] = {"VIDEO_CARDS": ["intel"]}
    changed["amd"]["slave_package_use"] = {"*/*": ["VIDEO_CARDS:", "amdgpu"], "a/b": ["VIDEO_CARDS:", "amdgpu"]}
    assert _inventory.problems(fleet(changed)) == [
        "amd: slave_package_use: expected no VIDEO_CARDS in the line */*, found it: "
        "make.conf says VIDEO_CARDS, and only lines for single packages win against that"
    ]


def test_sets_are_opened() -> None:
    changed = variables()
    for host in changed.values():
        host["binhost_targets"]["laptops"]["sets"] = {"fonts": ["m/f"], "office": ["a/b", "@fonts"]}
    changed["amd"].update(slave_sets={"fonts": ["m/own"]}, slave_world=["@office", "c/d"])
    assert _inventory.problems(fleet(changed)) == []
    plan = _plan.plan(fleet(changed), all_facts())
    assert plan["hosts"]["amd"]["world"] == ["a/b", "c/d", "m/own"]
    assert plan["targets"]["laptops"]["world"]["m/own"] == ["amd"]


def test_a_set_in_itself() -> None:
    with pytest.raises(BinhostError, match="the set @b, which is in itself"):
        _declared.atoms(["@a"], {"a": ["@b"], "b": ["@b"]})


def test_a_package_env_may_name_the_targets() -> None:
    changed = variables()
    for host in changed.values():
        host["binhost_targets"]["laptops"]["env"] = {"a": {}, "b": {}}
    changed["amd"].update(slave_env={"b": {}}, slave_package_env={"x/y": ["a", "b"]})
    assert _inventory.problems(fleet(changed)) == []
    files = _plan.plan(fleet(changed), all_facts())["hosts"]["amd"]["files"]
    assert files["package.env/02-host"].endswith("\nx/y 01-a 02-b\n")


def test_repos_conf_adds_to_what_is_ours() -> None:
    own = {"DEFAULT": {"main-repo": "lab"}, "lab": {"priority": "5"}, "other": {"priority": "1"}}
    plan = _plan.plan(changed_target(repos_conf=own), all_facts())
    text = plan["targets"]["laptops"]["files"]["repos.conf/zz-binhost.conf"]
    assert text.endswith(
        "\n[DEFAULT]\nmain-repo = lab\n\n[lab]\npriority = 5\n"
        "location = /var/lib/larry-binhost/current/repos/lab\nauto-sync = no\n"
    )


def test_what_is_for_builds_alone_reaches_no_slave() -> None:
    known = {**all_facts(), "desktop": facts(V3, processors=16, memory_bytes=8 * 2**30)}
    changed = variables()
    changed["desktop"]["master_jobs"] = 2
    plan = _plan.plan(fleet(changed), known)
    target = plan["targets"]["laptops"]
    assert 'MAKEOPTS="-j2 -l16"' in target["build_files"]["make.conf/zz-build.conf"]
    for host in plan["hosts"].values():
        assert not set(target["build_files"]) & set(host["files"])
        assert not any("buildpkg" in text or "-j2 -l16" in text for text in host["files"].values())
    changed["desktop"]["master_makeopts"] = "-j3"
    target = _plan.plan(fleet(changed), known)["targets"]["laptops"]
    for files in (target["build_files"], *(variant["files"] for variant in target["variants"])):
        assert 'MAKEOPTS="-j3"' in files["make.conf/zz-build.conf"]


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ({"processors": 4, "memory_bytes": 16 * 2**30}, "-j4 -l4"),
        ({"processors": 8, "memory_bytes": 4 * 2**30}, "-j2 -l8"),
        ({"processors": 2, "memory_bytes": 2**29}, "-j1 -l2"),
        ({"processors": 4}, "-j4 -l4"),
        ({}, "-j1 -l1"),
    ],
)
def test_a_slaves_own_makeopts_have_room(machine: dict[str, int], expected: str) -> None:
    plan = _plan.plan(fleet(), {**all_facts(), "amd": facts(V3, **machine)})
    conf = plan["hosts"]["amd"]["files"]["make.conf/zz-binhost.conf"]
    assert f'MAKEOPTS="{expected} ${{MAKEOPTS}}"\n' in conf
    assert 'EMERGE_DEFAULT_OPTS="--with-bdeps=n ${EMERGE_DEFAULT_OPTS}"\n' in conf
    assert 'FEATURES="${FEATURES} getbinpkg binpkg-request-signature"\n' in conf


def test_what_is_declared_for_a_client_is_the_last_word() -> None:
    changed = variables()
    changed["amd"]["slave_client_conf"] = {"MAKEOPTS": "-j3", "EMERGE_DEFAULT_OPTS": "--ask"}
    conf = _plan.plan(fleet(changed), all_facts())["hosts"]["amd"]["files"]["make.conf/zz-binhost.conf"]
    assert 'MAKEOPTS="-j3"\n' in conf
    assert 'EMERGE_DEFAULT_OPTS="--ask"\n' in conf


def test_how_a_slave_emerges_is_no_matter_of_its_variants() -> None:
    changed = variables()
    for host in changed.values():
        host["binhost_targets"]["laptops"]["features"] = ["-pid-sandbox"]
    changed["amd"]["slave_features"] = ["ccache", "-sandbox", "test"]
    amd = _plan.plan(fleet(changed), all_facts())["targets"]["laptops"]["variants"][0]["files"]
    assert 'FEATURES="${FEATURES} ccache -sandbox test"' in amd["make.conf/02-host.conf"]
    words = re.search('FEATURES="(.*)"', amd["make.conf/zz-build.conf"])[1].split()  # type: ignore[index]
    assert words[0] == "${FEATURES}"
    assert words[-1] == "-pid-sandbox"
    assert {"sandbox", "-ccache", "binpkg-multi-instance"} < set(words)
    assert not any(word.endswith("test") for word in words)
