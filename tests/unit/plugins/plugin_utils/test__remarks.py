# Copyright: (c) 2026, larry.binhost contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.larry.binhost.plugins.plugin_utils import _plan, _plan_text, _remarks, _report

from .fleet import V3, all_facts, facts, fleet

OVERLAY = {"lab": "/var/db/repos/lab", "mine": "/var/db/repos/mine"}


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"configuration": {"make.conf/00-adopted": 'USE="x"\nCPU_FLAGS_X86="avx2"\n'}}, []),
        (
            {"configuration": {"package.use/00cpu-flags": "*/* CPU_FLAGS_X86: avx avx2\n"}},
            [
                "package.use/00cpu-flags: the line */* has no effect on CPU_FLAGS_X86, since make.conf/01-target.conf "
                "says CPU_FLAGS_X86: only lines for single packages win against that"
            ],
        ),
        (
            {
                "configuration": {
                    "make.conf/00-adopted": "  export VIDEO_CARDS=intel\n",
                    "package.use/a": "# */* VIDEO_CARDS: x\na/b VIDEO_CARDS: x\n*/* -video_cards_amdgpu -X\n",
                }
            },
            [
                "package.use/a: the line */* has no effect on VIDEO_CARDS, since make.conf/00-adopted "
                "says VIDEO_CARDS: only lines for single packages win against that"
            ],
        ),
        (
            {"configuration": {"make.conf/50-mine.conf": 'CPU_FLAGS_X86="avx2"\n'}},
            [
                "make.conf/50-mine.conf: CPU_FLAGS_X86 is the target's; with another one the target's binaries are "
                "refused here"
            ],
        ),
        (
            {"configuration": {"package.use/mine": "a/b cpu_flags_x86_avx2 nls\n"}},
            [
                "package.use/mine: cpu_flags_x86_avx2: what the CPU can do is the target's to say; take it out",
            ],
        ),
        (
            {"portage": {"chost": "x86_64-pc-linux-gnu", "repositories": OVERLAY}},
            [
                "what it takes from mine is compiled here: add that to binhost_targets.laptops.repositories and to "
                "repos.conf of desktop"
            ],
        ),
        (
            {
                "portage": {
                    "chost": "x86_64-pc-linux-gnu",
                    "repositories": {},
                    "profile": "/var/db/repos/lab/profiles/default/linux/amd64/desktop",
                }
            },
            [
                "its profile default/linux/amd64/desktop becomes default/linux/amd64: what is installed here may be "
                "installed once more"
            ],
        ),
        (
            {"configuration_unread": {"patches/a/b/x.patch": "expected UTF-8 text, found it not"}},
            ["patches/a/b/x.patch: expected UTF-8 text, found it not; the master builds without it"],
        ),
    ],
)
def test_remarks(own: dict[str, t.Any], expected: list[str]) -> None:
    plan = _plan.plan(fleet(), {**all_facts(), "amd": facts(V3, **own)})
    assert plan["hosts"]["amd"]["remarks"] == expected
    assert plan["hosts"]["intel"]["remarks"] == []
    text = " ".join(_plan_text.text(plan, [], []).split())
    assert all(f"amd: {remark}" in text for remark in expected)
    report = _report.report(plan, {"amd": {"seen": True, "kept": True}}, check=False)
    assert all(f"\n  {remark}\n" in report for remark in expected)


def test_what_make_conf_does_not_say_is_not_defeated() -> None:
    files = {"make.conf/a": 'USE="nls"\n', "package.use/a": "*/* VIDEO_CARDS: intel\n*/* use_flag\n"}
    assert _remarks.defeated(files) == []
    assert _remarks.defeated({"make.conf": "X=1\nL10N=de\n", "package.use": "*/* l10n_de\n"}) == [
        ("package.use", "L10N", "make.conf")
    ]
