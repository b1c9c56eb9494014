# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.larry.binhost.plugins.plugin_utils import _report

PLAN = {
    "targets": {
        "laptops": {
            "master": "desktop",
            "uri": "http://10.0.0.1:8080",
            "cpu": {"cflags": "-O2 -march=x86-64-v2", "held_back": {"intel": ["avx2"]}},
            "members": ["amd", "intel"],
            "unseen": ["new"],
        }
    },
    "hosts": {"amd": {}, "intel": {}},
}
NOTHING = {"binary": [], "source": [], "failed": [], "waiting": [], "merge_list": []}


def test_report() -> None:
    packages = {
        "built": ["a/a-1", "b/b-1"],
        "removed": ["c/c-1"],
        "variants": {"amd": [], "intel": ["a/a-1"]},
        "unsatisfiable": {"x/y": ["amd"]},
    }
    hosts = {
        "desktop": {
            "seen": True,
            "kept": True,
            "done": {"laptops": {"packages": packages, "generation": {"number": 3}}},
        },
        "amd": {
            "seen": True,
            "kept": True,
            "index": {"number": 3, "reachable": True},
            "packages": {**NOTHING, "binary": ["a/a-1", "b/b-1"]},
        },
        "intel": {"seen": True, "kept": True, "failure": "one\ntwo"},
        "new": {"seen": False, "kept": False},
        "old": {"seen": False, "kept": True},
    }
    assert _report.report(PLAN, hosts, check=False).splitlines() == [
        "target laptops: generation 3 at http://10.0.0.1:8080/laptops/3",
        "  compiled for -O2 -march=x86-64-v2",
        "  intel could run more: avx2",
        "  desktop compiled 2 packages",
        "  once more for intel: a/a-1",
        "  gone from its build root: c/c-1",
        "  x/y: no repository of this target has it; wanted by amd",
        "  new was never seen and is not planned for",
        "",
        "amd: 2 installed from binaries, 0 compiled, 0 failed; generation 3",
        "intel: FAILED: one",
        "  two",
        "new: was never seen; not planned for",
        "old: did not answer; the plan used what was known of it",
    ]


def test_without_a_master() -> None:
    hosts = {
        "desktop": {"seen": False, "kept": True},
        "amd": {
            "seen": True,
            "index": {"number": 2, "reachable": False, "message": "it is off"},
            "packages": {**NOTHING, "waiting": ["a/a-1"]},
        },
    }
    assert _report.report(PLAN, hosts, check=False).splitlines()[-5:] == [
        "",
        "amd: 0 installed from binaries, 0 compiled, 0 failed; generation 2",
        "  no transport answers: it is off",
        "  waits for its master: a/a-1",
        "desktop: did not answer; the plan used what was known of it",
    ]


def test_what_is_rare_in_a_build_and_what_was_asked_for() -> None:
    packages = {
        "built": ["a/a-1"],
        "variants": {},
        "major": [
            {"package": "dev-lang/perl", "old": "5.38:0/5.38", "new": "5.40:0/5.40", "rebuilds": ["x/a-1", "x/b-1"]},
            {"package": "sys-devel/gcc", "old": "13.2:13", "new": "14.2:14", "rebuilds": []},
        ],
        "cycles": [{"packages": ["x/loop-1", "x/pool-1"], "line": "=x/loop-1 -doc"}],
        "fresh": "x/a-1 failed\nat length",
    }
    amd = {"seen": True, "index": {"number": 3}, "packages": NOTHING, "requested": {"binary": ["x/c-1"], "source": []}}
    hosts = {"desktop": {"seen": True, "done": {"laptops": {"packages": packages}}}, "amd": amd}
    assert _report.report(PLAN, hosts, check=False).splitlines()[3:] == [
        "  desktop compiled 1 package",
        "  dev-lang/perl 5.38:0/5.38 became 5.40:0/5.40; built again for it: x/a-1, x/b-1",
        "  sys-devel/gcc 13.2:13 became 14.2:14",
        "  x/loop-1, x/pool-1 need each other; built first, for a while: =x/loop-1 -doc",
        "  its build root was made anew of the stage: x/a-1 failed",
        "  new was never seen and is not planned for",
        "",
        "amd: 0 installed from binaries, 0 compiled, 0 failed; generation 3",
        "  asked for, and installed: x/c-1",
    ]


def test_a_target_of_mode_shared() -> None:
    packages = {
        "packed": ["a/a-1", "b/b-1"],
        "modified": {"c/c-1": ["/usr/bin/c", "/usr/bin/d"]},
        "foreign": {"d/d-1": "-march=native: why", "e/e-1": "-march=native: why"},
        "withheld": {"f/f-1-1.gpkg.tar": "-mavx2: why"},
        "missing": {"x/y": ["amd", "intel"]},
    }
    done = {"laptops": {"packages": packages, "generation": {"number": 3}}}
    text = _report.report(PLAN, {"desktop": {"seen": True, "kept": True, "done": done}}, check=False)
    assert text.splitlines()[3:9] == [
        "  2 packages that desktop had installed packed",
        "  c/c-1: not packed, modified since installation on desktop: /usr/bin/c, /usr/bin/d",
        "  not published: d/d-1, e/e-1: -march=native: why",
        "  not published: f/f-1-1.gpkg.tar: -mavx2: why",
        "  x/y: desktop has no package of it; wanted by amd, intel",
        "  new was never seen and is not planned for",
    ]


def test_check_mode_does_not_guess() -> None:
    text = _report.report(PLAN, {"amd": {"seen": True, "packages": {**NOTHING, "merge_list": None}}}, check=True)
    assert text.splitlines()[0] == "Nothing was changed (check mode)."
    assert text.splitlines()[-1] == "amd: what would be installed is unknown before the builds and the index are done"


def test_a_key_that_is_new_or_soon_expires() -> None:
    key = {"message": "signs with the new key ABC", "public": "..."}
    text = _report.report(PLAN, {"desktop": {"seen": True, "kept": True, "key": key}}, check=False)
    assert "desktop: signs with the new key ABC" in text.splitlines()
    quiet = _report.report(PLAN, {"desktop": {"seen": True, "kept": True, "key": {"message": ""}}}, check=False)
    assert "desktop: " not in quiet


def test_what_is_out_of_the_ordinary_about_a_generation() -> None:
    def said(**generation: object) -> list[str]:
        done = {"laptops": {"generation": {"number": 43, "restores": 0, **generation}}}
        hosts = {"desktop": {"seen": True, "kept": True, "done": done}}
        return _report.report(PLAN, hosts, check=False).splitlines()[1:-4]

    assert said() == []
    assert said(restores=41) == ["  put back to what generation 41 was"]
    assert said(restores=41, waiting=True) == [
        "  put back to what generation 41 was; what was built since waits for -e binhost_generation=latest"
    ]
    assert said(pruned=["a"], over_budget=3 << 30) == [
        "  1 package that nobody needs removed, to stay within the budget",
        "  3.0 GiB over the budget: playbooks/prune.yml says what can go",
    ]


def test_what_a_slave_cannot_run() -> None:
    old, new = "its programs start on Linux 6.6.0 or newer", "it crashed"
    generation = {
        "number": 3,
        "kernel": "6.6.0",
        "unfit": {"amd": {"x/a/a-1-1.gpkg.tar": old, "x/b/b-2-1.gpkg.tar": new, "x/c/c-3-1.gpkg.tar": old}},
    }
    excluded = {"x/b/b-2-1.gpkg.tar": new}
    hosts = {
        "desktop": {"seen": True, "kept": True, "done": {"laptops": {"generation": generation}}},
        "amd": {"seen": True, "index": {"number": 3, "excluded": excluded}, "packages": NOTHING},
    }
    lines = _report.report(PLAN, hosts, check=False).splitlines()
    assert lines[1:4] == [
        "  compiled for -O2 -march=x86-64-v2; starts on Linux 6.6.0 or newer",
        f"  amd can't run a-1-1, c-3-1: {old}",
        f"  amd can't run b-2-1: {new}",
    ]
    assert f"  left out, since it can't run here: b-2-1: {new}" in lines


def test_what_is_compiled_and_why() -> None:
    source = [{"cpv": "a/a-1", "why": ["the index has no binary of it"], "fix": [], "seconds": 61.0, "by": "here"}]
    acceptance = {"binary": [], "source": source, "seconds": 61.0, "unknown": []}
    packages = {**NOTHING, "merge_list": [{"kind": "ebuild"}], "acceptance": acceptance}
    hosts = {"amd": {"seen": True, "packages": packages}}
    told = "  a/a-1 (2 min): the index has no binary of it"
    assert _report.report(PLAN, hosts, check=True).splitlines()[-2:] == [
        "amd: 0 would be installed from binaries, 1 compiled, about 2 min",
        told,
    ]
    packages["source"] = ["a/a-1"]
    assert _report.report(PLAN, hosts, check=False).splitlines()[-2:] == [
        "amd: 0 installed from binaries, 1 compiled, 0 failed; generation none",
        told,
    ]
