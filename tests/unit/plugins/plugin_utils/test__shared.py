# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.module_utils._error import BinhostError
from ansible_collections.larry.binhost.plugins.plugin_utils import _plan, _plan_text

from .fleet import COMMON, all_facts, fleet, variables

PROFILE = "lab:default/linux/amd64"


def plan(profile_name: str | None = PROFILE, **options: t.Any) -> dict[str, t.Any]:
    """Return the plan of a fleet whose target is of mode shared."""
    declared = {"laptops": {**COMMON["binhost_targets"]["laptops"], "mode": "shared", **options}}
    changed = {host: {**own, "binhost_targets": declared} for host, own in variables().items()}
    known = all_facts()
    if profile_name is not None:
        known["desktop"]["portage"]["profile_name"] = profile_name
    return _plan.plan(fleet(changed), known)


def test_the_master_gets_what_decides_how_packages_are_compiled() -> None:
    target = plan()["targets"]["laptops"]
    files = target["shared"]["files"]
    assert sorted(files) == [
        "make.conf/01-target.conf",
        "make.conf/zz-build.conf",
        "make.conf/zz-target.conf",
        "package.use/01-target",
    ]
    assert files["make.conf/01-target.conf"] == target["files"]["make.conf/01-target.conf"]
    assert files["make.conf/zz-build.conf"].splitlines()[-2:] == [
        'FEATURES="${FEATURES} buildpkg binpkg-multi-instance"',
        'PKGDIR="/var/lib/larry-binhost/pkgdir/laptops"',
    ]
    assert "-march=x86-64-v2" in files["make.conf/zz-target.conf"]


def test_slaves_get_the_same_as_in_the_other_mode() -> None:
    hosts, others = plan()["hosts"], _plan.plan(fleet(), all_facts())["hosts"]
    for name, host in hosts.items():
        assert (host["mode"], host["master"], others[name]["mode"]) == ("shared", "desktop", "chroot")
        assert {**host, "mode": "chroot"} == others[name]


def test_quickpkg() -> None:
    asked: dict[str, t.Any] = {"quickpkg": True, "quickpkg_config": "unmodified", "quickpkg_modified": True}
    words = ("quickpkg", "config", "modified")
    assert [plan()["targets"]["laptops"]["shared"][word] for word in words] == [False, "none", False]
    assert [plan(**asked)["targets"]["laptops"]["shared"][word] for word in words] == [True, "unmodified", True]


def test_a_build_root_is_not_shared() -> None:
    target = _plan.plan(fleet(), all_facts())["targets"]["laptops"]
    assert (target["mode"], target["shared"]) == ("chroot", None)


@pytest.mark.parametrize(
    ("found", "named"),
    [
        ("lab:default/linux/amd64/desktop", "lab:default/linux/amd64/desktop"),
        ("", "none that a repository of its has"),
        (None, "none that a repository of its has"),
    ],
)
def test_the_masters_profile_has_to_be_the_targets(found: str | None, named: str) -> None:
    with pytest.raises(BinhostError) as caught:
        plan(found)
    assert str(caught.value) == (
        "desktop: profile: expected lab:default/linux/amd64, as binhost_targets.laptops.profile says, since that "
        f"target is of mode shared, found {named}. Choose it there with eselect profile, declare the one that is "
        "there, or let the target be of mode chroot."
    )


def test_it_is_told() -> None:
    head = "target laptops: x86-64-v2, what desktop emerges for itself"
    assert " ".join(_plan_text.text(plan(), [], []).split()).startswith(f"{head} (mode shared) ")
    told = " ".join(_plan_text.text(plan(quickpkg=True), [], []).split())
    assert told.startswith(f"{head}, and what it has installed (mode shared) ")
